use std::sync::Arc;

use narthex_model::Labels;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::alert::Alert;
use crate::config::Config;
use crate::matchers::MatcherMode;
use crate::notification::NotifiedAlert;

fn alert(name: &str, is_firing: bool) -> NotifiedAlert {
    NotifiedAlert {
        is_firing,
        alert: Arc::new(Alert {
            labels: Labels::from_pairs([("alertname", name), ("job", "j")]),
            annotations: BTreeMap::from([
                ("empty".to_owned(), String::new()),
                ("summary".to_owned(), name.to_owned()),
            ]),
            starts_at_ms: 1_433_337_718_555,
            ends_at_ms: 1_433_337_720_000,
            updated_at_ms: 0,
            is_timeout: false,
            generator_url: "http://g/graph?a=1&b=<2>".to_owned(),
        }),
    }
}

fn notification(alerts: Vec<NotifiedAlert>) -> Notification {
    Notification {
        group_key: "{}:{job=\"j\"}".to_owned(),
        receiver: "team.x".to_owned(),
        group_labels: Labels::from_pairs([("job", "j")]),
        alerts,
        external_url: "http://narthex".to_owned(),
    }
}

fn webhook(fields: &str) -> Webhook {
    let config = format!(
        "{{receivers: [{{name: r, webhook_configs: [{{{fields}}}]}}], route: {{receiver: r}}}}"
    );
    let config: Config = serde_yaml::from_str(&config).unwrap();
    let integrations = config.integrations(MatcherMode::default()).unwrap();
    Webhook::new(&integrations[0].1).unwrap()
}

#[test]
fn the_message_is_alertmanagers_version_4() {
    let told = notification(vec![alert("a", true), alert("b", false), alert("c", false)]);
    let message = serde_json::to_value(Message::new(&told, 2)).unwrap();
    let of = |name: &str, status: &str, ends: &str, fingerprint: &str| {
        serde_json::json!({
            "status": status,
            "labels": {"alertname": name, "job": "j"},
            "annotations": {"empty": "", "summary": name},
            "startsAt": "2015-06-03T13:21:58.555Z",
            "endsAt": ends,
            "generatorURL": "http://g/graph?a=1&b=<2>",
            "fingerprint": fingerprint,
        })
    };
    let fingerprint = |at: usize| told.alerts[at].fingerprint().to_string();
    let expected = serde_json::json!({
        "receiver": "team\\.x",
        "status": "firing",
        "alerts": [
            of("a", "firing", "0001-01-01T00:00:00Z", &fingerprint(0)),
            of("b", "resolved", "2015-06-03T13:22:00Z", &fingerprint(1)),
        ],
        "groupLabels": {"job": "j"},
        "commonLabels": {"job": "j"},
        "commonAnnotations": {"empty": ""},
        "externalURL": "http://narthex",
        "version": "4",
        "groupKey": "{}:{job=\"j\"}",
        "truncatedAlerts": 1,
    });
    assert_eq!(message, expected);
    let over = notification(vec![alert("b", false)]);
    let message = Message::new(&over, 0);
    assert_eq!((message.status, message.truncated_alerts), ("resolved", 0));
}

/// Answers one request, and gives what was asked.
async fn server(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).await.unwrap();
            request.extend_from_slice(&piece[..read]);
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nno");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, serving)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn answers_decide_whether_it_is_tried_again() {
    let told = notification(vec![alert("a", true)]);
    for (status, expected) in [
        ("200 OK", None),
        ("202 Accepted", None),
        ("400 Bad Request", Some((false, FailureReason::ClientError))),
        ("404 Not Found", Some((false, FailureReason::ClientError))),
        (
            "500 Internal Server Error",
            Some((true, FailureReason::ServerError)),
        ),
        (
            "503 Service Unavailable",
            Some((true, FailureReason::ServerError)),
        ),
    ] {
        let (url, serving) = server(status).await;
        let sent = webhook(&format!("url: '{url}'"))
            .notify(&told, soon())
            .await;
        let request = serving.await.unwrap();
        assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("content-type: application/json\r\n"));
        let found = sent.as_ref().err();
        assert_eq!(
            found.map(|e| (e.is_temporary, e.reason)),
            expected,
            "{status}"
        );
        if let Err(error) = sent {
            let code = &status[..3];
            assert_eq!(error.message, format!("unexpected status code {code}: no"));
        }
    }
}

#[tokio::test]
async fn who_cannot_be_reached_is_tried_again_and_the_url_is_not_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/SECRET", listener.local_addr().unwrap());
    let told = notification(vec![alert("a", true)]);
    // It listens and says nothing.
    let hook = webhook(&format!("url: '{url}', timeout: 10ms"));
    let error = hook.notify(&told, soon()).await.unwrap_err();
    let expected = (true, FailureReason::ContextDeadlineExceeded);
    assert_eq!((error.is_temporary, error.reason), expected);
    drop(listener);
    let error = hook.notify(&told, soon()).await.unwrap_err();
    assert!(
        error.is_temporary && !error.message.contains("SECRET"),
        "{error}"
    );
    assert!(!format!("{hook:?}").contains("SECRET"));
}

#[tokio::test]
async fn a_url_in_a_file_is_read_for_each_notification() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    let hook = webhook(&format!("url_file: '{}'", file.display()));
    let told = notification(vec![alert("a", true)]);
    let error = hook.notify(&told, soon()).await.unwrap_err();
    assert!(!error.is_temporary, "{error}");
    let (url, serving) = server("200 OK").await;
    std::fs::write(&file, format!("{url}\n")).unwrap();
    hook.notify(&told, soon()).await.unwrap();
    serving.await.unwrap();
}
