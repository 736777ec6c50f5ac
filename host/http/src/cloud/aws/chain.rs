//! Where the keys come from: the places in which AWS' own programs look, in their order.
//!
//! It is not: AWS' single sign-on, nor programs that print keys; a profile that asks for them is
//! refused by name.

use std::time::Duration;

use super::profiles::{self, Profile, Profiles};
use super::sts::{Role, Sts};
use super::{Keys, SigV4Config, machine};
use crate::Secret;
use crate::cloud::FETCH_TIMEOUT;
use crate::cloud::environment::Environment;
use crate::credential_metrics::{FetchCounters, Mechanism};
use crate::lease::{Lease, Leased};

/// So many profiles may stand behind each other by `source_profile`.
const HOPS_MAX: usize = 8;

/// The files of profiles are read again after this time.
const PROFILE_LASTS: Duration = Duration::from_secs(60);

/// Settings of profiles that bring keys in ways that are not there.
const NOT_SUPPORTED: [&str; 3] = ["sso_", "credential_process", "login_session"];

/// Finds keys, and keeps them until they end.
#[derive(Clone)]
pub(crate) struct Chain {
    config: SigV4Config,
    sts: Sts,
    environment: Environment,
    held: Leased<Keys>,
}

/// Where a profile's keys begin.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Keys(Keys),
    Token {
        role: Role,
        file: String,
    },
    Variables,
    Container,
    Instance,
    /// The profile says nothing of it.
    Unsaid,
}

impl Chain {
    pub(crate) fn new(config: SigV4Config, region: String, environment: Environment) -> Self {
        Self {
            sts: Sts::new(region, config.use_fips_sts_endpoint, environment.clone()),
            config,
            environment,
            held: Leased::new(FETCH_TIMEOUT, FetchCounters::of(Mechanism::SigV4)),
        }
    }

    /// The keys for the next request.
    ///
    /// # Errors
    /// There are none.
    pub(crate) async fn keys(&self) -> Result<Keys, String> {
        let fetch = || {
            let own = self.clone();
            async move { own.fetch().await }
        };
        self.held.get(&(), fetch).await
    }

    async fn fetch(&self) -> Result<Lease<Keys>, String> {
        let own = self.own().await?;
        if self.config.role_arn.is_empty() {
            return Ok(own);
        }
        let role = Role {
            arn: self.config.role_arn.clone(),
            external_id: self.config.external_id.clone(),
            session_name: String::new(),
        };
        self.sts.assume(&role, &own.value).await
    }

    /// Those of who runs this.
    async fn own(&self) -> Result<Lease<Keys>, String> {
        if !self.config.access_key.is_empty() {
            return Ok(Lease::forever(Keys {
                access_key: self.config.access_key.clone(),
                secret_key: self.config.secret_key.clone(),
                session_token: Secret::default(),
            }));
        }
        // Who names a profile means it, whatever the variables say.
        if self.config.profile.is_empty() {
            if let Some(keys) = self.of_variables() {
                return Ok(Lease::forever(keys));
            }
            let variable = |name: &str| self.environment.variable(name);
            if let Some(file) = variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
                let role = Role {
                    arn: variable("AWS_ROLE_ARN")
                        .ok_or("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not")?,
                    session_name: variable("AWS_ROLE_SESSION_NAME").unwrap_or_default(),
                    ..Role::default()
                };
                return self.of_token(&role, &file).await;
            }
        }
        self.of_profile().await
    }

    fn of_variables(&self) -> Option<Keys> {
        let variable = |name: &str| self.environment.variable(name);
        Some(Keys {
            access_key: variable("AWS_ACCESS_KEY_ID")?,
            secret_key: Secret::new(variable("AWS_SECRET_ACCESS_KEY")?),
            session_token: Secret::new(variable("AWS_SESSION_TOKEN").unwrap_or_default()),
        })
    }

    /// The token is read for each: a cluster puts a new one there now and then.
    async fn of_token(&self, role: &Role, file: &str) -> Result<Lease<Keys>, String> {
        let token = self.environment.secret(file).await?;
        self.sts.assume_with_token(role, &token).await
    }

    async fn of_profile(&self) -> Result<Lease<Keys>, String> {
        let environment = self.environment.clone();
        let read = tokio::task::spawn_blocking(move || Profiles::read(&environment)).await;
        let profiles = read.map_err(|_| "interrupted".to_owned())??;
        let name = profiles::name(&self.config.profile, &self.environment);
        let is_named = !self.config.profile.is_empty() || name != profiles::DEFAULT;
        if is_named && profiles.get(&name).is_none() {
            return Err(format!("there is no profile {name:?}"));
        }
        let (origin, roles) = origin(&profiles, &name)?;
        let mut lease = match origin {
            Origin::Keys(keys) => Lease::lasting(keys, PROFILE_LASTS),
            Origin::Token { role, file } => self.of_token(&role, &file).await?,
            Origin::Variables => {
                let keys = self.of_variables();
                Lease::forever(keys.ok_or("the variables have no keys")?)
            }
            Origin::Container => machine::of_container(&self.environment).await?,
            Origin::Unsaid if machine::is_container(&self.environment) => {
                machine::of_container(&self.environment).await?
            }
            Origin::Instance => machine::of_instance(&self.environment).await?,
            Origin::Unsaid => {
                let found = machine::of_instance(&self.environment).await;
                found.map_err(|error| {
                    format!(
                        "there are no keys in the configuration, in the variables or in profile \
                         {name:?}; {error}"
                    )
                })?
            }
        };
        for role in &roles {
            lease = self.sts.assume(role, &lease.value).await?;
        }
        Ok(lease)
    }
}

