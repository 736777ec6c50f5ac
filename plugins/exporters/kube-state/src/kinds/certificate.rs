//! Requests for certificates. They are looked at where a job names them: few clusters let them be
//! read by everyone.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};

objects! {
    SigningRequest {
        metadata: Metadata,
        spec: RequestSpec,
        status: RequestStatus,
    }

    RequestSpec {
        signer_name: String,
    }

    RequestStatus {
        /// In base 64.
        certificate: String,
        conditions: Vec<RequestCondition>,
    }

    RequestCondition {
        #[serde(rename = "type")]
        kind: String,
    }
}

impl SigningRequest {
    /// How often it was approved, and how often denied.
    fn decisions(&self, samples: &mut Samples<'_, '_>) {
        for (kind, word) in [("Approved", "approved"), ("Denied", "denied")] {
            let conditions = self.status.conditions.iter();
            let count = conditions.filter(|one| one.kind == kind).count();
            samples.with(&[("condition", word)], count as f64);
        }
    }

    /// Bytes of the certificate, of which four letters are three.
    fn length(&self, samples: &mut Samples<'_, '_>) {
        let letters = self.status.certificate.trim_end_matches('=').len();
        samples.value((letters * 3 / 4) as f64);
    }
}

impl Object for SigningRequest {
    const RESOURCE: &'static str = "certificatesigningrequests";
    const NAME: &'static str = "certificatesigningrequest";
    const API_VERSION: &'static str = "certificates.k8s.io/v1";
    const KIND: &'static str = "CertificateSigningRequest";
    const IS_NAMESPACED: bool = false;
    const IS_DEFAULT: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_certificatesigningrequest_cert_length",
            "Bytes of the certificate.",
            Self::length,
        ),
        gauge(
            "kube_certificatesigningrequest_condition",
            "How often the request was approved or denied.",
            Self::decisions,
        ),
        gauge(
            "kube_certificatesigningrequest_created",
            "When the request was made.",
            |request, samples| request.metadata.created(samples),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    fn identity(&self) -> Vec<(&str, &str)> {
        vec![
            ("certificatesigningrequest", &*self.metadata.name),
            ("signer_name", &*self.spec.signer_name),
        ]
    }
}
