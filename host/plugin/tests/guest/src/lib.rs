//! A plugin that does what its configuration says, good or bad: the runtime's tests build it for
//! WebAssembly and watch what the host makes of it. On the machine itself it is never run.

use narthex_sdk::{Batch, Error, Exporter, MetricKind, Payload, Target, files, http, log, tcp};
use serde::Deserialize;

pub mod script;

use script::{Held, Step};

/// The tests overwrite the four digits in the built component to get a second version of it.
static VERSION: &[u8; 27] = b"narthex-guest-version: 0001";

/// What to do.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Config {
    /// Two samples: the version, and how often this instance was asked.
    Work,
    /// Ends in an `unreachable` instruction.
    Trap,
    /// The same, before the first collection.
    TrapInInit,
    /// Says that it cannot be put to work.
    Unready,
    /// Says no in `init`.
    Refuse,
    /// Never returns.
    Loop,
    /// Sleeps.
    Sleep {
        /// How long.
        milliseconds: u64,
    },
    /// Allocates for ever.
    Grow,
    /// Keeps that many bytes of each call.
    Leak {
        /// How many.
        bytes: usize,
    },
    /// Brings another number from every instance.
    Unsteady,
    /// Logs an error, and works.
    Complain {
        /// What.
        text: String,
    },
    /// Connects, and works where that is refused.
    Try {
        /// Where to.
        address: String,
    },
    /// Calls itself for ever.
    Recurse,
    /// Traps on every so many-th call.
    TrapEvery {
        /// How many calls.
        calls: u32,
    },
    /// Logs that many lines.
    Log {
        /// How many.
        lines: u32,
    },
    /// Prints to standard output.
    Print {
        /// What.
        text: String,
    },
    /// Connects, writes a line, reads one.
    Tcp {
        /// Where to; the target where it is left out.
        #[serde(default)]
        address: Option<String>,
    },
    /// Connects and waits for a byte that does not come.
    Hang,
    /// Connects so many times without closing.
    Connect {
        /// How many.
        times: u32,
    },
    /// Sends a request; the samples are its status and its length.
    Http {
        /// Where to.
        url: String,
    },
    /// Sends a request and leaves the body with the host.
    Fetch {
        /// Where to.
        url: String,
    },
    /// Reads a file; the sample is its length.
    File {
        /// Which.
        path: String,
    },
    /// Answers with a batch whose numbers do not add up.
    Torn,
    /// Answers with that many samples of three labels.
    Samples {
        /// How many.
        count: u32,
    },
    /// Does one thing after the other; a sample each says how it went.
    Script {
        /// What.
        steps: Vec<Step>,
    },
    /// Answers with text.
    Text {
        /// Which.
        text: String,
    },
}

/// The exporter.
pub struct Guest {
    config: Config,
    calls: u32,
    kept: Vec<Vec<u8>>,
}

narthex_sdk::export!(Guest);

