//! What an entry of `*_sd_configs` lends the one job that is made of it: the job reaches that, as
//! the entry says, and nothing else; nobody else reaches it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use narthex_discovery::{Discoverer, TargetGroup};
use narthex_http::{BasicAuth, Client, HttpConfig, Secret, install_tls_provider};
use narthex_plugin::{Artifact, GrantList, Lent};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Bench, GENEROUS, components};
use crate::peers::{keep_log, logged};

const HTTP: &str = include_str!("../../../../plugins/discovery/http/plugin.toml");

/// The requests of a server: the head of each.
type Heads = Arc<Mutex<Vec<String>>>;

/// A server with one group, and what it was asked. Asked for `/away`, it sends who asks to another
/// server.
async fn server(away: &str) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, away) = (Heads::default(), away.to_owned());
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let answer = match head.starts_with("GET /away ") {
                true => format!("302 Found\r\nLocation: http://{away}/groups\r\n"),
                false => "200 OK\r\nContent-Type: application/json\r\n".to_owned(),
            };
            let body = r#"[{"targets": ["found:1"]}]"#;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {answer}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            seen.lock().unwrap().push(head);
            // The other side may be gone.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, heads)
}

async fn bench() -> Bench {
    install_tls_provider();
    let built = components(&["narthex-plugin-http"]).remove(0);
    let embedded = vec![Artifact::embedded("http", Vec::leak(built), HTTP)];
    Bench::with(embedded, "{}").await
}

/// A client with the credentials of an entry, for one server.
fn lent(address: &str) -> Lent {
    let config = HttpConfig {
        basic_auth: Some(BasicAuth {
            username: "u".to_owned(),
            password: Secret::new("word"),
            ..BasicAuth::default()
        }),
        ..HttpConfig::default()
    };
    let reach = GrantList {
        http: vec![address.to_owned()],
        ..GrantList::default()
    };
    Lent::default()
        .with_client(Client::new(&config).unwrap())
        .with_reach(move || reach.clone())
}

fn discoverer(bench: &Bench, job: &str, url: &str, lent: Lent) -> Arc<dyn Discoverer> {
    let entry = json!({"url": url});
    let made = bench
        .runtime
        .discoverer("http", job, &entry, GENEROUS * 60, lent);
    made.unwrap()
}

/// What is found first.
async fn first(discoverer: Arc<dyn Discoverer>) -> Vec<TargetGroup> {
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    let groups = receiver.recv().await.unwrap();
    finding.abort();
    groups
}

/// How often a plugin was denied what it asked for.
const DENIED: &str = "narthex_plugin_denied_total{plugin=\"http\",capability=\"http\"}";

/// Looks for targets until the plugin is denied it once more. Nothing is found before.
async fn look_in_vain(bench: &Bench, discoverer: Arc<dyn Discoverer>) {
    let before = bench.metric(DENIED);
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    let told = async {
        while bench.metric(DENIED) <= before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let told = tokio::time::timeout(GENEROUS, told).await;
    assert!(told.is_ok(), "nothing was denied:\n{}", bench.metrics());
    finding.abort();
    // Who was aborted has dropped its sender.
    let _ = finding.await;
    assert!(receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_discoverer_reaches_what_its_entry_lends_with_the_entrys_credentials() {
    let (address, heads) = server("").await;
    let bench = bench().await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let told = sent.clone();
    let lent = lent(&address).with_observer(move |request| {
        let said = (request.url.to_owned(), request.is_failure);
        told.lock().unwrap().push(said);
    });
    let url = format!("http://{address}/groups");
    let groups = first(discoverer(&bench, "a/http/0", &url, lent)).await;
    assert_eq!(groups[0].targets[0]["__address__"], "found:1");
    let heads = heads.lock().unwrap();
    // u:word
    let authorization = "authorization: Basic dTp3b3Jk";
    let has_it = |line: &str| line.eq_ignore_ascii_case(authorization);
    assert!(heads[0].lines().any(has_it), "{}", heads[0]);
    assert_eq!(*sent.lock().unwrap(), [(url, false)]);
}

#[tokio::test]
async fn a_discoverer_reaches_nothing_else() {
    let (own, _) = server("").await;
    let (other, heads) = server("").await;
    let bench = bench().await;
    let url = format!("http://{other}/groups");
    // The entry lends another server than the job asks for; another port is another server.
    let curious = discoverer(&bench, "a/http/0", &url, lent(&own));
    look_in_vain(&bench, curious).await;
    // What is lent to one job is no other's, though it is the same plugin's.
    let lender = discoverer(&bench, "b/http/0", &url, lent(&other));
    assert_eq!(first(lender).await.len(), 1);
    let asked = heads.lock().unwrap().len();
    let poor = discoverer(&bench, "c/http/0", &url, Lent::default());
    look_in_vain(&bench, poor).await;
    assert_eq!(heads.lock().unwrap().len(), asked);
}

#[tokio::test]
async fn what_is_lent_may_change_and_is_asked_for_before_each_look() {
    let (address, _) = server("").await;
    let bench = bench().await;
    let reach = Arc::new(Mutex::new(GrantList::default()));
    let held = reach.clone();
    let lent = lent(&address).with_reach(move || held.lock().unwrap().clone());
    let entry = json!({"url": format!("http://{address}/groups")});
    let interval = Duration::from_millis(1);
    let made = bench
        .runtime
        .discoverer("http", "a/http/0", &entry, interval, lent);
    let discoverer = made.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    let denied = async {
        while bench.metric(DENIED) == 0.0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GENEROUS, denied).await.unwrap();
    reach.lock().unwrap().http.push(address);
    let groups = tokio::time::timeout(GENEROUS, receiver.recv()).await;
    assert_eq!(groups.unwrap().unwrap().len(), 1);
    finding.abort();
}

#[tokio::test]
async fn credentials_of_an_entry_stay_with_its_server() {
    let (other, others) = server("").await;
    // Another host is one of another name.
    let (own, _) = server(&other.replace("127.0.0.1", "localhost")).await;
    let bench = bench().await;
    let url = format!("http://{own}/away");
    // Redirects are the client's to follow, as for Prometheus; the credentials do not go along.
    let groups = first(discoverer(&bench, "a/http/0", &url, lent(&own))).await;
    assert_eq!(groups.len(), 1);
    let heads = others.lock().unwrap();
    let head = heads[0].to_ascii_lowercase();
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn where_secrets_are_lent_no_url_is_told() {
    keep_log();
    let bench = bench().await;
    // Nobody listens at port 1.
    let url = "http://127.0.0.1:1/hooks/zjk29";
    let lent = lent("127.0.0.1:1").with_secrets(BTreeMap::new());
    let discoverer = discoverer(&bench, "a/http/0", url, lent);
    let (sender, _receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    let told = async {
        while !logged().contains("<redacted>") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let told = tokio::time::timeout(GENEROUS, told).await;
    finding.abort();
    assert!(told.is_ok(), "{}", logged());
    assert!(!logged().contains("zjk29"), "{}", logged());
}
