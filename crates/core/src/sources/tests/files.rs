//! Real files, and what is found in them.

use super::*;

/// Reads a file that lies in the project.
fn project(path: &str) -> Table {
    let inputs = resolve(Path::new("."), &[path.to_owned()]).unwrap();
    let options = Options::from(Format::of_inputs(&inputs).unwrap());
    read(&Request::new(&inputs, &options)).unwrap().table
}

fn types(table: &Table) -> String {
    shown(table).lines().next().unwrap_or_default().to_owned()
}

fn nulls(table: &Table, column: &str) -> usize {
    table.batches().iter().map(|batch| batch.column_by_name(column).unwrap().null_count()).sum()
}

#[test]
fn churn() {
    let table = project("../../pipelines/data/telco_churn.csv");
    assert_eq!(table.rows(), 7043);
    assert_eq!(
        types(&table),
        "churn: text, female: int, senior_citizen: int, partner: int, dependents: int, tenure: int, \
         phone_service: int, multiple_lines: text, internet_service: text, online_security: text, \
         online_backup: text, device_protection: text, tech_support: text, streaming_tv: text, \
         streaming_movies: text, contract: text, paperless_billing: int, payment_method: text, \
         monthly_charges: float, total_charges: float"
    );
    assert_eq!(nulls(&table, "total_charges"), 11);
}

#[test]
fn a_shop() {
    let users = project("../../tests/fixtures/sql/users.csv.gz");
    assert_eq!(users.rows(), 600);
    let expected = "user_id: text, platform: text, acquisition_channel: text, user_cohort: text, \
                    first_seen: timestamp";
    assert_eq!(types(&users), expected);
}

#[test]
fn passengers() {
    let table = project("../../pipelines/data/titanic.csv");
    assert_eq!(table.rows(), 2207);
    let expected = "gender: text, age: float, class: text, embarked: text, fare: float, sibsp: int, \
                    parch: int, survived: int";
    assert_eq!(types(&table), expected);
}

#[test]
fn flights_and_weather() {
    let flights = project("tests/fixtures/sources/flights.csv.gz");
    assert_eq!(flights.rows(), 2000);
    assert_eq!(
        types(&flights),
        "year: int, month: int, day: int, dep_time: float, sched_dep_time: int, dep_delay: float, \
         arr_time: float, sched_arr_time: int, arr_delay: float, carrier: text, flight: int, \
         tailnum: text, origin: text, dest: text, air_time: float, distance: int, hour: int, \
         minute: int, time_hour: timestamp"
    );
    assert!(shown(&flights).lines().nth(1).unwrap().ends_with("|2013-01-01T10:00:00"));
    let weather = project("tests/fixtures/sources/weather.csv.gz");
    assert_eq!(
        types(&weather),
        "origin: text, year: int, month: int, day: int, hour: int, temp: float, dewp: float, \
         humid: float, wind_dir: float, wind_speed: float, wind_gust: float, precip: float, \
         pressure: float, visib: float, time_hour: timestamp"
    );
}

#[test]
fn houses() {
    let table = project("tests/fixtures/sources/ames.csv.gz");
    assert_eq!((table.rows(), table.schema().fields().len()), (2930, 82));
    let of = |kind: &str| -> Vec<String> {
        let fields = table.schema().fields().iter();
        let fields = fields.filter(|field| ColumnType::of_field(field).to_string() == kind);
        fields.map(|field| field.name().clone()).collect()
    };
    // The floats are the whole numbers that pandas wrote with a point, for their nulls.
    assert_eq!(
        of("float").join(" "),
        "Lot.Frontage Mas.Vnr.Area BsmtFin.SF.1 BsmtFin.SF.2 Bsmt.Unf.SF Total.Bsmt.SF \
         Bsmt.Full.Bath Bsmt.Half.Bath Garage.Yr.Blt Garage.Cars Garage.Area"
    );
    assert_eq!((of("int").len(), of("text").len()), (28, 43));
    assert_eq!(nulls(&table, "Pool.QC"), 2917);
}
