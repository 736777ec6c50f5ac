//! Against servers in the place of Google's own.

use ring::signature::RSA_PKCS1_2048_8192_SHA256;

use super::*;
use crate::cloud::tests::{Server, environment, form, header};
use crate::jwt::tests::{make_key, verified};

const TOKEN: &str = r#"{"access_token": "ya29", "expires_in": 3599, "token_type": "Bearer"}"#;

async fn headers(file: &str, variables: &[(&str, &str)]) -> Result<HeaderMap, String> {
    let config = GoogleIamConfig {
        credentials_file: file.to_owned(),
    };
    let tokens = GoogleTokens::new(&config, environment(variables));
    tokens.headers().await
}

async fn token(file: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let headers = headers(file, variables).await?;
    let token = headers["authorization"].to_str().unwrap();
    Ok(token.strip_prefix("Bearer ").unwrap().to_owned())
}

#[tokio::test]
async fn a_service_account_signs_what_it_asks_for() {
    let server = Server::start(&[("POST /token ", "200 OK", TOKEN)]).await;
    let folder = tempfile::tempdir().unwrap();
    make_key(folder.path());
    let key = folder.path().join("key.pem");
    let account = json!({
        "type": "service_account",
        "client_email": "narthex@p.iam.gserviceaccount.com",
        "private_key": std::fs::read_to_string(&key).unwrap(),
        "private_key_id": "k1",
        "token_uri": format!("{}/token", server.url),
        "project_id": "p",
    });
    let file = folder.path().join("account.json");
    std::fs::write(&file, account.to_string()).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(token(file, &[]).await.unwrap(), "ya29");
    // The variable names it as well.
    let variable = [("GOOGLE_APPLICATION_CREDENTIALS", file)];
    assert_eq!(token("", &variable).await.unwrap(), "ya29");
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    let fields = form(&asked[0]);
    assert_eq!(fields["grant_type"], ASSERTION);
    let [head, claims] = verified(&fields["assertion"], &key, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(head, json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let expected = json!({
        "iss": "narthex@p.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": format!("{}/token", server.url),
        "iat": 1_440_938_160,
        "exp": 1_440_941_760,
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn who_logged_in_is_known_by_a_refresh_token() {
    let server = Server::start(&[("POST /token ", "200 OK", TOKEN)]).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(OF_USER);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let user = json!({
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "1//r",
        "quota_project_id": "q",
        "token_uri": format!("{}/token", server.url),
    });
    std::fs::write(&file, user.to_string()).unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    let found = headers("", &variables).await.unwrap();
    assert_eq!(found["authorization"], "Bearer ya29");
    assert_eq!(found["x-goog-user-project"], "q");
    let fields = form(&server.requests()[0]);
    for (name, value) in [
        ("grant_type", "refresh_token"),
        ("client_id", "c"),
        ("client_secret", "s"),
        ("refresh_token", "1//r"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_machine_is_asked_where_there_is_no_file() {
    let path = "GET /computeMetadata/v1/instance/service-accounts/default/token\
                ?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.write ";
    let server = Server::start(&[(path, "200 OK", TOKEN)]).await;
    let home = tempfile::tempdir().unwrap();
    let host = server.url.trim_start_matches("http://");
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("GCE_METADATA_HOST", host),
    ];
    assert_eq!(token("", &variables).await.unwrap(), "ya29");
    let asked = server.requests();
    let flavor = header(&asked[0], "metadata-flavor");
    assert_eq!(flavor.as_deref(), Some("Google"));
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    for (text, part) in [
        ("hunter2", "has no credentials in JSON"),
        ("{}", "credentials of type \"\""),
        (
            r#"{"type": "external_account"}"#,
            "credentials of type \"external_account\"; there are service_account and",
        ),
        (
            r#"{"type": "service_account", "private_key": "hunter2"}"#,
            "is no complete service_account",
        ),
        (
            r#"{"type": "service_account", "private_key": "hunter2", "client_email": "a"}"#,
            "the private key is no PEM",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = token(file.to_str().unwrap(), &[]).await.unwrap_err();
        assert!(error.contains(part), "{error}");
        assert!(error.contains("key.json"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
