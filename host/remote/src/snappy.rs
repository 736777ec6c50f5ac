//! Snappy's block format with a bound: a body says itself how long it is when it is unpacked.

use snap::raw::{Decoder, Encoder, decompress_len};

/// A body may have this many bytes as it arrives.
pub const COMPRESSED_BYTES_MAX: usize = 32 << 20;

/// A body may have this many bytes once it is unpacked. It is Prometheus' bound.
pub const DECODED_BYTES_MAX: usize = 32 << 20;

/// Why a body cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SnappyError {
    /// It says that it is longer than the bound. Nothing was set aside for it.
    #[error(
        "snappy: the body has {0} bytes when it is unpacked; at most {DECODED_BYTES_MAX} are taken"
    )]
    TooLarge(usize),
    /// It is not what its encoding says.
    #[error("snappy: corrupt input")]
    Corrupt(#[source] snap::Error),
}

/// Unpacks a body.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<u8>, SnappyError> {
    let len = decompress_len(body).map_err(SnappyError::Corrupt)?;
    if len > DECODED_BYTES_MAX {
        return Err(SnappyError::TooLarge(len));
    }
    let decoded = Decoder::new().decompress_vec(body);
    decoded.map_err(SnappyError::Corrupt)
}

/// Packs a body.
pub(crate) fn encode(body: &[u8]) -> Result<Vec<u8>, snap::Error> {
    Encoder::new().compress_vec(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_claims_to_be_huge_is_refused_unseen() {
        // The varint of 2^32 - 1, the longest that the format knows.
        let claims = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(
            decode(&claims),
            Err(SnappyError::TooLarge(u32::MAX as usize))
        );
        let mut at_the_bound = snap::raw::Encoder::new()
            .compress_vec(&vec![0; DECODED_BYTES_MAX])
            .unwrap();
        assert_eq!(decode(&at_the_bound).unwrap().len(), DECODED_BYTES_MAX);
        at_the_bound[0] |= 1;
        assert!(matches!(
            decode(&at_the_bound),
            Err(SnappyError::TooLarge(_))
        ));
        assert!(matches!(decode(b"0"), Err(SnappyError::Corrupt(_))));
        assert!(matches!(decode(b""), Err(SnappyError::Corrupt(_))));
    }
}
