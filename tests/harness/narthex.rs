//! The real binary, with a folder and a port of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, free_port, http, until};

/// Series by their labels, printed as JSON with sorted names.
pub type SeriesSet = BTreeMap<String, String>;

/// How to start Narthex.
#[derive(Debug, Default)]
pub struct NarthexBuilder {
    config: Option<String>,
    flags: Vec<String>,
    data: Option<PathBuf>,
    is_agent: bool,
    is_querier: bool,
    is_store: bool,
    host: Option<String>,
    namespace: Option<String>,
    variables: Vec<String>,
}

impl NarthexBuilder {
    /// The text of prometheus.yml; without it the embedded default is used.
    pub fn config(mut self, yaml: impl Into<String>) -> Self {
        self.config = Some(yaml.into());
        self
    }

    /// One more flag.
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// The folder of its blocks and WAL, where something is there already.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// It listens on this address of the machine; without it, on 127.0.0.1.
    pub fn host(mut self, address: impl Into<String>) -> Self {
        self.host = Some(address.into());
        self
    }

    /// In a network namespace.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = Some(name.into());
        self
    }

    /// With this in its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("{name}={value}"));
        self
    }

    /// In agent mode.
    pub fn agent(mut self) -> Self {
        self.is_agent = true;
        self
    }

    /// As `query serve`.
    pub fn querier(mut self) -> Self {
        self.is_querier = true;
        self
    }

    /// As `store`, which also answers by gRPC unless a flag says where: on a port that is the same
    /// for all.
    pub fn store(mut self) -> Self {
        self.is_store = true;
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Narthex {
        let folder = tempfile::tempdir().unwrap();
        if let Some(config) = &self.config {
            std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        }
        let port = free_port();
        let data = self.data.unwrap_or_else(|| folder.path().join("data"));
        let host = self.host.unwrap_or_else(|| "127.0.0.1".to_owned());
        let mut args = Vec::new();
        let mut program = binary();
        // Each becomes the binary, under the same pid.
        if !self.variables.is_empty() {
            args.extend(self.variables);
            args.push(program.display().to_string());
            program = PathBuf::from("env");
        }
        if let Some(namespace) = &self.namespace {
            let launcher = program.display().to_string();
            let launched = ["netns", "exec", namespace, &launcher].map(str::to_owned);
            args = launched.into_iter().chain(args).collect();
            program = PathBuf::from("ip");
        }
        if self.is_querier {
            args.extend(["query", "serve"].map(str::to_owned));
        }
        if self.is_store {
            args.push("store".to_owned());
        }
        args.extend([
            format!("--web.listen-address={host}:{port}"),
            "--web.enable-lifecycle".to_owned(),
        ]);
        args.extend(match (self.is_agent, self.is_querier) {
            (true, _) => vec![
                "--agent".to_owned(),
                format!("--storage.agent.path={}", data.display()),
            ],
            (false, true) => vec![format!("--storage.agent.path={}", data.display())],
            (false, false) if self.is_store => vec![format!("--data-dir={}", data.display())],
            (false, false) => vec![format!("--storage.tsdb.path={}", data.display())],
        });
        if self.config.is_some() {
            args.push(format!(
                "--config.file={}",
                folder.path().join("prometheus.yml").display()
            ));
        }
        args.extend(self.flags);
        let process = Process::start(&program, &args, &folder.path().join("log"));
        let mut narthex = Narthex {
            process,
            folder,
            data,
            program,
            args,
            host,
            port,
        };
        narthex.wait_until_ready(&mut |_| {});
        narthex
    }
}

/// A running Narthex.
#[derive(Debug)]
pub struct Narthex {
    process: Process,
    folder: TempDir,
    data: PathBuf,
    program: PathBuf,
    args: Vec<String>,
    host: String,
    port: u16,
}

