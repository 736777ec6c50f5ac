//! What is signed is verified with the public key.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;

use super::*;

/// The parts of a token that the key in a file signed: its header, and what it says.
pub(crate) fn verified(token: &str, key_file: &Path, with: &'static RsaParameters) -> [Value; 2] {
    let key = PrivatePkcs8KeyDer::from_pem_file(key_file).unwrap();
    let key = KeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = UnparsedPublicKey::new(with, key.public());
    public.verify(signed.as_bytes(), &signature).unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    parts.try_into().unwrap()
}

/// Makes `key.pem`, a key of RSA, and `cert.pem`, a certificate for it.
pub(crate) fn make_key(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=narthex",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn each_algorithm_signs_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    make_key(folder.path());
    let file = folder.path().join("key.pem");
    let key = Secret::new(std::fs::read_to_string(&file).unwrap());
    let cases: [(Algorithm, &str, &'static RsaParameters); 4] = [
        (Algorithm::Rs256, "RS256", &RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::Rs384, "RS384", &RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::Rs512, "RS512", &RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::Ps256, "PS256", &RSA_PSS_2048_8192_SHA256),
    ];
    for (algorithm, name, with) in cases {
        let claims = json!({"sub": "ada"});
        let token = signed(algorithm, json!({"kid": "1"}), &claims, &key).unwrap();
        let [header, found] = verified(token.expose(), &file, with);
        assert_eq!(header, json!({"alg": name, "kid": "1", "typ": "JWT"}));
        assert_eq!(found, claims);
    }
    for (text, part) in [
        ("", "is no PEM"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "not usable",
        ),
    ] {
        let key = Secret::new(text);
        let error = signed(Algorithm::Rs256, json!({}), &json!({}), &key).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
