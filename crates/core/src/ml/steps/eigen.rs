//! Eigenvalues and eigenvectors of symmetric matrices.

/// Gives the eigenvalues in descending order, and an eigenvector of length one for each.
///
/// `matrix` holds `size × size` numbers row by row. Householder's reduction to three diagonals, then
/// QL steps with implicit shifts (Wilkinson and Reinsch 1971, `tred2` and `tql2`).
pub(super) fn symmetric(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    if size == 0 {
        return (Vec::new(), Vec::new());
    }
    // The matrix is held transposed, so that the inner loops run along rows.
    let (mut values, mut beside) = reduce(&mut matrix, size);
    diagonalise(&mut matrix, &mut values, &mut beside, size);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let vector = |at: &usize| matrix[at * size..(at + 1) * size].to_vec();
    (order.iter().map(|at| values[*at]).collect(), order.iter().map(vector).collect())
}

/// Brings a symmetric matrix to three diagonals; leaves the transposed transformation in it, and gives
/// the diagonal and the values beside it.
fn reduce(v: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let at = |row: usize, column: usize| column * n + row;
    let mut d: Vec<f64> = (0..n).map(|j| v[at(n - 1, j)]).collect();
    let mut e = vec![0.0; n];
    for i in (1..n).rev() {
        let scale: f64 = d[..i].iter().map(|own| own.abs()).sum();
        let mut h = 0.0;
        if scale == 0.0 {
            e[i] = d[i - 1];
            for j in 0..i {
                d[j] = v[at(i - 1, j)];
                v[at(i, j)] = 0.0;
                v[at(j, i)] = 0.0;
            }
        } else {
            for own in &mut d[..i] {
                *own /= scale;
                h += *own * *own;
            }
            let f = d[i - 1];
            let g = -h.sqrt().copysign(f);
            e[i] = scale * g;
            h -= f * g;
            d[i - 1] = f - g;
            e[..i].fill(0.0);
            for j in 0..i {
                let f = d[j];
                v[at(j, i)] = f;
                let mut g = e[j] + v[at(j, j)] * f;
                for k in j + 1..i {
                    g += v[at(k, j)] * d[k];
                    e[k] += v[at(k, j)] * f;
                }
                e[j] = g;
            }
            let mut f = 0.0;
            for j in 0..i {
                e[j] /= h;
                f += e[j] * d[j];
            }
            let hh = f / (h + h);
            for j in 0..i {
                e[j] -= hh * d[j];
            }
            for j in 0..i {
                let (f, g) = (d[j], e[j]);
                for k in j..i {
                    v[at(k, j)] -= f * e[k] + g * d[k];
                }
                d[j] = v[at(i - 1, j)];
                v[at(i, j)] = 0.0;
            }
        }
        d[i] = h;
    }
    for i in 0..n - 1 {
        v[at(n - 1, i)] = v[at(i, i)];
        v[at(i, i)] = 1.0;
        let h = d[i + 1];
        if h != 0.0 {
            for k in 0..=i {
                d[k] = v[at(k, i + 1)] / h;
            }
            for j in 0..=i {
                let g: f64 = (0..=i).map(|k| v[at(k, i + 1)] * v[at(k, j)]).sum();
                for k in 0..=i {
                    v[at(k, j)] -= g * d[k];
                }
            }
        }
        for k in 0..=i {
            v[at(k, i + 1)] = 0.0;
        }
    }
    for j in 0..n {
        d[j] = v[at(n - 1, j)];
        v[at(n - 1, j)] = 0.0;
    }
    v[at(n - 1, n - 1)] = 1.0;
    e[0] = 0.0;
    (d, e)
}

