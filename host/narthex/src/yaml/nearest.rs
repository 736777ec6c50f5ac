//! Which of the names that there are somebody may have meant.

/// Longer names are compared with nothing.
const NAME_BYTES_MAX: usize = 64;

/// So many names at most are listed where none is near.
const LISTED_MAX: usize = 12;

/// The names that are meant where `name` was written: the nearest, or all where they are few.
pub(super) fn hint(name: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(name, known) {
        return Some(format!("did you mean `{near}`?"));
    }
    (1..=LISTED_MAX)
        .contains(&known.len())
        .then(|| format!("there are: {}", known.join(", ")))
}

/// The known name that differs least, where it does not differ by much.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_lowercase().replace('-', "_");
    let distances = known
        .iter()
        .map(|known| (distance(&name, &known.to_lowercase()), *known));
    let (distance, near) = distances.min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong, and one of the shortest names.
    let allowed = (name.len().max(near.len()) / 3).max(1);
    (distance <= allowed).then_some(near)
}

/// How many letters have to be put in, taken out, replaced, or swapped with the next.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_where_it_is_near() {
        let known = [
            "scrape_interval",
            "scrape_timeout",
            "sample_limit",
            "scheme",
            "replace",
        ];
        for (name, expected) in [
            ("scrape_intervall", Some("scrape_interval")),
            ("scrape-interval", Some("scrape_interval")),
            ("scarpe_timeout", Some("scrape_timeout")),
            ("sample_limits", Some("sample_limit")),
            ("schema", Some("scheme")),
            ("Replace", Some("replace")),
            ("interval", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
        assert_eq!(nearest(&"scheme".repeat(20), &known), None);
        assert_eq!(hint("zz", &["a", "b"]).unwrap(), "there are: a, b");
        assert_eq!(hint("zz", &["a"; 13]), None);
    }
}
