//! Against servers in the place of AWS' own.

use super::*;
use crate::cloud::tests::{Server, environment, header};

const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>assumed</SecretAccessKey>\
    <SessionToken>a&amp;b</SessionToken><Expiration>2015-08-30T13:36:00Z</Expiration>\
    </Credentials></AssumeRoleResult></AssumeRoleResponse>";

const ON_MACHINE: &str = r#"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIA2",
    "SecretAccessKey": "machine", "Token": "t", "Expiration": "2015-08-30T13:36:00.123Z"}"#;

async fn keys(config: SigV4Config, variables: &[(&str, &str)]) -> Result<Keys, String> {
    let chain = Chain::new(config, "eu-west-1".to_owned(), environment(variables));
    chain.keys().await
}

fn of(access_key: &str, secret_key: &str, session_token: &str) -> Keys {
    Keys {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        session_token: Secret::new(session_token),
    }
}

#[tokio::test]
async fn keys_are_taken_from_the_first_place_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = "[default]\naws_access_key_id = AKIA3\naws_secret_access_key = default\n\
                [other]\naws_access_key_id = AKIA4\naws_secret_access_key = other\n\
                aws_session_token = t\n";
    std::fs::write(&file, text).unwrap();
    let file = ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let config = ("AWS_CONFIG_FILE", "/nowhere");
    let (id, key) = (
        ("AWS_ACCESS_KEY_ID", "AKIA2"),
        ("AWS_SECRET_ACCESS_KEY", "variable"),
    );
    let given = SigV4Config {
        access_key: "AKIA1".to_owned(),
        secret_key: Secret::new("given"),
        ..SigV4Config::default()
    };
    let named = SigV4Config {
        profile: "other".to_owned(),
        ..SigV4Config::default()
    };
    let none = SigV4Config::default();
    let all = [id, key, file, config];
    for (config, variables, expected) in [
        (&given, &all[..], of("AKIA1", "given", "")),
        (&none, &all[..], of("AKIA2", "variable", "")),
        (&none, &all[2..], of("AKIA3", "default", "")),
        (&named, &all[..], of("AKIA4", "other", "t")),
    ] {
        assert_eq!(keys(config.clone(), variables).await, Ok(expected));
    }
    let unknown = SigV4Config {
        profile: "third".to_owned(),
        ..SigV4Config::default()
    };
    let missing = [("AWS_PROFILE", "third"), file, config];
    for (config, variables) in [(unknown, &all[..]), (none, &missing[..])] {
        let error = keys(config, variables).await.unwrap_err();
        assert_eq!(error, "there is no profile \"third\"");
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_other_keys() {
    let sts = Server::start(&[("POST / ", "200 OK", ASSUMED)]).await;
    let config = SigV4Config {
        access_key: "AKIA1".to_owned(),
        secret_key: Secret::new("given"),
        role_arn: "arn:aws:iam::1:role/r".to_owned(),
        external_id: "x y".to_owned(),
        ..SigV4Config::default()
    };
    let variables = [("AWS_ENDPOINT_URL_STS", sts.url.as_str())];
    let chain = Chain::new(config, "eu-west-1".to_owned(), environment(&variables));
    // They are good for an hour, and asked for once.
    for _ in 0..2 {
        assert_eq!(chain.keys().await, Ok(of("ASIA1", "assumed", "a&b")));
    }
    let asked = sts.requests();
    assert_eq!(asked.len(), 1);
    let body = asked[0].split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&\
         RoleSessionName=narthex&ExternalId=x+y"
    );
    let signature = header(&asked[0], "authorization").unwrap();
    let scope = "Credential=AKIA1/20150830/eu-west-1/sts/aws4_request";
    assert!(signature.contains(scope), "{signature}");
}

#[tokio::test]
async fn what_the_service_refuses_is_said() {
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                   <Message>not &quot;you&quot;</Message></Error></ErrorResponse>";
    let sts = Server::start(&[("POST / ", "403 Forbidden", refusal)]).await;
    let config = SigV4Config {
        access_key: "AKIA1".to_owned(),
        secret_key: Secret::new("given"),
        role_arn: "arn:r".to_owned(),
        ..SigV4Config::default()
    };
    let error = keys(config, &[("AWS_ENDPOINT_URL", sts.url.as_str())]).await;
    let text = "AssumeRole of arn:r: AccessDenied: not \"you\"";
    assert_eq!(error.unwrap_err(), text);
}

#[tokio::test]
async fn a_cluster_vouches_for_its_service_accounts() {
    let sts = Server::start(&[("POST / ", "200 OK", ASSUMED)]).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "eyJ.x.y\n").unwrap();
    let mut variables = vec![
        ("AWS_ENDPOINT_URL_STS", sts.url.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
    ];
    let error = keys(SigV4Config::default(), &variables).await.unwrap_err();
    assert!(error.contains("AWS_ROLE_ARN is not"), "{error}");
    variables.push(("AWS_ROLE_ARN", "arn:r"));
    variables.push(("AWS_ROLE_SESSION_NAME", "pod"));
    let found = keys(SigV4Config::default(), &variables).await;
    assert_eq!(found, Ok(of("ASIA1", "assumed", "a&b")));
    let asked = sts.requests();
    let body = asked[0].split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&\
         RoleSessionName=pod&WebIdentityToken=eyJ.x.y"
    );
    // Nobody has keys yet that could sign it.
    assert_eq!(header(&asked[0], "authorization"), None);
}

