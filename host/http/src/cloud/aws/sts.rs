//! AWS' Security Token Service: keys of a role for who has other keys, or a token of another
//! authority.

use jiff::Timestamp;
use reqwest::{Method, Url};

use super::signature::{Scope, ToSign};
use super::{Keys, signed};
use crate::Secret;
use crate::cloud::environment::{Environment, Question};
use crate::lease::Lease;

/// The version of its interface.
const VERSION: &str = "2011-06-15";

/// What sessions are called where nothing is said.
const SESSION_NAME: &str = "narthex";

/// The domains of regions that begin so; all others have [`DOMAIN`].
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

const DOMAIN: &str = "amazonaws.com";

/// The regions of the government, which keep FIPS 140 under the name that the service has anyway.
const GOVERNMENT: &str = "us-gov-";

/// The service.
#[derive(Clone)]
pub(crate) struct Sts {
    endpoint: String,
    region: String,
    environment: Environment,
}

/// A role to be assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    /// Empty where nothing is agreed on.
    pub(crate) external_id: String,
    /// Empty for a name of ours.
    pub(crate) session_name: String,
}

impl Role {
    fn session_name(&self) -> &str {
        match self.session_name.as_str() {
            "" => SESSION_NAME,
            name => name,
        }
    }
}

impl Sts {
    /// That of a region, or the one that the variables name.
    pub(crate) fn new(region: String, is_fips: bool, environment: Environment) -> Self {
        let mut given = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].into_iter();
        let given = given.find_map(|name| environment.variable(name));
        let endpoint = given.unwrap_or_else(|| {
            let service = match is_fips && !region.starts_with(GOVERNMENT) {
                true => "sts-fips",
                false => "sts",
            };
            let mut domains = DOMAINS.iter();
            let domain = domains.find(|(begin, _)| region.starts_with(begin));
            let domain = domain.map_or(DOMAIN, |(_, domain)| *domain);
            format!("https://{service}.{region}.{domain}/")
        });
        Self {
            endpoint,
            region,
            environment,
        }
    }

    /// The keys of a role for who has keys.
    ///
    /// # Errors
    /// The service refuses or does not answer.
    pub(crate) async fn assume(&self, role: &Role, keys: &Keys) -> Result<Lease<Keys>, String> {
        let action = "AssumeRole";
        let mut form = vec![
            ("Action", action),
            ("Version", VERSION),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", role.session_name()),
        ];
        if !role.external_id.is_empty() {
            form.push(("ExternalId", &role.external_id));
        }
        let mut question = Question::form(self.endpoint.clone(), &form);
        let url = Url::parse(&self.endpoint);
        let url = url.map_err(|error| format!("{}: {error}", self.endpoint))?;
        let scope = Scope {
            region: &self.region,
            service: "sts",
        };
        let to_sign = ToSign {
            method: &Method::POST,
            url: &url,
            content_type: Some("application/x-www-form-urlencoded"),
            body: &question.body,
        };
        let headers = signed(keys, scope, self.environment.now_ms(), &to_sign)?;
        question.headers.extend(headers);
        self.keys(action, role, question).await
    }

    /// The keys of a role for who has a token of an authority that it trusts.
    ///
    /// # Errors
    /// As [`Self::assume`].
    pub(crate) async fn assume_with_token(
        &self,
        role: &Role,
        token: &Secret,
    ) -> Result<Lease<Keys>, String> {
        let action = "AssumeRoleWithWebIdentity";
        let form = [
            ("Action", action),
            ("Version", VERSION),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", role.session_name()),
            ("WebIdentityToken", token.expose()),
        ];
        let question = Question::form(self.endpoint.clone(), &form);
        self.keys(action, role, question).await
    }

    async fn keys(
        &self,
        action: &str,
        role: &Role,
        question: Question,
    ) -> Result<Lease<Keys>, String> {
        let failed = |why: String| format!("{action} of {}: {why}", role.arn);
        let answer = self.environment.ask(question).await.map_err(failed)?;
        let xml = answer.text();
        if !answer.status.is_success() {
            let why = match (element(&xml, "Code"), element(&xml, "Message")) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                _ => answer.refusal(),
            };
            return Err(failed(why));
        }
        let lease = read(&xml, &self.environment);
        lease.ok_or_else(|| failed("the answer has no keys".to_owned()))
    }
}

fn read(xml: &str, environment: &Environment) -> Option<Lease<Keys>> {
    let keys = Keys {
        access_key: element(xml, "AccessKeyId")?,
        secret_key: Secret::new(element(xml, "SecretAccessKey")?),
        session_token: Secret::new(element(xml, "SessionToken")?),
    };
    let ends: Timestamp = element(xml, "Expiration")?.parse().ok()?;
    let lasts = environment.until(ends.as_millisecond());
    Some(Lease::lasting(keys, lasts))
}

/// The text of the first element of that name that has a text and nothing else.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut text = text.trim().to_owned();
    for (entity, meant) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, meant);
    }
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::tests::environment;

    #[test]
    fn each_region_has_its_service() {
        for (region, is_fips, endpoint) in [
            ("eu-west-1", false, "https://sts.eu-west-1.amazonaws.com/"),
            (
                "us-east-2",
                true,
                "https://sts-fips.us-east-2.amazonaws.com/",
            ),
            (
                "us-gov-west-1",
                true,
                "https://sts.us-gov-west-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                false,
                "https://sts.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "us-isob-east-1",
                false,
                "https://sts.us-isob-east-1.sc2s.sgov.gov/",
            ),
        ] {
            let sts = Sts::new(region.to_owned(), is_fips, environment(&[]));
            assert_eq!(sts.endpoint, endpoint);
        }
    }

    #[test]
    fn texts_are_found_in_xml() {
        let xml = "<A><B>x &amp;lt; y</B><C/><D></D></A>";
        for (name, text) in [
            ("B", Some("x &lt; y")),
            ("C", None),
            ("D", None),
            ("E", None),
        ] {
            assert_eq!(element(xml, name).as_deref(), text, "{name}");
        }
    }
}
