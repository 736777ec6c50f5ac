//! What this binary is: its version, and the version of Prometheus that it stands in for.

use narthex_api::BuildInfo;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The Prometheus whose flags, config and API we follow. Grafana and others decide by it what
/// they may ask for.
pub(crate) const PROMETHEUS_VERSION: &str = "3.14.0";

/// Our own version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that the builder named in `NARTHEX_REVISION`, or "".
const REVISION: Option<&str> = option_env!("NARTHEX_REVISION");

/// For the API.
pub(crate) fn build_info() -> BuildInfo {
    BuildInfo {
        version: PROMETHEUS_VERSION.to_owned(),
        revision: REVISION.unwrap_or("").to_owned(),
        branch: String::new(),
        build_user: String::new(),
        build_date: String::new(),
        go_version: String::new(),
        narthex_version: VERSION.to_owned(),
    }
}

/// `prometheus_build_info` and `narthex_build_info`.
pub(crate) fn register(registry: &mut Registry) {
    for (name, version) in [
        ("prometheus_build_info", PROMETHEUS_VERSION),
        ("narthex_build_info", VERSION),
    ] {
        show(name, version, registry);
    }
}

/// `alertmanager_build_info`, with the version that Alertmanager's API names.
pub(crate) fn register_alertmanager(registry: &mut Registry) {
    show("alertmanager_build_info", VERSION, registry);
}

fn show(name: &str, version: &'static str, registry: &mut Registry) {
    let help = "A metric with a constant '1' value, labeled by what was built";
    let family = Family::<[(&str, &str); 2], Gauge>::default();
    let labels = [("version", version), ("revision", REVISION.unwrap_or(""))];
    family.get_or_create(&labels).set(1);
    registry.register(name, help, family);
}
