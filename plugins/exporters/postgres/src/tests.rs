//! A server of our own making, as far as the first messages; a real one is asked by the tests
//! that cross crates.

use narthex_sdk::fake::Host;

use super::*;
use crate::message::{message, push_text};

fn target() -> Target {
    Target {
        address: "db:5432".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn collect(config: Config) -> Result<String, Error> {
    let mut batch = Batch::new();
    Postgres::init(config)?.collect(&target(), &mut batch)?;
    Ok(batch.to_text())
}

/// What a server says to somebody who needs no password, before any query.
fn welcome(version: &str) -> Vec<u8> {
    let mut parameter = Vec::new();
    push_text(&mut parameter, "server_version");
    push_text(&mut parameter, version);
    [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', &parameter),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// A row of one column, and the end of the command.
fn answer(column: &str, value: &str) -> Vec<u8> {
    let mut head = 1_u16.to_be_bytes().to_vec();
    push_text(&mut head, column);
    head.extend([0; 18]);
    let mut row = 1_u16.to_be_bytes().to_vec();
    row.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    row.extend(value.bytes());
    [
        message(b'T', &head),
        message(b'D', &row),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn refusal(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0C{code}\0M{text}\0\0").as_bytes())
}

#[test]
fn a_part_that_the_server_refuses_costs_itself_only() {
    let mut is_first = true;
    Host::new()
        .answers("db:5432", move |written| {
            if std::mem::replace(&mut is_first, false) {
                return welcome("15.4 (Debian)");
            }
            let sql = String::from_utf8_lossy(written).into_owned();
            match () {
                () if sql.contains("FROM pg_stat_archiver") => answer("failed_count", "3"),
                () if sql.contains("FROM") => {
                    [refusal("42501", "permission denied"), message(b'Z', b"I")].concat()
                }
                () => Vec::new(),
            }
        })
        .install();
    let text = collect(Config::default()).unwrap();
    for line in [
        "pg_up 1",
        "pg_static{short_version=\"15.4\",version=\"15.4 (Debian)\"} 1",
        "pg_stat_archiver_failed_count 3",
        "pg_exporter_last_scrape_error 1",
        "pg_scrape_collector_success{collector=\"stat_archiver\"} 1",
        "pg_scrape_collector_success{collector=\"stat_database\"} 0",
    ] {
        assert!(text.lines().any(|have| have == line), "{line}: {text}");
    }
}

#[test]
fn a_server_that_is_gone_is_down_and_the_exporter_is_not() {
    Host::new().install();
    assert_eq!(collect(Config::default()).unwrap(), "pg_up 0\n");
    Host::new()
        .dialogue(
            "db:5432",
            refusal("57P03", "the database system is starting up"),
        )
        .install();
    assert_eq!(collect(Config::default()).unwrap(), "pg_up 0\n");
}

#[test]
fn a_wrong_password_is_an_error_of_the_configuration() {
    let text = "password authentication failed for user \"postgres\"";
    Host::new()
        .dialogue("db:5432", refusal("28P01", text))
        .install();
    let error = collect(Config::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Config(told) if told.starts_with(text)),
        "{error:?}"
    );
}

#[test]
fn a_server_without_tls_is_not_talked_to_in_the_clear() {
    Host::new().dialogue("db:5432", "N").install();
    let config = Config {
        tls: Some(String::new()),
        ..Config::default()
    };
    assert!(matches!(collect(config), Err(Error::Config(_))));
}

#[test]
fn queries_are_checked_before_anything_is_asked() {
    let config: Config =
        serde_json::from_str(r#"{"queries": {"shop": {"query": "SELECT 1"}}}"#).unwrap();
    assert!(matches!(Postgres::init(config), Err(Error::Config(_))));
}
