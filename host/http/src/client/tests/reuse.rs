//! Connections that are kept, and closed instead of an answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A server that answers so many requests on each connection, and closes it on the next one. Gives
/// its URL, and how many connections it had.
async fn closing_after(answers: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let connections = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                for _ in 0..answers {
                    let _ = stream.read(&mut head).await;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                }
                let _ = stream.read(&mut head).await;
            });
        }
    });
    (url, count)
}

async fn get(client: &Client, url: &str) -> Result<Bytes, String> {
    let answer = client.get(url, &HeaderMap::new()).await;
    let answer = answer.map_err(|error| error.cause)?;
    let body = answer.body(BodyLimit::Bytes(1024)).await;
    body.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_instead_of_an_answer_costs_no_request() {
    let (url, connections) = closing_after(1).await;
    let client = Client::new(&HttpConfig::default()).unwrap();
    for asked in 1..=4 {
        assert_eq!(
            get(&client, &url).await,
            Ok(Bytes::new()),
            "request {asked}"
        );
        assert_eq!(connections.load(Ordering::Relaxed), asked);
    }
}

#[tokio::test]
async fn a_new_connection_that_is_closed_instead_of_an_answer_is_a_failure() {
    let (url, connections) = closing_after(0).await;
    let client = Client::new(&HttpConfig::default()).unwrap();
    for asked in 1..=3 {
        assert_eq!(get(&client, &url).await, Err("EOF".to_owned()));
        assert_eq!(connections.load(Ordering::Relaxed), asked);
    }
}
