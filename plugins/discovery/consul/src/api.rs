//! What Consul's API tells, as far as it becomes labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `/v1/catalog/services`: the tags of each service.
pub(crate) type Services = BTreeMap<String, Option<Vec<String>>>;

/// `/v1/agent/self`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Agent {
    pub(crate) config: AgentConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct AgentConfig {
    pub(crate) datacenter: String,
}

/// One of `/v1/health/service/NAME`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Instance {
    pub(crate) node: Node,
    pub(crate) service: Service,
    #[serde(deserialize_with = "or_default")]
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Node {
    pub(crate) node: String,
    pub(crate) address: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) tagged_addresses: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) meta: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Service {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) tags: Vec<String>,
    pub(crate) address: String,
    pub(crate) port: u16,
    #[serde(deserialize_with = "or_default")]
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) namespace: String,
    pub(crate) partition: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Check {
    #[serde(rename = "CheckID")]
    pub(crate) id: String,
    pub(crate) status: String,
}

/// Go writes nothing as null.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
