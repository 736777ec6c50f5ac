//! Against servers in the place of Azure's own.

use ring::signature::RSA_PSS_2048_8192_SHA256;
use serde_json::json;

use super::*;
use crate::cloud::tests::{Server, environment, form, header};
use crate::jwt::tests::{make_key, verified};

const ID: &str = "00000000-1111-2222-3333-444444444444";
const TENANT: &str = "contoso.example";
const TOKEN: &str = r#"{"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ0"}"#;

fn oauth() -> AzureAdConfig {
    AzureAdConfig {
        oauth: Some(AzureOAuth {
            client_id: ID.to_owned(),
            client_secret: Secret::new("h&sh"),
            tenant_id: TENANT.to_owned(),
        }),
        ..AzureAdConfig::default()
    }
}

async fn token(config: &AzureAdConfig, variables: &[(&str, &str)]) -> Result<String, String> {
    let tokens = AzureTokens::new(config, environment(variables));
    let token = tokens.token().await;
    token.map(|token| token.expose().to_owned())
}

#[test]
fn what_does_not_fit_together_is_named() {
    for (text, expected) in [
        (json!({"managed_identity": {}}), ""),
        (json!({"managed_identity": {"client_id": ID}}), ""),
        (
            json!({"sdk": {}, "scope": "https://a.example//.default"}),
            "",
        ),
        (
            json!({"certificate": {"client_id": ID, "tenant_id": TENANT, "certificate_path": "c",
                "certificate_key_path": "k", "send_certificate_chain": true}}),
            "",
        ),
        (
            json!({"certificate": {"client_id": ID, "tenant_id": TENANT}}),
            "must provide an Azure Certificate certificate_path",
        ),
        (
            json!({"certificate": {"client_id": ID, "tenant_id": TENANT, "certificate_path": "c.pfx",
                "certificate_password": "p"}}),
            "certificate_password: certificates in PKCS#12 are not supported",
        ),
        (json!({}), "must provide an Azure Managed Identity"),
        (
            json!({"sdk": {}, "managed_identity": {}}),
            "cannot provide multiple authentication methods",
        ),
        (
            json!({"managed_identity": {"client_id": "me"}}),
            "the provided Azure Managed Identity client_id is invalid",
        ),
        (
            json!({"workload_identity": {"client_id": ID}}),
            "must provide an Azure Workload Identity tenant_id",
        ),
        (
            json!({"oauth": {"client_id": ID, "tenant_id": TENANT}}),
            "must provide an Azure OAuth client_secret",
        ),
        (
            json!({"oauth": {"client_id": ID, "tenant_id": "../x", "client_secret": "s"}}),
            "the provided Azure OAuth tenant_id is invalid",
        ),
        (
            json!({"sdk": {}, "scope": "a?b"}),
            "the provided scope contains invalid characters",
        ),
    ] {
        let config: AzureAdConfig = serde_json::from_value(text.clone()).unwrap();
        let faults = config.faults();
        assert_eq!(faults.is_empty(), expected.is_empty(), "{text}: {faults:?}");
        let is_expected = |fault: &String| fault.starts_with(expected);
        assert!(faults.iter().all(is_expected), "{text}: {faults:?}");
    }
    let shown = serde_json::to_value(oauth()).unwrap();
    assert_eq!(shown["oauth"]["client_secret"], "<secret>");
    assert_eq!(shown["cloud"], "AzurePublic");
    let unknown = json!({"sdk": {}, "cloud": "AzureMoon"});
    assert!(serde_json::from_value::<AzureAdConfig>(unknown).is_err());
}

