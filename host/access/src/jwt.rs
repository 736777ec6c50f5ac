//! Tokens that an issuer has signed: JSON Web Tokens (RFC 7519) with RS256 or ES256, and the keys that
//! they are verified by (RFC 7517).
//!
//! The arithmetic is *ring*'s, the one provider of cryptography of this program. It is not: a library
//! for all algorithms; what is signed by another one, or not at all, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::limits::{KEYS_MAX, LEEWAY_SECONDS, TOKEN_BYTES_MAX};

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    /// RSA with PKCS#1 v1.5 padding and SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    /// Extensions that have to be understood: none are.
    crit: Option<Value>,
}

/// A token that was read, and not verified yet.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    header: Header,
    /// What it says; nothing of it holds before [`Token::verify`].
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// A public key of an issuer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug, PartialEq, Eq)]
enum Material {
    /// Modulus and exponent.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
}

#[derive(Debug, Deserialize)]
struct JsonKeys {
    keys: Vec<JsonKey>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JsonKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

/// What a verified token says.
#[derive(Debug)]
pub(crate) struct Claims(Map<String, Value>);

impl<'a> Token<'a> {
    /// Reads a token; `None` where the text is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: serde_json::from_slice(&decoded(header)?).ok()?,
            claims: serde_json::from_slice(&decoded(claims)?).ok()?,
            signed,
            signature: decoded(signature)?,
        })
    }

    /// Who says to have signed it. A look at the text alone: whatever `alg` is.
    pub(crate) fn issuer_of(text: &str) -> Option<String> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut parts = text.split('.');
        let claims = parts.nth(1)?;
        let claims: Map<String, Value> = serde_json::from_slice(&decoded(claims)?).ok()?;
        claims.get("iss")?.as_str().map(str::to_owned)
    }

    /// Whether one of the keys may be the one that it is signed with.
    pub(crate) fn has_key(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.may_be_by(key))
    }

    /// What it says, where one of the keys has signed it.
    pub(crate) fn verify(self, keys: &[Key]) -> Option<Claims> {
        if self.header.crit.is_some() {
            return None;
        }
        let mut candidates = keys.iter().filter(|key| self.may_be_by(key));
        let is_signed = candidates.any(|key| key.has_signed(self.signed, &self.signature));
        is_signed.then_some(Claims(self.claims))
    }

    /// A key is taken by its own kind only: the token does not choose what a key is used for.
    fn may_be_by(&self, key: &Key) -> bool {
        let is_kind = match &key.material {
            Material::Rsa { .. } => self.header.alg == Algorithm::RS256,
            Material::P256(_) => self.header.alg == Algorithm::ES256,
        };
        let is_id = match (&self.header.kid, &key.id) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        };
        is_kind && is_id
    }
}

impl Key {
    /// The keys of a set that can be used here.
    ///
    /// # Errors
    /// It is no set of keys.
    pub(crate) fn all_of(json: &[u8]) -> Result<Vec<Self>, String> {
        let found: JsonKeys = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let keys = found.keys.into_iter().take(KEYS_MAX);
        Ok(keys.filter_map(Self::of).collect())
    }

    fn of(key: JsonKey) -> Option<Self> {
        if key.purpose.as_deref().is_some_and(|it| it != "sig") {
            return None;
        }
        let material = match (key.kty.as_str(), key.crv.as_str()) {
            ("RSA", _) => Material::Rsa {
                n: unsigned(&key.n)?,
                e: unsigned(&key.e)?,
            },
            ("EC", "P-256") => {
                let (x, y) = (decoded(&key.x)?, decoded(&key.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Material::P256([vec![4], x, y].concat())
            }
            _ => return None,
        };
        Some(Self {
            id: key.kid,
            material,
        })
    }

    fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), signature)
                .is_ok(),
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(text.as_bytes(), signature)
                .is_ok(),
        }
    }
}

impl Claims {
    /// A text; `None` where there is none, or something else.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Texts: a list of them or one; `None` where the claim is something else.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(one)) => Some(vec![one.clone()]),
            Some(Value::Array(several)) => {
                let texts = several.iter().map(|it| it.as_str().map(str::to_owned));
                texts.collect()
            }
            Some(_) => None,
        }
    }

    /// Whether the claim is there and does not say yes. Some issuers write it as a text.
    pub(crate) fn denies(&self, name: &str) -> bool {
        match self.0.get(name) {
            None | Some(Value::Bool(true)) => false,
            Some(Value::String(text)) => text != "true",
            Some(_) => true,
        }
    }

    /// Why it does not count; `now` is in seconds since the epoch. What is missing or of another kind
    /// does not count either.
    pub(crate) fn fault(&self, issuer: &str, audiences: &[String], now: f64) -> Option<String> {
        if self.text("iss") != Some(issuer) {
            return Some("the token is of another issuer".to_owned());
        }
        let meant = self.texts("aud").unwrap_or_default();
        if !meant.iter().any(|it| audiences.contains(it)) {
            return Some(format!("the token is meant for {meant:?}"));
        }
        match self.0.get("exp").and_then(Value::as_f64) {
            Some(until) if now < until + LEEWAY_SECONDS => {}
            Some(_) => return Some("the token has expired".to_owned()),
            None => return Some("the token does not say when it expires".to_owned()),
        }
        match self.0.get("nbf").map(Value::as_f64) {
            None => None,
            Some(Some(from)) if from <= now + LEEWAY_SECONDS => None,
            Some(_) => Some("the token does not count yet".to_owned()),
        }
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number without the zeros that some write before it.
fn unsigned(text: &str) -> Option<Vec<u8>> {
    let bytes = decoded(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

#[cfg(test)]
mod tests;