#[tokio::test]
async fn a_container_is_given_keys() {
    let server = Server::start(&[("GET /v1/credentials ", "200 OK", ON_MACHINE)]).await;
    let url = format!("{}/v1/credentials", server.url);
    let variables = [
        ("AWS_CONFIG_FILE", "/nowhere"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush"),
    ];
    let found = keys(SigV4Config::default(), &variables).await;
    assert_eq!(found, Ok(of("ASIA2", "machine", "t")));
    let asked = server.requests();
    assert_eq!(header(&asked[0], "authorization").as_deref(), Some("hush"));
}

#[tokio::test]
async fn a_machine_is_given_keys_by_version_2_only() {
    let keys_of_role = "GET /latest/meta-data/iam/security-credentials/web-role ";
    let server = Server::start(&[
        ("PUT /latest/api/token ", "200 OK", "session"),
        (keys_of_role, "200 OK", ON_MACHINE),
        (
            "GET /latest/meta-data/iam/security-credentials/ ",
            "200 OK",
            "web-role",
        ),
    ])
    .await;
    let mut variables = vec![
        ("AWS_CONFIG_FILE", "/nowhere"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url.as_str()),
    ];
    let found = keys(SigV4Config::default(), &variables).await;
    assert_eq!(found, Ok(of("ASIA2", "machine", "t")));
    let asked = server.requests();
    assert_eq!(asked.len(), 3);
    let seconds = header(&asked[0], "x-aws-ec2-metadata-token-ttl-seconds");
    assert_eq!(seconds.as_deref(), Some("60"));
    for request in &asked[1..] {
        let token = header(request, "x-aws-ec2-metadata-token");
        assert_eq!(token.as_deref(), Some("session"));
    }
    variables.push(("AWS_EC2_METADATA_DISABLED", "true"));
    let error = keys(SigV4Config::default(), &variables).await.unwrap_err();
    assert!(
        error.starts_with("there are no keys in the configuration"),
        "{error}"
    );
    assert!(error.contains("AWS_EC2_METADATA_DISABLED"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn profiles_lead_to_others() {
    let keys = "aws_access_key_id = AKIA1\naws_secret_access_key = k\n";
    let text = format!(
        "[base]\n{keys}[one]\nrole_arn = r1\nsource_profile = base\n\
         [two]\nrole_arn = r2\nsource_profile = one\nexternal_id = x\nrole_session_name = s\n\
         [itself]\nrole_arn = r3\nsource_profile = itself\n{keys}\
         [machine]\nrole_arn = r4\ncredential_source = Ec2InstanceMetadata\n\
         [pod]\nrole_arn = r5\nweb_identity_token_file = f\n\
         [nothing]\nregion = x\n\
         [sso]\nsso_start_url = u\n[program]\ncredential_process = p\n\
         [lost]\nrole_arn = r6\nsource_profile = nowhere\n[bare]\nrole_arn = r7\n\
         [odd]\nrole_arn = r8\ncredential_source = Moon\n\
         [a]\nrole_arn = r9\nsource_profile = b\n[b]\nrole_arn = r10\nsource_profile = a\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, text).unwrap();
    let environment = environment(&[("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())]);
    let profiles = Profiles::read(&environment).unwrap();
    let own = || Origin::Keys(of("AKIA1", "k", ""));
    let role = |arn: &str| Role {
        arn: arn.to_owned(),
        ..Role::default()
    };
    let pod = Origin::Token {
        role: role("r5"),
        file: "f".to_owned(),
    };
    let cases: [(&str, Origin, &[&str]); 8] = [
        ("base", own(), &[]),
        ("one", own(), &["r1"]),
        ("two", own(), &["r1", "r2"]),
        ("itself", own(), &["r3"]),
        ("machine", Origin::Instance, &["r4"]),
        ("pod", pod, &[]),
        ("nothing", Origin::Unsaid, &[]),
        ("default", Origin::Unsaid, &[]),
    ];
    for (name, expected, arns) in cases {
        let (found, roles) = origin(&profiles, name).unwrap();
        assert_eq!(found, expected, "{name}");
        let found: Vec<&str> = roles.iter().map(|role| role.arn.as_str()).collect();
        assert_eq!(found, arns, "{name}");
    }
    let (_, roles) = origin(&profiles, "two").unwrap();
    assert_eq!(
        (&*roles[1].external_id, &*roles[1].session_name),
        ("x", "s")
    );
    for (name, part) in [
        ("sso", "by sso_start_url, which is not supported"),
        ("program", "by credential_process, which is not supported"),
        ("lost", "there is no profile \"nowhere\""),
        ("bare", "it needs a source_profile"),
        ("odd", "Moon"),
        ("a", "more than 8 profiles"),
    ] {
        let error = origin(&profiles, name).unwrap_err();
        assert!(error.contains(part), "{name}: {error}");
    }
}
