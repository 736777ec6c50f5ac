//! `narthex push metrics`: pages of metrics, sent by remote write.
//!
//! It is not: the server's own remote write, nor what jobs push to it as to a Pushgateway.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use narthex_exposition::{Entry, Format, Parser};
use narthex_http::header::HeaderValue;
use narthex_model::{Clock as _, Labels, LabelsBuilder, PromDuration, SystemClock};
use narthex_remote::{
    MessageKind, MetricKind, MetricMetadata, PushedSample, metadata_body, request_body,
};

use crate::prometheus_server::{ClientArgs, PrometheusServer};

/// A page may have so many bytes; a larger one is an error.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// Samples of one request; a page with more is sent in several.
const SAMPLES_AT_ONCE: usize = 10_000;

/// How much is shown of an answer that refuses.
const REASON_CHARS_MAX: usize = 1000;

/// The label that a page may not decide on.
const JOB: &str = "job";

/// What can be pushed.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PushCommand {
    /// Push metrics to a prometheus remote write (for testing purpose only).
    Metrics(PushMetrics),
}

/// Pages of metrics.
#[derive(Debug, Clone, Args)]
pub(crate) struct PushMetrics {
    /// How to speak to the receiver.
    #[command(flatten)]
    client: ClientArgs,
    /// Label to attach to metrics, as name=value. Can be specified multiple times.
    #[arg(long = "label", value_name = "LABEL", default_value = "job=promtool")]
    labels: Vec<String>,
    /// The time to wait for pushing metrics.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: PromDuration,
    /// Prometheus remote write header, as name=value. Can be repeated.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The protobuf message to use when writing: prometheus.WriteRequest or
    /// io.prometheus.write.v2.Request.
    #[arg(
        long = "protobuf_message",
        value_name = "MESSAGE",
        default_value = "prometheus.WriteRequest"
    )]
    kind: MessageKind,
    /// Path of the remote write API, in place of that of the url.
    #[arg(long = "remote-write.path", value_name = "PATH")]
    path: Option<String>,
    /// Prometheus remote write url to push metrics.
    #[arg(value_name = "REMOTE-WRITE-URL")]
    url: String,
    /// The metric files to push, default is read from standard input.
    #[arg(value_name = "METRIC-FILES")]
    files: Vec<PathBuf>,
}

/// Pushes what is asked for.
///
/// # Errors
/// Nothing can be pushed to that receiver; of a page that is refused only the exit code tells.
pub(crate) fn run(command: &PushCommand) -> anyhow::Result<ExitCode> {
    let PushCommand::Metrics(push) = command;
    push.run()
}

impl PushMetrics {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let url = match &self.path {
            Some(path) => with_path(&self.url, path),
            None => self.url.clone(),
        };
        let server = PrometheusServer::new(&url, &self.client, &self.headers)?;
        let server = server.with_timeout(self.timeout.as_std());
        let labels = own_labels(&self.labels)?;
        let is_stdin = matches!(&*self.files, [only] if only == Path::new("-"));
        let mut has_failed = false;
        if self.files.is_empty() || is_stdin {
            println!("Parsing standard input");
            let page = read(std::io::stdin());
            has_failed |= !self.push(&server, &labels, page, "metrics");
        } else {
            for file in &self.files {
                let name = file.display();
                println!("Parsing metrics file {name}");
                let page = std::fs::File::open(file)
                    .map_err(anyhow::Error::from)
                    .and_then(read);
                let page = page.with_context(|| name.to_string());
                let what = format!("metrics file {name}");
                has_failed |= !self.push(&server, &labels, page, &what);
            }
        }
        Ok(match has_failed {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }

    /// Pushes a page, and says how it went.
    fn push(
        &self,
        server: &PrometheusServer,
        labels: &[(String, String)],
        page: anyhow::Result<Vec<u8>>,
        what: &str,
    ) -> bool {
        let pushed = page.and_then(|page| {
            let page = read_page(&page, labels, SystemClock.now_ms())?;
            if self.kind == MessageKind::V1 {
                for metadata in page.metadata.chunks(SAMPLES_AT_ONCE) {
                    let body = metadata_body(metadata).context("packing the metadata")?;
                    self.send(server, body.to_vec())?;
                }
            }
            let mut requests = page.samples.chunks(SAMPLES_AT_ONCE);
            requests.try_for_each(|samples| {
                let body = request_body(self.kind, samples, &page.metadata);
                self.send(server, body.context("packing the samples")?.to_vec())
            })
        });
        match pushed {
            Ok(()) => println!("  SUCCESS: {what} pushed to remote write."),
            Err(error) => {
                eprintln!("  FAILED: {error:#}");
                return false;
            }
        }
        true
    }

    fn send(&self, server: &PrometheusServer, body: Vec<u8>) -> anyhow::Result<()> {
        let content_type = HeaderValue::from_static(self.kind.content_type());
        let headers = [
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", self.kind.version()),
        ];
        let (status, answer) = server.post("", content_type, &headers, body)?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&answer);
            let text: String = text.trim().chars().take(REASON_CHARS_MAX).collect();
            bail!("server returned HTTP status {status}: {text}");
        }
        Ok(())
    }
}

