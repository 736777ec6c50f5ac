//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use narthex_sdk::Error;
use sha2::{Digest, Sha256};

/// The rounds of hashing that a server may ask for; PostgreSQL's default is 4096.
const ROUNDS_MAX: u32 = 1_000_000;

/// No channel binding, no other identity.
const HEADER: &str = "n,,";

type Key = [u8; 32];

/// A password, salted and hashed: that takes its time, and is kept for as long as the server
/// asks for the same salt and rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Salted {
    password: String,
    salt: Vec<u8>,
    rounds: u32,
    key: Key,
}

/// An exchange under way.
pub(crate) struct Exchange {
    first: String,
}

/// What is left to check once the server answered.
pub(crate) struct Expectation(Key);

fn broken(text: &str) -> Error {
    Error::Protocol(format!("SCRAM: {text}"))
}

impl Exchange {
    /// Begins, with a text that is never used twice.
    pub(crate) fn new(nonce: &str) -> Self {
        // The user's name is that of the start-up message.
        Self {
            first: format!("n=,r={nonce}"),
        }
    }

    /// The client's first message.
    pub(crate) fn first(&self) -> String {
        format!("{HEADER}{}", self.first)
    }

    /// Answers the server's first message. `salted` is what an earlier exchange left, and is
    /// what this one leaves.
    pub(crate) fn answer(
        &self,
        server_first: &str,
        password: &str,
        salted: &mut Option<Salted>,
    ) -> Result<(String, Expectation), Error> {
        let field = |name: &str| {
            let mut fields = server_first.split(',');
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let nonce = field("r").ok_or_else(|| broken("no nonce"))?;
        let own = self.first.split_once("r=").map_or("", |(_, nonce)| nonce);
        if !nonce.starts_with(own) || nonce.len() == own.len() {
            return Err(broken("the server's nonce does not go on from ours"));
        }
        let salt = field("s").and_then(|salt| STANDARD.decode(salt).ok());
        let salt = salt.ok_or_else(|| broken("no salt"))?;
        let rounds: Option<u32> = field("i").and_then(|rounds| rounds.parse().ok());
        let rounds = rounds.filter(|rounds| (1..=ROUNDS_MAX).contains(rounds));
        let rounds = rounds.ok_or_else(|| broken("no number of rounds, or too many"))?;

        let is_same =
            |kept: &Salted| kept.password == password && kept.salt == salt && kept.rounds == rounds;
        let key = match salted.as_ref().filter(|kept| is_same(kept)) {
            Some(kept) => kept.key,
            None => {
                let key = hash(password.as_bytes(), &salt, rounds);
                *salted = Some(Salted {
                    password: password.to_owned(),
                    salt,
                    rounds,
                    key,
                });
                key
            }
        };
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(HEADER));
        let exchanged = format!("{},{server_first},{without_proof}", self.first);
        let client_key = mac(&key, b"Client Key");
        let stored_key: Key = Sha256::digest(client_key).into();
        let mut proof = mac(&stored_key, exchanged.as_bytes());
        for (byte, own) in proof.iter_mut().zip(client_key) {
            *byte ^= own;
        }
        let server_key = mac(&key, b"Server Key");
        let expected = mac(&server_key, exchanged.as_bytes());
        let text = format!("{without_proof},p={}", STANDARD.encode(proof));
        Ok((text, Expectation(expected)))
    }
}

impl Expectation {
    /// Whether the server knows the password as well.
    pub(crate) fn check(&self, server_final: &str) -> Result<(), Error> {
        let signature = server_final.strip_prefix("v=").and_then(|signature| {
            let signature = signature.split(',').next()?;
            STANDARD.decode(signature).ok()
        });
        match signature.is_some_and(|signature| signature == self.0) {
            true => Ok(()),
            false => Err(broken("the server does not know the password")),
        }
    }
}

/// `Hi` of RFC 5802: PBKDF2 with one block of output.
fn hash(password: &[u8], salt: &[u8], rounds: u32) -> Key {
    let first = [salt, &1_u32.to_be_bytes()].concat();
    let mut last = mac(password, &first);
    let mut key = last;
    for _ in 1..rounds {
        last = mac(password, &last);
        for (byte, other) in key.iter_mut().zip(last) {
            *byte ^= other;
        }
    }
    key
}

fn mac(key: &[u8], text: &[u8]) -> Key {
    // A key of any length is one to HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Key::default();
    };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3. There the client names the user, which PostgreSQL
    /// does in the start-up message.
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn exchange() -> Exchange {
        Exchange {
            first: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
        }
    }

    #[test]
    fn the_exchange_of_the_rfc() {
        let mut salted = None;
        let (text, expectation) = exchange()
            .answer(SERVER_FIRST, "pencil", &mut salted)
            .unwrap();
        assert_eq!(
            text,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        expectation
            .check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .unwrap();
        assert!(expectation.check("v=AAAA").is_err());
        assert!(expectation.check("e=other-error").is_err());

        // The second time nothing is hashed anew, unless the password is another.
        let kept = salted.clone();
        exchange()
            .answer(SERVER_FIRST, "pencil", &mut salted)
            .unwrap();
        assert_eq!(salted, kept);
        exchange().answer(SERVER_FIRST, "pen", &mut salted).unwrap();
        assert_ne!(salted, kept);
    }

    #[test]
    fn a_server_that_does_not_play_by_the_rules() {
        for message in [
            "r=another,s=W22Z,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO1,s=*,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=0",
            "r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=4000000000",
            "",
        ] {
            let answer = exchange().answer(message, "pencil", &mut None);
            assert!(matches!(answer, Err(Error::Protocol(_))), "{message}");
        }
    }
}
