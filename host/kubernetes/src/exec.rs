//! Tokens that a program prints (`exec` in a kubeconfig file).
//!
//! It is not: a way to get client certificates from a program; one that prints no token is an
//! error.

use std::fmt;
use std::process::Stdio;

use narthex_http::Secret;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::limits::{EXEC_BYTES_MAX, EXEC_TIMEOUT, EXEC_TOKEN_AGE};

/// Which program, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecConfig {
    /// The version of what it prints.
    pub api_version: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// What is added to its environment.
    pub env: Option<Vec<ExecVariable>>,
}

/// A variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ExecVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// The token that a program printed last.
pub(crate) struct ExecToken {
    config: ExecConfig,
    last: Mutex<Option<(Secret, Instant)>>,
}

#[derive(Deserialize)]
struct Credential {
    #[serde(default)]
    status: CredentialStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CredentialStatus {
    token: Secret,
}

impl fmt::Debug for ExecToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecToken")
            .field("command", &self.config.command)
            .finish_non_exhaustive()
    }
}

impl ExecToken {
    pub(crate) fn new(config: ExecConfig) -> Self {
        Self {
            config,
            last: Mutex::default(),
        }
    }

    /// The token, from the program where there is none or an old one.
    pub(crate) async fn get(&self) -> Result<Secret, String> {
        let mut last = self.last.lock().await;
        if let Some((token, since)) = &*last
            && since.elapsed() < EXEC_TOKEN_AGE
        {
            return Ok(token.clone());
        }
        let token = run(&self.config).await;
        let token = token.map_err(|error| format!("exec: {}: {error}", self.config.command))?;
        *last = Some((token.clone(), Instant::now()));
        Ok(token)
    }

    /// The cluster refused it.
    pub(crate) async fn forget(&self) {
        *self.last.lock().await = None;
    }
}

async fn run(config: &ExecConfig) -> Result<Secret, String> {
    let info = serde_json::json!({
        "apiVersion": config.api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": false},
    });
    let mut command = Command::new(&config.command);
    command
        .args(config.args.iter().flatten())
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    for variable in config.env.iter().flatten() {
        command.env(&variable.name, variable.value.expose());
    }
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let printed = async {
        let mut text = Vec::new();
        let output = child.stdout.take().ok_or("it has no output")?;
        let mut output = output.take(EXEC_BYTES_MAX + 1);
        let read = output.read_to_end(&mut text).await;
        read.map_err(|error| error.to_string())?;
        if text.len() as u64 > EXEC_BYTES_MAX {
            return Err(format!("it prints over {EXEC_BYTES_MAX} bytes"));
        }
        let status = child.wait().await.map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(text),
            false => Err(status.to_string()),
        }
    };
    let printed = tokio::time::timeout(EXEC_TIMEOUT, printed).await;
    let printed = printed.map_err(|_| format!("not done after {EXEC_TIMEOUT:?}"))??;
    let credential: Credential = serde_json::from_slice(&printed)
        .map_err(|error| format!("it prints no ExecCredential: {error}"))?;
    match credential.status.token.is_empty() {
        true => Err("it prints no token".to_owned()),
        false => Ok(credential.status.token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ExecToken {
        ExecToken::new(ExecConfig {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "/bin/sh".to_owned(),
            args: Some(vec!["-c".to_owned(), script.to_owned()]),
            env: Some(vec![ExecVariable {
                name: "WHO".to_owned(),
                value: Secret::new("me"),
            }]),
        })
    }

    #[tokio::test]
    async fn a_program_is_asked_once_and_again_when_its_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count").display().to_string();
        let token = shell(&format!(
            "echo >>{count}; printf '{{\"status\": {{\"token\": \"%s%s\"}}}}' $WHO \
             $(wc -l <{count})"
        ));
        assert_eq!(token.get().await.unwrap().expose(), "me1");
        assert_eq!(token.get().await.unwrap().expose(), "me1");
        token.forget().await;
        assert_eq!(token.get().await.unwrap().expose(), "me2");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_so() {
        for (script, expected) in [
            ("exit 3", "exit status: 3"),
            ("echo hello", "it prints no ExecCredential"),
            ("echo '{}'", "it prints no token"),
        ] {
            let error = shell(script).get().await.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
