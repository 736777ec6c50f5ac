//! What does not fit together in `remote_read`, in Prometheus' words. Its fields are remote's.

use std::collections::BTreeSet;

use narthex_http::remote_header_fault;
use narthex_remote::RemoteReadConfig;

use super::{client, url};
use crate::yaml::Document;

/// Checks what was read.
pub(super) fn check(document: &mut Document, configs: &[RemoteReadConfig]) {
    let entries = document.entries("/remote_read");
    let mut names = BTreeSet::new();
    for (config, at) in configs.iter().zip(entries) {
        let pointer = format!("/remote_read/{at}");
        let mut faults = Vec::new();
        if config.url.is_empty() {
            faults.push("url for remote_read is empty".to_owned());
        }
        faults.extend(url::fault(&config.url).map(|fault| format!("url: {fault}")));
        faults.extend(config.http_faults());
        faults.extend(client::proxy_fault(&config.proxy_url));
        faults.extend(config.headers.keys().filter_map(|name| reserved(name)));
        if !config.name.is_empty() && !names.insert(&config.name) {
            let name = &config.name;
            let fault = format!("found multiple remote read configs with job name {name:?}");
            faults.push(fault);
        }
        for fault in faults {
            document.fault(&pointer, fault);
        }
    }
}

/// Why a header may not be set, where it may not.
pub(super) fn reserved(name: &str) -> Option<String> {
    remote_header_fault(name, "basic_auth, authorization, or oauth2")
}