impl Narthex {
    /// One with the embedded default config.
    pub fn builder() -> NarthexBuilder {
        NarthexBuilder::default()
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// The folder of its blocks and WAL.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Replaces prometheus.yml; a reload takes it.
    pub fn write_config(&self, yaml: &str) {
        std::fs::write(self.folder.path().join("prometheus.yml"), yaml).unwrap();
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again in the same folder, after its end or a kill, and waits until it is ready.
    pub fn restart(&mut self) {
        self.restart_and_watch(|_| {});
    }

    /// As [`Narthex::restart`]; `look` is called over and over until it is ready, also while it
    /// does not listen yet.
    pub fn restart_and_watch(&mut self, mut look: impl FnMut(&Self)) {
        self.process.kill();
        self.process = Process::start(&self.program, &self.args, &self.folder.path().join("log"));
        self.wait_until_ready(&mut look);
    }

    /// As [`Narthex::restart`], and from now on without a flag that it was built with.
    pub fn restart_without(&mut self, flag: &str) {
        self.args.retain(|arg| arg != flag);
        self.restart();
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn wait_until_ready(&mut self, look: &mut dyn FnMut(&Self)) {
        let url = format!("{}/-/ready", self.url());
        until(120, "/-/ready", || {
            self.process.check_running()?;
            look(self);
            match http::get(&url)? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
    }

    /// The `data` of an API answer, for a path behind `/api/v1/`.
    ///
    /// # Errors
    /// As [`http::api`].
    pub fn api(&self, path: &str) -> Result<Value, String> {
        http::api(&format!("{}/api/v1/{path}", self.url()))
    }

    /// A line of `/metrics`, its labels included in the name.
    ///
    /// # Errors
    /// The server does not answer, or has no such line.
    pub fn gauge(&self, name: &str) -> Result<f64, String> {
        http::gauge(&self.url(), name)
    }

    /// The result of an instant query now, by labels.
    ///
    /// # Errors
    /// The query failed.
    pub fn query(&self, expression: &str) -> Result<SeriesSet, String> {
        instant(&self.url(), expression)
    }
}

/// The result of an instant query of any Prometheus, by labels.
///
/// # Errors
/// The query failed.
pub fn instant(base: &str, expression: &str) -> Result<SeriesSet, String> {
    let data = http::api(&format!(
        "{base}/api/v1/query?query={}",
        http::encode(expression)
    ))?;
    let series = data["result"].as_array().ok_or_else(|| data.to_string())?;
    Ok(series
        .iter()
        .map(|series| {
            (
                sorted(&series["metric"]),
                series["value"][1].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect())
}

/// Labels printed with their names in order, whatever order they came in. Prometheus 3 writes the
/// bounds of classic histograms and summaries as floats ("1" is stored as "1.0"), Prometheus 2
/// as the target does; they are printed the way of 3.
pub fn sorted(labels: &Value) -> String {
    let labels: BTreeMap<&str, String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")))
        .map(|(name, value)| match name {
            "le" | "quantile" => (name, as_float(value)),
            _ => (name, value.to_owned()),
        })
        .collect();
    serde_json::to_string(&labels).unwrap()
}

fn as_float(bound: &str) -> String {
    let is_whole = bound
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    let number = bound.parse::<f64>().unwrap_or(f64::NAN);
    match number.abs() {
        // From here on Go's shortest form has an exponent, of two digits at least.
        large if large >= 1e6 && large.is_finite() => {
            let text = format!("{number:e}");
            let (digits, exponent) = text.split_once('e').unwrap();
            format!("{digits}e+{exponent:0>2}")
        }
        _ if is_whole => format!("{bound}.0"),
        _ => bound.to_owned(),
    }
}

#[test]
fn bounds_are_printed_as_prometheus_3_does() {
    for (bound, expected) in [
        ("1", "1.0"),
        ("-2", "-2.0"),
        ("0.25", "0.25"),
        ("+Inf", "+Inf"),
        ("999999", "999999.0"),
        ("1800000", "1.8e+06"),
        ("3.6e+06", "3.6e+06"),
        ("12345678901", "1.2345678901e+10"),
        ("no number", "no number"),
    ] {
        assert_eq!(as_float(bound), expected);
    }
}

/// The binary that the same cargo run built: it lies beside the folder of the test binaries.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("narthex");
    assert!(
        built.exists(),
        "{} is missing: build the workspace first",
        built.display()
    );
    built
}
