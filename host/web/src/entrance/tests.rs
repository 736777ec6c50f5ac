use std::sync::atomic::AtomicUsize;

use serde_json::json;

use super::*;

/// The hash of "open sesame".
const HASH: &str = "$2y$04$Tq0nQ8mZk1vWcY5xUjR3fOujdDf23le8ZZRk4alA.edIrE/ij6im2";

#[tokio::test]
async fn a_section_of_access_that_did_not_change_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.json");
    let section = |user: &str| {
        json!({"trusted_proxies": {"networks": ["10.0.0.0/8"]},
               "roles": {"read": {"users": [user]}}})
    };
    let first = json!({"narthex_access": section("ada")});
    std::fs::write(&file, first.to_string()).unwrap();
    let read = |text: &str, _: &str| -> Result<WebConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let entrance = Entrance::load(&file, read, move |config, has_users| {
        count.fetch_add(1, Ordering::Relaxed);
        match config.faults(has_users).first() {
            None => Ok(None),
            Some(fault) => Err(fault.clone()),
        }
    });
    let entrance = entrance.unwrap();
    let headers = json!({"headers": {"X-Frame-Options": "deny"}});
    let users = json!({"ada": HASH});
    let table = [
        (first, 1, true),
        // Something else of the file has changed.
        (
            json!({"http_server_config": headers, "narthex_access": section("ada")}),
            1,
            true,
        ),
        (json!({"narthex_access": section("charles")}), 2, true),
        (
            json!({"narthex_access": section("charles"), "basic_auth_users": users}),
            3,
            true,
        ),
        (json!({"narthex_access": {"roles": 1}}), 3, false),
        (json!({"narthex_access": {}}), 4, false),
        // An empty file is one that is being written.
        (json!({}), 4, false),
    ];
    for (config, expected, is_current) in table {
        std::fs::write(&file, config.to_string()).unwrap();
        // What is asked makes the files be looked at.
        entrance.admit("GET", "/", &HeaderMap::new(), None).await;
        assert_eq!(made.load(Ordering::Relaxed), expected, "{config}");
        assert_eq!(entrance.is_current(), is_current, "{config}");
    }
    // So does who asks for nothing but whether they count.
    let sound = json!({"narthex_access": section("charles"), "basic_auth_users": users});
    for (text, is_current) in [(sound.to_string(), true), ("{".to_owned(), false)] {
        std::fs::write(&file, &text).unwrap();
        assert_eq!(entrance.is_current(), is_current, "{text}");
    }
}

#[tokio::test]
async fn a_probe_is_answered_whatever_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.json");
    // None at all is taken.
    let text = json!({"rate_limit": {"interval": "1h", "burst": 0}});
    std::fs::write(&file, text.to_string()).unwrap();
    let read = |text: &str, _: &str| -> Result<WebConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    let entrance = Entrance::load(&file, read, |_, _| Ok(None)).unwrap();
    let (bare, mut guess) = (HeaderMap::new(), HeaderMap::new());
    guess.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    let burst = usize::try_from(PROBES.burst).unwrap();
    for (method, path, headers, taken_min, taken_max) in [
        ("GET", "/-/healthy", &bare, 1000, 1000),
        ("HEAD", "/narthex/-/ready", &bare, 1000, 1000),
        ("POST", "/-/ready", &bare, 0, 0),
        ("GET", "/api/v1/query", &bare, 0, 0),
        // Passwords are not guessed here faster than anywhere else.
        ("GET", "/-/healthy", &guess, burst, 999),
    ] {
        let mut taken = 0;
        for _ in 0..1000 {
            let admitted = entrance.admit(method, path, headers, None).await;
            taken += usize::from(admitted == Admission::Granted);
        }
        let expected = taken_min..=taken_max;
        assert!(expected.contains(&taken), "{method} {path}: {taken}");
    }
}

#[test]
fn a_section_that_cannot_be_followed_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.json");
    std::fs::write(&file, json!({"narthex_access": {}}).to_string()).unwrap();
    let read = |text: &str, _: &str| -> Result<WebConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    };
    let build = |_: &AccessConfig, _: bool| Err("there is no cluster".to_owned());
    let error = Entrance::load(&file, read, build).unwrap_err().to_string();
    assert_eq!(error, "narthex_access: there is no cluster");
}
