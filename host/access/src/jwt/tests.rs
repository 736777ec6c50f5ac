use base64::Engine as _;
use serde_json::json;

use super::*;

/// Keys, and a token of each algorithm, made once with another library (Python's `cryptography`).
const SIGNED: &str = include_str!("signed.json");

const ISSUER: &str = "https://issuer.example.org";

fn signed(algorithm: &str) -> String {
    let all: Value = serde_json::from_str(SIGNED).unwrap();
    all[algorithm].as_str().unwrap().to_owned()
}

fn keys() -> Vec<Key> {
    Key::all_of(SIGNED.as_bytes()).unwrap()
}

fn claims(value: Value) -> Claims {
    Claims(value.as_object().unwrap().clone())
}

#[test]
fn what_another_library_has_signed_is_verified() {
    let keys = keys();
    // A secret, a key for encryption and a curve that is not spoken are left out.
    assert_eq!(keys.len(), 2);
    for algorithm in ["RS256", "ES256"] {
        let text = signed(algorithm);
        assert_eq!(Token::issuer_of(&text).as_deref(), Some(ISSUER));
        let token = Token::parse(&text).unwrap();
        assert!(token.has_key(&keys));
        let claims = token.verify(&keys).unwrap();
        assert_eq!(claims.text("sub"), Some("ada"));
        assert_eq!(claims.texts("groups").unwrap(), ["dev", "ops"]);
        let audiences = ["narthex".to_owned()];
        assert_eq!(claims.fault(ISSUER, &audiences, 1.5e9), None);
    }
}

#[test]
fn what_was_changed_is_refused() {
    let keys = keys();
    for algorithm in ["RS256", "ES256"] {
        let text = signed(algorithm);
        let parts: Vec<&str> = text.split('.').collect();
        let other = json!({"iss": ISSUER, "aud": "narthex", "sub": "eve", "exp": 2e9}).to_string();
        let other = URL_SAFE_NO_PAD.encode(other);
        let changed = format!("{}.{other}.{}", parts[0], parts[2]);
        assert!(Token::parse(&changed).unwrap().verify(&keys).is_none());
        let cut = format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40]);
        assert!(Token::parse(&cut).unwrap().verify(&keys).is_none());
        // The key of the other kind, and no key.
        for header in [
            json!({"alg": "ES256", "kid": "r"}),
            json!({"alg": "RS256", "kid": "e"}),
            json!({"alg": "RS256", "kid": "unknown"}),
            json!({"alg": algorithm, "crit": ["exp"]}),
        ] {
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            let text = format!("{header}.{}.{}", parts[1], parts[2]);
            assert!(Token::parse(&text).unwrap().verify(&keys).is_none());
        }
        for algorithm in ["none", "HS256", "RS1"] {
            let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm}).to_string());
            let text = format!("{header}.{}.{}", parts[1], parts[2]);
            assert!(Token::parse(&text).is_none(), "{algorithm}");
        }
    }
    for text in ["", "a.b", "a.b.c", "..", "e30.e30."] {
        assert!(Token::parse(text).is_none(), "{text}");
    }
    assert!(Token::parse(&"a".repeat(TOKEN_BYTES_MAX + 1)).is_none());
}

#[test]
fn a_claim_that_is_missing_or_of_another_kind_does_not_count() {
    let good = json!({"iss": ISSUER, "aud": "narthex", "exp": 1000, "nbf": 500});
    let audiences = ["narthex".to_owned()];
    let table = [
        (json!({}), 700.0, ""),
        (json!({}), 1_029.0, ""),
        (json!({}), 1_031.0, "has expired"),
        (json!({}), 469.0, "does not count yet"),
        (json!({"exp": null}), 700.0, "does not say when"),
        (json!({"exp": "9999"}), 700.0, "does not say when"),
        (json!({"nbf": "1"}), 700.0, "does not count yet"),
        (json!({"nbf": null}), 700.0, "does not count yet"),
        (json!({"aud": "other"}), 700.0, "is meant for"),
        (json!({"aud": []}), 700.0, "is meant for"),
        (json!({"aud": {"a": "narthex"}}), 700.0, "is meant for"),
        (json!({"iss": "https://other"}), 700.0, "another issuer"),
        (json!({"iss": [ISSUER]}), 700.0, "another issuer"),
    ];
    for (changed, now, expected) in table {
        let mut value = good.clone();
        for (name, other) in changed.as_object().unwrap() {
            value[name] = other.clone();
        }
        match claims(value).fault(ISSUER, &audiences, now) {
            None => assert_eq!(expected, "", "{changed} at {now}"),
            Some(fault) => {
                assert!(!expected.is_empty(), "{changed} at {now}: {fault}");
                assert!(fault.contains(expected), "{changed} at {now}: {fault}");
            }
        }
    }
    assert_eq!(
        claims(json!({"groups": "one"})).texts("groups").unwrap(),
        ["one"]
    );
    assert!(claims(json!({"groups": [1]})).texts("groups").is_none());
}

#[test]
fn there_are_so_many_keys_and_no_more() {
    let key = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    let keys = json!({"keys": vec![key; KEYS_MAX + 1]}).to_string();
    assert_eq!(Key::all_of(keys.as_bytes()).unwrap().len(), KEYS_MAX);
    assert!(Key::all_of(b"{}").is_err());
}
