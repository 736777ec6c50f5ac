//! Ingresses: which paths lead to which services.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};

/// The annotation that named the class before there was a field for it.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

objects! {
    Ingress {
        metadata: Metadata,
        spec: IngressSpec,
    }

    IngressSpec {
        ingress_class_name: String,
        rules: Vec<Rule>,
        tls: Vec<Tls>,
    }

    Rule {
        host: String,
        http: Http,
    }

    Http {
        paths: Vec<HttpPath>,
    }

    HttpPath {
        path: String,
        path_type: String,
        backend: Backend,
    }

    Backend {
        service: BackendService,
        resource: BackendResource,
    }

    BackendService {
        name: String,
        port: BackendPort,
    }

    BackendPort {
        name: String,
        number: Option<f64>,
    }

    BackendResource {
        api_group: String,
        kind: String,
        name: String,
    }

    Tls {
        hosts: Vec<String>,
        secret_name: String,
    }
}

impl Ingress {
    fn class(&self) -> &str {
        let field = &*self.spec.ingress_class_name;
        let annotation = self.metadata.annotations.get(CLASS_ANNOTATION);
        match field {
            "" => annotation.map_or("_default", String::as_str),
            field => field,
        }
    }

    /// A sample for each path; behind it is a service, or a resource of another kind.
    fn paths(&self, samples: &mut Samples<'_, '_>) {
        for rule in &self.spec.rules {
            for path in &rule.http.paths {
                let (service, resource) = (&path.backend.service, &path.backend.resource);
                let number = service.port.number.map(|number| number.to_string());
                let port = match &*service.port.name {
                    "" => number.as_deref().unwrap_or_default(),
                    name => name,
                };
                let labels = [
                    ("host", &*rule.host),
                    ("path", &*path.path),
                    ("path_type", &*path.path_type),
                    ("service_name", &*service.name),
                    ("service_port", port),
                    ("resource_api_group", &*resource.api_group),
                    ("resource_kind", &*resource.kind),
                    ("resource_name", &*resource.name),
                ];
                samples.with(&labels, 1.0);
            }
        }
    }

    /// A sample for each host with a certificate.
    fn certificates(&self, samples: &mut Samples<'_, '_>) {
        for tls in &self.spec.tls {
            for host in &tls.hosts {
                let labels = [("tls_host", &**host), ("secret_name", &*tls.secret_name)];
                samples.with(&labels, 1.0);
            }
        }
    }
}

impl Object for Ingress {
    const RESOURCE: &'static str = "ingresses";
    const NAME: &'static str = "ingress";
    const API_VERSION: &'static str = "networking.k8s.io/v1";
    const KIND: &'static str = "Ingress";
    const IS_NAMESPACED: bool = true;
    const ANNOTATIONS_KEPT: &'static str = CLASS_ANNOTATION;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_ingress_created",
            "When the ingress was made.",
            |ingress, samples| ingress.metadata.created(samples),
        ),
        gauge(
            "kube_ingress_info",
            "The class of the ingress.",
            |ingress, samples| samples.with(&[("ingressclass", ingress.class())], 1.0),
        ),
        gauge(
            "kube_ingress_metadata_resource_version",
            "The version of the object.",
            |ingress, samples| ingress.metadata.version(samples),
        ),
        gauge(
            "kube_ingress_path",
            "The paths of the ingress, and where they lead.",
            Self::paths,
        ),
        gauge(
            "kube_ingress_tls",
            "The hosts of the ingress that have a certificate.",
            Self::certificates,
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
