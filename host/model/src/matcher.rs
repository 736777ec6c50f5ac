//! Label matchers.

use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::Extractor;

use crate::regexp::translated;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

/// A regular expression that is too large or not one at all.
#[derive(Debug, Clone, thiserror::Error)]
#[error("invalid regular expression {pattern:?}: {reason}")]
pub struct MatcherError {
    pattern: String,
    reason: String,
}

impl MatcherError {
    /// What is wrong with the expression: a sentence in Go's words, or what our parser says.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// One condition on one label. A label that a series lacks counts as "".
#[derive(Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    pattern: Pattern,
}

/// What is left of the value once it is compiled.
#[derive(Clone)]
enum Pattern {
    /// The value itself; also a regular expression without a special character.
    Literal,
    /// `a|b|c`, sorted.
    Literals(Vec<String>),
    /// `.*`
    Anything,
    /// `.+`
    NotEmpty,
    Regex(Box<Expression>),
}

/// A regular expression that has to be run.
#[derive(Clone)]
struct Expression {
    regex: Regex,
    /// What all texts that it accepts begin with.
    prefix: String,
}

/// A compiled expression may take this much memory; a larger one is refused.
const REGEX_BYTES_MAX: usize = 10 << 20;

impl Matcher {
    /// Makes a matcher. A regular expression (RE2 syntax) is anchored at both ends and `.`
    /// matches every character.
    ///
    /// # Errors
    /// The expression does not parse, or would take more than 10 MiB compiled.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Self, MatcherError> {
        let value = value.into();
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => Pattern::Literal,
            MatchOp::Regex | MatchOp::NotRegex => Pattern::compile(&value)?,
        };
        Ok(Self {
            name: name.into(),
            op,
            value,
            pattern,
        })
    }

    /// A matcher for one exact value.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            pattern: Pattern::Literal,
        }
    }

    /// The label's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The value or expression as it was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label of this value (or "" for no label) satisfies the matcher.
    pub fn matches(&self, value: &str) -> bool {
        self.accepts(value) != self.is_negative()
    }

    /// Whether it is one of `!=` and `!~`.
    pub fn is_negative(&self) -> bool {
        matches!(self.op, MatchOp::NotEqual | MatchOp::NotRegex)
    }

    /// The only values that the positive form accepts, where they are known without looking at
    /// the index: what `=` names and what `a|b|c` lists. The sign is the caller's to apply.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.pattern {
            Pattern::Literal => Some(std::slice::from_ref(&self.value)),
            Pattern::Literals(values) => Some(values),
            Pattern::Anything | Pattern::NotEmpty | Pattern::Regex(_) => None,
        }
    }

    /// What all values begin with that the positive form accepts and that [`Self::literals`]
    /// does not list; "" where nothing is known.
    pub fn prefix(&self) -> &str {
        match &self.pattern {
            Pattern::Regex(expression) => &expression.prefix,
            _ => "",
        }
    }

    fn accepts(&self, value: &str) -> bool {
        match &self.pattern {
            Pattern::Literal => self.value == value,
            Pattern::Literals(values) => values.binary_search_by(|v| v.as_str().cmp(value)).is_ok(),
            Pattern::Anything => true,
            Pattern::NotEmpty => !value.is_empty(),
            Pattern::Regex(expression) => expression.regex.is_match(value),
        }
    }
}

impl Pattern {
    fn compile(expression: &str) -> Result<Self, MatcherError> {
        let is_plain = |s: &str| !s.contains(|c| r"\.+*?()|[]{}^$".contains(c));
        match expression {
            ".*" => return Ok(Self::Anything),
            ".+" => return Ok(Self::NotEmpty),
            plain if is_plain(plain) => return Ok(Self::Literal),
            list if list.split('|').all(is_plain) => {
                let mut values: Vec<String> = list.split('|').map(str::to_owned).collect();
                values.sort();
                values.dedup();
                return Ok(Self::Literals(values));
            }
            _ => {}
        }
        let error = |reason: String| MatcherError {
            pattern: expression.to_owned(),
            reason,
        };
        let translated = translated(expression).map_err(error)?;
        // Compiled alone first: wrapped in a group, `a)(b` would pass.
        let syntax = syntax::Config::new().dot_matches_new_line(true);
        let parsed = syntax::parse_with(&translated, &syntax).map_err(|e| error(e.to_string()))?;
        let regex = Regex::builder()
            .syntax(syntax)
            .configure(
                Regex::config()
                    .nfa_size_limit(Some(REGEX_BYTES_MAX))
                    .onepass_size_limit(Some(REGEX_BYTES_MAX)),
            )
            .build(&format!("^(?:{translated})$"))
            .map_err(|e| error(e.to_string()))?;
        Ok(Self::Regex(Box::new(Expression {
            regex,
            prefix: common_prefix(&parsed),
        })))
    }
}

