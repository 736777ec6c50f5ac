//! Which of two versions is newer.

use std::cmp::Ordering;

use semver::Version;

/// Orders two versions as semantic versions; build metadata does not count. None: one of them is
/// none, and they are not the same text.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    let one = Version::parse(one).ok()?;
    let other = Version::parse(other).ok()?;
    Some(one.cmp_precedence(&other))
}

/// Whether going from one version to another is known not to go back.
pub fn is_forward(from: &str, to: &str) -> bool {
    compare(from, to).is_some_and(Ordering::is_le)
}

/// Orders versions and other texts: what is no version comes before all that are.
pub(crate) fn order(one: &str, other: &str) -> Ordering {
    match (Version::parse(one), Version::parse(other)) {
        (Ok(one), Ok(other)) => one.cmp_precedence(&other),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => one.cmp(other),
    }
}

/// The newest of some tags that are versions; one of a release before those of pre-releases.
pub fn newest_version<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let versions = tags.into_iter().filter_map(|tag| {
        let version = Version::parse(tag).ok()?;
        Some(((version.pre.is_empty(), version), tag))
    });
    versions
        .max_by(|one, other| one.0.cmp(&other.0))
        .map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semantic_versions() {
        for (from, to, forward) in [
            ("0.9.0", "0.10.0", true),
            ("0.10.0", "0.9.0", false),
            ("1.0.0", "1.0.0", true),
            ("1.0.0-rc.1", "1.0.0", true),
            ("1.0.0", "1.0.0-rc.1", false),
            ("1.0.0+a", "1.0.0+b", true),
            // What cannot be compared is not known to be forward.
            ("spring", "1.0.0", false),
            ("1.0.0", "spring", false),
            ("spring", "spring", true),
        ] {
            assert_eq!(is_forward(from, to), forward, "{from} {to}");
        }
        let tags = ["latest", "0.9.0", "0.10.0", "1.0.0-rc.1", "sha256-x.sig"];
        assert_eq!(newest_version(tags), Some("0.10.0"));
        assert_eq!(
            newest_version(["1.0.0-rc.1", "1.0.0-rc.2"]),
            Some("1.0.0-rc.2")
        );
        assert_eq!(newest_version(["latest"]), None);
    }
}
