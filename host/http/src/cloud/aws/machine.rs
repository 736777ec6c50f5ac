//! Keys that AWS puts beside a program: for a container by ECS or EKS, for a machine by EC2.
//!
//! It is not: version 1 of EC2's metadata service, which answers whoever can make a program ask.

use jiff::Timestamp;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::Keys;
use crate::Secret;
use crate::cloud::answer::Answer;
use crate::cloud::environment::{Environment, Question, Way};
use crate::lease::Lease;

/// Where ECS stands; `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is a path of it.
const ECS: &str = "http://169.254.170.2";

/// Who may be asked without TLS beside the machine itself: ECS, and EKS in both families.
const IN_THE_CLEAR: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Where EC2's metadata service stands.
const EC2: &str = "http://169.254.169.254";

/// The path of the keys there; the name of the machine's role follows.
const EC2_KEYS: &str = "/latest/meta-data/iam/security-credentials/";

/// So long, in seconds, a token for the metadata service is asked for: as long as one request needs.
const EC2_TOKEN_SECONDS: &str = "60";

/// The name of a role may be this long.
const ROLE_CHARS_MAX: usize = 128;

/// What both say.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    access_key_id: String,
    secret_access_key: Secret,
    #[serde(default)]
    token: Secret,
    expiration: Option<String>,
}

/// Whether a container's keys are spoken of.
pub(crate) fn is_container(environment: &Environment) -> bool {
    let names = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    names
        .iter()
        .any(|name| environment.variable(name).is_some())
}

/// The keys of the container.
///
/// # Errors
/// The variables do not say where they are, or nobody hands them out there.
pub(crate) async fn of_container(environment: &Environment) -> Result<Lease<Keys>, String> {
    let relative = environment.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let full = environment.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let url = match (relative, full) {
        (Some(path), _) => format!("{ECS}{path}"),
        (None, Some(url)) => checked(url)?,
        (None, None) => return Err("no variable says where a container's keys are".to_owned()),
    };
    let mut question = Question::get(Way::Machine, url);
    // It is read each time: EKS puts a new one there now and then.
    let token = match environment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(environment.secret(&file).await?),
        None => environment
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
            .map(Secret::new),
    };
    if let Some(token) = token {
        question = question.with("authorization", token.expose())?;
    }
    let answer = environment.ask(question).await;
    let answer = answer.map_err(|error| format!("keys of the container: {error}"))?;
    read(&answer, environment).map_err(|why| format!("keys of the container: {why}"))
}

/// Who is asked in the clear has to stand beside the program.
fn checked(url: String) -> Result<String, String> {
    let parsed = Url::parse(&url);
    let parsed = parsed.map_err(|error| format!("AWS_CONTAINER_CREDENTIALS_FULL_URI: {error}"))?;
    let host = parsed.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address
        .parse::<std::net::IpAddr>()
        .map_or(host == "localhost", |address| address.is_loopback());
    match parsed.scheme() == "https" || is_loopback || IN_THE_CLEAR.contains(&host) {
        true => Ok(url),
        false => Err(format!(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: {host} is not this machine, and may be asked by \
             HTTPS only"
        )),
    }
}

/// The keys of the machine's role.
///
/// # Errors
/// It has none, or is none of EC2's.
pub(crate) async fn of_instance(environment: &Environment) -> Result<Lease<Keys>, String> {
    let disabled = environment.variable("AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Err("AWS_EC2_METADATA_DISABLED keeps from asking EC2".to_owned());
    }
    let service = environment.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let service = service.unwrap_or_else(|| EC2.to_owned());
    let service = service.trim_end_matches('/');
    ask_instance(environment, service)
        .await
        .map_err(|why| format!("keys of the EC2 instance: {why}"))
}

async fn ask_instance(environment: &Environment, service: &str) -> Result<Lease<Keys>, String> {
    let mut question = Question::get(Way::Machine, format!("{service}/latest/api/token"));
    question.method = Method::PUT;
    let question = question.with("x-aws-ec2-metadata-token-ttl-seconds", EC2_TOKEN_SECONDS)?;
    let token = succeeded(environment.ask(question).await?)?.text();
    let roles = ask_role(environment, service, "", &token).await?;
    if roles.status == StatusCode::NOT_FOUND {
        return Err("it has no role".to_owned());
    }
    let roles = succeeded(roles)?.text();
    let role = roles.lines().next().unwrap_or_default().trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if role.is_empty() || role.len() > ROLE_CHARS_MAX || !role.chars().all(is_name) {
        return Err("the name of its role is none".to_owned());
    }
    let answer = ask_role(environment, service, role, &token).await?;
    read(&answer, environment)
}

/// Asks for the machine's roles, or for the keys of one.
async fn ask_role(
    environment: &Environment,
    service: &str,
    role: &str,
    token: &str,
) -> Result<Answer, String> {
    let question = Question::get(Way::Machine, format!("{service}{EC2_KEYS}{role}"));
    let question = question.with("x-aws-ec2-metadata-token", token.trim())?;
    environment.ask(question).await
}

fn succeeded(answer: Answer) -> Result<Answer, String> {
    match answer.status.is_success() {
        true => Ok(answer),
        false => Err(answer.refusal()),
    }
}

fn read(answer: &Answer, environment: &Environment) -> Result<Lease<Keys>, String> {
    if !answer.status.is_success() {
        return Err(answer.refusal());
    }
    let told: Told = serde_json::from_slice(&answer.body)
        .map_err(|_| "what is said there are no keys".to_owned())?;
    let keys = Keys {
        access_key: told.access_key_id,
        secret_key: told.secret_access_key,
        session_token: told.token,
    };
    let Some(expiration) = told.expiration else {
        return Ok(Lease::forever(keys));
    };
    let ends: Timestamp = expiration
        .parse()
        .map_err(|_| format!("the keys end at {expiration:?}, which is no time"))?;
    Ok(Lease::lasting(
        keys,
        environment.until(ends.as_millisecond()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_asked_by_https_only() {
        for (url, is_fine) in [
            ("http://127.0.0.1:1234/x", true),
            ("http://localhost/x", true),
            ("http://[::1]/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("https://a.example/x", true),
            ("http://a.example/x", false),
            ("http://169.254.169.254/x", false),
            ("nonsense", false),
        ] {
            assert_eq!(checked(url.to_owned()).is_ok(), is_fine, "{url}");
        }
    }
}
