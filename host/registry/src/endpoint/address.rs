//! Addresses in all their spellings, and those behind which machines keep their metadata.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address. An IPv4 one in an IPv6 coat is the IPv4 one, and so are the spellings that the
/// system's resolver reads as one: `2130706433`, `0x7f.1` and `0177.0.0.1` are `127.0.0.1`.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    let plain: Option<IpAddr> = text.parse().ok();
    let address = plain.or_else(|| loose_v4(text).map(IpAddr::V4));
    address.map(|address| address.to_canonical())
}

/// Up to four numbers, decimal, octal or hexadecimal, the last one filling the bytes that are
/// left, as `inet_aton` has it.
fn loose_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 0xff) {
        return None;
    }
    let mut bits = 0_u32;
    let mut shift = 32;
    for part in first {
        shift -= 8;
        bits |= part << shift;
    }
    let fits = shift == 32 || *last < 1 << shift;
    fits.then(|| Ipv4Addr::from_bits(bits | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // A sign would be read as part of the number.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| u32::from_str_radix(digits, radix).ok())?
}

/// Metadata services of clouds that are at other than link-local addresses: Alibaba's, Azure's,
/// Oracle's.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The same by IPv6: Amazon's, Google's, Scaleway's.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// Whether a machine's metadata service, or anything else that only this machine's link reaches,
/// can be at this address: such an address has to be granted literally.
pub fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_metadata_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || METADATA_V6.contains(&v6)
                || embedded_v4(v6).is_some_and(is_metadata_v4)
        }
    }
}

fn is_metadata_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

/// The IPv4 address that a translator between the two protocols would go on to: NAT64's prefix,
/// 6to4, and the old compatible form.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => {
            Some(join(high, low))
        }
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_spelling() {
        for (text, expected) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("0x7f000001", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("0177.0.0.1", Some("127.0.0.1")),
            ("0x7f.1", Some("127.0.0.1")),
            ("127.1", Some("127.0.0.1")),
            ("127.0.1", Some("127.0.0.1")),
            ("0", Some("0.0.0.0")),
            ("2852039166", Some("169.254.169.254")),
            ("::ffff:127.0.0.1", Some("127.0.0.1")),
            ("::ffff:7f00:1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("4294967296", None),
            ("256.1", None),
            ("127.0.0.256", None),
            ("127.16777216", None),
            ("1.2.3.4.5", None),
            ("08.1.1.1", None),
            ("+1.1", None),
            ("1..2", None),
            ("", None),
            ("localhost", None),
        ] {
            let read = parse_ip(text).map(|address| address.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn metadata_services_are_link_local() {
        for (address, expected) in [
            ("169.254.169.254", true),
            ("::ffff:169.254.169.254", true),
            ("::169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("2002:a9fe:a9fe::", true),
            ("fe80::1", true),
            ("fd00:ec2::254", true),
            ("fd20:ce::254", true),
            ("100.100.100.200", true),
            ("168.63.129.16", true),
            ("fd00:ec2::253", false),
            ("100.100.100.201", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("::", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(
                is_link_local(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
    }
}
