//! What Prometheus can do and nothing here does yet: service discoveries that no plugin brings. Such
//! sections are checked name by name, so that a file is found good or bad as by Prometheus; a server
//! does not start with one, because it would miss targets.
//!
//! It is not: where their values are checked.

use super::client;
use crate::yaml::{Document, Fault, Part, Taken, nearest};

/// A section that is known by its fields alone.
struct Section {
    name: &'static str,
    /// Whether it has the fields of an HTTP client as well.
    has_client: bool,
    /// Their names, with blanks between them.
    fields: &'static str,
    /// Those that must be there.
    required: &'static str,
}

/// Sections of discoveries, as Prometheus 3.14 has them and those before it.
const SECTIONS: [Section; 30] = [
    Section {
        name: "azure_sd_configs",
        has_client: true,
        fields: "environment port subscription_id tenant_id client_id client_secret \
                 refresh_interval authentication_method resource_group",
        required: "subscription_id",
    },
    Section {
        name: "aws_sd_configs",
        has_client: true,
        fields: "role region endpoint access_key secret_key profile role_arn external_id \
                 port refresh_interval filters clusters request_concurrency",
        required: "role",
    },
    Section {
        name: "digitalocean_sd_configs",
        has_client: true,
        fields: "port refresh_interval",
        required: "",
    },
    Section {
        name: "dockerswarm_sd_configs",
        has_client: true,
        fields: "host role port filters refresh_interval",
        required: "host role",
    },
    Section {
        name: "ec2_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval filters",
        required: "",
    },
    Section {
        name: "ecs_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval clusters request_concurrency",
        required: "",
    },
    Section {
        name: "elasticache_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval clusters request_concurrency",
        required: "",
    },
    Section {
        name: "eureka_sd_configs",
        has_client: true,
        fields: "server refresh_interval",
        required: "server",
    },
    Section {
        name: "gce_sd_configs",
        has_client: false,
        fields: "project filter refresh_interval port zone tag_separator",
        required: "project zone",
    },
    Section {
        name: "hetzner_sd_configs",
        has_client: true,
        fields: "role port refresh_interval label_selector",
        required: "role",
    },
    Section {
        name: "ionos_sd_configs",
        has_client: true,
        fields: "datacenter_id refresh_interval port",
        required: "datacenter_id",
    },
    Section {
        name: "kuma_sd_configs",
        has_client: true,
        fields: "server refresh_interval fetch_timeout client_id",
        required: "server",
    },
    Section {
        name: "lightsail_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval",
        required: "",
    },
    Section {
        name: "linode_sd_configs",
        has_client: true,
        fields: "port refresh_interval tag_separator region",
        required: "",
    },
    Section {
        name: "marathon_sd_configs",
        has_client: true,
        fields: "servers refresh_interval auth_token auth_token_file",
        required: "servers",
    },
    Section {
        name: "msk_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval clusters request_concurrency",
        required: "",
    },
    Section {
        name: "nerve_sd_configs",
        has_client: false,
        fields: "servers paths timeout",
        required: "servers paths",
    },
    Section {
        name: "nomad_sd_configs",
        has_client: true,
        fields: "allow_stale namespace refresh_interval region server tag_separator",
        required: "",
    },
    Section {
        name: "oci_sd_configs",
        has_client: true,
        fields: "compartment_id tenancy_id user_id region fingerprint private_key \
                 private_key_file private_key_passphrase port refresh_interval \
                 tag_filters",
        required: "",
    },
    Section {
        name: "openstack_sd_configs",
        has_client: false,
        fields: "identity_endpoint username userid password project_name project_id \
                 application_credential_name application_credential_id \
                 application_credential_secret domain_name domain_id role region port \
                 refresh_interval all_tenants availability tls_config",
        required: "role region",
    },
    Section {
        name: "outscale_sd_configs",
        has_client: true,
        fields: "region endpoint access_key secret_key secret_key_file port \
                 refresh_interval",
        required: "",
    },
    Section {
        name: "ovhcloud_sd_configs",
        has_client: false,
        fields: "endpoint application_key application_secret consumer_key \
                 refresh_interval service",
        required: "service",
    },
    Section {
        name: "puppetdb_sd_configs",
        has_client: true,
        fields: "url query port include_parameters refresh_interval",
        required: "url query",
    },
    Section {
        name: "rds_sd_configs",
        has_client: true,
        fields: "endpoint region access_key secret_key profile role_arn external_id port \
                 refresh_interval clusters request_concurrency",
        required: "",
    },
    Section {
        name: "scaleway_sd_configs",
        has_client: true,
        fields: "project_id role zone access_key secret_key secret_key_file api_url \
                 name_filter tags_filter port refresh_interval",
        required: "project_id role access_key",
    },
    Section {
        name: "serverset_sd_configs",
        has_client: false,
        fields: "servers paths timeout",
        required: "servers paths",
    },
    Section {
        name: "stackit_sd_configs",
        has_client: true,
        fields: "project region endpoint port refresh_interval service_account_key \
                 service_account_key_path private_key private_key_path \
                 credentials_file_path",
        required: "project",
    },
    Section {
        name: "triton_sd_configs",
        has_client: false,
        fields: "account dns_suffix endpoint groups port refresh_interval version role \
                 tls_config",
        required: "account dns_suffix endpoint",
    },
    Section {
        name: "uyuni_sd_configs",
        has_client: true,
        fields: "server username password entitlement separator refresh_interval",
        required: "server username password",
    },
    Section {
        name: "vultr_sd_configs",
        has_client: true,
        fields: "port refresh_interval",
        required: "",
    },
];

