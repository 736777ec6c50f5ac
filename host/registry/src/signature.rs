//! Signatures in cosign's layout: an image under the tag `sha256-DIGITS.sig`, each layer a
//! payload that names the signed digest, with the signature in an annotation.
//!
//! It is not: the checking of signatures ([`crate::TrustPolicy`]); here they are bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bounds::SIGNATURES_MAX;
use crate::digest::Digest;
use crate::error::PackageError;
use crate::image::Image;
use crate::oci::{Annotations, Descriptor};

/// The media type of a payload.
const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The media type of the config, which cosign takes from container images.
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// What a payload is, as cosign has it.
const PAYLOAD_KIND: &str = "cosign container image signature";

/// A payload and its signature, neither of them looked into yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signed bytes.
    pub payload: Bytes,
    /// The signature of their SHA-256: ECDSA over P-256, in DER.
    pub signature: Vec<u8>,
}

/// What a payload says.
#[derive(Debug, Deserialize, Serialize)]
struct Payload {
    critical: Critical,
    optional: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Critical {
    identity: Identity,
    image: SignedImage,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct SignedImage {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

#[derive(Serialize)]
struct ImageConfig<'a> {
    architecture: &'a str,
    os: &'a str,
    config: serde_json::Map<String, serde_json::Value>,
    rootfs: RootFs<'a>,
}

#[derive(Serialize)]
struct RootFs<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    diff_ids: Vec<Digest>,
}

/// The bytes to sign for an image. `reference` is where the image is published; no one checks it.
#[cfg(any(feature = "signature", test))]
pub(crate) fn payload(digest: Digest, reference: &str) -> Result<Bytes, PackageError> {
    let payload = Payload {
        critical: Critical {
            identity: Identity {
                reference: reference.to_owned(),
            },
            image: SignedImage { digest },
            kind: PAYLOAD_KIND.to_owned(),
        },
        optional: None,
    };
    let bytes = serde_json::to_vec(&payload);
    let bytes = bytes.map_err(|error| PackageError::Invalid(error.to_string()))?;
    Ok(bytes.into())
}

impl Signature {
    /// The digest that the payload names: what is signed, once the signature is found right.
    ///
    /// # Errors
    /// It is no payload.
    pub fn digest(&self) -> Result<Digest, PackageError> {
        let fault = |text: String| PackageError::Invalid(format!("signature: {text}"));
        let payload: Payload =
            serde_json::from_slice(&self.payload).map_err(|error| fault(error.to_string()))?;
        match payload.critical.kind.as_str() {
            PAYLOAD_KIND => Ok(payload.critical.image.digest),
            other => Err(fault(format!("its payload is a {other:?}"))),
        }
    }

    /// Takes the signatures out of an image; at most [`SIGNATURES_MAX`], the first ones. What is
    /// no signature is passed over: a layout can be signed by others as well.
    pub fn from_image(image: &Image) -> Vec<Self> {
        let layers = image.manifest().layers.iter();
        let signatures = layers.filter(|layer| layer.media_type == PAYLOAD_TYPE);
        let signatures = signatures.filter_map(|layer| {
            Some(Self {
                payload: image.layer(layer)?.clone(),
                signature: STANDARD.decode(layer.annotation(SIGNATURE)).ok()?,
            })
        });
        signatures.take(SIGNATURES_MAX).collect()
    }

    /// The image that holds these signatures.
    ///
    /// # Errors
    /// They are too many for one.
    pub fn image(signatures: &[Self]) -> Result<Image, PackageError> {
        if signatures.len() > SIGNATURES_MAX {
            let text = format!("more than {SIGNATURES_MAX} signatures");
            return Err(PackageError::Invalid(text));
        }
        let layers = signatures.iter().map(|signature| {
            let text = STANDARD.encode(&signature.signature);
            let descriptor = Descriptor::of(PAYLOAD_TYPE, &signature.payload);
            (descriptor.with(SIGNATURE, &text), signature.payload.clone())
        });
        let layers: Vec<_> = layers.collect();
        let config = ImageConfig {
            architecture: "",
            os: "",
            config: serde_json::Map::new(),
            rootfs: RootFs {
                kind: "layers",
                diff_ids: layers.iter().map(|layer| layer.0.digest).collect(),
            },
        };
        let config = serde_json::to_vec(&config);
        let config = config.map_err(|error| PackageError::Invalid(error.to_string()))?;
        let config = (Descriptor::of(CONFIG_TYPE, &config), config.into());
        Image::build("", config, layers, Annotations::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_travel_in_an_image() {
        let digest = Digest::of(b"x");
        let signature = Signature {
            payload: payload(digest, "registry.example/redis").unwrap(),
            signature: vec![1, 2, 3],
        };
        assert_eq!(signature.digest(), Ok(digest));
        let image = Signature::image(std::slice::from_ref(&signature)).unwrap();
        assert_eq!(
            Signature::from_image(&image),
            std::slice::from_ref(&signature)
        );
        let many = vec![signature; SIGNATURES_MAX + 1];
        assert!(Signature::image(&many).is_err());
    }

    #[test]
    fn a_payload_of_another_kind_names_no_digest() {
        let text = payload(Digest::of(b"x"), "").unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        for text in [
            text.replace("cosign container", "other"),
            text.replace("sha256:", "sha1:"),
        ] {
            let signature = Signature {
                payload: text.into(),
                signature: Vec::new(),
            };
            assert!(signature.digest().is_err());
        }
    }
}
