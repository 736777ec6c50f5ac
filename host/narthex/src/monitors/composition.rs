//! What objects of a cluster are read as, put beside the config: each job and each group of rules is
//! read by the one who reads them of a file. What cannot run is left out with a fault; what did not
//! change is what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use narthex_discovery::KubernetesSdConfig;
use narthex_http::{Client, HttpConfig};
use narthex_operator::{Fault, Job, ObjectRef, Rules, Translation};
use narthex_promql::ParseOptions;
use narthex_rules::{RuleFile, RuleGroups};
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, ScrapeConfigs, resolve};
use serde_json::Value;

use super::enforcement::enforce;
use super::section::KubernetesMonitorsConfig;

/// What was read, so that nothing is read twice.
#[derive(Default)]
pub(crate) struct Composition {
    /// What the jobs were read with.
    with: Option<(GlobalConfig, KubernetesMonitorsConfig)>,
    jobs: BTreeMap<String, ReadJob>,
    rules: BTreeMap<String, ReadRules>,
}

struct ReadJob {
    said: Value,
    read: Result<Arc<ScrapeConfig>, String>,
}

struct ReadRules {
    said: Rules,
    read: Result<RuleGroups, Vec<(String, String)>>,
}

/// A config, and what was found in a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Composed {
    /// Those of the config come first.
    pub(crate) scrape: ScrapeConfigs,
    /// Those of the cluster alone.
    pub(crate) rules: Vec<RuleFile>,
    /// Why objects are left out.
    pub(crate) faults: Vec<Fault>,
    /// Whose each job of the cluster is.
    owners: BTreeMap<String, ObjectRef>,
}

impl Composition {
    /// Puts what was found beside the jobs of a config.
    pub(crate) fn compose(
        &mut self,
        scrape: &ScrapeConfigs,
        section: Option<&KubernetesMonitorsConfig>,
        found: &Translation,
        options: &ParseOptions,
    ) -> Composed {
        let mut composed = Composed {
            scrape: scrape.clone(),
            faults: found.faults.clone(),
            ..Composed::default()
        };
        let Some(section) = section else {
            *self = Self::default();
            return composed;
        };
        let with = (scrape.global.clone(), section.clone());
        if self.with.as_ref() != Some(&with) {
            self.jobs.clear();
            self.with = Some(with);
        }
        let names = scrape.jobs.iter().map(|job| job.job_name.clone());
        let taken: BTreeSet<String> = names.collect();
        let cluster = section.discovery();
        let mut before = std::mem::take(&mut self.jobs);
        for Job { object, config } in &found.jobs {
            let name = config["job_name"].as_str().unwrap_or_default().to_owned();
            let known = before.remove(&name).filter(|known| known.said == *config);
            let job = known.unwrap_or_else(|| ReadJob {
                said: config.clone(),
                read: read_job(config, &scrape.global, &cluster),
            });
            match &job.read {
                Ok(_) if taken.contains(&name) => composed.fault(
                    object,
                    "",
                    format!("the configuration has a job {name:?} already"),
                ),
                Ok(read) => {
                    composed.owners.insert(name.clone(), object.clone());
                    composed.scrape.jobs.push(Arc::clone(read));
                }
                Err(error) => composed.fault(object, "spec", error.clone()),
            }
            self.jobs.insert(name, job);
        }
        let mut before = std::mem::take(&mut self.rules);
        for said in &found.rules {
            let Rules { object, path, .. } = said;
            let known = before.remove(path).filter(|known| known.said == *said);
            let rules = known.unwrap_or_else(|| ReadRules {
                said: said.clone(),
                read: read_rules(said, options),
            });
            match &rules.read {
                Ok(groups) => composed.rules.push(RuleFile {
                    path: path.clone(),
                    groups: groups.clone(),
                }),
                Err(faults) => {
                    for (field, text) in faults {
                        composed.fault(object, field, text.clone());
                    }
                }
            }
            self.rules.insert(path.clone(), rules);
        }
        composed
    }
}

impl Composed {
    /// Takes the jobs of the cluster away that cannot run, all jobs of their objects with them;
    /// false where none of them is among these.
    pub(crate) fn leave_out(&mut self, failed: &[(String, String)]) -> bool {
        let mut left_out = BTreeSet::new();
        for (job, error) in failed {
            if let Some(object) = self.owners.get(job).cloned() {
                self.fault(&object, "spec", error.clone());
                left_out.insert(object);
            }
        }
        let owners = &self.owners;
        self.scrape.jobs.retain(|job| {
            let owner = owners.get(&job.job_name);
            owner.is_none_or(|owner| !left_out.contains(owner))
        });
        self.owners.retain(|_, owner| !left_out.contains(owner));
        !left_out.is_empty()
    }

    fn fault(&mut self, object: &ObjectRef, field: &str, text: String) {
        self.faults.push(Fault {
            object: object.clone(),
            field: field.to_owned(),
            text,
        });
    }
}

/// Reads a job with what it takes from `global`. An entry of discovery that names no cluster is
/// that of the objects.
fn read_job(
    said: &Value,
    global: &GlobalConfig,
    cluster: &KubernetesSdConfig,
) -> Result<Arc<ScrapeConfig>, String> {
    let job: Result<ScrapeConfig, _> = serde_json::from_value(said.clone());
    let mut job = job.map_err(|error| error.to_string())?;
    for entry in &mut job.kubernetes_sd_configs {
        let is_named = !entry.api_server.is_empty()
            || !entry.kubeconfig_file.is_empty()
            || entry.http_config() != HttpConfig::default();
        if !is_named {
            *entry = KubernetesSdConfig {
                role: entry.role,
                namespaces: entry.namespaces.clone(),
                selectors: entry.selectors.clone(),
                attach_metadata: entry.attach_metadata,
                ..cluster.clone()
            };
        }
    }
    let resolved = resolve(global.clone(), vec![job]).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        faults.join("; ")
    })?;
    let job = resolved.jobs.into_iter().next().ok_or("there is no job")?;
    // A certificate that is none is the object's fault, and no reason to keep others waiting.
    if job.tls_config.is_some() {
        let client = Client::new(&job.http_config());
        client.map_err(|error| error.to_string())?;
    }
    Ok(job)
}

/// Reads groups of rules; each fault has its field.
fn read_rules(said: &Rules, options: &ParseOptions) -> Result<RuleGroups, Vec<(String, String)>> {
    let groups: Result<RuleGroups, _> = serde_json::from_value(said.groups.clone());
    let mut groups = groups.map_err(|error| vec![("spec".to_owned(), error.to_string())])?;
    let faults = groups.faults(options);
    if faults.is_empty() {
        if let Some(label) = &said.enforced {
            let enforced = enforce(&mut groups, label, options);
            enforced.map_err(|(field, error)| vec![(field, error.to_string())])?;
        }
        return Ok(groups);
    }
    let faults = faults.into_iter().map(|fault| {
        let mut field = format!("spec.groups[{}]", fault.group);
        if let Some(rule) = fault.rule {
            field.push_str(&format!(".rules[{rule}]"));
        }
        for step in fault.field.split('/').filter(|step| !step.is_empty()) {
            field.push_str(&format!(".{step}"));
        }
        (field, fault.message)
    });
    Err(faults.collect())
}

#[cfg(test)]
mod tests;
