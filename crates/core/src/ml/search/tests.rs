//! Searches: what they propose, and what is true of all of them.

use super::{Dimension, Finished, SEARCHES, Search, Trial};
use crate::ml::Seed;
use crate::ml::metric::Direction::{self, Maximize};
use crate::ml::settle::written;
use crate::params::Setting;

fn search(word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Search> {
    let kind = SEARCHES.iter().find(|kind| kind.signature().name == word).unwrap();
    kind.bind(&written(kind.signature(), settings)).unwrap()
}

fn words(values: &[&str]) -> Dimension {
    Dimension::Choice(values.iter().map(|value| Setting::Word((*value).to_owned())).collect())
}

/// Runs a search to its end against a score.
fn run(
    search: &dyn Search,
    space: &[Dimension],
    seed: u64,
    direction: Direction,
    score: impl Fn(&Trial) -> Option<f64>,
) -> Vec<Finished> {
    search.check(space).unwrap();
    let mut done: Vec<Finished> = Vec::new();
    loop {
        let proposed = search.propose(space, Seed::new(seed), &done, direction);
        if proposed.is_empty() {
            assert!(done.len() <= search.trials(space));
            return done;
        }
        for trial in proposed {
            assert_eq!(trial.index, done.len());
            assert_eq!(trial.values.len(), space.len());
            assert!(trial.budget > 0.0 && trial.budget <= 1.0);
            assert!(
                trial.values.iter().zip(space).all(|(value, dimension)| lies_in(value, dimension))
            );
            done.push(Finished { score: score(&trial), trial });
        }
    }
}

fn lies_in(value: &Setting, dimension: &Dimension) -> bool {
    match (value, dimension) {
        (Setting::Int(value), Dimension::Int { low, high, .. }) => (low..=high).contains(&value),
        (Setting::Float(value), Dimension::Float { low, high, .. }) => {
            (low..=high).contains(&value)
        }
        (value, Dimension::Choice(values)) => values.contains(value),
        _ => false,
    }
}

fn space() -> Vec<Dimension> {
    vec![
        Dimension::Float { low: 1e-4, high: 1.0, log: true },
        Dimension::Int { low: 2, high: 40, log: true },
        words(&["left", "right"]),
        Dimension::Float { low: -1.0, high: 2.0, log: false },
        Dimension::Int { low: -3, high: 3, log: false },
    ]
}

#[test]
fn a_grid_is_every_combination_the_last_path_fastest() {
    let space = [Dimension::Int { low: 1, high: 2, log: false }, words(&["a", "b", "c"])];
    let grid = search("grid", &[]);
    assert_eq!(grid.trials(&space), 6);
    let done = run(grid.as_ref(), &space, 0, Maximize, |_| Some(0.0));
    let said: Vec<String> =
        done.iter().map(|one| one.trial.values.iter().map(Setting::spoken).collect()).collect();
    assert_eq!(said, ["1a", "1b", "1c", "2a", "2b", "2c"]);
    assert_eq!(run(grid.as_ref(), &[], 0, Maximize, |_| Some(0.0)).len(), 1);
}

#[test]
fn a_grid_refuses_what_it_cannot_list() {
    let grid = search("grid", &[]);
    let float = Dimension::Float { low: 0.0, high: 1.0, log: false };
    let (index, message) = grid.check(&[words(&["a"]), float]).unwrap_err();
    assert_eq!(index, 1);
    assert!(message.contains("search with `random`"));
    let wide = Dimension::Int { low: i64::MIN, high: i64::MAX, log: false };
    assert!(grid.check(&[wide.clone(), wide]).unwrap_err().1.contains("above 100000"));
}

#[test]
fn empty_ranges_are_refused_by_every_search() {
    let flaws = [
        (Dimension::Int { low: 2, high: 1, log: false }, "the wrong way round"),
        (Dimension::Float { low: f64::NAN, high: 1.0, log: false }, "no finite range"),
        (Dimension::Float { low: 0.0, high: 1.0, log: true }, "begins above 0"),
        (Dimension::Int { low: 0, high: 9, log: true }, "begins above 0"),
        (Dimension::Choice(vec![]), "no values"),
    ];
    for kind in SEARCHES {
        let search = search(kind.signature().name, &[]);
        for (flaw, said) in &flaws {
            let (index, message) = search.check(&[words(&["a"]), flaw.clone()]).unwrap_err();
            assert!(index == 1 && message.contains(said), "{}: {message}", kind.signature().name);
        }
    }
}

#[test]
fn more_random_trials_leave_the_earlier_ones_as_they_are() {
    let few = run(
        search("random", &[("trials", Setting::Int(5))]).as_ref(),
        &space(),
        7,
        Maximize,
        |_| Some(0.0),
    );
    let many = run(
        search("random", &[("trials", Setting::Int(20))]).as_ref(),
        &space(),
        7,
        Maximize,
        |_| Some(0.0),
    );
    assert_eq!(few[..], many[..5]);
    let other = run(
        search("random", &[("trials", Setting::Int(5))]).as_ref(),
        &space(),
        8,
        Maximize,
        |_| Some(0.0),
    );
    assert_ne!(few, other);
}

#[test]
fn random_tries_no_point_of_a_finite_space_twice() {
    let space = [Dimension::Int { low: 1, high: 5, log: true }, words(&["a", "b"])];
    let random = search("random", &[("trials", Setting::Int(50))]);
    assert_eq!(random.trials(&space), 10);
    let done = run(random.as_ref(), &space, 3, Maximize, |_| Some(0.0));
    assert_eq!(done.len(), 10);
    for (index, one) in done.iter().enumerate() {
        assert!(done[..index].iter().all(|other| other.trial.values != one.trial.values));
    }
}

#[test]
fn random_draws_evenly_on_the_scale() {
    let random = search("random", &[("trials", Setting::Int(4000))]);
    let done = run(random.as_ref(), &space(), 1, Maximize, |_| Some(0.0));
    let share = |dimension: usize, below: f64| {
        let values = done.iter().map(|one| one.trial.values[dimension].as_f64().unwrap());
        values.filter(|value| *value < below).count() as f64 / 4000.0
    };
    // Four standard errors of a half are 0.032.
    assert!((share(0, 1e-2) - 0.5).abs() < 0.032);
    assert!((share(3, 0.5) - 0.5).abs() < 0.032);
    let middle = (1.5_f64 * 40.5).sqrt();
    let expected = ((middle.floor() + 0.5) / 1.5).ln() / (40.5_f64 / 1.5).ln();
    assert!((share(1, middle) - expected).abs() < 0.032);
}

#[test]
fn every_search_depends_on_space_seed_and_results_alone() {
    for kind in SEARCHES {
        let word = kind.signature().name;
        let space = if word == "grid" { space()[2..3].to_vec() } else { space() };
        let score = |trial: &Trial| trial.values[0].as_f64().map(|value| -(value - 0.3).abs());
        let once = run(search(word, &[]).as_ref(), &space, 5, Maximize, score);
        assert_eq!(once, run(search(word, &[]).as_ref(), &space, 5, Maximize, score), "{word}");
        // Failed trials end no search.
        run(search(word, &[]).as_ref(), &space, 5, Maximize, |_| None);
    }
}
