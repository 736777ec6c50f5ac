//! `http_sd_configs`: target groups that a server lists as JSON.

use narthex_http::http_section;
use narthex_model::PromDuration;

use super::Origin;

http_section! {
    /// One entry of `http_sd_configs`.
    pub struct HttpSdConfig {
        /// Where the list is.
        pub url: String = String::new(),
        /// How often it is asked for.
        pub refresh_interval: PromDuration = PromDuration::from_secs(60),
    }
}

impl HttpSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let scheme = scheme.to_ascii_lowercase();
        let mut faults = Vec::new();
        if self.url.is_empty() {
            faults.push("URL is missing".to_owned());
        } else if !matches!(scheme.as_str(), "http" | "https") {
            faults.push("URL scheme must be 'http' or 'https'".to_owned());
        } else if rest.split(['/', '?', '#']).next().is_none_or(str::is_empty) {
            faults.push("host is missing in URL".to_owned());
        }
        faults.extend(self.http_faults());
        faults
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::Url(self.url.clone())
    }
}
