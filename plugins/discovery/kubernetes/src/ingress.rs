//! The role `ingress`: a target for each path of each host.

use narthex_sdk::Error;

use crate::build::{Builder, Draft};
use crate::labels::Labels;
use crate::objects::{Ingress, IngressRule};

impl Builder {
    pub(crate) fn ingress(&self, ingress: &Ingress, draft: &mut Draft) -> Result<(), Error> {
        let labels = &mut draft.labels;
        labels.set_metadata("ingress", &ingress.metadata);
        labels.set("namespace", &ingress.metadata.namespace);
        let class = ingress.spec.ingress_class_name.as_ref();
        labels.set_some("ingress_class_name", class);
        self.attach_namespace(&ingress.metadata, draft)?;
        let tls = ingress.spec.tls.iter().flatten();
        let hosts: Vec<&String> = tls.flat_map(|tls| tls.hosts.iter().flatten()).collect();
        for rule in ingress.spec.rules.iter().flatten() {
            let is_secure = hosts.iter().any(|pattern| covers(pattern, &rule.host));
            for path in paths(rule) {
                let mut target = Labels::of_target(&rule.host);
                target.set("ingress_scheme", if is_secure { "https" } else { "http" });
                target.set("ingress_host", &rule.host);
                target.set("ingress_path", path);
                draft.targets.push(target);
            }
        }
        Ok(())
    }
}

fn paths(rule: &IngressRule) -> Vec<&str> {
    match &rule.http {
        None => vec!["/"],
        Some(http) => {
            let paths = http.paths.iter().flatten();
            let paths = paths.map(|path| match path.path.as_str() {
                "" => "/",
                path => path,
            });
            paths.collect()
        }
    }
}

/// Whether a host of a certificate covers the host of a rule: it is the same, or differs in its
/// first word only, which is a star.
fn covers(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(rest), Some((_, parent))) => rest == parent,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_word() {
        for (pattern, host, expected) in [
            ("a.example", "a.example", true),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", false),
            ("*.example", "example", false),
            ("*.b.example", "a.c.example", false),
            ("a*.example", "ab.example", false),
            ("*", "a", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }
}
