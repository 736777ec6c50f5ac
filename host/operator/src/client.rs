//! How a target is asked: credentials, TLS and proxies, with the secrets put in.

use serde_json::{Map, Value};

use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::secrets::SecretKind;

/// Takes all that an object says of its HTTP client. `http2` is what the field is called there:
/// `enableHttp2` or `enableHTTP2`.
pub(crate) fn read(
    fields: &mut Fields<'_>,
    http2: &str,
    job: &mut Map<String, Value>,
    options: &Options,
    report: &mut Report<'_>,
) {
    fields.copy_flag("followRedirects", (job, "follow_redirects"), report);
    fields.copy_flag(http2, (job, "enable_http2"), report);
    proxy(fields, job, report);
    credentials(fields, job, options, report);
}

/// Takes basic credentials, an authorization, OAuth 2.0, a token and TLS.
pub(crate) fn credentials(
    fields: &mut Fields<'_>,
    job: &mut Map<String, Value>,
    options: &Options,
    report: &mut Report<'_>,
) {
    if let Some(basic) = fields.map("basicAuth", report) {
        let basic = basic_auth(basic, report);
        job.insert("basic_auth".to_owned(), basic.into());
    }
    if let Some(own) = fields.map("authorization", report) {
        let own = authorization(own, report);
        job.insert("authorization".to_owned(), own.into());
    }
    if let Some(oauth2) = fields.map("oauth2", report) {
        let oauth2 = oauth2_section(oauth2, options, report);
        job.insert("oauth2".to_owned(), oauth2.into());
    }
    if let Some(tls) = fields.map("tlsConfig", report) {
        let tls = tls_config(tls, options, report);
        job.insert("tls_config".to_owned(), tls.into());
    }
    if let Some(file) = file(fields, "bearerTokenFile", options, report) {
        job.insert("bearer_token_file".to_owned(), file.into());
    }
    // The Operator's types have an empty reference where none is meant.
    let path = fields.at("bearerTokenSecret");
    let token = fields.value("bearerTokenSecret");
    let named = token.filter(|token| token.get("name").is_some_and(|name| name != ""));
    if let Some(token) = named
        && let Some(text) = report.secret(SecretKind::Secret, (&path, token))
    {
        job.insert("bearer_token".to_owned(), text.into());
    }
}

/// Takes what is said of a proxy.
pub(crate) fn proxy(fields: &mut Fields<'_>, to: &mut Map<String, Value>, report: &mut Report<'_>) {
    fields.copy_text("proxyUrl", (to, "proxy_url"), report);
    fields.copy_text("noProxy", (to, "no_proxy"), report);
    fields.copy_flag(
        "proxyFromEnvironment",
        (to, "proxy_from_environment"),
        report,
    );
    let Some(headers) = fields.map("proxyConnectHeader", report) else {
        return;
    };
    let mut all = Map::new();
    for (path, name, values) in headers.all() {
        let Some(values) = values.as_array() else {
            report.fault(&path, "it is no list");
            continue;
        };
        let values = values.iter().enumerate();
        let texts = values.filter_map(|(at, value)| {
            report.secret(SecretKind::Secret, (&format!("{path}[{at}]"), value))
        });
        let texts: Vec<String> = texts.collect();
        all.insert(name.to_owned(), texts.into());
    }
    to.insert("proxy_connect_header".to_owned(), all.into());
}

/// A secret of that field, under another name.
pub(crate) fn copy_secret(
    fields: &mut Fields<'_>,
    name: &str,
    (to, as_name): (&mut Map<String, Value>, &str),
    report: &mut Report<'_>,
) {
    let path = fields.at(name);
    if let Some(reference) = fields.value(name)
        && let Some(text) = report.secret(SecretKind::Secret, (&path, reference))
    {
        to.insert(as_name.to_owned(), text.into());
    }
}

/// A secret or a value of a config map.
fn copy_either(
    fields: &mut Fields<'_>,
    name: &str,
    (to, as_name): (&mut Map<String, Value>, &str),
    report: &mut Report<'_>,
) {
    let path = fields.at(name);
    if let Some(reference) = fields.value(name)
        && let Some(text) = report.secret_or_config_map((&path, reference))
    {
        to.insert(as_name.to_owned(), text.into());
    }
}

fn basic_auth(mut fields: Fields<'_>, report: &mut Report<'_>) -> Map<String, Value> {
    let mut section = Map::new();
    copy_secret(&mut fields, "username", (&mut section, "username"), report);
    copy_secret(&mut fields, "password", (&mut section, "password"), report);
    fields.finish(report);
    section
}

fn authorization(mut fields: Fields<'_>, report: &mut Report<'_>) -> Map<String, Value> {
    let mut section = Map::new();
    let kind = fields.text("type", report).unwrap_or("Bearer").trim();
    section.insert("type".to_owned(), kind.into());
    copy_secret(
        &mut fields,
        "credentials",
        (&mut section, "credentials"),
        report,
    );
    fields.finish(report);
    section
}

fn oauth2_section(
    mut fields: Fields<'_>,
    options: &Options,
    report: &mut Report<'_>,
) -> Map<String, Value> {
    let mut section = Map::new();
    copy_either(&mut fields, "clientId", (&mut section, "client_id"), report);
    copy_secret(
        &mut fields,
        "clientSecret",
        (&mut section, "client_secret"),
        report,
    );
    fields.copy_text("tokenUrl", (&mut section, "token_url"), report);
    let scopes = fields.texts("scopes", report);
    if !scopes.is_empty() {
        section.insert("scopes".to_owned(), scopes.into());
    }
    if let Some(parameters) = fields.pairs("endpointParams", report) {
        let parameters = parameters.into_iter();
        let parameters: Map<String, Value> = parameters
            .map(|(name, value)| (name, value.into()))
            .collect();
        section.insert("endpoint_params".to_owned(), parameters.into());
    }
    proxy(&mut fields, &mut section, report);
    if let Some(tls) = fields.map("tlsConfig", report) {
        let tls = tls_config(tls, options, report);
        section.insert("tls_config".to_owned(), tls.into());
    }
    fields.finish(report);
    section
}

pub(crate) fn tls_config(
    mut fields: Fields<'_>,
    options: &Options,
    report: &mut Report<'_>,
) -> Map<String, Value> {
    let mut section = Map::new();
    copy_either(&mut fields, "ca", (&mut section, "ca"), report);
    copy_either(&mut fields, "cert", (&mut section, "cert"), report);
    copy_secret(&mut fields, "keySecret", (&mut section, "key"), report);
    for (name, as_name) in [
        ("caFile", "ca_file"),
        ("certFile", "cert_file"),
        ("keyFile", "key_file"),
    ] {
        if let Some(file) = file(&mut fields, name, options, report) {
            section.insert(as_name.to_owned(), file.into());
        }
    }
    fields.copy_text("serverName", (&mut section, "server_name"), report);
    fields.copy_flag(
        "insecureSkipVerify",
        (&mut section, "insecure_skip_verify"),
        report,
    );
    fields.copy_text("minVersion", (&mut section, "min_version"), report);
    fields.copy_text("maxVersion", (&mut section, "max_version"), report);
    fields.finish(report);
    section
}

/// The name of a file, which an object may have where the operator of this server says so.
fn file(
    fields: &mut Fields<'_>,
    name: &str,
    options: &Options,
    report: &mut Report<'_>,
) -> Option<String> {
    let file = fields.text(name, report)?;
    if !options.allow_files {
        let text = "files of the server cannot be named here, unless its configuration sets \
                    allow_files";
        report.fault(&fields.at(name), text);
        return None;
    }
    Some(file.to_owned())
}
