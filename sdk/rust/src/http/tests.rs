use super::*;
use crate::fake::Host;
use crate::secrets;

#[test]
fn secrets_are_put_in_by_the_host() {
    Host::new()
        .secret("token", "t0k")
        .response("http://api/x", 200, "{\"answer\": 42}")
        .install();
    let token = secrets::get("token").unwrap();
    let request = get("http://api/x")
        .bearer(&token)
        .basic("me", &token)
        .secret_header("X-Key", &token)
        .header("Accept", "application/json")
        .tls(Some("internal"));
    let response = send(&request).unwrap();
    let answer: std::collections::BTreeMap<String, u32> = response.json().unwrap();
    assert_eq!(answer["answer"], 42);
    let sent = Host::requests();
    assert_eq!(sent[0].method, "GET");
    assert_eq!(sent[0].tls.as_deref(), Some("internal"));
    let headers: Vec<String> = sent[0]
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let expected = [
        "Authorization: Bearer t0k",
        "Authorization: Basic me:t0k",
        "X-Key: t0k",
        "Accept: application/json",
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_body_travels() {
    Host::new().response("http://api/x", 204, "").install();
    send(&post("http://api/x", "application/json", b"{}".as_slice())).unwrap();
    let sent = Host::requests();
    assert_eq!(sent[0].method, "POST");
    assert_eq!(sent[0].body.as_deref(), Some(b"{}".as_slice()));
}

#[test]
fn a_status_becomes_an_error_that_says_what_was_asked() {
    let of = |status| {
        let response = Response {
            status,
            headers: vec![("Retry-After".to_owned(), "3".to_owned())],
            body: b"go away\n".to_vec(),
        };
        assert_eq!(response.header("retry-after"), Some("3"));
        response.success("GET /x")
    };
    assert!(of(204).is_ok());
    assert!(
        matches!(of(503), Err(Error::Unavailable(text)) if text == "GET /x: status 503: go away")
    );
    assert!(matches!(of(429), Err(Error::Unavailable(_))));
    assert!(matches!(of(302), Err(Error::Protocol(_))));
    assert!(matches!(of(404), Err(Error::Protocol(_))));
}

#[test]
fn a_response_that_stays_with_the_host_is_handed_over_by_its_handle() {
    Host::new()
        .response("http://api/metrics", 200, "a 1\n")
        .install();
    let stored = fetch(&get("http://api/metrics")).unwrap();
    let stored = stored.success("GET /metrics").unwrap();
    assert_eq!(stored.length, 4);
    match payload(&stored) {
        Payload::Response(handle) => assert_eq!(Host::stored(handle).unwrap(), b"a 1\n"),
        other => panic!("{other:?}"),
    }
}
