//! Kubeconfig files, as far as they say where a cluster is and how it is asked.
//!
//! It is not: a reader of YAML; who reads the file hands over what is in it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_http::{Authorization, BasicAuth, HttpConfig, Secret, TlsConfig};
use serde::Deserialize;

use crate::connection::{Connection, ConnectionError};
use crate::exec::ExecConfig;

/// A kubeconfig file. What it says beyond this is of no concern here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Kubeconfig {
    current_context: String,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority: String,
    certificate_authority_data: String,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
    proxy_url: Secret,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    token: Secret,
    #[serde(rename = "tokenFile")]
    token_file: String,
    client_certificate: String,
    client_certificate_data: String,
    client_key: String,
    client_key_data: Secret,
    username: String,
    password: Secret,
    exec: Option<ExecConfig>,
    auth_provider: Option<serde_json::Value>,
}

impl Kubeconfig {
    /// The cluster of the current context. Paths are taken from `folder`, where the file lies.
    ///
    /// # Errors
    /// The context, or what it names, is missing, or something cannot be used.
    pub fn connection(&self, folder: &Path) -> Result<Connection, ConnectionError> {
        let (cluster, user) = self.current().map_err(ConnectionError::Kubeconfig)?;
        let http = http(cluster, user, folder).map_err(ConnectionError::Kubeconfig)?;
        Ok(Connection {
            server: cluster.server.clone(),
            http,
            exec: user.exec.clone(),
        })
    }

    fn current(&self) -> Result<(&ClusterEntry, &User), String> {
        if self.current_context.is_empty() {
            return Err("it has no current-context".to_owned());
        }
        let missing = |what: &str, name: &str| format!("it has no {what} {name:?}");
        let name = &self.current_context;
        let mut contexts = self.contexts.iter().flatten();
        let context = contexts.find(|context| context.name == *name);
        let context = &context.ok_or_else(|| missing("context", name))?.context;
        let mut clusters = self.clusters.iter().flatten();
        let cluster = clusters.find(|cluster| cluster.name == context.cluster);
        let cluster = cluster.ok_or_else(|| missing("cluster", &context.cluster))?;
        let mut users = self.users.iter().flatten();
        let user = users.find(|user| user.name == context.user);
        let user = user.ok_or_else(|| missing("user", &context.user))?;
        if cluster.cluster.server.is_empty() {
            return Err(format!("cluster {:?} has no server", cluster.name));
        }
        if user.user.auth_provider.is_some() {
            return Err(format!(
                "user {:?} has an auth-provider, which clusters no longer know: use exec or a token",
                user.name
            ));
        }
        Ok((&cluster.cluster, &user.user))
    }
}

fn http(cluster: &ClusterEntry, user: &User, folder: &Path) -> Result<HttpConfig, String> {
    let path = |path: &str| match path {
        "" => String::new(),
        path => folder.join(path).display().to_string(),
    };
    // What stands in the file comes before what it names.
    let or_file = |data: &str, file: &str, what: &str| match data {
        "" => Ok((String::new(), path(file))),
        data => decoded(data, what).map(|text| (text, String::new())),
    };
    let (ca, ca_file) = or_file(
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
        "certificate-authority-data",
    )?;
    let (cert, cert_file) = or_file(
        &user.client_certificate_data,
        &user.client_certificate,
        "client-certificate-data",
    )?;
    let (key, key_file) = or_file(
        user.client_key_data.expose(),
        &user.client_key,
        "client-key-data",
    )?;
    let has_token = !user.token.is_empty() || !user.token_file.is_empty();
    let authorization = has_token.then(|| match user.token_file.as_str() {
        // The file is what counts, as it may be exchanged.
        "" => Authorization {
            credentials: user.token.clone(),
            ..Authorization::default()
        },
        file => Authorization {
            credentials_file: path(file),
            ..Authorization::default()
        },
    });
    let has_name = !user.username.is_empty() && authorization.is_none();
    Ok(HttpConfig {
        basic_auth: has_name.then(|| BasicAuth {
            username: user.username.clone(),
            password: user.password.clone(),
            ..BasicAuth::default()
        }),
        authorization,
        tls_config: Some(TlsConfig {
            ca,
            ca_file,
            cert,
            cert_file,
            key: Secret::new(key),
            key_file,
            server_name: cluster.tls_server_name.clone(),
            insecure_skip_verify: cluster.insecure_skip_tls_verify,
            ..TlsConfig::default()
        }),
        proxy_url: (!cluster.proxy_url.is_empty()).then(|| cluster.proxy_url.clone()),
        proxy_from_environment: cluster.proxy_url.is_empty(),
        follow_redirects: false,
        ..HttpConfig::default()
    })
}