fn read(from: impl std::io::Read) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    from.take(PAGE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut page)?;
    if page.len() > PAGE_BYTES_MAX {
        bail!("the page has over {PAGE_BYTES_MAX} bytes");
    }
    Ok(page)
}

/// A URL up to its host, and behind that a path.
fn with_path(url: &str, path: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + "://".len());
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#']));
    let end = end.map_or(url.len(), |at| host + at);
    let base = url.get(..end).unwrap_or(url);
    format!("{base}/{}", path.trim_start_matches('/'))
}

/// Labels that were given as `name=value` each.
///
/// # Errors
/// One is not of that form.
pub(crate) fn own_labels(labels: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pairs = labels.iter().map(|label| {
        let pair = label.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.with_context(|| format!("{label}: a label is name=value"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// What a page holds.
struct Page {
    samples: Vec<PushedSample>,
    /// What it says of its families, by their names.
    metadata: Vec<MetricMetadata>,
}

/// The samples of a page, those without a time of this one. A label of the page counts before ours,
/// but for its `job`, which becomes `exported_job`.
fn read_page(page: &[u8], labels: &[(String, String)], now_ms: i64) -> anyhow::Result<Page> {
    let mut samples = Vec::new();
    let mut families: BTreeMap<String, MetricMetadata> = BTreeMap::new();
    let mut family = |metric: &str, said: &dyn Fn(&mut MetricMetadata)| {
        let known = families.entry(metric.to_owned());
        said(known.or_insert_with(|| MetricMetadata {
            metric: metric.to_owned(),
            kind: MetricKind::Unknown,
            help: String::new(),
            unit: String::new(),
        }));
    };
    for entry in Parser::new(page, Format::PrometheusText) {
        let entry = entry.map_err(|error| {
            let line = error.line();
            anyhow::Error::new(error).context(format!("line {line}"))
        })?;
        match entry {
            Entry::Series(series) => samples.push(PushedSample {
                labels: joined(labels, &series.labels()?),
                timestamp_ms: series.timestamp_ms.unwrap_or(now_ms),
                value: series.value,
            }),
            Entry::Type { metric, kind } => family(&metric, &|known| {
                known.kind = MetricKind::of_name(kind.as_str());
            }),
            Entry::Help { metric, help } => family(&metric, &|known| {
                known.help = help.clone().into_owned();
            }),
            Entry::Unit { metric, unit } => family(&metric, &|known| {
                known.unit = unit.to_owned();
            }),
        }
    }
    let metadata = families.into_values().collect();
    Ok(Page { samples, metadata })
}

fn joined(ours: &[(String, String)], theirs: &Labels) -> Labels {
    let mut joined = LabelsBuilder::from_labels(&Labels::empty());
    for (name, value) in ours {
        joined.set(name, value);
    }
    for (name, value) in theirs {
        let name = if name == JOB { "exported_job" } else { name };
        joined.set(name, value);
    }
    joined.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_samples_with_our_labels() {
        let ours = own_labels(&["job=push".to_owned(), "env=a=b".to_owned()]).unwrap();
        let page = "# TYPE a counter\n# HELP a Some\\n.\na 1\nb{job=\"x\",env=\"y\"} 2 1500\n";
        let Page { samples, metadata } = read_page(page.as_bytes(), &ours, 7).unwrap();
        let known = MetricMetadata {
            metric: "a".to_owned(),
            kind: MetricKind::Counter,
            help: "Some\n.".to_owned(),
            unit: String::new(),
        };
        assert_eq!(metadata, [known]);
        let told: Vec<(String, i64, f64)> = samples
            .iter()
            .map(|sample| (sample.labels.to_string(), sample.timestamp_ms, sample.value))
            .collect();
        let a = "{__name__=\"a\", env=\"a=b\", job=\"push\"}";
        let b = "{__name__=\"b\", env=\"y\", exported_job=\"x\", job=\"push\"}";
        assert_eq!(told, [(a.to_owned(), 7, 1.0), (b.to_owned(), 1500, 2.0)]);
    }

    #[test]
    fn a_path_takes_the_place_of_the_urls() {
        for url in ["http://a:1", "http://a:1/", "http://a:1/api/v1/write?x=/y"] {
            for path in ["push/it", "/push/it"] {
                assert_eq!(with_path(url, path), "http://a:1/push/it", "{url}");
            }
        }
    }

    #[test]
    fn what_cannot_be_pushed_is_said() {
        for label in ["a", "=b"] {
            assert!(own_labels(&[label.to_owned()]).is_err(), "{label}");
        }
        let error = read_page(b"a 1\nb x\n", &[], 0).err().unwrap();
        assert_eq!(error.to_string(), "line 2");
        assert!(read(std::io::repeat(b'a')).is_err());
    }
}