/// Brings three diagonals to one, applying the same turns to the vectors.
fn diagonalise(v: &mut [f64], d: &mut [f64], e: &mut [f64], n: usize) {
    e.rotate_left(1);
    e[n - 1] = 0.0;
    let (mut f, mut largest) = (0.0_f64, 0.0_f64);
    for l in 0..n {
        largest = largest.max(d[l].abs() + e[l].abs());
        let m = (l..n).find(|m| e[*m].abs() <= f64::EPSILON * largest).unwrap_or(n - 1);
        // Each value takes two steps or so; the bound only guards against values that are no numbers.
        for _ in 0..60 {
            if m == l {
                break;
            }
            let g = d[l];
            let p = (d[l + 1] - g) / (2.0 * e[l]);
            let r = p.hypot(1.0).copysign(p);
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            let first = d[l + 1];
            let h = g - d[l];
            d[l + 2..].iter_mut().for_each(|own| *own -= h);
            f += h;
            turn(v, d, e, (l, m), first, n);
            if e[l].abs() <= f64::EPSILON * largest {
                break;
            }
        }
        d[l] += f;
        e[l] = 0.0;
    }
}

/// One QL step from `m` up to `l`.
fn turn(v: &mut [f64], d: &mut [f64], e: &mut [f64], (l, m): (usize, usize), first: f64, n: usize) {
    let mut p = d[m];
    let (mut c, mut c2, mut c3) = (1.0, 1.0, 1.0);
    let (mut s, mut s2) = (0.0, 0.0);
    let beside = e[l + 1];
    for i in (l..m).rev() {
        (c3, c2, s2) = (c2, c, s);
        let g = c * e[i];
        let h = c * p;
        let r = p.hypot(e[i]);
        e[i + 1] = s * r;
        // Both are nought where the matrix has fallen apart.
        (s, c) = if r == 0.0 { (0.0, 1.0) } else { (e[i] / r, p / r) };
        p = c * d[i] - s * g;
        d[i + 1] = h + s * (c * g + s * d[i]);
        let (upper, lower) = v.split_at_mut((i + 1) * n);
        let (upper, lower) = (&mut upper[i * n..], &mut lower[..n]);
        for (a, b) in upper.iter_mut().zip(lower) {
            let h = *b;
            *b = s * *a + c * h;
            *a = c * *a - s * h;
        }
    }
    p = -s * s2 * c3 * beside * e[l] / first;
    e[l] = s * p;
    d[l] = c * p;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks A v = λ v and that vectors have length one and stand upright on each other.
    fn check(matrix: &[f64], size: usize) -> Vec<f64> {
        let (values, vectors) = symmetric(matrix.to_vec(), size);
        let largest = matrix.iter().fold(1e-300_f64, |most, own| most.max(own.abs()));
        for (value, vector) in values.iter().zip(&vectors) {
            for row in 0..size {
                let product: f64 = (0..size).map(|k| matrix[row * size + k] * vector[k]).sum();
                assert!((product - value * vector[row]).abs() <= 1e-12 * largest * size as f64);
            }
        }
        for (i, left) in vectors.iter().enumerate() {
            for (j, right) in vectors.iter().enumerate() {
                let product: f64 = left.iter().zip(right).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        values
    }

    #[test]
    fn known_matrices_have_their_values() {
        assert_eq!(check(&[5.0], 1), [5.0]);
        let values = check(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14);
        check(&[0.0; 16], 4);
        check(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3);
    }

    #[test]
    fn random_matrices_come_apart() {
        let mut state = 1_u64;
        for size in [2, 3, 5, 17, 40] {
            let mut matrix = vec![0.0; size * size];
            for i in 0..size {
                for j in 0..=i {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let value = (state >> 40) as f64 / f64::from(1 << 24) - 0.5;
                    matrix[i * size + j] = value;
                    matrix[j * size + i] = value;
                }
            }
            check(&matrix, size);
        }
    }

    #[test]
    fn broken_numbers_end() {
        symmetric(vec![f64::NAN; 9], 3);
        symmetric(vec![f64::INFINITY; 9], 3);
    }
}
