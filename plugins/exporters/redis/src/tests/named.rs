//! What is there because the configuration names it: keys, streams, settings, a script.

use super::*;

/// The answer to one command, by its words.
fn answer(words: &[&str]) -> Option<String> {
    let pair = |name: &str, value: &str| bulk(name) + value;
    let id = |id: &str| bulk(&format!("{id}-7"));
    Some(match words {
        ["SELECT", "9"] => "-ERR DB index is out of range\r\n".to_owned(),
        ["SCAN", "0", _, "none:*", ..] => "-NOPERM no permissions\r\n".to_owned(),
        ["SCAN", "0", ..] => format!("*2\r\n{}*1\r\n{}", bulk("7"), bulk("user:2")),
        ["SCAN", "7", ..] => {
            let keys = ["user:1", "user:2", "user:gone"].map(bulk).concat();
            format!("*2\r\n{}*3\r\n{keys}", bulk("0"))
        }
        ["TYPE", "queue"] => "+list\r\n".to_owned(),
        ["TYPE", "absent" | "user:gone"] => "+none\r\n".to_owned(),
        ["TYPE", "module"] => "+ReJSON-RL\r\n".to_owned(),
        ["TYPE", _] => "+string\r\n".to_owned(),
        ["LLEN", _] => ":7\r\n".to_owned(),
        ["STRLEN", "long"] => ":65\r\n".to_owned(),
        ["STRLEN", _] => ":4\r\n".to_owned(),
        ["GETRANGE", "user:1", ..] => bulk("42.5"),
        ["GETRANGE", "visits" | "no visits", ..] => bulk("HYLL"),
        ["GETRANGE", ..] => bulk("true"),
        ["PFCOUNT", "visits"] => ":12\r\n".to_owned(),
        ["PFCOUNT", _] => "-WRONGTYPE no HyperLogLog\r\n".to_owned(),
        ["XINFO", "STREAM", "events"] => [
            "*10\r\n".to_owned(),
            pair("length", ":3\r\n"),
            pair("groups", ":1\r\n"),
            pair("last-generated-id", &id("1700000000003")),
            pair(
                "first-entry",
                &format!("*2\r\n{}*0\r\n", id("1700000000001")),
            ),
            pair("last-entry", "$-1\r\n"),
        ]
        .concat(),
        ["XINFO", "STREAM", _] => "-ERR no such key\r\n".to_owned(),
        ["XINFO", "GROUPS", _] => [
            "*1\r\n*8\r\n".to_owned(),
            pair("name", &bulk("workers")),
            pair("consumers", ":1\r\n"),
            pair("pending", ":5\r\n"),
            pair("last-delivered-id", &id("1700000000002")),
        ]
        .concat(),
        ["XINFO", "CONSUMERS", "events", "workers"] => [
            "*1\r\n*6\r\n".to_owned(),
            pair("name", &bulk("one")),
            pair("pending", ":5\r\n"),
            pair("idle", ":1500\r\n"),
        ]
        .concat(),
        ["CONFIG", "GET", "*"] => ["hz", "10", "save", "", "requirepass", "x"]
            .map(bulk)
            .into_iter()
            .fold("*6\r\n".to_owned(), |all, one| all + &one),
        ["EVAL", "good", "0"] => {
            let pairs = ["jobs", "7", "broken", "x"].map(bulk).concat();
            format!("*6\r\n{pairs}{}:3\r\n", bulk("whole"))
        }
        ["EVAL", ..] => "-ERR Error compiling script\r\n".to_owned(),
        _ => return None,
    })
}

fn named(config: Config) -> String {
    let text = conversation(config, |written| {
        let words: Vec<&str> = written.lines().skip(2).step_by(2).collect();
        answer(&words)
    });
    text.unwrap()
}

fn places(places: &[&str]) -> Vec<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