/// How the sections of discoveries end.
const DISCOVERY: &str = "_sd_configs";

/// Takes what is absent out of a map. What is wrong with it becomes a fault; where nothing is, what
/// nobody can do yet is added to `missing`.
pub(super) fn take(document: &mut Document, pointer: &str, missing: &mut Vec<Fault>) {
    let is_absent = |name: &str| SECTIONS.iter().any(|section| section.name == name);
    for taken in document.take(pointer, is_absent) {
        let section = SECTIONS.iter().find(|section| section.name == taken.name());
        let Some(section) = section.filter(|_| !taken.is_empty()) else {
            continue;
        };
        let part = taken.part();
        check(document, section, &part);
        let name = section.name;
        let mechanism = name.strip_suffix(DISCOVERY).unwrap_or(name);
        let message = format!("{name}: no plugin finds the targets of {mechanism} yet");
        let hint = "http_sd_configs, file_sd_configs or a plugin of your own \
                    (plugin_sd_configs) can bring them";
        missing.push(document.at_part(&part, message).with_hint(hint));
    }
}

fn check(document: &mut Document, section: &Section, part: &Part) {
    if !part.is_list() {
        let fault = document.at_part(part, format!("{}: expected a list", section.name));
        document.push(fault);
        return;
    }
    for entry in part.entries() {
        if !entry.is_map() {
            let fault = document.at_part(&entry, format!("{}: expected a map", section.name));
            document.push(fault);
            continue;
        }
        check_entry(document, section, &entry);
    }
}

fn check_entry(document: &mut Document, section: &Section, entry: &Part) {
    let known: Vec<&str> = section.fields.split_whitespace().collect();
    let (mut of_client, mut names) = (Vec::new(), Vec::new());
    for field in entry.fields() {
        let name = field.name().to_owned();
        if section.has_client && client::FIELDS.contains(&name.as_str()) {
            of_client.push(field);
        } else if !known.contains(&name.as_str()) {
            let fault = field.at_name(document, format!("unknown field `{name}`"));
            let hint = nearest(&name, &known).map(|near| format!("did you mean `{near}`?"));
            document.push(Fault { hint, ..fault });
            continue;
        }
        names.push(name);
    }
    for required in section.required.split_whitespace() {
        if !names.iter().any(|name| name == required) {
            let message = format!("{} requires {required}", section.name);
            let fault = document.at_part(entry, message);
            document.push(fault);
        }
    }
    let part = Taken::gather(of_client, entry.pointer());
    client::read(document, &part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_discovery_that_no_plugin_brings_is_known_by_its_fields() {
        let known: Vec<_> = SECTIONS.iter().map(|section| section.name).collect();
        for mechanism in narthex_discovery::ABSENT_MECHANISMS {
            let name = format!("{mechanism}{DISCOVERY}");
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }
}
