//! The state of routers, services, middlewares and servers, as `/api/rawdata` has it.

use std::collections::BTreeMap;

use narthex_sdk::Batch;
use serde::Deserialize;
use serde_json::Value;

/// Objects by name; a name ends in `@` and its provider.
type Objects = BTreeMap<String, Object>;

/// All of it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct State {
    routers: Objects,
    services: Objects,
    middlewares: Objects,
    tcp_routers: Objects,
    tcp_services: Objects,
    tcp_middlewares: Objects,
    udp_routers: Objects,
    udp_services: Objects,
}

/// A router, a service or a middleware.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    /// `enabled`, `disabled` or `warning`.
    status: String,
    /// Of a router: the service it leads to.
    service: String,
    /// Of a service: its servers, `UP` or `DOWN`, where their health is known.
    server_status: BTreeMap<String, String>,
    /// What it is configured with: the kind of a service or a middleware is the name of the
    /// field that has it.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// One object with where it comes from.
struct Named<'a> {
    protocol: &'static str,
    name: &'a str,
    object: &'a Object,
}

impl Named<'_> {
    fn provider(&self) -> &str {
        self.name.rsplit_once('@').map_or("", |(_, after)| after)
    }

    /// An object without a status has no faults.
    fn status(&self) -> &str {
        match self.object.status.as_str() {
            "" => "enabled",
            status => status,
        }
    }

    /// `loadbalancer`, `addprefix`, as Traefik's own lists name it.
    fn kind(&self) -> String {
        let objects = self
            .object
            .rest
            .iter()
            .filter(|(_, value)| value.is_object());
        let mut names = objects.map(|(name, _)| name.to_lowercase());
        names.next().unwrap_or_default()
    }
}

impl State {
    pub(crate) fn write(&self, objects_max: usize, batch: &mut Batch) {
        let routers = named([&self.routers, &self.tcp_routers, &self.udp_routers]);
        let services = named([&self.services, &self.tcp_services, &self.udp_services]);
        let none = Objects::new();
        let middlewares = named([&self.middlewares, &self.tcp_middlewares, &none]);
        for (name, help, objects) in [
            ("traefik_api_routers", "Routers by status.", &routers),
            ("traefik_api_services", "Services by status.", &services),
            (
                "traefik_api_middlewares",
                "Middlewares by status.",
                &middlewares,
            ),
        ] {
            write_counts(name, help, objects, batch);
        }
        write_each(
            "traefik_api_router_status",
            "Always 1: a router and its status.",
            "router",
            &routers,
            objects_max,
            batch,
        );
        write_each(
            "traefik_api_service_status",
            "Always 1: a service and its status.",
            "service",
            &services,
            objects_max,
            batch,
        );
        write_each(
            "traefik_api_middleware_status",
            "Always 1: a middleware and its status.",
            "middleware",
            &middlewares,
            objects_max,
            batch,
        );
        write_servers(&services, objects_max, batch);
        let objects = [
            ("router", routers.len()),
            ("service", services.len()),
            ("middleware", middlewares.len()),
        ];
        let mut unnamed = batch.gauge(
            "traefik_api_objects_unnamed",
            "Objects that are not named one by one, since there are too many.",
        );
        for (kind, count) in objects {
            unnamed.sample(&[("kind", kind)], count.saturating_sub(objects_max) as f64);
        }
    }
}

/// The objects of all protocols: those with faults first, so that a bound leaves them in.
fn named(by_protocol: [&Objects; 3]) -> Vec<Named<'_>> {
    let mut all = Vec::new();
    for (protocol, objects) in ["http", "tcp", "udp"].into_iter().zip(by_protocol) {
        all.extend(objects.iter().map(|(name, object)| Named {
            protocol,
            name,
            object,
        }));
    }
    all.sort_by_key(|named| named.status() == "enabled");
    all
}

fn write_counts(name: &str, help: &str, objects: &[Named<'_>], batch: &mut Batch) {
    let mut counts: BTreeMap<[&str; 3], u32> = BTreeMap::new();
    for named in objects {
        let key = [named.protocol, named.provider(), named.status()];
        *counts.entry(key).or_default() += 1;
    }
    let mut family = batch.gauge(name, help);
    for ([protocol, provider, status], count) in counts {
        let labels = [
            ("protocol", protocol),
            ("provider", provider),
            ("status", status),
        ];
        family.sample(&labels, f64::from(count));
    }
}

fn write_each(
    name: &str,
    help: &str,
    label: &str,
    objects: &[Named<'_>],
    objects_max: usize,
    batch: &mut Batch,
) {
    let mut family = batch.gauge(name, help);
    for named in objects.iter().take(objects_max) {
        let kind = named.kind();
        let mut labels = vec![
            (label, named.name),
            ("protocol", named.protocol),
            ("status", named.status()),
        ];
        match label {
            "router" => labels.push(("service", &named.object.service)),
            _ => labels.push(("type", &kind)),
        }
        family.sample(&labels, 1.0);
    }
}

fn write_servers(services: &[Named<'_>], objects_max: usize, batch: &mut Batch) {
    let with_servers = || {
        let services = services.iter().take(objects_max);
        services.filter(|named| !named.object.server_status.is_empty())
    };
    let is_up = |status: &str| status == "UP";
    let mut family = batch.gauge(
        "traefik_api_service_servers",
        "Servers of a service by status: up or down.",
    );
    for named in with_servers() {
        let statuses = named.object.server_status.values();
        let up = statuses.filter(|status| is_up(status)).count();
        let down = named.object.server_status.len() - up;
        for (status, count) in [("up", up), ("down", down)] {
            let labels = [
                ("service", named.name),
                ("protocol", named.protocol),
                ("status", status),
            ];
            family.sample(&labels, count as f64);
        }
    }
    let mut family = batch.gauge(
        "traefik_api_server_up",
        "Whether a server of a service is up: 1 or 0.",
    );
    let mut left = objects_max;
    for named in with_servers() {
        for (url, status) in named.object.server_status.iter().take(left) {
            let labels = [
                ("service", named.name),
                ("protocol", named.protocol),
                ("url", url),
            ];
            family.sample(&labels, f64::from(u8::from(is_up(status))));
        }
        left = left.saturating_sub(named.object.server_status.len());
    }
}
