//! Names of a server that answers from a table.

use narthex_sdk::fake::Host;

use super::*;

const CONF: &str = "search one.example two.example.\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n\
                    options timeout:1 ndots:2\n";

/// A name in a message.
fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// A record whose name is that of the question.
fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap();
    let head = [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length];
    [&head[..], data].concat()
}

/// The answer to a query: without its OPT, with records behind.
fn answered(query: &[u8], flags: u8, rcode: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = query[..query.len() - 11].to_vec();
    bytes[2] = 0x80 | flags;
    bytes[3] = rcode;
    bytes[7] = u8::try_from(records.len()).unwrap();
    bytes[11] = 0;
    bytes.extend(records.concat());
    bytes
}

/// The name that a query asks for.
fn asked(query: &[u8]) -> String {
    let (mut at, mut text) = (12, String::new());
    while query[at] > 0 {
        let next = at + 1 + usize::from(query[at]);
        text += &format!("{}.", String::from_utf8_lossy(&query[at + 1..next]));
        at = next;
    }
    text
}

/// A server of 10.0.0.1 with one name for each kind.
fn zone(query: &[u8]) -> Option<Vec<u8>> {
    let service = |port: u8, host: &str| [vec![0, 1, 0, 2, 0, port], name(host)].concat();
    let records = match asked(query).as_str() {
        "a.one.example." => vec![record(5, &name("b.x")), record(1, &[10, 1, 0, 1])],
        "a.two.example." => vec![record(1, &[10, 9, 9, 9])],
        "six." => vec![record(
            28,
            &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
        )],
        "_x._tcp.example." => vec![
            record(33, &service(80, "h1.example")),
            record(33, &service(81, "h2.example")),
        ],
        "mail." => vec![record(15, &[vec![0, 10], name("mx.example")].concat())],
        "zone." => vec![record(2, &name("ns.example"))],
        "empty." => vec![],
        "long." => return Some(answered(query, 2, 0, &[])),
        "broken." => return Some(answered(query, 0, 2, &[])),
        "silent." => return None,
        _ => return Some(answered(query, 0, 3, &[])),
    };
    Some(answered(query, 0, 0, &records))
}

fn long(request: &[u8]) -> Vec<u8> {
    let answer = answered(&request[2..], 0, 0, &[record(1, &[10, 7, 7, 7])]);
    [
        u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec(),
        answer,
    ]
    .concat()
}

fn host() -> Host {
    Host::new()
        .file("/etc/resolv.conf", CONF)
        .datagrams("10.0.0.1:53", zone)
        .datagrams("10.0.0.2:53", |query: &[u8]| {
            Some(answered(query, 0, 5, &[]))
        })
        .answers("10.0.0.1:53", long)
}

fn made(kind: &str, names: &[&str]) -> Dns {
    let config = serde_json::json!({"names": names, "type": kind, "port": 9,
        "refresh_interval_seconds": 30.0});
    Dns::init(serde_json::from_value(config).unwrap()).unwrap()
}

/// The targets of all groups: their labels but those that are empty, less the common beginning.
fn targets(groups: &[Group]) -> Vec<String> {
    let targets = groups.iter().flat_map(|group| &group.targets);
    let shown = targets.map(|labels| {
        assert_eq!(labels.len(), 6);
        let labels = labels.iter().filter(|(_, value)| !value.is_empty());
        let labels = labels
            .map(|(name, value)| format!("{}={value}", name.trim_start_matches("__meta_dns_")));
        labels
            .collect::<Vec<_>>()
            .join(" ")
            .replace("__address__=", "")
    });
    shown.collect()
}

#[test]
fn records_become_targets() {
    host().install();
    for (kind, name, expected) in [
        ("a", "a", vec!["10.1.0.1:9 name=a"]),
        ("A", "long.", vec!["10.7.7.7:9 name=long."]),
        ("AAAA", "six.", vec!["[fd00::7]:9 name=six."]),
        (
            "SRV",
            "_x._tcp.example",
            vec![
                "h1.example:80 name=_x._tcp.example srv_record_target=h1.example. srv_record_port=80",
                "h2.example:81 name=_x._tcp.example srv_record_target=h2.example. srv_record_port=81",
            ],
        ),
        (
            "MX",
            "mail",
            vec!["mx.example:9 name=mail mx_record_target=mx.example."],
        ),
        (
            "NS",
            "zone",
            vec!["ns.example:9 name=zone ns_record_target=ns.example."],
        ),
        ("A", "empty", vec![]),
        ("A", "nowhere", vec![]),
    ] {
        let groups = made(kind, &[name]).refresh().unwrap();
        assert_eq!((groups.len(), &*groups[0].source), (1, name));
        assert_eq!(targets(&groups), expected, "{kind} {name}");
    }
}

#[test]
fn a_name_without_an_answer_keeps_what_it_had() {
    host().install();
    let mut dns = made("A", &["a", "broken."]);
    let found = targets(&dns.refresh().unwrap());
    assert_eq!(found, ["10.1.0.1:9 name=a"]);
    assert_eq!(Host::looked_up(), (2, 1));
    host()
        .datagrams("10.0.0.1:53", |query: &[u8]| {
            Some(answered(query, 0, 2, &[]))
        })
        .install();
    assert_eq!(targets(&dns.refresh().unwrap()), found);
    assert_eq!(Host::looked_up(), (2, 2));
    let text = made("A", &["a"]).refresh().unwrap_err();
    // It counts where nothing is found, too.
    assert_eq!(Host::looked_up(), (1, 1));
    let expected = "could not resolve \"a\": 10.0.0.2 answers with code 5";
    assert!(
        text.message().contains("answers with code"),
        "{expected}: {text:?}"
    );
}

#[test]
fn who_answered_last_is_asked_first() {
    host()
        .datagrams("10.0.0.1:53", |_: &[u8]| None)
        .datagrams("10.0.0.2:53", zone)
        .install();
    let mut resolver = Resolver::default();
    resolver.read_config().unwrap();
    assert_eq!(resolver.look_up("six.", Kind::Aaaa).unwrap().len(), 1);
    host().datagrams("10.0.0.2:53", zone).install();
    resolver.read_config().unwrap();
    assert_eq!(
        resolver.look_up("a.two.example.", Kind::A).unwrap().len(),
        1
    );
}

#[test]
fn what_is_no_message_is_an_error() {
    let query = records::query(7, "a.", Kind::A).unwrap();
    let bytes = query.bytes();
    let right = answered(bytes, 0, 0, &[record(1, &[10, 0, 0, 1])]);
    assert_eq!(
        records::answer(&query, &right)
            .unwrap()
            .unwrap()
            .records
            .len(),
        1
    );
    for cut in 3..right.len() {
        assert!(records::answer(&query, &right[..cut]).is_err(), "{cut}");
    }
    let mut other = right.clone();
    other[0] ^= 1;
    assert_eq!(records::answer(&query, &other).unwrap(), None);
    assert_eq!(records::answer(&query, bytes).unwrap(), None);
    // A name that points to itself.
    let mut turning = answered(bytes, 0, 0, &[record(2, &[0xc0, 0])]);
    let at = u8::try_from(turning.len() - 2).unwrap();
    *turning.last_mut().unwrap() = at;
    assert!(records::answer(&query, &turning).is_err());
    for name in ["a..b", &"a".repeat(64), &"a.".repeat(200)] {
        assert_eq!(records::query(1, name, Kind::A), None, "{name}");
    }
}