fn decoded(data: &str, what: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(data.trim());
    let bytes = bytes.map_err(|error| format!("{what} is not Base64: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{what} is not PEM"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn file(user: Value) -> Kubeconfig {
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "b",
            "contexts": [
                {"name": "a", "context": {"cluster": "x", "user": "y"}},
                {"name": "b", "context": {"cluster": "home", "user": "me", "namespace": "n"}},
            ],
            "clusters": [{"name": "home", "cluster": {
                "server": "https://10.0.0.1:6443", "certificate-authority": "ca.crt",
                "tls-server-name": "kubernetes"}}],
            "users": [{"name": "me", "user": user}],
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn each_way_to_say_who_one_is() {
        let folder = Path::new("/home/me");
        let http = |user: Value| file(user).connection(folder).unwrap().http;
        let plain = http(json!({}));
        let tls = plain.tls_config.unwrap();
        assert_eq!(tls.ca_file, "/home/me/ca.crt");
        assert_eq!(tls.server_name, "kubernetes");
        assert_eq!((plain.authorization, plain.basic_auth), (None, None));

        let token = http(json!({"token": "t"})).authorization.unwrap();
        assert_eq!(token.credentials.expose(), "t");
        let token = http(json!({"token": "t", "tokenFile": "t.txt"}));
        let token = token.authorization.unwrap();
        assert_eq!(
            (&*token.credentials_file, token.credentials.expose()),
            ("/home/me/t.txt", "")
        );
        let basic = http(json!({"username": "u", "password": "p"}));
        assert_eq!(basic.basic_auth.unwrap().password.expose(), "p");

        let tls = http(json!({"client-certificate-data": "Yw==", "client-key-data": "aw=="}));
        let tls = tls.tls_config.unwrap();
        assert_eq!((&*tls.cert, tls.key.expose()), ("c", "k"));
        let tls = http(json!({"client-certificate": "c.pem", "client-key": "/k.pem"}));
        let tls = tls.tls_config.unwrap();
        assert_eq!(
            (&*tls.cert_file, &*tls.key_file),
            ("/home/me/c.pem", "/k.pem")
        );
        let exec = json!({"exec": {"command": "aws", "args": ["token"], "env": null}});
        let exec = file(exec).connection(folder).unwrap().exec.unwrap();
        assert_eq!(exec.command, "aws");
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = Path::new("");
        for (field, value, expected) in [
            ("current-context", json!(""), "it has no current-context"),
            ("current-context", json!("c"), "it has no context \"c\""),
            ("current-context", json!("a"), "it has no cluster \"x\""),
            ("users", Value::Null, "it has no user \"me\""),
            (
                "clusters",
                json!([{"name": "home"}]),
                "cluster \"home\" has no server",
            ),
            (
                "users",
                json!([{"name": "me", "user": {"client-key-data": "?"}}]),
                "client-key-data is not Base64",
            ),
            (
                "users",
                json!([{"name": "me", "user": {"auth-provider": {"name": "gcp"}}}]),
                "user \"me\" has an auth-provider",
            ),
        ] {
            let mut text = json!({
                "current-context": "b",
                "contexts": [
                    {"name": "a", "context": {"cluster": "x", "user": "me"}},
                    {"name": "b", "context": {"cluster": "home", "user": "me"}},
                ],
                "clusters": [{"name": "home", "cluster": {"server": "s"}}],
                "users": [{"name": "me", "user": {}}],
            });
            text[field] = value;
            let file: Kubeconfig = serde_json::from_value(text).unwrap();
            let error = file.connection(folder).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
