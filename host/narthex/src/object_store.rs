//! The bucket beside the store: its config file, and the task that keeps it up to date.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use narthex_api::ApiState;
use narthex_bucket::{Bucket, BucketConfig, BucketOptions, open_store};
use narthex_model::{Clock, Labels};
use narthex_tsdb::Tsdb;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::yaml::{self, FILE_BYTES_MAX};

/// The folder below the store's for what was read of the bucket.
const CACHE: &str = "object-store-cache";

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
pub(crate) fn parse(text: &str, file: &str) -> anyhow::Result<BucketConfig> {
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

/// Gives the external labels.
pub(crate) type ExternalLabels = Box<dyn Fn() -> Labels + Send + Sync>;

/// The external labels as they are: those of the config that the server starts with, until its parts
/// follow another one.
pub(crate) fn external_labels(state: &ApiState, first: &Config) -> ExternalLabels {
    let (state, first) = (state.clone(), first.external_labels.clone());
    Box::new(move || match state.serving() {
        Some(_) => state.config().external_labels.clone(),
        None => first.clone(),
    })
}

/// The task that looks at the bucket again and again.
#[derive(Debug)]
pub(crate) struct ObjectStore {
    bucket: Arc<Bucket>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ObjectStore {
    /// Opens the bucket, lets it answer beside the store, and begins to bring blocks there, under
    /// the external labels that hold at the time.
    ///
    /// # Errors
    /// The config is none, or the folder of the cache cannot be used. That the bucket cannot be
    /// reached is no error: it may come back.
    pub(crate) async fn start(
        config: &Path,
        folder: &Path,
        tsdb: &Arc<Tsdb>,
        external_labels: ExternalLabels,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let config = load(config)?;
        let store = open_store(&config).context("the object store cannot be used")?;
        let pages = Arc::clone(tsdb.page_cache());
        let options = BucketOptions::new(config, store, folder.join(CACHE), pages, clock);
        let opened = Bucket::open(options, registry).await;
        let bucket = opened.context("the object store cannot be used")?;
        tsdb.attach(Arc::clone(&bucket) as _);
        let (stop, stopping) = watch::channel(false);
        let (running, local) = (Arc::clone(&bucket), Arc::clone(tsdb));
        let task = tokio::spawn(async move {
            let blocks = || {
                running.set_labels(&external_labels());
                local.local_blocks()
            };
            running.run(blocks, stopping).await;
        });
        Ok(Self { bucket, stop, task })
    }

    /// Ends the task. An upload that is under way goes on after the next start.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // It fails only where the task panicked, which the log has said.
        let _ = self.task.await;
        self.bucket.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
