//! Which bucket: what a file or the command line says of it, for all who work on one. Those are a
//! server, a store, a compactor, and queriers who share what they keep.
//!
//! It is not: what is said, which `narthex-bucket` knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use narthex_bucket::BucketConfig;

use crate::yaml::{self, FILE_BYTES_MAX};

/// The flag whose value is what a file would say.
const CONTENT: &str = "objstore.config";

// This is no doc comment, because clap would show it as what the whole program is for. The flags are
// Thanos'.
#[derive(Debug, Clone, Args)]
pub(crate) struct BucketFlags {
    /// File that says where the blocks lie: in S3, Google Cloud Storage, Azure or a folder. Its
    /// content has the form of Thanos' object store configuration.
    #[arg(long = "objstore.config-file", value_name = "FILE")]
    objstore_config_file: Option<PathBuf>,

    /// What such a file would say.
    #[arg(
        long = CONTENT,
        value_name = "CONTENT",
        conflicts_with = "objstore_config_file"
    )]
    objstore_config: Option<String>,
}

impl BucketFlags {
    /// Reads what they say, or the file that another flag names.
    ///
    /// # Errors
    /// None of them names a bucket, or several do, or what is said cannot be used.
    pub(crate) fn read(&self, other_file: Option<&Path>) -> anyhow::Result<BucketConfig> {
        let own_file = self.objstore_config_file.as_deref();
        match (own_file, &self.objstore_config, other_file) {
            (Some(file), None, None) | (None, None, Some(file)) => load(file),
            (None, Some(text), None) => parse(text, &format!("--{CONTENT}")),
            (None, None, None) => bail!("there is no bucket: name it by --objstore.config-file"),
            _ => bail!("there is more than one bucket: name it by --objstore.config-file alone"),
        }
    }
}

/// Takes keys out of what is shown of the command line.
pub(crate) fn hide_secrets(values: &mut BTreeMap<String, String>) {
    if let Some(value) = values.get_mut(CONTENT)
        && !value.is_empty()
    {
        "<secret>".clone_into(value);
    }
}

/// Reads the config of an object store. What it says of a fault holds no line of the file: there
/// are keys in it.
///
/// # Errors
/// The file cannot be read, or says what cannot be used.
pub(crate) fn load(path: &Path) -> anyhow::Result<BucketConfig> {
    let file = path.display().to_string();
    let size = fs::metadata(path).map(|metadata| metadata.len());
    let size = size.with_context(|| format!("couldn't load {file}"))?;
    if usize::try_from(size).map_or(true, |size| size > FILE_BYTES_MAX) {
        bail!("couldn't load {file}: the file has over {FILE_BYTES_MAX} bytes");
    }
    let text = fs::read_to_string(path).with_context(|| format!("couldn't load {file}"))?;
    parse(&text, &file)
}

/// Reads what such a file says; `file` is what it is called in errors.
///
/// # Errors
/// It says what cannot be used.
fn parse(text: &str, file: &str) -> anyhow::Result<BucketConfig> {
    let text = substitute(text, |name| std::env::var(name).ok())
        .map_err(|name| anyhow!("{file}: the environment has no variable {name}"))?;
    let config: BucketConfig = yaml::read(&text, file).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.snippet.clear();
        }
        error
    })?;
    if let Err(faults) = config.check() {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        bail!("{file}: {}", faults.join("; "));
    }
    Ok(config)
}

/// The text with the values of variables in place of `$(NAME)`, as Thanos writes them.
///
/// # Errors
/// The name of one that there is not.
fn substitute(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        written.push_str(before);
        let named = after.split_once(')').filter(|(name, _)| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !name.is_empty() && name.bytes().all(is_name)
        });
        match named {
            Some((name, behind)) => {
                written.push_str(&variable(name).ok_or_else(|| name.to_owned())?);
                rest = behind;
            }
            None => {
                written.push_str("$(");
                rest = after;
            }
        }
    }
    written.push_str(rest);
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_once() {
        let file = || Some(PathBuf::from("/nowhere/bucket.yml"));
        let text = || Some("type: FILESYSTEM\nconfig: {directory: /nowhere}\n".to_owned());
        let other = Path::new("/nowhere/other.yml");
        for (own_file, own_text, other, expected) in [
            (None, None, None, "there is no bucket"),
            (file(), None, None, "couldn't load /nowhere/bucket.yml"),
            (None, None, Some(other), "couldn't load /nowhere/other.yml"),
            (None, text(), None, ""),
            (file(), None, Some(other), "there is more than one bucket"),
            (None, text(), Some(other), "there is more than one bucket"),
        ] {
            let flags = BucketFlags {
                objstore_config_file: own_file,
                objstore_config: own_text,
            };
            let error = flags.read(other).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(error.starts_with(expected), "{expected}: {error}");
            assert_eq!(error.is_empty(), expected.is_empty(), "{error}");
        }
    }

    #[test]
    fn a_file_in_thanos_shape_is_taken() {
        let text = "type: S3\nconfig:\n  bucket: metrics\n  endpoint: s3.example:9000\n  \
                    access_key: k\n  secret_key: hunter2\n  insecure: true\nprefix: prod\n\
                    retention: 1y\n";
        let config = parse(text, "bucket.yml").unwrap();
        assert_eq!(config.config.bucket, "metrics");
        assert_eq!(config.retention.to_string(), "1y");
        assert_eq!(config.config.secret_key.expose(), "hunter2");
    }

    #[test]
    fn variables_of_the_environment_are_written_as_in_thanos() {
        let variable = |name: &str| (name == "KEY_1").then(|| "hunter2".to_owned());
        for (text, expected) in [
            ("secret_key: $(KEY_1)\n", Ok("secret_key: hunter2\n")),
            ("$(KEY_1)$(KEY_1)", Ok("hunter2hunter2")),
            ("a$(b c)$()$($(KEY_1)$(", Ok("a$(b c)$()$(hunter2$(")),
            ("${KEY_1} $KEY_1 $$", Ok("${KEY_1} $KEY_1 $$")),
            ("$(KEY_2)", Err("KEY_2")),
        ] {
            let found = substitute(text, variable);
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected, "{text}");
        }
        let text = "type: S3\nconfig:\n  secret_key: $(NARTHEX_TEST_NOT_SET)\n";
        let error = parse(text, "bucket.yml").unwrap_err().to_string();
        assert_eq!(
            error,
            "bucket.yml: the environment has no variable NARTHEX_TEST_NOT_SET"
        );
    }

    #[test]
    fn faults_are_named_and_no_secret_is_among_them() {
        for (text, expected) in [
            (
                "type: S3\nconfig:\n  secret_key: hunter2\n  buckt: metrics\n",
                "buckt",
            ),
            (
                "type: S3\nconfig:\n  secret_key: hunter2\n  bucket: metrics\n",
                "bucket.yml: type S3 needs config.access_key",
            ),
            ("type: SWIFT\nconfig: {secret_key: hunter2}\n", "SWIFT"),
        ] {
            let error = format!("{:#}", parse(text, "bucket.yml").unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
