//! What Azure's tools show as the connection string of an account: its name, its key and where it
//! is, in one text. See <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>.

use narthex_http::Secret;

/// Where accounts are whose string does not say so.
const SUFFIX: &str = "core.windows.net";

/// What such a text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    /// The account, if it is named.
    pub(crate) account: Option<String>,
    /// Where blobs of the account are, if it is said or the account is named.
    pub(crate) endpoint: Option<String>,
    pub(crate) credential: Credential,
}

/// How the text proves who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The account's key.
    Key(Secret),
    /// A signature of limited rights, as it stands in a URL.
    Signature(Secret),
}

impl ConnectionString {
    /// Reads `name=value;name=value`.
    ///
    /// # Errors
    /// What is wrong with it, without what it says.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut account, mut blobs, mut suffix, mut protocol) = (None, None, None, None);
        let (mut key, mut signature) = (None, None);
        for part in text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let Some((name, value)) = part.split_once('=') else {
                return Err("a part of it is not of the form name=value");
            };
            let place = match name.to_ascii_lowercase().as_str() {
                "accountname" => &mut account,
                "accountkey" => &mut key,
                "sharedaccesssignature" => &mut signature,
                "blobendpoint" => &mut blobs,
                "endpointsuffix" => &mut suffix,
                "defaultendpointsprotocol" => &mut protocol,
                // Queues, tables and files have endpoints of their own.
                _ => continue,
            };
            *place = Some(value);
        }
        let credential = match (key, signature) {
            (Some(key), None) => Credential::Key(Secret::new(key)),
            (None, Some(signature)) => Credential::Signature(Secret::new(signature)),
            (Some(_), Some(_)) => return Err("it has both AccountKey and SharedAccessSignature"),
            (None, None) => return Err("it has neither AccountKey nor SharedAccessSignature"),
        };
        let derived = || {
            let (account, protocol) = (account?, protocol.unwrap_or("https"));
            let suffix = suffix.unwrap_or(SUFFIX);
            Some(format!("{protocol}://{account}.blob.{suffix}"))
        };
        let said = blobs.map(|blobs| blobs.trim_end_matches('/').to_owned());
        Ok(Self {
            endpoint: said.or_else(derived),
            account: account.map(str::to_owned),
            credential,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_azures_tools_show_is_read() {
        let key = |text: &str| Credential::Key(Secret::new(text));
        for (text, account, endpoint, credential) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn",
                Some("a"),
                Some("https://a.blob.core.chinacloudapi.cn"),
                key("a2V5=="),
            ),
            (
                "AccountName=a;AccountKey=k;BlobEndpoint=http://127.0.0.1:1/a/;QueueEndpoint=http://q;",
                Some("a"),
                Some("http://127.0.0.1:1/a"),
                key("k"),
            ),
            (
                "AccountName=a;AccountKey=k",
                Some("a"),
                Some("https://a.blob.core.windows.net"),
                key("k"),
            ),
            (
                "BlobEndpoint=https://a.example;SharedAccessSignature=sv=1&sig=x%3D",
                None,
                Some("https://a.example"),
                Credential::Signature(Secret::new("sv=1&sig=x%3D")),
            ),
        ] {
            let read = ConnectionString::parse(text).unwrap();
            assert_eq!(read.account.as_deref(), account, "{text}");
            assert_eq!(read.endpoint.as_deref(), endpoint, "{text}");
            assert_eq!(read.credential, credential, "{text}");
        }
    }

    #[test]
    fn what_proves_nothing_is_refused_and_not_repeated() {
        for (text, fault) in [
            (
                "AccountName=a",
                "it has neither AccountKey nor SharedAccessSignature",
            ),
            ("hunter2", "a part of it is not of the form name=value"),
            (
                "AccountKey=hunter2;SharedAccessSignature=hunter2",
                "it has both AccountKey and SharedAccessSignature",
            ),
        ] {
            assert_eq!(ConnectionString::parse(text), Err(fault));
        }
    }
}
