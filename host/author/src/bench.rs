//! What a call of a plugin costs, measured on a fixture in the real runtime.
//!
//! The fixture's servers are played on a thread of their own, so that the processor time is the
//! plugin's and the host's alone.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex_scrape::{Collector, Target};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::AuthorError;
use crate::collected::Collected;
use crate::fixture::Fixture;
use crate::package::BuiltPlugin;
use crate::player::Player;
use crate::report::duration;
use crate::session::{Session, Setup};

/// Calls where none are asked for.
pub const CALLS_DEFAULT: u32 = 1000;

/// Calls that are not measured, at the beginning.
const WARM_CALLS: u32 = 10;

/// The job whose calls are measured.
const JOB: &str = "bench";

/// Instances that are started to see what that costs.
const STARTS: u32 = 10;

/// What a plugin costs.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// The plugin.
    pub plugin: String,
    /// The fixture.
    pub fixture: String,
    /// Calls that were measured.
    pub calls: u32,
    /// Samples of a call.
    pub samples: usize,
    /// How long a call takes, the answers of the fixture's servers included.
    pub wall: Cost,
    /// The processor time of a call, in the plugin and in the host.
    pub cpu: Cost,
    /// How long the first call of an instance takes: its start and `init` are in it.
    pub first_call: Cost,
    /// How long the plugin takes to be loaded where it has to be compiled.
    pub compile_seconds: f64,
    /// How long it takes to be loaded where it has been compiled before.
    pub load_seconds: f64,
    /// The memory of an instance after the last call.
    pub memory_bytes: u64,
    /// The size of the component.
    pub wasm_bytes: u64,
    /// The size of what is compiled of it.
    pub compiled_bytes: u64,
}

/// Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// The shortest.
    pub min: f64,
    /// Half are shorter.
    pub median: f64,
    /// One in a hundred is longer.
    pub p99: f64,
}

impl Cost {
    fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let index = (seconds.len() * percent / 100).min(seconds.len().saturating_sub(1));
            seconds.get(index).copied().unwrap_or(0.0)
        };
        Self {
            min: at(0),
            median: at(50),
            p99: at(99),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, median, p99] = [self.min, self.median, self.p99].map(duration);
        write!(f, "{min:>9} {median:>9} {p99:>9}")
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plugin, fixture) = (&self.plugin, &self.fixture);
        let (calls, samples) = (self.calls, self.samples);
        writeln!(
            f,
            "plugin {plugin}, fixture {fixture}: {calls} calls of {samples} samples"
        )?;
        writeln!(f, "{:22} {:>9} {:>9} {:>9}", "", "min", "median", "p99")?;
        writeln!(f, "{:22} {}", "a call", self.wall)?;
        writeln!(f, "{:22} {}", "its processor time", self.cpu)?;
        writeln!(f, "{:22} {}", "an instance's first", self.first_call)?;
        writeln!(
            f,
            "compiled and loaded in {}",
            duration(self.compile_seconds)
        )?;
        writeln!(
            f,
            "loaded from the cache in {}",
            duration(self.load_seconds)
        )?;
        writeln!(f, "memory of an instance: {} KiB", self.memory_bytes / 1024)?;
        let (wasm, compiled) = (self.wasm_bytes / 1024, self.compiled_bytes / 1024);
        write!(f, "component: {wasm} KiB, compiled: {compiled} KiB")
    }
}

/// Measures a plugin on a fixture.
///
/// # Errors
/// The plugin cannot be loaded, or a call fails or does not keep to the dialogue.
pub fn bench(
    plugin: &BuiltPlugin,
    fixture: &Fixture,
    calls: u32,
) -> Result<BenchReport, AuthorError> {
    let system = |error: std::io::Error| AuthorError::Project(error.to_string());
    let players = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(system)?;
    let own = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system)?;
    let player = players.block_on(Player::start(fixture));
    let player = player.map_err(|error| AuthorError::Project(error.to_string()))?;
    let report = own.block_on(measure(plugin, fixture, &player, calls));
    drop(player);
    players.shutdown_background();
    report
}

async fn measure(
    plugin: &BuiltPlugin,
    fixture: &Fixture,
    player: &Player,
    calls: u32,
) -> Result<BenchReport, AuthorError> {
    let cache = tempfile::tempdir().map_err(|error| AuthorError::Project(error.to_string()))?;
    let setup = Setup::of_fixture(fixture, player, Some(cache.path().to_owned()));
    let start = Instant::now();
    drop(Session::start(plugin, &setup).await?);
    let compile_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let session = Session::start(plugin, &setup).await?;
    let load_seconds = start.elapsed().as_secs_f64();

    let target = session.target(&fixture.target, player.places());
    let config = player.places().fill_value(&fixture.plugin_config);
    let (mut wall, mut cpu, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let mut samples = 0;
    for number in 0..STARTS {
        // A job of its own has an instance of its own.
        let job = session.collector(&format!("start-{number}"), &config)?;
        let call = call(&session, player, &job, &target).await?;
        first.push(call.wall);
        samples = call.samples;
    }
    let job = session.collector(JOB, &config)?;
    for round in 0..calls + WARM_CALLS {
        let call = call(&session, player, &job, &target).await?;
        if round >= WARM_CALLS {
            wall.push(call.wall);
            cpu.push(call.cpu);
        }
    }
    Ok(BenchReport {
        plugin: plugin.name().to_owned(),
        fixture: fixture.name.clone(),
        calls,
        samples,
        wall: Cost::of(wall),
        cpu: Cost::of(cpu),
        first_call: Cost::of(first),
        compile_seconds,
        load_seconds,
        memory_bytes: session.memory_bytes(JOB),
        wasm_bytes: fs::metadata(&plugin.component).map_or(0, |file| file.len()),
        compiled_bytes: bytes_below(cache.path()),
    })
}

/// One call, in seconds.
struct Call {
    wall: f64,
    cpu: f64,
    samples: usize,
}

async fn call(
    session: &Session,
    player: &Player,
    job: &Arc<dyn Collector>,
    target: &Target,
) -> Result<Call, AuthorError> {
    player.begin_call();
    let (wall, cpu) = (Instant::now(), thread_seconds());
    let scraped = session.collect(job, target).await;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), thread_seconds() - cpu);
    let complaint = player.end_call().await.into_iter().next();
    let scraped = scraped.map_err(|error| complaint.clone().unwrap_or(error.to_string()));
    let collected = scraped.and_then(|scraped| Collected::of(&scraped));
    match (collected, complaint) {
        (Ok(collected), None) => Ok(Call {
            wall,
            cpu,
            samples: collected.series.len(),
        }),
        (Ok(_), Some(error)) | (Err(error), _) => Err(AuthorError::Project(format!(
            "{error} (`narthex plugin test` says more)"
        ))),
    }
}

/// The processor time of this thread.
fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0));
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    (seconds + nanoseconds).as_secs_f64()
}

/// The size of the files in a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| entry.metadata().ok());
    sizes.map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_off_the_sorted_times() {
        let cost = Cost::of((1..=200).rev().map(f64::from).collect());
        assert_eq!((cost.min, cost.median, cost.p99), (1.0, 101.0, 199.0));
        assert_eq!(Cost::of(vec![]).median, 0.0);
        assert_eq!(cost.to_string(), "   1.00 s     101 s     199 s");
    }

    #[test]
    fn a_threads_time_goes_on_only_while_it_works() {
        let before = thread_seconds();
        let mut sum = 0_u64;
        while thread_seconds() <= before {
            sum = sum.wrapping_add(1);
        }
        assert!(sum < u64::MAX);
    }
}
