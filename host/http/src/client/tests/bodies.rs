//! Requests with a body, and where they are redirected to.

use std::sync::Mutex;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;

/// A server that sends who asks for `/` elsewhere, and keeps what it was sent.
async fn moving() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).await.unwrap();
            }
            let first = head.lines().next().unwrap().to_owned();
            let mut body = [0; 4];
            stream.read_exact(&mut body).await.unwrap();
            let answer = match first.contains(" / ") {
                true => "308 Moved\r\nLocation: /there",
                false => "204 Done",
            };
            let body = String::from_utf8_lossy(&body);
            kept.lock().unwrap().push(format!("{first} {body}"));
            let answer =
                format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, sent)
}

#[tokio::test]
async fn a_redirect_takes_method_and_body_along() {
    let (url, sent) = moving().await;
    let client = Client::new(&HttpConfig::default()).unwrap();
    let (headers, body) = (HeaderMap::new(), || Bytes::from_static(b"body"));
    let posted = client.post(&url, &headers, body()).await.unwrap();
    let put = client.put(&url, &headers, body()).await.unwrap();
    assert_eq!(
        (posted.status().as_u16(), put.status().as_u16()),
        (204, 204)
    );
    let expected = ["POST / ", "POST /there ", "PUT / ", "PUT /there "];
    assert_eq!(
        *sent.lock().unwrap(),
        expected.map(|start| format!("{start}HTTP/1.1 body"))
    );
}

#[tokio::test]
async fn a_failure_names_its_method() {
    let client = Client::new(&HttpConfig::default()).unwrap();
    let sent = client.put("http://", &HeaderMap::new(), Bytes::new()).await;
    assert_eq!(sent.unwrap_err().method, "Put");
}
