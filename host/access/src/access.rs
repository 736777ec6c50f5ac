//! Says of each request who asks and whether they may.

use std::net::IpAddr;
use std::sync::Arc;

use narthex_http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use narthex_kubernetes::{Attributes, Cluster, User};
use narthex_model::Clock;

use crate::config::{AccessConfig, KubernetesAccess};
use crate::jwt::Token;
use crate::limits::GROUPS_MAX;
use crate::metrics::AccessMetrics;
use crate::network::Network;
use crate::oidc::{Issuer, TokenError, own};
use crate::reviews::Reviews;
use crate::role::Role;

/// What an [`Access`] is made with.
pub struct AccessParts<'a> {
    /// Finds the cluster of a section.
    pub connect: &'a dyn Fn(&KubernetesAccess) -> Result<Arc<Cluster>, String>,
    /// Says whether a token still counts.
    pub clock: Arc<dyn Clock>,
    /// Where is counted who asked.
    pub metrics: AccessMetrics,
}

/// A request, as far as it says who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// `GET`
    pub method: &'a str,
    /// The path as it was sent.
    pub path: &'a str,
    /// Who is at the other end of the connection, where that is known.
    pub peer: Option<IpAddr>,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Who has shown a password that is right.
    pub user: Option<&'a str>,
}

/// What becomes of a request. The texts are for who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Granted,
    /// Nobody knows who asks: 401.
    Unauthorized(String),
    /// They may not: 403.
    Forbidden(String),
    /// Who should say does not: 503.
    Unavailable(String),
}

/// The section in force.
#[derive(Debug)]
pub struct Access {
    config: AccessConfig,
    prefix: String,
    reviews: Option<Reviews>,
    issuers: Vec<Issuer>,
    proxies: Option<Proxies>,
    clock: Arc<dyn Clock>,
    metrics: AccessMetrics,
}

#[derive(Debug)]
struct Proxies {
    networks: Vec<Network>,
    user: HeaderName,
    groups: Option<HeaderName>,
}

/// Somebody, and how they were known.
struct Known {
    user: User,
    by: &'static str,
}

impl Access {
    /// A section that can be followed; paths are below `prefix`, which is "" or `/prefix`.
    ///
    /// # Errors
    /// What does not hold, or cannot be reached even in principle.
    pub fn new(
        config: &AccessConfig,
        prefix: &str,
        has_users: bool,
        parts: &AccessParts<'_>,
    ) -> Result<Self, String> {
        let faults = config.faults(has_users);
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        let reviews = config.kubernetes.as_ref().map(|section| {
            let cluster = (parts.connect)(section).map_err(|error| format!("kubernetes: {error}"));
            let audiences = section.audiences.clone();
            cluster.map(|cluster| Reviews::new(cluster, audiences, parts.metrics.clone()))
        });
        let issuers = config.oidc.iter().map(|section| {
            Issuer::new(section).map_err(|error| format!("oidc: {}: {error}", section.issuer_url))
        });
        let proxies = config.trusted_proxies.as_ref().map(|section| {
            let header = |name: &str| {
                let parsed = name.parse::<HeaderName>();
                parsed.map_err(|_| format!("trusted_proxies: {name:?} is no header"))
            };
            let networks = section.networks.iter().map(|text| text.parse::<Network>());
            let groups = section.groups_header.as_str();
            Ok::<Proxies, String>(Proxies {
                networks: networks.collect::<Result<_, String>>()?,
                user: header(&section.user_header)?,
                groups: (!groups.is_empty()).then(|| header(groups)).transpose()?,
            })
        });
        Ok(Self {
            config: config.clone(),
            prefix: prefix.to_owned(),
            reviews: reviews.transpose()?,
            issuers: issuers.collect::<Result<_, String>>()?,
            proxies: proxies.transpose()?,
            clock: Arc::clone(&parts.clock),
            metrics: parts.metrics.clone(),
        })
    }

    /// Whether a request may go on.
    pub async fn judge(&self, asking: &Asking<'_>) -> Verdict {
        let path = asking.path.strip_prefix(&self.prefix);
        let path = path.unwrap_or(asking.path);
        let reads = matches!(asking.method, "GET" | "HEAD");
        if reads && self.config.open_paths.iter().any(|open| open == path) {
            self.metrics.count_request("nothing", "granted");
            return Verdict::Granted;
        }
        let known = match self.known(asking).await {
            Ok(known) => known,
            Err((by, verdict)) => return self.counted(by, verdict),
        };
        let verdict = self.verdict(&known.user, asking, path).await;
        self.counted(known.by, verdict)
    }

    fn counted(&self, by: &'static str, verdict: Verdict) -> Verdict {
        let shown = match &verdict {
            Verdict::Granted => "granted",
            Verdict::Unauthorized(_) => "unauthorized",
            Verdict::Forbidden(_) => "forbidden",
            Verdict::Unavailable(_) => "unavailable",
        };
        self.metrics.count_request(by, shown);
        verdict
    }