#[test]
fn keys_have_sizes_and_short_values() {
    let text = named(Config {
        check_keys: places(&[
            "db1=user:*",
            "queue",
            "absent",
            "long",
            "visits",
            "no visits",
            "module",
            "db9=queue",
        ]),
        ..Config::default()
    });
    assert_lines(
        &text,
        &[
            "redis_key_size{db=\"db1\",key=\"user:1\"} 4",
            "redis_key_size{db=\"db0\",key=\"queue\"} 7",
            "redis_key_size{db=\"db0\",key=\"absent\"} 0",
            "redis_key_size{db=\"db0\",key=\"long\"} 65",
            "redis_key_size{db=\"db0\",key=\"visits\"} 12",
            "redis_key_size{db=\"db0\",key=\"no visits\"} 4",
            "redis_key_value{db=\"db1\",key=\"user:1\"} 42.5",
            "redis_key_value_as_string{db=\"db1\",key=\"user:2\",val=\"true\"} 1",
        ],
    );
    for absent in [
        "user:gone",
        "module",
        "db9",
        "redis_key_value{db=\"db1\",key=\"user:2\"",
        "key=\"long\",val",
        "key=\"visits\",val",
    ] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
    // It goes back to a database that it has left.
    let written = String::from_utf8(Host::written()).unwrap();
    let words: Vec<&str> = written.lines().filter(|line| !line.contains('$')).collect();
    let selected = words.windows(2).filter(|words| words[0] == "SELECT");
    let selected: Vec<&str> = selected.map(|words| words[1]).collect();
    assert_eq!(selected, ["1", "0", "9"]);
}

#[test]
fn keys_of_a_pattern_are_counted() {
    let text = named(Config {
        count_keys: places(&["db0=user:*", "none:*", "db9=user:*"]),
        ..Config::default()
    });
    assert_lines(&text, &["redis_keys_count{db=\"db0\",key=\"user:*\"} 4"]);
    // What the server refuses is not nothing.
    assert!(!text.contains("none:") && !text.contains("db9"), "{text}");
}

#[test]
fn streams_have_groups_and_consumers() {
    let text = named(Config {
        check_streams: places(&["events", "db2=user:*"]),
        ..Config::default()
    });
    let stream = "db=\"db0\",stream=\"events\"";
    let group = format!("{stream},group=\"workers\"");
    let consumer = format!("{group},consumer=\"one\"");
    for (family, labels, value) in [
        ("length", stream, "3"),
        ("groups", stream, "1"),
        ("last_generated_id", stream, "1700000000003"),
        ("first_entry_id", stream, "1700000000001"),
        ("group_consumers", &group, "1"),
        ("group_messages_pending", &group, "5"),
        ("group_last_delivered_id", &group, "1700000000002"),
        ("group_consumer_messages_pending", &consumer, "5"),
        ("group_consumer_idle_seconds", &consumer, "1.5"),
    ] {
        let line = format!("redis_stream_{family}{{{labels}}} {value}");
        assert_lines(&text, &[&line]);
    }
    // One without entries has no last one, and a key that is no stream has nothing.
    assert!(!text.contains("last_entry_id") && !text.contains("user:"));
}

#[test]
fn all_settings_but_passwords() {
    let text = named(Config {
        config_metrics: true,
        ..Config::default()
    });
    assert_lines(
        &text,
        &[
            "redis_config_key_value{key=\"hz\",value=\"10\"} 1",
            "redis_config_key_value{key=\"save\",value=\"\"} 1",
            "redis_config_value{key=\"hz\"} 10",
        ],
    );
    assert!(!text.contains("requirepass"), "{text}");
}

#[test]
fn a_script_returns_names_and_numbers() {
    let script = |script: &str| {
        named(Config {
            script: Some(script.to_owned()),
            ..Config::default()
        })
    };
    let text = script("good");
    assert_lines(
        &text,
        &[
            "redis_script_values{key=\"jobs\"} 7",
            "redis_script_values{key=\"whole\"} 3",
        ],
    );
    assert!(!text.contains("broken"), "{text}");
    let text = script("bad");
    assert!(text.contains("redis_up 1") && !text.contains("script_values"));
}
