//! `narthex query serve`: a server whose samples are those of others.
//!
//! It is not: how others are asked, which `narthex-fleet` knows.

mod secrets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use narthex_api::FleetServing;
use narthex_fleet::{Address, Fleet, FleetOptions, ViewOptions};
use narthex_model::Clock;
use narthex_remote::Fanout;
use narthex_storage::Queryable;
use prometheus_client::registry::Registry;
use serde::Deserialize;

use crate::flags::Flags;
use crate::store::Store;
use crate::yaml;

/// How often the file of endpoints is looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// What `--endpoint.sd-config-file` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointsFile {
    #[serde(default)]
    endpoints: Vec<ListedEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedEndpoint {
    address: String,
    #[serde(default)]
    strict: bool,
}

/// The fleet that the flags name, where this is a querier; its members are asked what they are from
/// here on.
///
/// # Errors
/// There is no endpoint, or a file cannot be read.
pub(crate) fn start(
    flags: &Flags,
    clock: Arc<dyn Clock>,
    registry: &mut Registry,
) -> anyhow::Result<Option<Arc<Fleet>>> {
    let querier = &flags.querier;
    if !querier.is_on {
        return Ok(None);
    }
    let file = &querier.endpoints_file;
    if querier.endpoints.is_empty() && querier.strict_endpoints.is_empty() && file.is_none() {
        bail!("query serve has nobody to ask: name endpoints by --endpoint");
    }
    let options = FleetOptions {
        endpoints: querier.endpoints.clone(),
        strict: querier.strict_endpoints.clone(),
        tls: secrets::tls(querier)?,
        credentials: secrets::credentials(querier)?,
        replica_labels: querier.replica_labels.clone(),
        dedup: querier.dedup(),
        partial_response: querier.is_partial(),
        response_timeout: querier.response_timeout.as_std(),
        unhealthy_timeout: querier.unhealthy_timeout.as_std(),
        dns_interval: querier.dns_interval.as_std(),
        push_down: querier.pushes_down(),
        listing_timeout: flags.query_timeout.as_std(),
        clock,
    };
    let fleet = Fleet::new(options, registry);
    if let Some(path) = file {
        fleet.follow(listed(path)?);
        tokio::spawn(follow(Arc::clone(&fleet), path.clone()));
    }
    if querier.is_secure {
        tokio::spawn(secrets::follow(Arc::clone(&fleet), querier.clone()));
    }
    tokio::spawn(Arc::clone(&fleet).run());
    Ok(Some(fleet))
}

/// What queries without a wish read of what is here.
pub(crate) fn local(fleet: Option<&Arc<Fleet>>, store: &Store) -> Arc<dyn Queryable> {
    match fleet {
        Some(fleet) => fleet.view(ViewOptions::default()),
        None => store.queryable(),
    }
}

/// What rules read. Whether they go on where a part is missing is for their groups to say, whatever
/// holds for requests.
pub(crate) fn for_rules(fleet: Option<&Arc<Fleet>>, fanout: &Arc<Fanout>) -> Arc<dyn Queryable> {
    match fleet {
        Some(fleet) => {
            let wishes = ViewOptions {
                partial_response: Some(true),
                ..ViewOptions::default()
            };
            Arc::new(fanout.over(fleet.view(wishes)))
        }
        None => fanout.clone(),
    }
}

/// What the API answers from: each request may have wishes of its own.
pub(crate) fn serving(fleet: Arc<Fleet>, fanout: Arc<Fanout>) -> FleetServing {
    let viewed = Arc::clone(&fleet);
    FleetServing {
        fleet,
        view: Arc::new(move |wishes| Arc::new(fanout.over(viewed.view(wishes)))),
    }
}

/// Reads the file of endpoints for ever. A broken one changes nothing.
async fn follow(fleet: Arc<Fleet>, path: PathBuf) {
    let mut last_error = None;
    loop {
        tokio::time::sleep(FILE_INTERVAL).await;
        let path = path.clone();
        let read = tokio::task::spawn_blocking(move || listed(&path)).await;
        let error = match read {
            Ok(Ok(listed)) => {
                fleet.follow(listed);
                None
            }
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error.as_ref().filter(|_| error != last_error) {
            tracing::error!(
                error,
                "the file of endpoints is not followed; the old ones stay"
            );
        }
        last_error = error;
    }
}

fn listed(path: &Path) -> anyhow::Result<Vec<(Address, bool)>> {
    let file = path.display();
    let text = yaml::read_text(path).with_context(|| format!("{file} cannot be read"))?;
    let read: EndpointsFile = yaml::read(&text, &file.to_string())?;
    let listed = read.endpoints.into_iter().map(|endpoint| {
        let address = endpoint.address.parse::<Address>();
        let address = address.with_context(|| file.to_string())?;
        Ok((address, endpoint.strict))
    });
    listed.collect()
}
