//! Whether a package may be trusted: signed by one of the operator's keys.

use std::path::PathBuf;

use crate::bounds::IMAGE_BYTES_MAX;
use crate::config::RegistryConfig;
use crate::digest::Digest;
use crate::error::PackageError;
use crate::key::PublicKey;
use crate::package::read_file;
use crate::signature::Signature;

/// The keys that count, and whether one of them must have signed.
#[derive(Debug, Clone, Default)]
pub struct TrustPolicy {
    keys: Vec<(String, PublicKey)>,
    require_signature: bool,
}

/// Why a package that may be loaded may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// This key has signed it.
    Signed {
        /// The key's file.
        key: String,
    },
    /// It is not signed, or there is no key to check with; and that is allowed.
    Unsigned,
}

/// Why a package may not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A signature is required.
    #[error("{digest} is not signed, and plugins.registry.require_signature is on")]
    Unsigned {
        /// The package.
        digest: Digest,
    },
    /// There are signatures, and none is by a known key for this very package.
    #[error("no signature of {digest} is by one of the keys: {keys}")]
    Untrusted {
        /// The package.
        digest: Digest,
        /// The keys' files.
        keys: String,
    },
}

impl TrustPolicy {
    /// Reads the keys that a configuration names.
    ///
    /// # Errors
    /// A file cannot be read, or holds no key.
    pub fn load(config: &RegistryConfig) -> Result<Self, PackageError> {
        Self::from_files(&config.keys, config.require_signature)
    }

    /// Reads keys from files.
    ///
    /// # Errors
    /// A file cannot be read, or holds no key.
    pub fn from_files(files: &[PathBuf], require_signature: bool) -> Result<Self, PackageError> {
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            let text = read_file(path, IMAGE_BYTES_MAX)?;
            let key = PublicKey::from_pem(&String::from_utf8_lossy(&text));
            let key = key.map_err(|error| PackageError::Invalid(format!("{name}: {error}")))?;
            Ok((name, key))
        };
        Ok(Self {
            keys: files.iter().map(read).collect::<Result<_, _>>()?,
            require_signature,
        })
    }

    /// Whether what has no signature is refused.
    pub fn requires_signature(&self) -> bool {
        self.require_signature
    }

    /// Whether a package with these signatures may be loaded. Where there are keys and
    /// signatures, one has to be right even if none is required.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, digest: Digest, signatures: &[Signature]) -> Result<Trust, TrustError> {
        for signature in signatures {
            let mut keys = self.keys.iter();
            if let Some((name, _)) = keys.find(|(_, key)| key.verifies(signature, digest)) {
                return Ok(Trust::Signed { key: name.clone() });
            }
        }
        let names: Vec<&str> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        match (signatures.is_empty(), names.is_empty()) {
            (true, _) if self.require_signature => Err(TrustError::Unsigned { digest }),
            (false, false) => Err(TrustError::Untrusted {
                digest,
                keys: names.join(", "),
            }),
            (false, true) if self.require_signature => Err(TrustError::Untrusted {
                digest,
                keys: "there are none".to_owned(),
            }),
            _ => Ok(Trust::Unsigned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PrivateKey;

    #[test]
    fn who_may_be_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let keys = [
            PrivateKey::generate(),
            PrivateKey::generate(),
            PrivateKey::generate(),
        ];
        let files: Vec<PathBuf> = (0..2)
            .map(|at| {
                let path = folder.path().join(format!("{at}.pub"));
                std::fs::write(&path, keys[at].public_key().to_pem().unwrap()).unwrap();
                path
            })
            .collect();
        let digest = Digest::of(b"x");
        let signed = |by: usize| keys[by].sign(digest, "here").unwrap();
        let for_another = keys[0].sign(Digest::of(b"y"), "here").unwrap();
        for (what, files, required, signatures, expected) in [
            ("signed", &files[..], true, vec![signed(1)], "1.pub"),
            (
                "signed by two",
                &files[..],
                true,
                vec![signed(2), signed(0)],
                "0.pub",
            ),
            ("unsigned", &files[..], true, vec![], "is not signed"),
            ("unsigned, allowed", &files[..], false, vec![], "unsigned"),
            (
                "wrong key",
                &files[..],
                true,
                vec![signed(2)],
                "no signature of",
            ),
            (
                "wrong key, none needed",
                &files[..],
                false,
                vec![signed(2)],
                "no signature of",
            ),
            (
                "for another",
                &files[..],
                true,
                vec![for_another],
                "no signature of",
            ),
            ("no keys", &[][..], false, vec![signed(0)], "unsigned"),
            (
                "no keys, required",
                &[][..],
                true,
                vec![signed(0)],
                "there are none",
            ),
        ] {
            let policy = TrustPolicy::from_files(files, required).unwrap();
            let answer = match policy.check(digest, &signatures) {
                Ok(Trust::Signed { key }) => key,
                Ok(Trust::Unsigned) => "unsigned".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(answer.contains(expected), "{what}: {answer}");
        }
        let missing = TrustPolicy::from_files(&[folder.path().join("none")], true);
        assert!(missing.is_err());
    }
}
