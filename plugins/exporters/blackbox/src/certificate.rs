//! What is reported of a certificate, read from its DER.
//!
//! It is not: a check of anything; the host has made the checks when it connected.

use crate::time::unix_seconds;

/// What is reported of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// When it expires, since the Unix epoch.
    pub(crate) expiry: i64,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// The names of hosts that it is for.
    pub(crate) names: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version.
const VERSION: u8 = 0xa0;
/// `[3] EXPLICIT`: the extensions.
const EXTENSIONS: u8 = 0xa3;
/// `[2] IMPLICIT`: a name of DNS.
const DNS_NAME: u8 = 0x82;

/// 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// The parts of a name, by the last number of 2.5.4.x, in the order in which blackbox_exporter
/// writes them.
const PARTS: [(u8, &str); 9] = [
    (5, "SERIALNUMBER"),
    (3, "CN"),
    (11, "OU"),
    (10, "O"),
    (17, "POSTALCODE"),
    (9, "STREET"),
    (7, "L"),
    (8, "ST"),
    (6, "C"),
];

/// Values of DER, one after the other.
#[derive(Debug, Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value and its tag.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // A length of more than four bytes is none that a certificate has.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, where it has that tag.
    fn expect(&mut self, tag: u8) -> Option<Der<'a>> {
        let (found, value) = self.next()?;
        (found == tag).then_some(Der(value))
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Der::next(self)
    }
}

impl Certificate {
    /// Reads one. None: it is none.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let mut body = Der(der).expect(SEQUENCE)?.expect(SEQUENCE)?;
        let mut peek = body;
        if peek.next()?.0 == VERSION {
            body = peek;
        }
        // The serial number, and the algorithm of the signature.
        body.next()?;
        body.expect(SEQUENCE)?;
        let issuer = name(body.expect(SEQUENCE)?)?;
        let mut validity = body.expect(SEQUENCE)?;
        validity.next()?;
        let expiry = time(validity.next()?)?;
        let subject = name(body.expect(SEQUENCE)?)?;
        let extensions = body.find(|(tag, _)| *tag == EXTENSIONS);
        let names = extensions.and_then(|(_, value)| alternative_names(Der(value)));
        Some(Self {
            expiry,
            subject,
            issuer,
            names: names.unwrap_or_default(),
        })
    }
}

fn time((tag, value): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |index: usize| rest.get(index * 2..index * 2 + 2)?.parse().ok();
    unix_seconds((year, part(0)?, part(1)?), (part(2)?, part(3)?, part(4)?))
}

/// A distinguished name as text.
fn name(sets: Der<'_>) -> Option<String> {
    let mut found: Vec<(u8, String)> = Vec::new();
    for (tag, set) in sets {
        if tag != SET {
            return None;
        }
        for (_, attribute) in Der(set) {
            let mut attribute = Der(attribute);
            let id = attribute.expect(OBJECT_ID)?.0;
            let (_, value) = attribute.next()?;
            if let [0x55, 0x04, number] = id {
                found.push((*number, escape(&String::from_utf8_lossy(value))));
            }
        }
    }
    let parts = PARTS.iter().filter_map(|(number, key)| {
        let values = found.iter().filter(|(found, _)| found == number);
        let values: Vec<String> = values.map(|(_, value)| format!("{key}={value}")).collect();
        (!values.is_empty()).then(|| values.join("+"))
    });
    Some(parts.collect::<Vec<_>>().join(","))
}

/// As RFC 2253 writes a value.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let is_edge =
            (character == ' ' && (index == 0 || index == last)) || (character == '#' && index == 0);
        if is_edge || ",+\"\\<>;".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn alternative_names(mut explicit: Der<'_>) -> Option<Vec<String>> {
    for (_, extension) in explicit.expect(SEQUENCE)? {
        let mut extension = Der(extension);
        if extension.expect(OBJECT_ID)?.0 != ALTERNATIVE_NAMES {
            continue;
        }
        // Whether it is critical may stand in between.
        let (_, value) = extension.find(|(tag, _)| *tag == OCTETS)?;
        let names = Der(value).expect(SEQUENCE)?;
        let names = names.filter(|(tag, _)| *tag == DNS_NAME);
        let text = |(_, name)| String::from_utf8_lossy(name).into_owned();
        return Some(names.map(text).collect());
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1`.
    const CERTIFICATE: &str = "MIICUDCCAfagAwIBAgIUZaO9WM9HopF/+21tWtGE7RrzxbMwCgYIKoZIzj0EAwIwaTELMAkGA1UEBhMC\
        REUxDzANBgNVBAcMBkJlcmxpbjEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEPMA0GA1UECwwGUHJvYmVz\
        MQwwCgYDVQQLDANUd28xEjAQBgNVBAMMCWEuZXhhbXBsZTAeFw0yNjExMjExMTM5MjRaFw0zNjExMTgx\
        MTM5MjRaMGkxCzAJBgNVBAYTAkRFMQ8wDQYDVQQHDAZCZXJsaW4xFjAUBgNVBAoMDUV4YW1wbGUsIElu\
        Yy4xDzANBgNVBAsMBlByb2JlczEMMAoGA1UECwwDVHdvMRIwEAYDVQQDDAlhLmV4YW1wbGUwWTATBgcq\
        hkjOPQIBBggqhkjOPQMBBwNCAARYzpRO7oxXqa4qPCyMrVjdAaMTTlKoN2jVujMDqLRey2y3Ndb9fzur\
        35GPSSMQOShaBn4i2ssZ8DXujmYZzkYbo3wwejAdBgNVHQ4EFgQUuUr79LHMpGq/NfVw+sAD+e5oxJEw\
        HwYDVR0jBBgwFoAUuUr79LHMpGq/NfVw+sAD+e5oxJEwDwYDVR0TAQH/BAUwAwEB/zAnBgNVHREEIDAe\
        gglhLmV4YW1wbGWCCyouYi5leGFtcGxlhwQKAAABMAoGCCqGSM49BAMCA0gAMEUCIQDxWRf+9zR2dp6P\
        IFdpUhn25HD/F+BQaSDFLsXnMbbLxQIgAI5R8AP0X4E8D/7ybIukrYrLwmTeNlNtC3JL132AkdE=";

    pub(crate) const EXPIRY: i64 = 2_110_621_164;

    pub(crate) fn der() -> Vec<u8> {
        STANDARD.decode(CERTIFICATE).unwrap()
    }

    #[test]
    fn a_certificate_of_openssl() {
        let expected = Certificate {
            expiry: EXPIRY,
            subject: "CN=a.example,OU=Probes+OU=Two,O=Example\\, Inc.,L=Berlin,C=DE".to_owned(),
            issuer: "CN=a.example,OU=Probes+OU=Two,O=Example\\, Inc.,L=Berlin,C=DE".to_owned(),
            names: vec!["a.example".to_owned(), "*.b.example".to_owned()],
        };
        assert_eq!(Certificate::parse(&der()), Some(expected));
    }

    #[test]
    fn what_is_no_certificate_is_none_and_no_panic() {
        let whole = der();
        for length in 0..whole.len() {
            assert_eq!(Certificate::parse(&whole[..length]), None, "{length}");
        }
        for index in 0..whole.len() {
            let mut broken = whole.clone();
            broken[index] = 0xff;
            // Most are none; none is a panic.
            let _ = Certificate::parse(&broken);
        }
        assert_eq!(Certificate::parse(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
