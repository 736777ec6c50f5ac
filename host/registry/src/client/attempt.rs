//! Requests that are sent again where that may help, and end in time.

use std::future::Future;
use std::time::Duration;

use super::error::RegistryError;

/// One manifest, list or blob is fetched or sent within this time.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);
/// So often a request that may succeed later is sent, with the pause between them doubled each
/// time.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Sends a request again where that may help.
pub(super) async fn retry<T, F>(
    what: &str,
    mut request: impl FnMut() -> F,
) -> Result<T, RegistryError>
where
    F: Future<Output = Result<T, RegistryError>>,
{
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match in_time(what, request()).await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "a request to the registry is sent again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    in_time(what, request()).await
}

async fn in_time<T>(
    what: &str,
    request: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    match tokio::time::timeout(TRANSFER_TIMEOUT, request).await {
        Ok(done) => done,
        Err(_) => Err(RegistryError::Refused(format!(
            "{what}: not done after {} s",
            TRANSFER_TIMEOUT.as_secs()
        ))),
    }
}
