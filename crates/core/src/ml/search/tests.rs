//! Searches: what they propose, and what is true of all of them.

use super::{Dimension, Finished, Means, Outcome, SEARCHES, Search, Task, Trial};
use crate::ml::Seed;
use crate::ml::metric::Direction::{self, Maximize, Minimize};
use crate::ml::settle::written;
use crate::params::Setting;

fn search(word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Search> {
    let kind = SEARCHES.iter().find(|kind| kind.signature().name == word).unwrap();
    kind.bind(&written(kind.signature(), settings)).unwrap()
}

fn words(values: &[&str]) -> Dimension {
    Dimension::Choice(values.iter().map(|value| Setting::Word((*value).to_owned())).collect())
}

fn task(space: &[Dimension], seed: u64, direction: Direction) -> Task<'_> {
    Task { space, seed: Seed::new(seed), direction, means: Means { least: 1, most: 27 } }
}

/// Runs a search to its end against a score.
fn run(search: &dyn Search, task: &Task<'_>, score: impl Fn(&Trial) -> Outcome) -> Vec<Finished> {
    search.check(task.space).unwrap();
    search.afford(task).unwrap();
    let mut done: Vec<Finished> = Vec::new();
    loop {
        let proposed = search.propose(task, &done);
        if proposed.is_empty() {
            assert!(done.len() <= search.trials(task));
            return done;
        }
        for trial in proposed {
            assert_eq!(trial.index, done.len());
            assert_eq!(trial.values.len(), task.space.len());
            assert!(trial.budget.is_none_or(|own| (1..=task.means.most).contains(&own)));
            let mut pairs = trial.values.iter().zip(task.space);
            assert!(pairs.all(|(value, dimension)| lies_in(value, dimension)), "{trial:?}");
            done.push(Finished { outcome: score(&trial), trial });
        }
    }
}

fn nothing(_: &Trial) -> Outcome {
    Outcome::Complete(0.0)
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
    assert_eq!(grid.trials(&task(&space, 0, Maximize)), 6);
    let done = run(grid.as_ref(), &task(&space, 0, Maximize), nothing);
    let said: Vec<String> =
        done.iter().map(|one| one.trial.values.iter().map(Setting::spoken).collect()).collect();
    assert_eq!(said, ["1a", "1b", "1c", "2a", "2b", "2c"]);
    assert_eq!(run(grid.as_ref(), &task(&[], 0, Maximize), nothing).len(), 1);
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
fn more_trials_leave_the_earlier_ones_as_they_are() {
    let space = space();
    let score = |trial: &Trial| Outcome::Complete(trial.values[0].as_f64().unwrap());
    for (word, count) in [("random", "trials"), ("tpe", "trials"), ("tpe", "n_ei_candidates")] {
        // The last case is one that changes what comes after the start: it must be seen.
        let own = |trials: i64, seed| {
            let settings: &[(&'static str, Setting)] = match count {
                "trials" => &[("trials", Setting::Int(trials))],
                _ => &[("trials", Setting::Int(31)), ("n_ei_candidates", Setting::Int(trials))],
            };
            run(search(word, settings).as_ref(), &task(&space, seed, Maximize), score)
        };
        let (few, many) = (own(17, 7), own(31, 7));
        if count == "trials" {
            assert_eq!(few[..], many[..17], "{word}");
        } else {
            assert_eq!(few[..10], many[..10], "{word}");
            assert_ne!(few, many, "{word}");
        }
        assert_ne!(many, own(31, 8), "{word}");
    }
}

#[test]
fn no_point_of_a_finite_space_is_tried_twice() {
    let space = [Dimension::Int { low: 1, high: 12, log: true }, words(&["a", "b"])];
    for word in ["random", "tpe"] {
        let search = search(word, &[("trials", Setting::Int(50))]);
        let task = task(&space, 3, Maximize);
        assert_eq!(search.trials(&task), 24);
        let done = run(search.as_ref(), &task, |trial| {
            Outcome::Complete(-trial.values[0].as_f64().unwrap())
        });
        assert_eq!(done.len(), 24);
        for (index, one) in done.iter().enumerate() {
            let before = &done[..index];
            assert!(before.iter().all(|other| other.trial.values != one.trial.values), "{word}");
        }
    }
}

#[test]
fn random_draws_evenly_on_the_scale() {
    let random = search("random", &[("trials", Setting::Int(4000))]);
    let done = run(random.as_ref(), &task(&space(), 1, Maximize), nothing);
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
        let score = |trial: &Trial| {
            let value = trial.values[0].as_f64().unwrap_or(0.0);
            Outcome::Complete(-(value - 0.3).abs())
        };
        let task = task(&space, 5, Maximize);
        let once = run(search(word, &[]).as_ref(), &task, score);
        assert_eq!(once, run(search(word, &[]).as_ref(), &task, score), "{word}");
        // Asked at any point, a search goes on as if it had never been asked before.
        let search = search(word, &[]);
        for at in 0..=once.len() {
            let next = search.propose(&task, &once[..at]);
            let known = once.iter().skip(at).map(|own| &own.trial);
            assert!(next.iter().zip(known).all(|(one, other)| one == other), "{word} at {at}");
            assert_eq!(next.is_empty(), at == once.len(), "{word} at {at}");
        }
        // Failed and pruned trials end no search.
        run(search.as_ref(), &task, |_| Outcome::Failed);
        run(search.as_ref(), &task, |trial| match trial.index % 3 {
            0 => Outcome::Failed,
            1 => Outcome::Pruned { folds: 1, score: 0.0 },
            _ => Outcome::Complete(1.0),
        });
    }
}

/// How far a point is from the best one of a smooth bowl over all sorts of dimensions.
fn bowl(values: &[Setting]) -> f64 {
    let number = |at: usize| values[at].as_f64().unwrap();
    let side = if values[2] == Setting::Word("left".to_owned()) { 0.0 } else { 1.0 };
    (number(0).log10() + 1.5).powi(2)
        + (number(1) / 11.0).ln().powi(2)
        + side
        + (number(3) - 1.2).powi(2)
        + (0.5 * (number(4) - 2.0)).powi(2)
}

/// Gives the least value that a search finds.
fn least(word: &str, settings: &[(&'static str, Setting)], seed: u64) -> f64 {
    let space = space();
    let score = |trial: &Trial| Outcome::Complete(bowl(&trial.values));
    let done = run(search(word, settings).as_ref(), &task(&space, seed, Minimize), score);
    done.iter().filter_map(Finished::score).fold(f64::INFINITY, f64::min)
}

#[test]
fn tpe_beats_random() {
    const SEEDS: u64 = 15;
    let trials = ("trials", Setting::Int(80));
    for settings in [
        vec![trials.clone()],
        vec![trials.clone(), ("batch", Setting::Int(1))],
        vec![trials.clone(), ("multivariate", Setting::Bool(false))],
    ] {
        let pairs = (0..SEEDS).map(|seed| {
            (least("tpe", &settings, seed), least("random", std::slice::from_ref(&trials), seed))
        });
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let wins = pairs.iter().filter(|(tpe, random)| tpe < random).count();
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / 15.0;
        let (tpe, random) = (mean(|pair| pair.0), mean(|pair| pair.1));
        // By chance 12 of 15 wins come once in 57 times.
        assert!(
            wins >= 12 && tpe < 0.6 * random,
            "{wins} wins, {tpe} against {random}: {settings:?}"
        );
    }
}