/// What all texts begin with that an expression accepts.
fn common_prefix(expression: &Hir) -> String {
    let beginnings = Extractor::new().extract(expression);
    let common = beginnings.longest_common_prefix().unwrap_or_default();
    // The bytes may part in the middle of a character.
    let whole = common.utf8_chunks().next().map(|chunk| chunk.valid());
    whole.unwrap_or_default().to_owned()
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (self.op, &self.name, &self.value) == (other.op, &other.name, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_all_accepted_values_begin_with() {
        for (expression, prefix) in [
            ("node_cpu.*", "node_cpu"),
            ("node_(cpu|memory)_.+", "node_"),
            ("(node_cpu|node_network)[a-z]*", "node_"),
            ("^abc.*$", "abc"),
            ("ab+c?", "ab"),
            ("a{3}.", "aaa"),
            ("(ü|û)x*", ""),
            ("prod-[12]", "prod-"),
            ("(a|)b.*", ""),
            ("(?i)abc.*", ""),
            (".*abc", ""),
            ("a*", ""),
            ("a|b", ""),
            ("abc", ""),
        ] {
            let matcher = Matcher::new("l", MatchOp::Regex, expression).unwrap();
            assert_eq!(matcher.prefix(), prefix, "{expression}");
            let negative = Matcher::new("l", MatchOp::NotRegex, expression).unwrap();
            assert_eq!(negative.prefix(), prefix, "{expression}");
        }
    }

    #[test]
    fn each_operator_on_values_and_on_a_missing_label() {
        for (op, value, accepted, refused) in [
            (MatchOp::Equal, "a", vec!["a"], vec!["", "b", "aa"]),
            (MatchOp::Equal, "", vec![""], vec!["b"]),
            (MatchOp::NotEqual, "a", vec!["", "b"], vec!["a"]),
            (MatchOp::Regex, "a|b", vec!["a", "b"], vec!["", "ab", "a|b"]),
            (MatchOp::Regex, "", vec![""], vec!["a"]),
            (MatchOp::Regex, "a|", vec!["a", ""], vec!["b"]),
            (MatchOp::Regex, ".*", vec!["", "a\nb"], vec![]),
            (MatchOp::Regex, ".+", vec!["a\nb"], vec![""]),
            (
                MatchOp::Regex,
                "a.c",
                vec!["abc", "a\nc"],
                vec!["abcd", "xabc"],
            ),
            (MatchOp::Regex, "(?i)abc", vec!["ABC"], vec!["ABCD"]),
            (
                MatchOp::Regex,
                "a|bc.*",
                vec!["a", "bcd"],
                vec!["ab", "xbc"],
            ),
            // As Go reads it: what is no letter of ASCII is none of a word, and brackets may stand alone.
            (MatchOp::Regex, r"\w+", vec!["ab_1"], vec!["ü"]),
            (MatchOp::Regex, r"\Qa.b\E[[x]", vec!["a.b["], vec!["a.bx["]),
            (MatchOp::NotRegex, "a|b", vec!["", "c"], vec!["a", "b"]),
            (MatchOp::NotRegex, ".+", vec![""], vec!["a"]),
        ] {
            let matcher = Matcher::new("l", op, value).unwrap();
            for v in accepted {
                assert!(matcher.matches(v), "{matcher:?} {v:?}");
            }
            for v in refused {
                assert!(!matcher.matches(v), "{matcher:?} {v:?}");
            }
        }
    }

    #[test]
    fn a_pattern_that_only_works_inside_our_group_is_refused() {
        assert!(Matcher::new("l", MatchOp::Regex, "a)(b").is_err());
        assert!(Matcher::new("l", MatchOp::Regex, "(").is_err());
        assert!(Matcher::new("l", MatchOp::Regex, "((a{1000}){1000}){1000}").is_err());
    }
}
