use std::fs;
use std::process::Command;

use super::*;

#[test]
fn keys_read_back_with_and_without_a_password() {
    let key = PrivateKey::generate();
    let signature = key.sign(Digest::of(b"x"), "here").unwrap();
    let public = PublicKey::from_pem(&key.public_key().to_pem().unwrap()).unwrap();
    for password in [None, Some("open sesame")] {
        let pem = key.to_pem(password).unwrap();
        let read = PrivateKey::from_pem(&pem, password).unwrap();
        assert_eq!(read.public_key(), public);
    }
    assert!(public.verifies(&signature, Digest::of(b"x")));
    assert_eq!(format!("{key:?}"), "PrivateKey");

    let pem = key.to_pem(Some("open sesame")).unwrap();
    for (password, part) in [(None, "needs a password"), (Some("x"), "password right")] {
        let error = PrivateKey::from_pem(&pem, password)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\n").is_err());
    assert!(PrivateKey::from_pem("x", None).is_err());
}

#[test]
fn a_signature_is_for_one_digest_by_one_key() {
    let key = PrivateKey::generate();
    let (digest, other) = (Digest::of(b"x"), Digest::of(b"y"));
    let signature = key.sign(digest, "here").unwrap();
    assert!(key.public_key().verifies(&signature, digest));
    assert!(!key.public_key().verifies(&signature, other));
    assert!(
        !PrivateKey::generate()
            .public_key()
            .verifies(&signature, digest)
    );

    let mut changed = signature.clone();
    let payload = String::from_utf8(changed.payload.to_vec()).unwrap();
    changed.payload = payload.replace(&digest.hex(), &other.hex()).into();
    assert!(!key.public_key().verifies(&changed, other));
    let mut broken = signature;
    broken.signature.truncate(8);
    assert!(!key.public_key().verifies(&broken, digest));
}

/// The other reader of what is written here. It is part of every machine that builds.
#[test]
fn openssl_reads_our_keys_and_accepts_our_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let key = PrivateKey::generate();
    let signature = key.sign(Digest::of(b"x"), "here").unwrap();
    fs::write(path("key.pub"), key.public_key().to_pem().unwrap()).unwrap();
    fs::write(path("key.pem"), key.to_pem(Some("secret")).unwrap()).unwrap();
    fs::write(path("payload"), &signature.payload).unwrap();
    fs::write(path("signature"), &signature.signature).unwrap();
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        let output = command
            .current_dir(folder.path())
            .args(args)
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let verify = [
        "dgst",
        "-sha256",
        "-verify",
        "key.pub",
        "-signature",
        "signature",
        "payload",
    ];
    assert_eq!(openssl(&verify), (true, "Verified OK\n".to_owned()));
    fs::write(path("payload"), "another").unwrap();
    assert!(!openssl(&verify).0);

    let public = [
        "pkey",
        "-in",
        "key.pem",
        "-passin",
        "pass:secret",
        "-pubout",
    ];
    assert_eq!(openssl(&public), (true, key.public_key().to_pem().unwrap()));

    // And the other way round: a key that openssl made.
    let made = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    let (_, pem) = openssl(&made);
    let key = PrivateKey::from_pem(&pem, None).unwrap();
    let signature = key.sign(Digest::of(b"x"), "here").unwrap();
    assert!(key.public_key().verifies(&signature, Digest::of(b"x")));
}
