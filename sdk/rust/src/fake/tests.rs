use super::*;
use crate::tcp::Connection;
use crate::udp::Socket;
use crate::{Error, files, icmp, names, secrets};

#[test]
fn folders_links_and_file_systems() {
    let capacity = |bytes| Capacity {
        bytes,
        bytes_free: 2,
        bytes_available: 1,
        files: 4,
        files_free: 3,
        read_only: false,
    };
    Host::new()
        .file("/sys/class/net/eth0/mtu", "1500\n")
        .file("/sys/class/net/lo/mtu", "65536\n")
        .link("/sys/class/net/eth1", "../../devices/eth1")
        .file_system("/", capacity(10))
        .file_system("/data", capacity(20))
        .install();
    assert_eq!(
        files::entries("/sys/class/net/").unwrap(),
        ["eth0", "eth1", "lo"]
    );
    assert_eq!(files::entries("/sys/class/net/lo").unwrap(), ["mtu"]);
    assert!(files::entries("/sys/clas").is_err());
    assert_eq!(
        files::link("/sys/class/net/eth1").unwrap(),
        "../../devices/eth1"
    );
    assert!(files::link("/sys/class/net/lo").is_err());
    for (path, bytes) in [("/", 10), ("/data", 20), ("/data/x", 20), ("/database", 10)] {
        assert_eq!(files::file_system(path).unwrap().bytes, bytes, "{path}");
    }
}

#[test]
fn a_dialogue_that_answers_what_is_written_and_goes_on_in_tls() {
    let session = TlsSession {
        version: "TLS 1.2".to_owned(),
        cipher: "X".to_owned(),
        certificates: vec![vec![1]],
    };
    Host::new()
        .secret("pass", "s3")
        .name("db", &["10.0.0.1"])
        .dialogue("db:25", "220 hello\r\n")
        .answers("db:25", |written| {
            format!("250 {}\r\n", written.len()).into_bytes()
        })
        .session("db:25", session)
        .install();
    let mut connection = Connection::open("db", 25).unwrap();
    assert_eq!(connection.read_line().unwrap(), b"220 hello");
    assert!(connection.session().is_none());
    connection.write(b"STARTTLS\r\n").unwrap();
    assert_eq!(connection.read_line().unwrap(), b"250 10");
    connection
        .start_tls(crate::tcp::SYSTEM_PROFILE, None)
        .unwrap();
    assert_eq!(connection.session().unwrap().version, "TLS 1.2");
    assert!(connection.start_tls("", None).is_err());
    let secret = secrets::get("pass").unwrap();
    connection.write_secret(b"<", &secret, b">").unwrap();
    assert_eq!(connection.read_line().unwrap(), b"250 4");
    assert_eq!(connection.peer(), "10.0.0.1");
    assert_eq!(Host::written(), b"STARTTLS\r\n<s3>");
    assert!(Connection::open_tls("db", 26, "").is_err());
}

#[test]
fn datagrams_echoes_and_names() {
    Host::new()
        .datagrams("dns:53", |query| (query != b"drop").then(|| query.to_vec()))
        .echo(
            "router",
            Reply {
                address: "10.0.0.254".to_owned(),
                nanoseconds: 1_500_000,
            },
        )
        .name("a", &["10.0.0.1", "::1"])
        .install();
    let mut socket = Socket::connect("dns", 53).unwrap();
    socket.send(b"drop").unwrap();
    assert!(matches!(socket.receive(512), Err(Error::Timeout)));
    socket.send(b"query").unwrap();
    assert_eq!(socket.receive(3).unwrap(), b"que");
    assert!(matches!(Socket::connect("dns", 54), Err(Error::Denied(_))));
    let reply = icmp::ping("router", 56).unwrap();
    assert_eq!(reply.time(), std::time::Duration::from_micros(1_500));
    assert!(matches!(icmp::ping("nobody", 56), Err(Error::Timeout)));
    let addresses = names::resolve("a").unwrap();
    assert_eq!(addresses.len(), 2);
    assert!(addresses[1].is_ipv6());
    assert!(names::resolve("b").is_err());
}

#[test]
fn the_clock_moves_when_it_is_told_to() {
    Host::new().at(1_000).install();
    Host::advance(500);
    assert_eq!(crate::clock::now_ms(), 1_500);
    assert!(matches!(
        crate::clock::discipline(),
        Err(Error::Unavailable(_))
    ));
    crate::log::warn("late", &[("by", "500")]);
    assert_eq!(Host::logged().len(), 1);
}
