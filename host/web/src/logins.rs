//! Users and their passwords, which bcrypt makes dear to compare: what was once found right or wrong
//! is remembered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_http::Secret;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::WebConfigError;

/// So many answers are remembered; then all are forgotten, as somebody guesses.
pub const LOGINS_MAX: usize = 128;

/// Compared with where there is no such user, so that the time of an answer does not tell who is
/// one. It is of a password that is in no use, at bcrypt's usual cost.
const NOBODY: &str = "$2y$10$Tq0nQ8mZk1vWcY5xUjR3fOMi304hUetYNTi5wqKJ7TGEkO7BygwOi";

type Key = [u8; 32];

/// Compares passwords, one at a time: a comparison takes a core for its time.
#[derive(Debug)]
pub(crate) struct Logins {
    known: Mutex<HashMap<Key, bool>>,
    turn: Arc<Semaphore>,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Logins {
    /// The user that an `Authorization` header names with the right password.
    pub(crate) async fn user(
        &self,
        users: &BTreeMap<String, Secret>,
        authorization: Option<&[u8]>,
    ) -> Option<String> {
        let (user, password) = authorization.and_then(credentials)?;
        self.is_right(users, &user, password).await.then_some(user)
    }

    async fn is_right(
        &self,
        users: &BTreeMap<String, Secret>,
        user: &str,
        password: Vec<u8>,
    ) -> bool {
        let (is_user, hash) = match users.get(user) {
            Some(hash) => (true, hash.expose()),
            None => (false, NOBODY),
        };
        let key = key(user, hash, &password);
        if let Some(found) = self.lock().get(&key) {
            return *found;
        }
        // An error means that the semaphore was closed, which nobody does.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        if let Some(found) = self.lock().get(&key) {
            return *found;
        }
        let hash = hash.to_owned();
        let compared = tokio::task::spawn_blocking(move || {
            // For as long as the core is taken, also where whoever asked has left.
            let _turn = turn;
            bcrypt::verify(password, &hash)
        });
        let matches = matches!(compared.await, Ok(Ok(true)));
        let mut known = self.lock();
        if known.len() >= LOGINS_MAX {
            known.clear();
        }
        known.insert(key, is_user && matches);
        is_user && matches
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, bool>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether each hash is one of bcrypt.
pub(crate) fn check(users: &BTreeMap<String, Secret>) -> Result<(), WebConfigError> {
    for (user, hash) in users {
        // The error's own words would show the text, which may be the password itself.
        if hash.expose().parse::<bcrypt::HashParts>().is_err() {
            let reason = format!("the password of {user:?} is no bcrypt hash");
            return Err(WebConfigError::value("basic_auth_users", reason));
        }
    }
    Ok(())
}

/// User and password of a header of the scheme `Basic`.
fn credentials(header: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

/// What a comparison is remembered by: it says nothing of the password to who reads the memory, and
/// a changed hash is another key.
fn key(user: &str, hash: &str, password: &[u8]) -> Key {
    let mut digest = Sha256::new();
    for part in [user.as_bytes(), hash.as_bytes(), password] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    #[tokio::test]
    async fn who_names_a_user_and_the_right_password_is_let_in() {
        let hash = bcrypt::hash("a:b c", 4).unwrap();
        let users = BTreeMap::from([("ada".to_owned(), Secret::new(hash))]);
        check(&users).unwrap();
        // A user that nobody has must cost a comparison too, so its hash must be a sound one.
        assert_eq!(bcrypt::verify("any", NOBODY).ok(), Some(false));
        let logins = Logins::default();
        let table = [
            (Some(header("ada:a:b c")), true),
            (Some(header("ada:wrong")), false),
            (Some(header("ada")), false),
            (Some(header("eve:a:b c")), false),
            (Some(b"Basic !".to_vec()), false),
            (Some(b"Bearer abc".to_vec()), false),
            (Some(b"bas".to_vec()), false),
            (None, false),
        ];
        // Twice, as the second time is from memory.
        for (header, admitted) in table.iter().chain(&table) {
            let header = header.as_deref();
            let user = logins.user(&users, header).await;
            assert_eq!(user.is_some(), *admitted, "{header:?}");
        }
    }

    #[tokio::test]
    async fn guesses_do_not_fill_the_memory() {
        let logins = Logins::default();
        let hash = bcrypt::hash("right", 4).unwrap();
        let users = BTreeMap::from([("ada".to_owned(), Secret::new(hash))]);
        for number in 0..LOGINS_MAX + 5 {
            let guess = header(&format!("ada:{number}"));
            assert_eq!(logins.user(&users, Some(&guess)).await, None);
        }
        assert!(logins.lock().len() <= LOGINS_MAX);
        let right = logins.user(&users, Some(&header("ada:right"))).await;
        assert_eq!(right.as_deref(), Some("ada"));
    }

    #[test]
    fn a_plain_password_is_no_hash() {
        let users = BTreeMap::from([("ada".to_owned(), Secret::new("secret"))]);
        let error = check(&users).unwrap_err().to_string();
        assert!(error.contains("\"ada\" is no bcrypt hash"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