#[tokio::test]
async fn an_application_shows_its_secret() {
    let server = Server::start(&[("POST /", "200 OK", TOKEN)]).await;
    let variables = [("AZURE_AUTHORITY_HOST", server.url.as_str())];
    let tokens = AzureTokens::new(&oauth(), environment(&variables));
    // It is good for an hour, and asked for once.
    for _ in 0..2 {
        assert_eq!(tokens.token().await.unwrap().expose(), "eyJ0");
    }
    let asked = server.requests();
    assert_eq!(asked.len(), 1);
    let path = "POST /contoso.example/oauth2/v2.0/token HTTP/1.1\r\n";
    assert!(asked[0].starts_with(path), "{}", asked[0]);
    let fields = form(&asked[0]);
    for (name, value) in [
        ("grant_type", "client_credentials"),
        ("client_id", ID),
        ("client_secret", "h&sh"),
        ("scope", "https://monitor.azure.com//.default"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_token_that_ends_is_fetched_anew() {
    let ended = r#"{"expires_in": "1", "access_token": "eyJ0"}"#;
    let server = Server::start(&[("POST /", "200 OK", ended)]).await;
    let variables = [("AZURE_AUTHORITY_HOST", server.url.as_str())];
    let tokens = AzureTokens::new(&oauth(), environment(&variables));
    for _ in 0..2 {
        assert_eq!(tokens.token().await.unwrap().expose(), "eyJ0");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_is_refused_is_said_without_the_secret() {
    let refusal = r#"{"error": "invalid_client", "error_description": "AADSTS7000215: no"}"#;
    let server = Server::start(&[("POST /", "401 Unauthorized", refusal)]).await;
    let variables = [("AZURE_AUTHORITY_HOST", server.url.as_str())];
    let error = token(&oauth(), &variables).await.unwrap_err();
    assert_eq!(
        error,
        "azuread: cannot fetch a token: \"invalid_client\" \"AADSTS7000215: no\""
    );
    let busy = Server::start(&[("POST /", "503 Service Unavailable", "later")]).await;
    let variables = [("AZURE_AUTHORITY_HOST", busy.url.as_str())];
    let error = token(&oauth(), &variables).await.unwrap_err();
    assert!(error.ends_with("503 Service Unavailable: later"), "{error}");
}

#[tokio::test]
async fn a_cluster_vouches_for_its_service_accounts() {
    let server = Server::start(&[("POST /", "200 OK", TOKEN)]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "eyJ.a.b\n").unwrap();
    let file = file.to_str().unwrap();
    let config = AzureAdConfig {
        workload_identity: Some(AzureWorkloadIdentity {
            client_id: ID.to_owned(),
            tenant_id: ID.to_owned(),
            token_file_path: file.to_owned(),
        }),
        scope: "https://a.example/.default".to_owned(),
        ..AzureAdConfig::default()
    };
    let authority = ("AZURE_AUTHORITY_HOST", server.url.as_str());
    assert_eq!(token(&config, &[authority]).await.unwrap(), "eyJ0");
    // What the webhook tells Azure's own programs is enough for `sdk`.
    let of_webhook = [
        authority,
        ("AZURE_TENANT_ID", ID),
        ("AZURE_CLIENT_ID", ID),
        ("AZURE_FEDERATED_TOKEN_FILE", file),
    ];
    let sdk = AzureAdConfig {
        sdk: Some(AzureSdk::default()),
        scope: config.scope.clone(),
        ..AzureAdConfig::default()
    };
    assert_eq!(token(&sdk, &of_webhook).await.unwrap(), "eyJ0");
    // It says as well where the token is, for who does not.
    let mut unsaid = config.clone();
    let workload = unsaid.workload_identity.as_mut().unwrap();
    workload.token_file_path.clear();
    assert_eq!(token(&unsaid, &of_webhook).await.unwrap(), "eyJ0");
    let asked = server.requests();
    for request in &asked {
        let fields = form(request);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(fields["client_assertion_type"], kind);
        assert_eq!(fields["client_assertion"], "eyJ.a.b");
        assert_eq!(fields["scope"], "https://a.example/.default");
    }
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn an_application_signs_with_its_certificate() {
    let server = Server::start(&[("POST /", "200 OK", TOKEN)]).await;
    let folder = tempfile::tempdir().unwrap();
    make_key(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let with = |certificate: &str, key: &str, is_shown: bool| AzureAdConfig {
        certificate: Some(AzureCertificate {
            client_id: ID.to_owned(),
            tenant_id: TENANT.to_owned(),
            certificate_path: path(certificate),
            certificate_key_path: key.to_owned(),
            send_certificate_chain: is_shown,
            ..AzureCertificate::default()
        }),
        ..AzureAdConfig::default()
    };
    let config = with("cert.pem", &path("key.pem"), false);
    let variables = [("AZURE_AUTHORITY_HOST", server.url.as_str())];
    assert_eq!(token(&config, &variables).await.unwrap(), "eyJ0");
    let assertion = form(&server.requests()[0])["client_assertion"].clone();
    let key = folder.path().join("key.pem");
    let [head, claims] = verified(&assertion, &key, &RSA_PSS_2048_8192_SHA256);
    assert_eq!(head["alg"], "PS256");
    // 32 bytes, in Base64.
    assert_eq!(head["x5t#S256"].as_str().unwrap().len(), 43);
    let audience = format!("{}/{TENANT}/oauth2/v2.0/token", server.url);
    assert_eq!(claims["aud"], audience);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(ID), &json!(ID)));
    assert_eq!(claims["exp"], 1_440_938_160 + 600);
    assert_eq!(head.get("x5c"), None);
    // One file may have both, and the certificate may be shown.
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let both = format!("{}{}", read("key.pem"), read("cert.pem"));
    std::fs::write(folder.path().join("both.pem"), both).unwrap();
    let shown = with("both.pem", "", true);
    assert_eq!(token(&shown, &variables).await.unwrap(), "eyJ0");
    let assertion = form(&server.requests()[1])["client_assertion"].clone();
    let [shown, _] = verified(&assertion, &key, &RSA_PSS_2048_8192_SHA256);
    assert_eq!(shown["x5t#S256"], head["x5t#S256"]);
    let chain = shown["x5c"].as_array().unwrap();
    assert_eq!(chain.len(), 1);
    assert!(chain[0].as_str().unwrap().starts_with("MII"), "{chain:?}");
    std::fs::write(folder.path().join("key.pem"), "nonsense").unwrap();
    let error = token(&config, &variables).await.unwrap_err();
    assert!(error.contains("the private key is no PEM"), "{error}");
}

#[tokio::test]
async fn a_machine_has_an_identity() {
    let server = Server::start(&[("GET /", "200 OK", TOKEN)]).await;
    let config = |client_id: &str| AzureAdConfig {
        managed_identity: Some(AzureManagedIdentity {
            client_id: client_id.to_owned(),
        }),
        cloud: AzureCloud::AzureGovernment,
        ..AzureAdConfig::default()
    };
    let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url.as_str());
    assert_eq!(token(&config(ID), &[machine]).await.unwrap(), "eyJ0");
    let url = format!("{}/msi/token", server.url);
    let service = ("IDENTITY_ENDPOINT", url.as_str());
    let with_header = [service, ("IDENTITY_HEADER", "hush")];
    assert_eq!(token(&config(""), &with_header).await.unwrap(), "eyJ0");
    let asked = server.requests();
    let line = |at: usize| asked[at].split("\r\n").next().unwrap();
    assert_eq!(
        line(0),
        "GET /metadata/identity/oauth2/token?resource=https%3A%2F%2Fmonitor.azure.us%2F&\
         client_id=00000000-1111-2222-3333-444444444444&api-version=2018-02-01 HTTP/1.1"
    );
    assert_eq!(header(&asked[0], "metadata").as_deref(), Some("true"));
    assert_eq!(
        line(1),
        "GET /msi/token?resource=https%3A%2F%2Fmonitor.azure.us%2F&api-version=2019-08-01 \
         HTTP/1.1"
    );
    let proof = header(&asked[1], "x-identity-header");
    assert_eq!(proof.as_deref(), Some("hush"));
    let error = token(&config(""), &[service]).await.unwrap_err();
    assert!(error.contains("Azure Arc are not supported"), "{error}");
}
