//! Patterns for names of files, as Go's `filepath.Match` reads them.
//!
//! It is not: a pattern for folders; only the last part of a path may be one.

/// What stands for names of files: `*` for any text, `?` for any character, `[a-c]` for one of
/// those and `[^a-c]` for one that is none of them. What follows a backslash means itself.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug)]
enum Part {
    /// Any text.
    Text,
    /// Any character.
    Any,
    /// A character of these ranges, or of none of them.
    Of {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
}

impl Pattern {
    /// Reads a pattern; `None` where it is none, as Go has it.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let (mut parts, mut chars) = (Vec::new(), pattern.chars().peekable());
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Text,
                '?' => Part::Any,
                '[' => {
                    let is_negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    // At least one range stands in it.
                    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                        let low = bound(&mut chars)?;
                        let high = match chars.next_if_eq(&'-') {
                            Some(_) => bound(&mut chars)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    Part::Of { ranges, is_negated }
                }
                '\\' => one(chars.next()?),
                c => one(c),
            });
        }
        Some(Self(parts))
    }

    /// Whether a text may be a pattern for other names than its own.
    pub(super) fn is_meant(text: &str) -> bool {
        text.contains(['*', '?', '[', '\\'])
    }

    /// Whether it stands for a name.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut part, mut at) = (0, 0);
        // Behind the last star, and where in the name it ends.
        let mut star = None;
        loop {
            match (self.0.get(part), name.get(at)) {
                (Some(Part::Text), _) => {
                    part += 1;
                    star = Some((part, at));
                    continue;
                }
                (Some(single), Some(c)) if single.takes(*c) => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            // The last star stands for one character more.
            match star {
                Some((behind, end)) if end < name.len() => {
                    star = Some((behind, end + 1));
                    (part, at) = (behind, end + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Text => false,
            Self::Any => true,
            Self::Of { ranges, is_negated } => {
                let is_one = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                is_one != *is_negated
            }
        }
    }
}

fn one(c: char) -> Part {
    Part::Of {
        ranges: vec![(c, c)],
        is_negated: false,
    }
}

/// The begin or the end of a range.
fn bound(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names_as_in_go() {
        for (pattern, name, expected) in [
            ("a.yml", "a.yml", true),
            ("*.yml", "a.yml", true),
            ("*.yml", ".yml", true),
            ("*b*.yml", "axb1.yml", true),
            ("*b*.yml", "ax.yml", false),
            ("*.yml", "a.json", false),
            ("a*a.yml", "a.yml", false),
            ("*ab.yml", "aab.yml", true),
            ("node-?.yml", "node-1.yml", true),
            ("node-?.yml", "node-ü.yml", true),
            ("node-?.yml", "node-12.yml", false),
            ("node-[0-3x].yml", "node-2.yml", true),
            ("node-[0-3x].yml", "node-x.yml", true),
            ("node-[0-3x].yml", "node-4.yml", false),
            ("node-[^0-3].yml", "node-4.yml", true),
            ("node-[^0-3].yml", "node-0.yml", false),
            ("a\\*.yml", "a*.yml", true),
            ("a\\*.yml", "ab.yml", false),
            ("[\\]].yml", "].yml", true),
        ] {
            let read = Pattern::read(pattern).unwrap();
            assert_eq!(read.matches(name), expected, "{pattern} {name}");
        }
        for pattern in ["[", "[]a]", "[a", "[a-]", "[-a]", "a\\"] {
            assert!(Pattern::read(pattern).is_none(), "{pattern}");
        }
    }
}
