//! What the machine has, as far as it tells.

use std::fs;

/// Gives the bytes of memory that the process may use: the machine's, or fewer where a control
/// group bounds it; none where neither is known.
#[must_use]
pub fn machine_memory() -> Option<usize> {
    let bounds = [
        fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text)),
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| bound(&text)),
    ];
    bounds.into_iter().flatten().min()
}

/// Reads the line `MemTotal:  16314340 kB`.
fn total(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Reads a control group's bound: bytes, or `max` for none.
fn bound(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let text = "MemFree: 1 kB\nMemTotal:       16314340 kB\n";
        assert_eq!(total(text), Some(16_314_340 * 1024));
        assert_eq!(total("MemTotal: lots\n"), None);
        assert_eq!(bound("1073741824\n"), Some(1 << 30));
        assert_eq!(bound("max\n"), None);
    }
}
