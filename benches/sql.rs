//! Queries over 10⁶ rows: ours beside DataFusion alone, in one process.
//!
//! `cargo bench --bench sql` prints the least of several runs, taken in turn, and what the same bits at any thread count cost: ours
//! against DataFusion's default settings with one partition and with one for each of two CPUs.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench stops where it can't go on, and prints"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use mlp::data::Table;
use mlp::sql::{Execution, Functions, Limits, Memory, execute};
use tokio::runtime::Runtime;

const ROWS: i64 = 1_000_000;
const USERS: i64 = 100_000;
const RUNS: usize = 15;

const QUERIES: &[(&str, &str)] = &[
    ("filter", "SELECT id, kind, amount FROM events WHERE amount > 0.9"),
    ("float arithmetic", "SELECT id, amount * 2.0 + 1.0 AS a FROM events"),
    ("whole-number arithmetic", "SELECT id + \"user\" * 3 - 7 AS a FROM events"),
    ("8 groups", "SELECT kind, count(*) AS n, sum(amount) AS s FROM events GROUP BY kind"),
    (
        "100,000 groups",
        "SELECT \"user\", sum(id) AS n, avg(amount) AS s FROM events GROUP BY \"user\"",
    ),
    (
        "join",
        "SELECT e.id, u.age, e.amount FROM events e JOIN users u ON e.\"user\" = u.\"user\" WHERE u.age > 30",
    ),
    ("window", "SELECT id, row_number() OVER (PARTITION BY \"user\" ORDER BY id) AS r FROM events"),
    ("sort", "SELECT id, amount FROM events ORDER BY amount DESC LIMIT 100"),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    let tables = tables();
    println!(
        "{:26} {:>10} {:>14} {:>14} {:>8} {:>8}",
        "query", "ours", "1 partition", "2 partitions", "to 1", "to 2"
    );
    for (name, text) in QUERIES {
        let mut least = [Duration::MAX; 3];
        for _ in 0..RUNS {
            let times = [
                ours(text, &tables, &runtime),
                theirs(text, &tables, 1, &runtime),
                theirs(text, &tables, 2, &runtime),
            ];
            least = std::array::from_fn(|at| least[at].min(times[at]));
        }
        let [ours, one, two] = least;
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let ratio = |time: Duration| format!("{:.2}", ours.as_secs_f64() / time.as_secs_f64());
        println!(
            "{name:26} {:>10} {:>14} {:>14} {:>8} {:>8}",
            ms(ours),
            ms(one),
            ms(two),
            ratio(one),
            ratio(two)
        );
    }
}

type Tables = Vec<(Vec<String>, Table)>;

/// Makes the tables; the numbers look random and are always the same.
fn tables() -> Tables {
    let mixed = |row: i64| row.wrapping_mul(6_364_136_223_846_793_005).rotate_left(23);
    let kinds = ["view", "click", "buy", "search", "like", "share", "open", "close"];
    let events: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        (
            "user",
            Arc::new(
                (0..ROWS).map(|row| Some(mixed(row).rem_euclid(USERS))).collect::<Int64Array>(),
            ),
        ),
        (
            "kind",
            Arc::new(
                (0..ROWS)
                    .map(|row| kinds.get(mixed(row + 7).rem_euclid(8) as usize))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "amount",
            Arc::new(
                (0..ROWS)
                    .map(|row| Some(mixed(row + 13).rem_euclid(1_000_003) as f64 / 1_000_003.0))
                    .collect::<Float64Array>(),
            ),
        ),
    ];
    let users: Vec<(&str, ArrayRef)> = vec![
        ("user", Arc::new(Int64Array::from_iter_values(0..USERS))),
        (
            "age",
            Arc::new(
                (0..USERS).map(|user| Some(mixed(user).rem_euclid(80))).collect::<Int64Array>(),
            ),
        ),
    ];
    let named = |name: &str, columns| {
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let table = Table::new(batch.schema(), vec![batch]).expect("a table");
        (vec![name.to_owned()], table)
    };
    vec![named("events", events), named("users", users)]
}

fn ours(text: &str, tables: &Tables, runtime: &Runtime) -> Duration {
    let stop = AtomicBool::new(false);
    let limits = Limits { memory: &Memory::unbounded(), stop: &stop };
    let begun = Instant::now();
    let table = execute(
        &Execution {
            text,
            tables,
            parameters: &[],
            functions: &Functions::default(),
            limits,
            rows: &|_| {},
        },
        runtime.handle(),
    );
    let took = begun.elapsed();
    drop(table.expect("a result"));
    took
}

/// Runs a query as a user of DataFusion would: the default session, tables in memory.
fn theirs(text: &str, tables: &Tables, partitions: usize, runtime: &Runtime) -> Duration {
    let session =
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
    for (name, table) in tables {
        let batches = table.batches();
        let parts = batches.chunks(batches.len().div_ceil(partitions)).map(<[RecordBatch]>::to_vec);
        let memory = MemTable::try_new(Arc::clone(table.schema()), parts.collect());
        let memory = memory.expect("a table");
        session.register_table(name.join("."), Arc::new(memory)).expect("a new table");
    }
    let begun = Instant::now();
    let result = runtime.block_on(async { session.sql(text).await?.collect().await });
    let took = begun.elapsed();
    drop(result.expect("a result"));
    took
}
