//! `narthex check healthy` and `narthex check ready`: whether a server is there and takes requests.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::prometheus_server::{ClientArgs, PrometheusServer};

/// Which server to look at.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerCheck {
    /// How to speak to it.
    #[command(flatten)]
    client: ClientArgs,
    /// The URL for the Prometheus server.
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    url: String,
}

impl ServerCheck {
    /// Asks for the page that says so.
    pub(super) fn run(&self, path: &str) -> ExitCode {
        match self.page(path) {
            Ok(page) => {
                // What promtool says stands on the standard error as well.
                eprintln!("  SUCCESS: {}", page.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("  FAILED: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn page(&self, path: &str) -> anyhow::Result<String> {
        let server = PrometheusServer::new(&self.url, &self.client, &[])?;
        let (status, body) = server.page(path)?;
        if !status.is_success() {
            let url = server.base();
            bail!("check failed: URL={url}{path}, status={}", status.as_u16());
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
