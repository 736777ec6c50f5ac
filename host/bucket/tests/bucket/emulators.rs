//! Object stores on loopback, each started by a program beside this file: moto from PyPI for S3;
//! the same for Google Cloud Storage, behind what gives it Google's names and looks at tokens;
//! Azurite from npm for Azure. A folder is a store, too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use narthex_bucket::{BucketConfig, Provider, open_store};
use object_store::ObjectStore;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A secret that no store knows, and how Azure writes it.
pub(crate) const WRONG: &str = "hunter2";
pub(crate) const WRONG_ENCODED: &str = "aHVudGVyMg==";

/// A store that is there as long as the value.
pub(crate) struct Emulator {
    pub(crate) provider: Provider,
    /// What its program said of it.
    told: Value,
    child: Option<Child>,
    folder: TempDir,
}

impl Emulator {
    /// One that knows who may use it. `None` where its program is not installed and nobody said
    /// that it is.
    pub(crate) fn start(provider: Provider) -> Option<Self> {
        let program = match provider {
            Provider::S3 => Some(include_str!("emulators/s3.py")),
            Provider::Gcs => Some(include_str!("emulators/gcs.py")),
            Provider::Azure => Some(include_str!("emulators/azure.py")),
            Provider::FileSystem => None,
        };
        Self::run(provider, program, &[])
    }

    /// S3 that anybody may use, which takes less time.
    pub(crate) fn start_open() -> Option<Self> {
        let program = include_str!("emulators/s3.py");
        Self::run(Provider::S3, Some(program), &["open"])
    }

    fn run(provider: Provider, program: Option<&str>, args: &[&str]) -> Option<Self> {
        let mut emulator = Self {
            provider,
            told: Value::Null,
            child: None,
            folder: TempDir::new().unwrap(),
        };
        let Some(program) = program else {
            return Some(emulator);
        };
        let named = std::env::var("NARTHEX_TEST_PYTHON").ok();
        let python = named.clone().unwrap_or_else(|| "python3".to_owned());
        // It serves until its input ends, so that it never outlives the test.
        let child = Command::new(python)
            .args(["-c", program])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            assert!(named.is_none(), "NARTHEX_TEST_PYTHON is no program");
            return None;
        };
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        emulator.child = Some(child);
        if line.is_empty() {
            assert!(
                named.is_none(),
                "tests/run installs moto[server] and azurite: {provider} has no emulator"
            );
            eprintln!("{provider} has no emulator: tests/run installs it");
            return None;
        }
        emulator.told = serde_json::from_str(&line).unwrap();
        Some(emulator)
    }

    /// What a user writes to keep blocks below a prefix.
    pub(crate) fn config(&self, prefix: &str) -> BucketConfig {
        let told = &self.told;
        self.config_of(
            prefix,
            match self.provider {
                Provider::S3 => self.s3(&told["secret"]),
                Provider::Gcs => self.gcs(&told["account"]),
                Provider::Azure => self.azure(&told["key"]),
                Provider::FileSystem => json!({"directory": self.folder.path()}),
            },
        )
    }

    /// The same by other fields, where there are any.
    pub(crate) fn other_config(&self, prefix: &str) -> Option<BucketConfig> {
        if self.provider != Provider::Azure {
            return None;
        }
        let [account, key, address] =
            ["account", "key", "address"].map(|name| self.told[name].as_str().unwrap());
        let string = format!("AccountName={account};AccountKey={key};BlobEndpoint={address};");
        let fields = json!({
            "storage_account": account,
            "container": "metrics",
            "storage_connection_string": string,
        });
        Some(self.config_of(prefix, fields))
    }

    /// What somebody writes whom the store does not know; `None` where all are the same.
    pub(crate) fn stranger(&self) -> Option<BucketConfig> {
        let fields = match self.provider {
            Provider::S3 => self.s3(&json!(WRONG)),
            Provider::Gcs => self.gcs(&self.told["stranger"]),
            Provider::Azure => self.azure(&json!(WRONG_ENCODED)),
            Provider::FileSystem => return None,
        };
        Some(self.config_of("", fields))
    }

    /// The store below a prefix.
    pub(crate) fn store(&self, prefix: &str) -> Arc<dyn ObjectStore> {
        open_store(&self.config(prefix)).unwrap()
    }

    /// Where it is, as errors say it.
    pub(crate) fn address(&self) -> Option<&str> {
        self.told["address"].as_str()
    }

    /// Ends the program.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }

    fn config_of(&self, prefix: &str, fields: Value) -> BucketConfig {
        let config = json!({
            "type": self.provider.to_string(),
            "prefix": prefix,
            "config": fields,
        });
        let config: BucketConfig = serde_json::from_value(config).unwrap();
        config.check().unwrap();
        config
    }

    fn s3(&self, secret: &Value) -> Value {
        json!({
            "bucket": "metrics",
            "endpoint": self.told["address"],
            "insecure": true,
            "region": "us-east-1",
            "access_key": self.told["user"],
            "secret_key": secret,
        })
    }

    fn gcs(&self, account: &Value) -> Value {
        json!({"bucket": "metrics", "service_account": account.to_string()})
    }

    fn azure(&self, key: &Value) -> Value {
        json!({
            "storage_account": self.told["account"],
            "storage_account_key": key,
            "container": "metrics",
            "endpoint": self.told["address"],
        })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}
