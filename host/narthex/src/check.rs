//! `narthex check`: says what is wrong with files before a server reads them. The commands and
//! their exit codes are promtool's, that of Alertmanager's config amtool's.

mod alertmanager_config;
mod config;
mod metrics;
mod metrics_lint;
mod plugins;
mod report;
mod rules;
mod server;
mod service_discovery;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use narthex_model::PromDuration;
use narthex_promql::ParseOptions;

use self::report::Report;
use self::server::ServerCheck;
use crate::config::Checks;
use crate::features::Features;
use crate::tsdb::Output;
use crate::web_config;
use crate::yaml::UnknownFields;

/// What the commands exit with where they found nothing but what linting warns of.
const LINT_EXIT: u8 = 3;

/// What can be checked.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CheckCommand {
    /// Check if the Alertmanager's config files are valid or not.
    AlertmanagerConfig {
        /// The config of the server that is to read them: the plugins that receivers need are looked
        /// for among its own, and asked whether they take what is said to them.
        #[arg(id = "server_config", long = "config.file", value_name = "FILE")]
        server: Option<PathBuf>,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
        /// The config files to check; without any, the standard input.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Check if the config files are valid or not.
    Config {
        /// The config files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only check the syntax, and not the files that a config names.
        #[arg(long)]
        syntax_only: bool,
        /// Check the file for a server in agent mode.
        #[arg(long)]
        agent: bool,
        /// The server's maximum query lookback duration: an interval of scrapes that is as long is
        /// too long.
        #[arg(
            id = "check_lookback_delta",
            long = "query.lookback-delta",
            value_name = "DURATION",
            default_value = "5m"
        )]
        lookback_delta: PromDuration,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
        /// What to lint.
        #[command(flatten)]
        lint: LintArgs,
    },
    /// Check if the Prometheus server is healthy.
    Healthy(ServerCheck),
    /// Pass Prometheus metrics over stdin to lint them for consistency and correctness.
    Metrics {
        /// Print extended information related to the cardinality of the metrics.
        #[arg(long)]
        extended: bool,
        /// Linting checks to apply for metrics: all or none.
        #[arg(long, value_parser = ["all", "none"], default_value = "all")]
        lint: String,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Check if the Prometheus server is ready.
    Ready(ServerCheck),
    /// Check if the rule files are valid or not.
    Rules {
        /// The rule files to check; without any, the standard input.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
        /// What to lint.
        #[command(flatten)]
        lint: LintArgs,
    },
    /// Perform service discovery for the given job name and report the results, including
    /// relabeling.
    ServiceDiscovery {
        /// The prometheus config file.
        #[arg(value_name = "CONFIG-FILE")]
        file: PathBuf,
        /// The job to run service discovery for.
        #[arg(value_name = "JOB")]
        job: String,
        /// The time to wait for discovery results.
        #[arg(long, default_value = "30s")]
        timeout: PromDuration,
    },
    /// Check if the web config files are valid or not.
    WebConfig {
        /// The web config files to check.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Output formatter.
        #[arg(short = 'o', long, value_enum, default_value = "text")]
        output: Output,
    },
}

/// What to lint, and how hard.
#[derive(Debug, Clone, Args)]
pub(crate) struct LintArgs {
    /// Linting checks to apply, comma-separated: all, duplicate-rules, too-long-scrape-interval,
    /// none.
    #[arg(
        long = "lint",
        default_value = "duplicate-rules",
        value_delimiter = ','
    )]
    options: Vec<String>,
    /// Make lint errors exit with exit code 3.
    #[arg(long)]
    lint_fatal: bool,
    /// Ignore unknown fields in the rule files.
    #[arg(long)]
    ignore_unknown_fields: bool,
    /// Comma-separated feature names to enable, as a server has them: the expressions of rules may
    /// use what such a server lets them use. Can be repeated.
    #[arg(
        id = "check_features",
        long = "enable-feature",
        value_name = "FEATURES",
        value_delimiter = ','
    )]
    features: Vec<String>,
}