impl Exporter for Guest {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        match config {
            Config::TrapInInit => trap(),
            Config::Refuse => Err(Error::Config("no".to_owned())),
            _ => Ok(Self {
                config,
                calls: 0,
                kept: Vec::new(),
            }),
        }
    }

    fn health(&self) -> Result<(), String> {
        match self.config {
            Config::Unready => Err("not today".to_owned()),
            _ => Ok(()),
        }
    }

    fn payload(&mut self, target: &Target) -> Result<Payload, Error> {
        match &self.config {
            Config::Fetch { url } => Ok(http::payload(&http::fetch(&http::get(url))?)),
            Config::Text { text } => Ok(Payload::Exposition((
                "text/plain; version=0.0.4".to_owned(),
                text.clone().into_bytes(),
            ))),
            Config::Torn => {
                let mut batch = Batch::new();
                batch.gauge("torn", "").sample(&[("a", "b")], 1.0);
                let mut batch = batch.into_parts();
                batch.labels.push(99);
                Ok(Payload::Batch(batch))
            }
            _ => {
                let mut batch = Batch::new();
                self.collect(target, &mut batch)?;
                Ok(Payload::Batch(batch.into_parts()))
            }
        }
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        self.calls += 1;
        match &self.config {
            Config::Trap => trap(),
            Config::TrapEvery { calls } if self.calls.is_multiple_of(*calls) => trap(),
            Config::Loop => spin(),
            Config::Sleep { milliseconds } => {
                std::thread::sleep(std::time::Duration::from_millis(*milliseconds));
                Ok(())
            }
            Config::Grow => grow(),
            Config::Recurse => {
                let depth = recurse(std::hint::black_box(1));
                batch.gauge("guest_depth", "").sample(&[], depth);
                Ok(())
            }
            Config::Leak { bytes } => {
                self.kept.push(std::hint::black_box(vec![1; *bytes]));
                batch.gauge("guest_steady", "").sample(&[], 1.0);
                Ok(())
            }
            Config::Unsteady => {
                use std::hash::{BuildHasher, RandomState};
                let number = RandomState::new().hash_one(1) >> 40;
                batch.gauge("guest_number", "").sample(&[], number as f64);
                Ok(())
            }
            Config::Complain { text } => {
                log::error(text, &[]);
                batch.gauge("guest_steady", "").sample(&[], 1.0);
                Ok(())
            }
            Config::Try { address } => {
                let (host, port) = narthex_sdk::host_and_port(address)?;
                let _ = tcp::Connection::open(host, port);
                batch.gauge("guest_steady", "").sample(&[], 1.0);
                Ok(())
            }
            Config::Log { lines } => {
                for line in 0..*lines {
                    log::info("a line", &[("number", &line.to_string())]);
                }
                self.work(batch)
            }
            Config::Print { text } => {
                print_out(text);
                self.work(batch)
            }
            Config::Tcp { address } => {
                let address = address.as_deref().unwrap_or(&target.address);
                let (host, port) = narthex_sdk::host_and_port(address)?;
                let mut connection = tcp::Connection::open(host, port)?;
                connection.write(b"hello\r\n")?;
                let line = connection.read_line()?;
                batch
                    .gauge("guest_line", "")
                    .sample(&[("line", &String::from_utf8_lossy(&line))], 1.0);
                Ok(())
            }
            Config::Hang => {
                let (host, port) = narthex_sdk::host_and_port(&target.address)?;
                tcp::Connection::open(host, port)?.read(1).map(drop)
            }
            Config::Connect { times } => {
                let (host, port) = narthex_sdk::host_and_port(&target.address)?;
                let open: Result<Vec<_>, _> = (0..*times)
                    .map(|_| tcp::Connection::open(host, port))
                    .collect();
                open.map(drop)
            }
            Config::Http { url } => {
                let response = http::send(&http::get(url))?;
                let length = response.body.len() as f64;
                batch
                    .gauge("guest_status", "")
                    .sample(&[], f64::from(response.status));
                batch.gauge("guest_length", "").sample(&[], length);
                Ok(())
            }
            Config::File { path } => {
                let length = files::read(path)?.len() as f64;
                batch.gauge("guest_length", "").sample(&[], length);
                Ok(())
            }
            Config::Script { steps } => {
                let mut held = Held::default();
                let mut family = batch.family(MetricKind::Gauge, "guest_step", "");
                for step in steps {
                    let text = step.run(target, &mut held);
                    family.sample(&[("text", &text)], 1.0);
                }
                Ok(())
            }
            Config::Samples { count } => {
                let mut family = batch.family(MetricKind::Counter, "guest_samples_total", "Many.");
                for number in 0..*count {
                    let shard = number.to_string();
                    let labels = [("shard", shard.as_str()), ("zone", "a"), ("tier", "b")];
                    family.sample(&labels, f64::from(number));
                }
                Ok(())
            }
            _ => self.work(batch),
        }
    }
}

impl Guest {
    fn work(&self, batch: &mut Batch) -> Result<(), Error> {
        let text = String::from_utf8_lossy(std::hint::black_box(VERSION));
        let digits = text.rsplit(' ').next().unwrap_or_default();
        let version = digits
            .parse()
            .map_err(|_| Error::Internal(format!("no version in {text:?}")))?;
        batch.gauge("guest_version", "").sample(&[], version);
        batch
            .counter("guest_calls_total", "")
            .sample(&[], f64::from(self.calls));
        Ok(())
    }
}

#[expect(clippy::panic, reason = "this guest is there to trap")]
fn trap<T>() -> T {
    panic!("told to")
}

fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}

fn grow() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1_u8; 1024 * 1024]));
    }
}

fn recurse(depth: u64) -> f64 {
    if depth == 0 {
        return 0.0;
    }
    recurse(std::hint::black_box(depth + 1)) + 1.0
}

#[expect(clippy::print_stdout, reason = "this guest is told to print")]
fn print_out(text: &str) {
    println!("{text}");
}
