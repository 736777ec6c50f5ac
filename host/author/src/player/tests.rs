//! Dialogues with the played servers, good and bad, over real sockets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::*;

async fn player(servers: &str) -> Player {
    let text = format!("{servers}\n[expect]\nsamples = \"\"\n");
    let fixture = Fixture::parse(Path::new("x.toml"), &text).unwrap();
    Player::start(&fixture).await.unwrap()
}

fn address(player: &Player, server: &str) -> SocketAddr {
    player.places().servers[server]
}

/// Writes, then reads so many bytes.
async fn say(stream: &mut TcpStream, text: &str, count: usize) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = vec![0; count];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

const PING: &str = r#"
[[tcp.db.exchange]]
send = "hi\n"
[[tcp.db.exchange]]
receive = "PING\r\n"
send = "PONG"
[[tcp.db.exchange]]
receive_until = "\n"
send = "BYE"
optional = true
"#;

#[tokio::test]
async fn a_tcp_dialogue_is_played_on_each_connection() {
    let player = player(PING).await;
    for _ in 0..2 {
        player.begin_call();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address(&player, "db")).await.unwrap();
            assert_eq!(say(&mut stream, "", 3).await, "hi\n");
            // In two parts, as a network may cut it.
            stream.write_all(b"PI").await.unwrap();
            assert_eq!(say(&mut stream, "NG\r\n", 4).await, "PONG");
            assert_eq!(say(&mut stream, "QUIT now\n", 3).await, "BYE");
        }
        assert_eq!(player.end_call().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_not_in_a_tcp_dialogue_is_complained_of() {
    for (said, complaint) in [
        (
            Some("POKE"),
            "server db: expected \"PING\\r\\n\" (line 4), the plugin sent \"POKE\"",
        ),
        (
            Some("PIN"),
            "server db: expected \"PING\\r\\n\" (line 4), the plugin sent \"PIN\" and closed the \
             connection",
        ),
        (
            Some(""),
            "server db: the plugin closed the connection before it sent \"PING\\r\\n\" (line 4)",
        ),
        (
            Some("PING\r\nx\ny"),
            "server db: the plugin sent more than the dialogue has: \"y\"",
        ),
        (None, "server db: the plugin did not connect (line 2)"),
    ] {
        let player = player(PING).await;
        player.begin_call();
        if let Some(said) = said {
            let mut stream = TcpStream::connect(address(&player, "db")).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // Read to the end, so that the server's answers do not meet a closed socket.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        assert_eq!(player.end_call().await, [complaint]);
    }
}

#[tokio::test]
async fn connections_can_have_dialogues_of_their_own() {
    let player = player(
        "[[tcp.db.exchange]]\nconnection = 1\nsend = \"one\"\n\
         [[tcp.db.exchange]]\nconnection = 2\nsend = \"two\"\nclose = true\n",
    )
    .await;
    for _ in 0..2 {
        player.begin_call();
        for expected in ["one", "two"] {
            let mut stream = TcpStream::connect(address(&player, "db")).await.unwrap();
            assert_eq!(say(&mut stream, "", 3).await, expected);
        }
        assert!(player.end_call().await.is_empty());
    }
    player.begin_call();
    let mut stream = TcpStream::connect(address(&player, "db")).await.unwrap();
    say(&mut stream, "", 3).await;
    drop(stream);
    assert_eq!(
        player.end_call().await,
        ["server db: the plugin connected 1 times, the dialogue has connection 2"]
    );
    player.begin_call();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address(&player, "db")).await.unwrap();
        let _ = stream.read(&mut [0; 3]).await;
    }
    assert_eq!(
        player.end_call().await,
        ["server db: connection 3 is not in the dialogue"]
    );
}

#[tokio::test]
async fn datagrams_are_answered_in_any_order() {
    let player = player(
        "[[udp.dns.exchange]]\nreceive = \"a\"\nsend = \"1\"\n\
         [[udp.dns.exchange]]\nreceive = { hex = \"00\" }\nsend = \"2\"\n\
         [[udp.dns.exchange]]\nreceive = \"quiet\"\n",
    )
    .await;
    player.begin_call();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address(&player, "dns")).await.unwrap();
    for (said, answer) in [(&b"\0"[..], b"2"), (b"a", b"1"), (b"a", b"1")] {
        socket.send(said).await.unwrap();
        let mut buffer = [0; 9];
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], answer);
    }
    socket.send(b"other").await.unwrap();
    assert_eq!(
        player.end_call().await,
        [
            "server dns: no exchange has the datagram \"other\"",
            "server dns: the plugin did not send \"quiet\" (line 7)"
        ]
    );
}

