//! Keys: ECDSA over P-256, as cosign and openssl have them.
//!
//! Public keys are PEM files (`PUBLIC KEY`), private ones too: PKCS#8, encrypted by a password
//! where there is one (`ENCRYPTED PRIVATE KEY`, scrypt and AES-256), else as they are.

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};

use crate::digest::Digest;
use crate::error::PackageError;
use crate::signature::{self, Signature};

/// What an encrypted private key begins with.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// Checks signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Makes signatures. It prints nothing of itself.
pub struct PrivateKey(SigningKey);

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PublicKey {
    /// Reads one from PEM.
    ///
    /// # Errors
    /// It is none of P-256.
    pub fn from_pem(text: &str) -> Result<Self, PackageError> {
        let key = VerifyingKey::from_public_key_pem(text.trim());
        key.map(Self)
            .map_err(|_| PackageError::Invalid("not a public key of P-256 in PEM".to_owned()))
    }

    /// The key as PEM.
    ///
    /// # Errors
    /// It cannot be written, which does not happen for a key that was read or made.
    pub fn to_pem(&self) -> Result<String, PackageError> {
        let pem = self.0.to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| PackageError::Invalid(error.to_string()))
    }

    /// Whether a signature is by this key, and for this digest.
    pub fn verifies(&self, signature: &Signature, digest: Digest) -> bool {
        let Ok(der) = DerSignature::from_bytes(&signature.signature) else {
            return false;
        };
        self.0.verify(&signature.payload, &der).is_ok() && signature.digest() == Ok(digest)
    }
}

impl PrivateKey {
    /// Makes a new one, from the system's randomness.
    pub fn generate() -> Self {
        Self(SigningKey::generate())
    }

    /// Reads one from PEM.
    ///
    /// # Errors
    /// It is none of P-256, or the password is missing or wrong.
    pub fn from_pem(text: &str, password: Option<&str>) -> Result<Self, PackageError> {
        let fault = |text: &str| PackageError::Invalid(text.to_owned());
        let text = text.trim();
        let key = match (text.starts_with(ENCRYPTED), password) {
            (true, Some(password)) => SigningKey::from_pkcs8_encrypted_pem(text, password)
                .map_err(|_| fault("the private key cannot be read: is the password right?"))?,
            (true, None) => return Err(fault("the private key needs a password")),
            (false, _) => SigningKey::from_pkcs8_pem(text)
                .map_err(|_| fault("not a private key of P-256 in PEM (PKCS#8)"))?,
        };
        Ok(Self(key))
    }

    /// The key as PEM, encrypted where there is a password.
    ///
    /// # Errors
    /// It cannot be written, which does not happen for a key that was read or made.
    pub fn to_pem(&self, password: Option<&str>) -> Result<String, PackageError> {
        let pem = match password {
            Some(password) => self.0.to_pkcs8_encrypted_pem(password, LineEnding::LF),
            None => self.0.to_pkcs8_pem(LineEnding::LF),
        };
        let pem = pem.map_err(|error| PackageError::Invalid(error.to_string()))?;
        Ok(pem.to_string())
    }

    /// The key that checks what this one signs.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs an image. `reference` is where it is published, for people.
    ///
    /// # Errors
    /// The payload cannot be written.
    pub fn sign(&self, digest: Digest, reference: &str) -> Result<Signature, PackageError> {
        let payload = signature::payload(digest, reference)?;
        let signature: DerSignature = self.0.sign(&payload);
        Ok(Signature {
            payload,
            signature: signature.as_bytes().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
