//! Which proxy stands between.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{NoProxy, Proxy};

use crate::{BuildError, Secret};

/// Hosts that are never asked through a proxy when there is a list of those that are not, as in
/// Go.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// What a configuration says of proxies.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyConfig {
    /// A proxy for every request. It may hold a password.
    pub(crate) proxy_url: Option<Secret>,
    /// Hosts that are asked directly, comma-separated. Loopback addresses then are as well.
    pub(crate) no_proxy: String,
    /// Takes the proxy from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub(crate) proxy_from_environment: bool,
    /// Headers of the CONNECT request to the proxy.
    pub(crate) proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

impl ProxyConfig {
    /// What does not fit together, in Prometheus' words; empty where all does.
    pub(crate) fn faults(&self) -> Vec<String> {
        let has_url = self.proxy_url.is_some();
        let faults = [
            (
                self.proxy_from_environment && has_url,
                "if proxy_from_environment is configured, proxy_url must not be configured",
            ),
            (
                self.proxy_from_environment && !self.no_proxy.is_empty(),
                "if proxy_from_environment is configured, no_proxy must not be configured",
            ),
            (
                !has_url && !self.no_proxy.is_empty(),
                "if no_proxy is configured, proxy_url must also be configured",
            ),
            (
                !has_url && !self.proxy_from_environment && !self.proxy_connect_header.is_empty(),
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must \
                 also be configured",
            ),
        ];
        let wrong = faults.into_iter().filter(|(wrong, _)| *wrong);
        wrong.map(|(_, text)| text.to_owned()).collect()
    }

    /// The proxies; `variable` reads the environment.
    pub(crate) fn proxies(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Proxy>, BuildError> {
        let headers = self.connect_headers()?;
        let made = self.urls(variable).into_iter().map(|route| {
            let url = route.url.expose();
            let proxy = match route.scheme {
                Some("http") => Proxy::http(url),
                Some(_) => Proxy::https(url),
                None => Proxy::all(url),
            };
            let proxy = proxy.map_err(BuildError::Client)?;
            let proxy = proxy.no_proxy(NoProxy::from_string(&route.direct));
            Ok(match headers.is_empty() {
                true => proxy,
                false => proxy.headers(headers.clone()),
            })
        });
        made.collect()
    }

    fn urls(&self, variable: impl Fn(&str) -> Option<String>) -> Vec<Route> {
        if let Some(url) = &self.proxy_url {
            return vec![Route {
                scheme: None,
                url: url.clone(),
                direct: with_loopback(&self.no_proxy, self.no_proxy.is_empty()),
            }];
        }
        if !self.proxy_from_environment {
            return Vec::new();
        }
        let read = |name: &str| {
            let names = [name.to_owned(), name.to_ascii_lowercase()];
            let values = names.iter().filter_map(|name| variable(name));
            values.into_iter().find(|value| !value.is_empty())
        };
        let direct = with_loopback(&read("NO_PROXY").unwrap_or_default(), false);
        let schemes = [("http", "HTTP_PROXY"), ("https", "HTTPS_PROXY")];
        let routes = schemes.into_iter().filter_map(|(scheme, name)| {
            Some(Route {
                scheme: Some(scheme),
                url: Secret::new(read(name)?),
                direct: direct.clone(),
            })
        });
        routes.collect()
    }

    fn connect_headers(&self) -> Result<HeaderMap, BuildError> {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.proxy_connect_header {
            let invalid = |_| BuildError::Config(format!("invalid proxy_connect_header {name:?}"));
            let parsed: HeaderName = name.parse().map_err(|_| invalid(()))?;
            for value in values {
                let value = HeaderValue::from_str(value.expose()).map_err(|_| invalid(()))?;
                headers.append(&parsed, value);
            }
        }
        Ok(headers)
    }
}

/// A proxy, and for what.
struct Route {
    /// `None`: all.
    scheme: Option<&'static str>,
    url: Secret,
    direct: String,
}

fn with_loopback(direct: &str, is_for_all: bool) -> String {
    match (direct, is_for_all) {
        (_, true) => String::new(),
        ("", false) => LOOPBACK.to_owned(),
        (direct, false) => format!("{direct},{LOOPBACK}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_which_proxy_stands_between() {
        let from_environment = ProxyConfig {
            proxy_from_environment: true,
            ..ProxyConfig::default()
        };
        let routes = |config: &ProxyConfig, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let routes = config.urls(variable).into_iter();
            let shown = |route: Route| {
                let scheme = route.scheme.unwrap_or("all");
                format!("{scheme} {} {}", route.url.expose(), route.direct)
            };
            routes.map(shown).collect::<Vec<_>>()
        };
        let variables = [
            ("HTTP_PROXY", "http://a:1"),
            ("https_proxy", "http://b:2"),
            ("NO_PROXY", ".internal"),
        ];
        assert_eq!(
            routes(&from_environment, &variables),
            [
                format!("http http://a:1 .internal,{LOOPBACK}"),
                format!("https http://b:2 .internal,{LOOPBACK}"),
            ]
        );
        assert!(routes(&from_environment, &[]).is_empty());
        assert!(routes(&ProxyConfig::default(), &variables).is_empty());
        let named = ProxyConfig {
            proxy_url: Some(Secret::new("http://c:3")),
            ..ProxyConfig::default()
        };
        assert_eq!(routes(&named, &variables), ["all http://c:3 "]);
    }
}
