//! Whether the files are there that a config names.
//!
//! It is not: what a server does when it starts, which goes on without most of them: they may come.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_discovery::FileGroup;
use narthex_scrape::config::ScrapeConfig;

use super::alerting::Receiver;
use super::plugin_uses::JobOrigin;
use super::read::clients;
use super::sections::Sections;
use super::{job_files, read_file};
use crate::yaml::{self, Document, Fault};

/// Who names files.
pub(super) struct Named<'a> {
    pub(super) sections: &'a Sections,
    pub(super) receivers: &'a [Receiver],
    /// With their paths resolved.
    pub(super) jobs: &'a [Arc<ScrapeConfig>],
    pub(super) origins: &'a [JobOrigin],
    /// The folder of the main file.
    pub(super) folder: &'a Path,
}

/// Looks for all of them and returns the files of rules. What Prometheus' own check refuses is a
/// fault, the rest a warning.
pub(super) fn check(
    documents: &mut [Document],
    named: &Named<'_>,
    warnings: &mut Vec<Fault>,
) -> Vec<PathBuf> {
    for (job, origin) in named.jobs.iter().zip(named.origins) {
        let Some(document) = documents.get_mut(origin.file) else {
            continue;
        };
        let pointer = format!("/scrape_configs/{}", origin.index);
        let mut found = Vec::new();
        check_client(document, &pointer, job, true, &mut found);
        let is_main = origin.file == 0;
        let name = document.file().to_owned();
        warnings.extend(found.into_iter().map(|fault| match is_main {
            true => fault,
            false => fault.in_file(&name),
        }));
    }
    let Some(main) = documents.first_mut() else {
        return Vec::new();
    };
    for (pointer, client) in clients(named.receivers) {
        check_client(main, pointer, client, false, warnings);
    }
    check_rule_files(main, named)
}

fn check_rule_files(main: &mut Document, named: &Named<'_>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (at, pattern) in named.sections.rule_files.iter().enumerate() {
        let pointer = format!("/rule_files/{at}");
        if !job_files::is_pattern(pattern) {
            continue;
        }
        match job_files::matching(&named.folder.join(pattern)) {
            Ok(files) if files.is_empty() && !pattern.contains('*') => {
                main.fault(
                    &pointer,
                    format!("{pattern:?} does not point to an existing file"),
                );
            }
            Ok(files) => found.extend(files),
            Err(message) => main.fault(&pointer, format!("{message}: {pattern:?}")),
        }
    }
    found
}

/// The files of an HTTP client: a name of the field, the file, and whether it must be there.
fn check_client(
    document: &mut Document,
    pointer: &str,
    client: &ScrapeConfig,
    is_strict: bool,
    warnings: &mut Vec<Fault>,
) {
    let tls = client.tls_config.iter().flat_map(|tls| {
        [
            ("tls_config ca_file", &tls.ca_file, false),
            ("tls_config cert_file", &tls.cert_file, true),
            ("tls_config key_file", &tls.key_file, true),
        ]
    });
    let authorization = client.authorization.iter();
    let authorization = authorization.map(|held| {
        (
            "authorization credentials_file",
            &held.credentials_file,
            true,
        )
    });
    let basic = client.basic_auth.iter().flat_map(|basic| {
        [
            ("basic_auth username_file", &basic.username_file, false),
            ("basic_auth password_file", &basic.password_file, false),
        ]
    });
    let bearer = ("bearer_token_file", &client.bearer_token_file, true);
    let oauth2 = client.oauth2.iter().flat_map(|held| {
        let key_file = &held.client_certificate_key_file;
        [
            ("oauth2 client_secret_file", &held.client_secret_file, false),
            ("oauth2 client_certificate_key_file", key_file, false),
        ]
    });
    let headers = client
        .http_headers
        .values()
        .flat_map(|header| &header.files);
    let headers = headers.map(|file| ("http_headers", file, false));
    let named = tls
        .chain(authorization)
        .chain(basic)
        .chain(oauth2)
        .chain(headers);
    for (field, file, must_be) in named.chain([bearer]) {
        if file.is_empty() || Path::new(file).exists() {
            continue;
        }
        let message = format!("{field}: no such file: {file:?}");
        if must_be && is_strict {
            document.fault(pointer, message);
        } else {
            warnings.push(document.at(pointer, message));
        }
    }
    for (at, entry) in client.file_sd_configs.iter().enumerate() {
        let pointer = format!("{pointer}/file_sd_configs/{at}");
        for pattern in &entry.files {
            check_targets(document, &pointer, pattern, warnings);
        }
    }
}

/// Reads the files with targets that a pattern names.
fn check_targets(document: &mut Document, pointer: &str, pattern: &str, warnings: &mut Vec<Fault>) {
    let files = job_files::matching(Path::new(pattern)).unwrap_or_default();
    if files.is_empty() {
        let message = format!("files: {pattern:?} does not exist");
        warnings.push(document.at(pointer, message));
    }
    for file in files {
        let name = file.display().to_string();
        let text = match read_file(&file) {
            Ok(text) => text,
            Err(error) => {
                document.fault(pointer, format!("files: {error}"));
                continue;
            }
        };
        if let Err(error) = yaml::read::<Option<Vec<FileGroup>>>(&text, &name) {
            let faults = error.faults.into_iter();
            faults.for_each(|fault| document.push(fault.in_file(&name)));
        }
    }
}