impl LintArgs {
    /// Whether a lint is asked for; says of names that are none.
    fn asks_for(&self, lint: &str) -> bool {
        self.options
            .iter()
            .any(|option| option == "all" || option == lint)
    }

    /// What expressions may use.
    fn parse_options(&self) -> ParseOptions {
        // A name that means nothing here may mean something to a server.
        Features::read(&self.features, &mut Vec::new()).parse
    }

    /// What becomes of fields of rule files that nobody knows.
    fn unknown(&self) -> UnknownFields {
        UnknownFields::of_flag(self.ignore_unknown_fields)
    }

    fn warn_of_unknown(&self) {
        let known = ["all", "duplicate-rules", "too-long-scrape-interval", "none"];
        for option in self
            .options
            .iter()
            .filter(|option| !known.contains(&option.as_str()))
        {
            println!("WARNING: unknown lint option: {option:?}");
        }
    }
}

/// How a check went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcome {
    /// Something is wrong.
    failed: bool,
    /// Linting found something.
    linted: bool,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.failed |= other.failed;
        self.linted |= other.linted;
    }

    fn exit(self, is_lint_fatal: bool) -> ExitCode {
        match self {
            Self { failed: true, .. } => ExitCode::FAILURE,
            Self { linted: true, .. } if is_lint_fatal => ExitCode::from(LINT_EXIT),
            _ => ExitCode::SUCCESS,
        }
    }
}

/// Checks each file, and says of each what was found; one that is not valid makes it fail.
pub(crate) fn run(command: &CheckCommand) -> ExitCode {
    match command {
        CheckCommand::AlertmanagerConfig {
            server,
            files,
            output,
        } => alertmanager_config::run(files, server.as_deref(), *output).exit(false),
        CheckCommand::Config {
            files,
            syntax_only,
            agent,
            lookback_delta,
            output,
            lint,
        } => {
            let checks = Checks {
                files: !syntax_only,
                agent: *agent,
                syntax_only: *syntax_only,
            };
            if *output == Output::Json {
                let report = Report::of_configs(files, checks, *lookback_delta, lint);
                return report.print().exit(lint.lint_fatal);
            }
            lint.warn_of_unknown();
            let mut outcome = Outcome::default();
            for file in files {
                outcome.add(config::check(file, checks, *lookback_delta, lint));
            }
            outcome.exit(lint.lint_fatal)
        }
        CheckCommand::Healthy(check) => check.run("/-/healthy"),
        CheckCommand::Ready(check) => check.run("/-/ready"),
        CheckCommand::Metrics {
            extended,
            lint,
            output,
        } => metrics::run(*extended, lint == "all", *output),
        CheckCommand::Rules {
            files,
            output: Output::Json,
            lint,
        } => Report::of_rules(files, lint).print().exit(lint.lint_fatal),
        CheckCommand::Rules { files, lint, .. } => {
            lint.warn_of_unknown();
            rules::run(files, lint).exit(lint.lint_fatal)
        }
        CheckCommand::ServiceDiscovery { file, job, timeout } => {
            service_discovery::run(file, job, *timeout).unwrap_or_else(|error| {
                eprintln!("FAILED: {error:#}");
                ExitCode::FAILURE
            })
        }
        CheckCommand::WebConfig {
            files,
            output: Output::Json,
        } => Report::of_web_configs(files).print().exit(false),
        CheckCommand::WebConfig { files, .. } => check_web_configs(files),
    }
}

fn check_web_configs(files: &[PathBuf]) -> ExitCode {
    let mut outcome = Outcome::default();
    for file in files {
        outcome.failed |= !check_web_config(file);
    }
    outcome.exit(false)
}

fn check_web_config(file: &Path) -> bool {
    match web_config::load(Some(file), None) {
        Ok(_) => eprintln!("{} SUCCESS", file.display()),
        Err(error) => {
            eprintln!("{} FAILED: {error}", file.display());
            return false;
        }
    }
    true
}