async fn request(player: &Player, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address(player, "api")).await.unwrap();
    let length = body.len();
    let text =
        format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn requests_get_the_first_exchange_that_fits_and_is_not_used_up() {
    let player = player(
        r#"
[[http.api.exchange]]
request = "GET /a?x=1&y=2"
response = "first"
[[http.api.exchange]]
request = "GET /a?y=2&x=1"
status = 503
response_headers = { retry-after = "5" }
response = "second ${server.api}"
[[http.api.exchange]]
request = "POST /b"
headers = { X-Key = "k" }
body = '{"a": [1, 2]}'
response = { hex = "6f 6b" }
"#,
    )
    .await;
    player.begin_call();
    assert!(
        request(&player, "GET /a?y=2&x=1 HTTP/1.1", "")
            .await
            .ends_with("\r\n\r\nfirst")
    );
    for _ in 0..2 {
        let second = request(&player, "GET /a?x=1&y=2 HTTP/1.1", "").await;
        assert!(second.starts_with("HTTP/1.1 503"), "{second}");
        assert!(second.contains("retry-after: 5"), "{second}");
        let body = format!("second {}", address(&player, "api"));
        assert!(second.ends_with(&body), "{second}");
    }
    let post = "POST /b HTTP/1.1\r\nx-key: k";
    assert!(
        request(&player, post, "{\"a\":[1,2]}")
            .await
            .ends_with("ok")
    );
    assert!(player.end_call().await.is_empty());

    player.begin_call();
    let refused = request(&player, "POST /b HTTP/1.1\r\nx-key: other", "").await;
    assert!(refused.starts_with("HTTP/1.1 501"), "{refused}");
    request(&player, "DELETE /c HTTP/1.1", "").await;
    request(&player, post, "{}").await;
    let complaints = player.end_call().await;
    assert_eq!(
        complaints[..3],
        [
            "server api: no exchange fits `POST /b`; line 10: expected the header X-Key: k",
            "server api: no exchange fits `DELETE /c`",
            "server api: no exchange fits `POST /b`; line 10: expected the body \
             \"{\\\"a\\\": [1, 2]}\", was \"{}\"",
        ]
    );
    assert_eq!(
        complaints[3..],
        [
            "server api: the plugin did not ask for `GET /a` (line 2)",
            "server api: the plugin did not ask for `GET /a` (line 5)",
            "server api: the plugin did not ask for `POST /b` (line 10)",
        ]
    );
}

#[tokio::test]
async fn files_lie_where_the_placeholder_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("proc/net")).unwrap();
    fs::write(folder.path().join("proc/net/dev"), "lo").unwrap();
    std::os::unix::fs::symlink("net", folder.path().join("proc/self")).unwrap();
    let text = "[files]\n\"etc/where\" = \"${files}\"\n\"/proc\" = { folder = \"proc\" }\n\
                [expect]\nsamples = \"\"\n";
    let fixture = Fixture::parse(&folder.path().join("x.toml"), text).unwrap();
    let player = Player::start(&fixture).await.unwrap();
    let files = player.files().to_owned();
    let read = |path: &str| fs::read_to_string(files.join(path)).unwrap();
    assert_eq!(read("etc/where"), files.display().to_string());
    assert_eq!(read("proc/self/dev"), "lo");
    drop(player);
    assert!(!files.exists());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_fault_of_the_fixture() {
    let text = "[[tcp.db.exchange]]\nsend = { file = \"none\" }\n[expect]\nsamples = \"\"\n";
    let fixture = Fixture::parse(Path::new("x.toml"), text).unwrap();
    let error = Player::start(&fixture).await.unwrap_err().to_string();
    assert!(error.starts_with("x.toml: none: No such file"), "{error}");
}
