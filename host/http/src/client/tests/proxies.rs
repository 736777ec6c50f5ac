//! Proxies: a real one, which forwards plain requests and opens tunnels.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::*;

/// A proxy, and the heads of the requests that it got.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// One that opens every tunnel.
    async fn start() -> Self {
        Self::answering("200 Connection established").await
    }

    /// One that gives this answer to who wants a tunnel.
    async fn answering(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, status, Arc::clone(&log)));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, status: &str, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    log.lock().unwrap().push(head.clone());
    let target = head
        .strip_prefix("connect ")
        .and_then(|rest| rest.split(' ').next());
    let Some(target) = target else {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
        return;
    };
    let _ = stream
        .write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
        .await;
    if status.starts_with("200")
        && let Ok(mut target) = TcpStream::connect(target).await
    {
        let _ = copy_bidirectional(&mut stream, &mut target).await;
    }
}

fn through(proxy: &str) -> HttpConfig {
    HttpConfig {
        proxy_url: Some(Secret::new(proxy)),
        ..HttpConfig::default()
    }
}

/// Asks for a URL; "" where an answer came.
async fn ask(config: &HttpConfig, url: &str) -> String {
    let client = Client::new(config).unwrap();
    let answer = client.get(url, &HeaderMap::new()).await;
    answer.map_or_else(|error| error.to_string(), |_| String::new())
}

#[tokio::test]
async fn a_plain_request_goes_to_the_proxy_with_its_whole_url() {
    let proxy = Proxy::start().await;
    let config = through(&format!("http://user:canary@{}", proxy.address));
    assert_eq!(ask(&config, "http://target.test:81/metrics?a=b").await, "");
    let head = proxy.heads().remove(0);
    assert!(
        head.starts_with("get http://target.test:81/metrics?a=b http/1.1"),
        "{head}"
    );
    let user = crate::basic_authorization("user", "canary").to_lowercase();
    assert!(
        head.contains(&format!("proxy-authorization: {user}")),
        "{head}"
    );
}

#[tokio::test]
async fn a_request_over_tls_goes_through_a_tunnel() {
    let certificates = certificates("127.0.0.1");
    let target = server(&certificates, false).await;
    let proxy = Proxy::start().await;
    let config = HttpConfig {
        tls_config: Some(TlsConfig {
            ca: certificates.ca.clone(),
            ..TlsConfig::default()
        }),
        proxy_connect_header: BTreeMap::from([(
            "X-Tenant".to_owned(),
            vec![Secret::new("a"), Secret::new("b")],
        )]),
        ..through(&format!("http://{}", proxy.address))
    };
    assert_eq!(ask(&config, &format!("https://{target}/")).await, "");
    let head = proxy.heads().remove(0);
    assert!(
        head.starts_with(&format!("connect {target} http/1.1")),
        "{head}"
    );
    assert!(head.contains("x-tenant: a\r\nx-tenant: b\r\n"), "{head}");
}

#[tokio::test]
async fn some_hosts_are_asked_directly() {
    let proxy = Proxy::start().await;
    let target = Proxy::start().await;
    let url = format!("http://{}/", target.address);
    for (no_proxy, is_direct) in [
        ("", false),
        ("127.0.0.0/8", true),
        ("127.0.0.1", true),
        // With any list, what is on this machine is asked directly.
        ("example.com", true),
    ] {
        let config = HttpConfig {
            no_proxy: no_proxy.to_owned(),
            ..through(&format!("http://{}", proxy.address))
        };
        assert_eq!(ask(&config, &url).await, "");
        let [by_proxy, directly] = [&proxy, &target].map(|held| held.heads().len());
        let expected = if is_direct { (0, 1) } else { (1, 0) };
        assert_eq!((by_proxy, directly), expected, "{no_proxy}");
        for held in [&proxy, &target] {
            held.heads.lock().unwrap().clear();
        }
    }
    let config = HttpConfig {
        no_proxy: ".internal,other.test".to_owned(),
        ..through(&format!("http://{}", proxy.address))
    };
    assert_eq!(ask(&config, "http://target.test/").await, "");
    assert_eq!(proxy.heads().len(), 1);
    let error = ask(&config, "http://nosuch.internal/").await;
    assert!(error.contains("no such host"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_says_so_in_one_line() {
    let proxy = Proxy::answering("407 Proxy Authentication Required").await;
    let config = through(&format!("http://user:canary@{}", proxy.address));
    let refused = ask(&config, "https://target.test/").await;
    assert!(
        refused.starts_with("Get \"https://target.test/\": "),
        "{refused}"
    );
    // The port is taken, so that nobody else gets it, and nobody listens there.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = deaf.local_addr().unwrap();
    let config = through(&format!("http://user:canary@{address}"));
    let gone = ask(&config, "http://target.test/").await;
    let dialled = format!("dial tcp {address}: connect: connection refused");
    assert_eq!(gone, format!("Get \"http://target.test/\": {dialled}"));
    for error in [refused, gone] {
        assert!(
            !error.contains("canary") && !error.contains('\n'),
            "{error}"
        );
    }
}