/// Where a profile's keys begin, and the roles that are assumed with them one after the other.
fn origin(profiles: &Profiles, name: &str) -> Result<(Origin, Vec<Role>), String> {
    let nothing = Profile::default();
    let (mut name, mut roles) = (name, Vec::new());
    for _ in 0..HOPS_MAX {
        let profile = profiles.get(name).unwrap_or(&nothing);
        let own = own(profile);
        let Some(role) = role(profile) else {
            roles.reverse();
            return match (own, unsupported(profile)) {
                (Some(origin), _) => Ok((origin, roles)),
                (None, Some(setting)) => Err(format!(
                    "profile {name:?} gets its keys by {setting}, which is not supported"
                )),
                (None, None) => Ok((Origin::Unsaid, roles)),
            };
        };
        if let Some(file) = profile.get("web_identity_token_file") {
            let file = file.to_owned();
            roles.reverse();
            return Ok((Origin::Token { role, file }, roles));
        }
        roles.push(role);
        let source = profile.get("source_profile");
        let origin = match (source, profile.get("credential_source")) {
            // Its own keys assume its role.
            (Some(source), _) if source == name => own.ok_or_else(|| {
                format!("profile {name:?} is its own source_profile, and has no keys")
            })?,
            (Some(source), _) if profiles.get(source).is_none() => {
                return Err(format!("there is no profile {source:?}, as {name:?} says"));
            }
            (Some(source), _) => {
                name = source;
                continue;
            }
            (None, Some("Environment")) => Origin::Variables,
            (None, Some("EcsContainer")) => Origin::Container,
            (None, Some("Ec2InstanceMetadata")) => Origin::Instance,
            (None, other) => {
                return Err(format!(
                    "profile {name:?} has a role_arn, and for its credential_source {other:?}; \
                     it needs a source_profile, or one of Environment, EcsContainer and \
                     Ec2InstanceMetadata"
                ));
            }
        };
        roles.reverse();
        return Ok((origin, roles));
    }
    Err(format!(
        "more than {HOPS_MAX} profiles stand behind each other by source_profile"
    ))
}

fn role(profile: &Profile) -> Option<Role> {
    let text = |name: &str| profile.get(name).unwrap_or_default().to_owned();
    Some(Role {
        arn: profile.get("role_arn")?.to_owned(),
        external_id: text("external_id"),
        session_name: text("role_session_name"),
    })
}

fn own(profile: &Profile) -> Option<Origin> {
    let token = profile.get("aws_session_token").unwrap_or_default();
    Some(Origin::Keys(Keys {
        access_key: profile.get("aws_access_key_id")?.to_owned(),
        secret_key: Secret::new(profile.get("aws_secret_access_key")?),
        session_token: Secret::new(token),
    }))
}

fn unsupported(profile: &Profile) -> Option<&str> {
    let mut settings = NOT_SUPPORTED.iter();
    settings.find_map(|prefix| profile.any(prefix))
}

#[cfg(test)]
mod tests;
