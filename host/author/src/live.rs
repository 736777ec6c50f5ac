//! A plugin on a target that is there, call after call, as `narthex plugin run` shows it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_model::SystemClock;
use narthex_scrape::{Collector, Target};
use serde_json::Value;
use tokio::time::Instant;

use crate::AuthorError;
use crate::collected::Collected;
use crate::fixture::{Places, TargetSpec};
use crate::package::BuiltPlugin;
use crate::report::duration;
use crate::session::{Denial, Session, Setup};

/// The job that the plugin works for.
const JOB: &str = "run";

/// What to read, and how.
#[derive(Debug, Default)]
pub struct LiveOptions {
    /// The target: `host:port`.
    pub target: String,
    /// The job's `plugin_config`.
    pub config: Value,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// The job's URL parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// Where compiled components are kept.
    pub cache: Option<PathBuf>,
}

/// A plugin at work on one target. A component that is rebuilt is swapped in while it runs.
pub struct Live {
    session: Session,
    job: Arc<dyn Collector>,
    target: Target,
    digest: String,
    refused: Option<String>,
    denials: Vec<Denial>,
}

/// One call.
#[derive(Debug)]
pub struct Reading {
    /// Another version is at work than in the call before.
    pub swapped: Option<String>,
    /// Why a version that was found is not at work, where that is news.
    pub refused: Option<String>,
    /// What came, or why nothing did.
    pub outcome: Result<Collected, String>,
    /// How long it took.
    pub seconds: f64,
    /// The memory of the instance.
    pub memory_bytes: u64,
    /// What it was refused in this call.
    pub denials: Vec<Denial>,
}

impl Live {
    /// Loads the plugin.
    ///
    /// # Errors
    /// It cannot be loaded.
    #[boxed]
    pub async fn start(plugin: &BuiltPlugin, options: LiveOptions) -> Result<Self, AuthorError> {
        let setup = Setup {
            files: None,
            secrets: options.secrets,
            clock: Arc::new(SystemClock),
            cache: options.cache,
        };
        let session = Session::start(plugin, &setup).await?;
        let spec = TargetSpec {
            address: options.target,
            labels: BTreeMap::new(),
            params: options.params,
        };
        Ok(Self {
            job: session.collector(JOB, &options.config)?,
            target: session.target(&spec, &Places::default()),
            digest: session.digest(),
            refused: None,
            denials: Vec::new(),
            session,
        })
    }

    /// Reads the target once.
    #[boxed]
    pub async fn read(&mut self) -> Reading {
        let digest = self.session.digest();
        let is_same = digest == self.digest;
        let swapped = (!is_same).then(|| self.session.version());
        self.digest = digest;
        let refused = self.session.refusal();
        let is_news = refused != self.refused;
        self.refused.clone_from(&refused);

        let start = Instant::now();
        let scraped = self.session.collect(&self.job, &self.target).await;
        let seconds = start.elapsed().as_secs_f64();
        let before = std::mem::replace(&mut self.denials, self.session.denials());
        Reading {
            swapped,
            refused: refused.filter(|_| is_news),
            outcome: match scraped {
                Ok(scraped) => Collected::of(&scraped),
                Err(error) => Err(error.to_string()),
            },
            seconds,
            memory_bytes: self.session.memory_bytes(JOB),
            denials: since(&before, &self.denials),
        }
    }
}

/// What was refused since an earlier count.
fn since(before: &[Denial], now: &[Denial]) -> Vec<Denial> {
    let more = now.iter().map(|denial| {
        let earlier = before.iter().find(|d| d.capability == denial.capability);
        Denial {
            capability: denial.capability.clone(),
            count: denial.count - earlier.map_or(0, |earlier| earlier.count),
        }
    });
    more.filter(|denial| denial.count > 0).collect()
}

impl std::fmt::Display for Reading {
    /// The samples as text, then what the call cost, as comments of the format.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(version) = &self.swapped {
            writeln!(f, "# version {version} is at work now")?;
        }
        if let Some(refused) = &self.refused {
            writeln!(f, "# the new version was refused: {refused}")?;
        }
        let samples = match &self.outcome {
            Ok(collected) => {
                f.write_str(&collected.text)?;
                format!("{} samples", collected.series.len())
            }
            Err(error) => format!("failed: {error}"),
        };
        let (time, memory) = (duration(self.seconds), self.memory_bytes / 1024);
        write!(f, "# {samples}, {time}, {memory} KiB of memory")?;
        for denial in &self.denials {
            write!(f, ", denied {}: {}", denial.capability, denial.count)?;
        }
        writeln!(f)
    }
}
