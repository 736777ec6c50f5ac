//! Tokens that say who asks and are signed with an RSA key (RFC 7519): what others take for a token of
//! their own.
//!
//! It is not: where tokens of others are verified.

use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::KeyPair;
use ring::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::Secret;
use crate::credentials::base64;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSA with PKCS#1 v1.5 padding and SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSA with PSS padding and SHA-256.
    Ps256,
}

/// A token with these parts. `key` is PEM; the field `alg` of the header is said here.
///
/// # Errors
/// The key is none of RSA, or cannot sign.
pub(crate) fn signed(
    algorithm: Algorithm,
    mut header: Value,
    claims: &Value,
    key: &Secret,
) -> Result<Secret, String> {
    let (name, encoding): (&str, &'static dyn RsaEncoding) = match algorithm {
        Algorithm::Rs256 => ("RS256", &RSA_PKCS1_SHA256),
        Algorithm::Rs384 => ("RS384", &RSA_PKCS1_SHA384),
        Algorithm::Rs512 => ("RS512", &RSA_PKCS1_SHA512),
        Algorithm::Ps256 => ("PS256", &RSA_PSS_SHA256),
    };
    header["alg"] = Value::from(name);
    header["typ"] = Value::from("JWT");
    let key = rsa(key)?;
    let coded = |part: &Value| base64_url(part.to_string().as_bytes());
    let signed = format!("{}.{}", coded(&header), coded(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(encoding, &random, signed.as_bytes(), &mut signature)
        .map_err(|_| "the private key does not sign".to_owned())?;
    let signature = base64_url(&signature);
    Ok(Secret::new(format!("{signed}.{signature}")))
}

fn rsa(key: &Secret) -> Result<KeyPair, String> {
    let read = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
    let read = read.map_err(|_| "the private key is no PEM".to_owned())?;
    let pair = match &read {
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("the private key is none of RSA".to_owned()),
    };
    pair.map_err(|error| format!("the private key is not usable: {error}"))
}

/// What no other token is called.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn random_id() -> Result<String, String> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "the system has no random numbers".to_owned())?;
    Ok(base64_url(&bytes))
}

/// Base64 as it stands in URLs, without padding (RFC 4648, 5).
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    let text = base64(bytes);
    text.trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

#[cfg(test)]
pub(crate) mod tests;