    /// Who asks. A token counts before what a proxy says, and a password before both.
    async fn known(&self, asking: &Asking<'_>) -> Result<Known, (&'static str, Verdict)> {
        if let Some(name) = asking.user {
            let user = User {
                name: name.to_owned(),
                ..User::default()
            };
            let refused = || Verdict::Unauthorized("the user has a name of a cluster".to_owned());
            let user = own(user).ok_or_else(|| ("password", refused()))?;
            return Ok(Known {
                user,
                by: "password",
            });
        }
        if let Some(token) = bearer(asking.headers) {
            return self.bearer(token).await;
        }
        if let Some(user) = self.forwarded(asking) {
            return Ok(Known { user, by: "proxy" });
        }
        let text = "nobody knows who asks: a token or a password is needed";
        Err(("nothing", Verdict::Unauthorized(text.to_owned())))
    }

    async fn bearer(&self, token: &str) -> Result<Known, (&'static str, Verdict)> {
        let issuer = Token::issuer_of(token).and_then(|issuer| {
            let mut issuers = self.issuers.iter();
            issuers.find(|own| own.is(&issuer))
        });
        if let Some(issuer) = issuer {
            return match issuer.user(token, self.now_seconds()).await {
                Ok(user) => Ok(Known { user, by: "oidc" }),
                Err(TokenError::Refused(reason)) => Err(("oidc", Verdict::Unauthorized(reason))),
                Err(TokenError::Unknown(reason)) => {
                    tracing::debug!(reason, "a token cannot be verified");
                    let text = "the issuer of the token does not answer".to_owned();
                    Err(("oidc", Verdict::Unavailable(text)))
                }
            };
        }
        let Some(reviews) = &self.reviews else {
            let text = "the token is of no issuer that is known".to_owned();
            return Err(("token", Verdict::Unauthorized(text)));
        };
        match reviews.user(token).await {
            Ok(Some(user)) => Ok(Known { user, by: "token" }),
            Ok(None) => {
                let text = "the cluster does not know the token".to_owned();
                Err(("token", Verdict::Unauthorized(text)))
            }
            Err(_) => Err(("token", silent())),
        }
    }

    /// What a trusted proxy says. Of a header that stands there twice, nothing is believed.
    fn forwarded(&self, asking: &Asking<'_>) -> Option<User> {
        let proxies = self.proxies.as_ref()?;
        let peer = asking.peer?;
        if !proxies.networks.iter().any(|network| network.has(peer)) {
            return None;
        }
        let one = |name: &HeaderName| {
            let mut values = asking.headers.get_all(name).iter();
            let first = values.next()?;
            match values.next() {
                None => first.to_str().ok(),
                Some(_) => None,
            }
        };
        let name = one(&proxies.user)?.trim();
        let groups = proxies.groups.as_ref().and_then(one).unwrap_or("");
        let groups = groups.split(',').map(str::trim);
        let groups = groups.filter(|group| !group.is_empty()).take(GROUPS_MAX);
        let user = User {
            name: name.to_owned(),
            groups: groups.map(str::to_owned).collect(),
            ..User::default()
        };
        own(user).filter(|user| !user.name.is_empty())
    }

    async fn verdict(&self, user: &User, asking: &Asking<'_>, path: &str) -> Verdict {
        let (needed, roles) = (Role::needed(asking.method, path), &self.config.roles);
        let members = [
            (Role::Admin, &roles.admin),
            (Role::Write, &roles.write),
            (Role::Read, &roles.read),
        ];
        let has_role = members
            .iter()
            .any(|(role, members)| role.may(needed) && members.has(&user.name, &user.groups));
        if has_role {
            return Verdict::Granted;
        }
        let forbidden = || {
            let (name, method) = (&user.name, asking.method);
            let role = match needed {
                Role::Read => "read",
                Role::Write => "write",
                Role::Admin => "admin",
            };
            Verdict::Forbidden(format!(
                "{name:?} may not {method} {path}: it needs the role {role}"
            ))
        };
        let kubernetes = self.config.kubernetes.as_ref();
        let (Some(reviews), Some(section)) = (&self.reviews, kubernetes) else {
            return forbidden();
        };
        if !section.subject_access_review {
            return forbidden();
        }
        let verb = verb(asking.method, needed);
        let attributes = match &section.resource_attributes {
            Some(resource) => {
                let mut resource = resource.clone();
                if resource.verb.is_empty() {
                    verb.clone_into(&mut resource.verb);
                }
                Attributes::Resource(resource)
            }
            None => Attributes::Path {
                path: asking.path.to_owned(),
                verb: verb.to_owned(),
            },
        };
        match reviews.may(user, &attributes).await {
            Ok(true) => Verdict::Granted,
            Ok(false) => forbidden(),
            Err(_) => silent(),
        }
    }

    fn now_seconds(&self) -> f64 {
        // A thousandth of a second does not count among half a minute.
        self.clock.now_ms() as f64 / 1000.0
    }
}

fn silent() -> Verdict {
    Verdict::Unavailable("the cluster does not say who may ask".to_owned())
}

/// The token of a header of the scheme `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

/// The verb of a review: those of kube-rbac-proxy, and `get` for what is asked by POST because it is
/// long.
fn verb(method: &str, needed: Role) -> &'static str {
    match (method, needed) {
        (_, Role::Read) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        // What only `admin` may see is no part of what `get` opens.
        _ => "*",
    }
}

#[cfg(test)]
mod tests;
