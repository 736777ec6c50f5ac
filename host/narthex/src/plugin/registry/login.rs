//! `narthex plugin login` and `keygen`

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use narthex_registry::{Credentials, CredentialsFile, PrivateKey, Registry};

/// The longest password or key that is read.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The variable with the password of a private key.
const PASSWORD_VARIABLE: &str = "NARTHEX_KEY_PASSWORD";

/// Keep a user's password for a registry, in a file that only this user can read. The registry is
/// asked first whether it is right.
#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// The registry's host and port.
    #[arg(value_name = "HOST")]
    host: String,

    /// The user's name.
    #[arg(long, short)]
    username: String,

    /// A file with the password; without it the password is read from the standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Ask the registry by plain HTTP.
    #[arg(long)]
    insecure: bool,
}

/// Make a pair of keys to sign with: PREFIX.key, which only this user can read, and PREFIX.pub.
/// The private key is encrypted with the password in NARTHEX_KEY_PASSWORD, where there is one.
#[derive(Debug, Clone, Args)]
pub(crate) struct Keygen {
    /// What the files' names begin with.
    #[arg(value_name = "PREFIX", default_value = "narthex")]
    prefix: PathBuf,
}

impl Login {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let Some(file) = CredentialsFile::of_user().into_iter().next() else {
            bail!("there is no home folder to keep the password in");
        };
        let password = match &self.password_file {
            Some(path) => {
                read_secret(File::open(path)?).with_context(|| path.display().to_string())?
            }
            None => read_secret(std::io::stdin()).context("the standard input")?,
        };
        let credentials = Credentials {
            username: self.username.clone(),
            password: narthex_registry::Secret::new(password.trim_end_matches(['\r', '\n'])),
        };
        let registry =
            Registry::with_credentials(&self.host, self.insecure, Some(credentials.clone()))?;
        registry.check_login().await?;
        file.write(registry.host(), &credentials)?;
        println!("the password is kept in {}", file.path().display());
        Ok(ExitCode::SUCCESS)
    }
}

fn read_secret(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

impl Keygen {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let password = password();
        let key = PrivateKey::generate();
        let (private, public) = (self.file("key"), self.file("pub"));
        write_new(&private, 0o600, &key.to_pem(password.as_deref())?)?;
        write_new(&public, 0o644, &key.public_key().to_pem()?)?;
        let encrypted = match password {
            Some(_) => "encrypted",
            None => "not encrypted: NARTHEX_KEY_PASSWORD is not set",
        };
        println!("{} ({encrypted})\n{}", private.display(), public.display());
        Ok(ExitCode::SUCCESS)
    }

    fn file(&self, end: &str) -> PathBuf {
        let mut name = self.prefix.clone().into_os_string();
        name.push(".");
        name.push(end);
        name.into()
    }
}

/// A key is never written over: what it signed would be lost with it.
fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let mut options = File::options();
    let options = options.create_new(true).write(true).mode(mode);
    let shown = || path.display().to_string();
    let mut file = options.open(path).with_context(shown)?;
    file.write_all(text.as_bytes()).with_context(shown)
}

fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE)
        .ok()
        .filter(|text| !text.is_empty())
}

/// Reads a private key, with the password in the environment where it is encrypted.
pub(super) fn read_key(path: &Path) -> anyhow::Result<PrivateKey> {
    let shown = || path.display().to_string();
    let text = File::open(path)
        .map_err(anyhow::Error::from)
        .and_then(read_secret);
    let key = PrivateKey::from_pem(&text.with_context(shown)?, password().as_deref());
    key.with_context(|| format!("{} (its password: {PASSWORD_VARIABLE})", path.display()))
}
