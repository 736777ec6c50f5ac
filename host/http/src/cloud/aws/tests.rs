use super::*;
use crate::cloud::tests::{NOW_MS, environment};

fn config(region: &str, access_key: &str, secret_key: &str) -> SigV4Config {
    SigV4Config {
        region: region.to_owned(),
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        ..SigV4Config::default()
    }
}

#[test]
fn what_does_not_fit_together_is_named() {
    for (config, fault) in [
        (config("", "", ""), None),
        (config("", "a", "b"), None),
        (config("", "a", ""), Some("must provide a AWS SigV4")),
        (config("", "", "b"), Some("must provide a AWS SigV4")),
        (
            SigV4Config {
                external_id: "x".to_owned(),
                ..SigV4Config::default()
            },
            Some("external_id can only be used with role_arn"),
        ),
    ] {
        let faults = config.faults();
        assert_eq!(faults.len(), usize::from(fault.is_some()), "{faults:?}");
        assert!(faults.iter().all(|found| found.starts_with(fault.unwrap())));
    }
    let shown = serde_json::to_string(&config("r", "a", "hunter2")).unwrap();
    assert_eq!(
        shown,
        r#"{"region":"r","access_key":"a","secret_key":"<secret>"}"#
    );
}

#[test]
fn the_region_is_said_by_the_first_who_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, "[default]\nregion = d\n[profile p]\nregion = p\n").unwrap();
    let file = ("AWS_CONFIG_FILE", file.to_str().unwrap());
    let nowhere = ("AWS_CONFIG_FILE", "/nowhere");
    let (first, second) = (("AWS_REGION", "v"), ("AWS_DEFAULT_REGION", "w"));
    let profile = ("AWS_PROFILE", "p");
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Variables, Option<&str>); 6] = [
        ("r", &[first, second, file], Some("r")),
        ("", &[first, second, file], Some("v")),
        ("", &[second, file], Some("w")),
        ("", &[file], Some("d")),
        ("", &[file, profile], Some("p")),
        ("", &[nowhere], None),
    ];
    for (given, variables, expected) in cases {
        let found = region(&config(given, "", ""), &environment(variables));
        assert_eq!(found.as_deref().ok(), expected, "{variables:?}");
        if let Err(error) = found {
            let text = "region not configured in sigv4 or in default credentials chain";
            assert_eq!(error.to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_request_gets_its_date_and_its_signature() {
    let config = SigV4Config {
        service_name: "service".to_owned(),
        ..config(
            "us-east-1",
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        )
    };
    let signer = AwsSigner::new(&config, environment(&[])).unwrap();
    let url = Url::parse("https://example.amazonaws.com/").unwrap();
    let own = HeaderMap::new();
    let headers = signer.headers(&Method::GET, &url, &own, b"").await;
    let headers = headers.unwrap();
    assert_eq!(NOW_MS, 1_440_938_160_000);
    assert_eq!(headers["x-amz-date"], "20150830T123600Z");
    let authorization = headers["authorization"].to_str().unwrap();
    let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    assert!(authorization.ends_with(signature), "{authorization}");
    assert_eq!(headers.len(), 2);
}
