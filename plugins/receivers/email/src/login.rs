//! Logins to a mail server (RFC 4954): `CRAM-MD5`, `PLAIN` and `LOGIN`, whichever the server names
//! first of those that there is a secret for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use md5::Md5;
use narthex_sdk::Error;
use narthex_sdk::secrets::{self, Secret};

use crate::smtp::Client;

/// A server asks for a name and a password, and has no third question.
const QUESTIONS_MAX: usize = 2;

/// Who logs in.
pub(crate) struct Login {
    username: String,
    identity: String,
    password: Option<Secret>,
    /// For `CRAM-MD5`.
    secret: Option<Secret>,
}

impl Login {
    /// With the secrets that the entry has.
    pub(crate) fn new(username: &str, identity: &str) -> Self {
        Self {
            username: username.to_owned(),
            identity: identity.to_owned(),
            password: secrets::get("auth_password").ok(),
            secret: secrets::get("auth_secret").ok(),
        }
    }

    /// Logs in, where the server knows of logins.
    ///
    /// # Errors
    /// There is no secret for what the server knows, or it does not let this one in.
    pub(crate) fn log_in(&self, client: &mut Client) -> Result<(), Error> {
        let Some(mechanisms) = client.extension("AUTH").map(str::to_owned) else {
            return Ok(());
        };
        for mechanism in mechanisms.split_ascii_whitespace() {
            match (mechanism, &self.password, &self.secret) {
                ("CRAM-MD5", _, Some(secret)) => return self.cram_md5(client, secret),
                ("PLAIN", Some(password), _) => return self.plain(client, password),
                ("LOGIN", Some(password), _) => return self.login(client, password),
                _ => {}
            }
        }
        let text = format!(
            "the server logs in by {mechanisms}: there must be auth_secret for CRAM-MD5, or \
             auth_password for PLAIN or LOGIN"
        );
        Err(Error::Unavailable(text))
    }

    fn plain(&self, client: &mut Client, password: &Secret) -> Result<(), Error> {
        if !client.is_private() {
            let text = "PLAIN would tell the password to everybody: the connection is not in TLS";
            return Err(Error::Unavailable(text.to_owned()));
        }
        let text = format!(
            "{}\0{}\0{}",
            self.identity,
            self.username,
            password.reveal()?
        );
        let line = format!("AUTH PLAIN {}", STANDARD.encode(text));
        match client.answer(&line, "PLAIN")? {
            None => Ok(()),
            Some(_) => Err(unexpected("PLAIN")),
        }
    }

    fn login(&self, client: &mut Client, password: &Secret) -> Result<(), Error> {
        let mut question = client.answer("AUTH LOGIN", "LOGIN")?;
        for _ in 0..QUESTIONS_MAX {
            let Some(asked) = question else {
                return Ok(());
            };
            let asked = STANDARD.decode(asked.trim()).unwrap_or_default();
            // The words differ from server to server: `Username:`, `User Name`.
            let answer = match asked.first().map(u8::to_ascii_lowercase) {
                Some(b'u') => self.username.clone(),
                Some(b'p') => password.reveal()?,
                _ => return Err(unexpected("LOGIN")),
            };
            question = client.answer(&STANDARD.encode(answer), "LOGIN")?;
        }
        match question {
            None => Ok(()),
            Some(_) => Err(unexpected("LOGIN")),
        }
    }

    fn cram_md5(&self, client: &mut Client, secret: &Secret) -> Result<(), Error> {
        let Some(challenge) = client.answer("AUTH CRAM-MD5", "CRAM-MD5")? else {
            return Ok(());
        };
        let challenge = STANDARD.decode(challenge.trim());
        let challenge = challenge.map_err(|_| unexpected("CRAM-MD5"))?;
        let line = cram_answer(&self.username, &secret.reveal()?, &challenge)?;
        match client.answer(&STANDARD.encode(line), "CRAM-MD5")? {
            None => Ok(()),
            Some(_) => Err(unexpected("CRAM-MD5")),
        }
    }
}

/// A name, and what only who knows the secret can make of the challenge (RFC 2195).
fn cram_answer(username: &str, secret: &str, challenge: &[u8]) -> Result<String, Error> {
    let mut mac = Hmac::<Md5>::new_from_slice(secret.as_bytes())
        .map_err(|error| Error::Internal(format!("CRAM-MD5: {error}")))?;
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    Ok(format!("{username} {}", digits.collect::<String>()))
}

fn unexpected(mechanism: &str) -> Error {
    Error::Unavailable(format!(
        "login by {mechanism}: the server asks something else"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_as_the_rfc_does() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let answer = cram_answer("tim", "tanstaaftanstaaf", challenge).unwrap();
        assert_eq!(answer, "tim b913a602c7eda7a495b4e6e7334d3890");
    }
}
