//! A file of the application as it is sent.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::GzDecoder;

use crate::application::too_large;

/// The largest file that is served, unpacked: some ten times the largest that there is.
pub const ASSET_BYTES_MAX: u64 = 16 << 20;

/// A file of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its bytes.
    pub content: Cow<'static, [u8]>,
    /// Whether the bytes are compressed with gzip.
    pub is_gzip: bool,
    /// Its media type.
    pub content_type: &'static str,
}

/// The media type of a file, by the end of its name.
pub(crate) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Whether a name can only be that of a file below its folder: parts of letters, digits, `-`,
/// `_` and `.`, none of which begins with a dot.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_plain_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    name.split('/').all(is_plain_part)
}

pub(crate) fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(packed)
        .take(ASSET_BYTES_MAX + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > ASSET_BYTES_MAX {
        return Err(too_large());
    }
    Ok(content)
}
