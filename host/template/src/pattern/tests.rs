//! Expressions mean what they mean in Go.

use super::*;

#[test]
fn expressions_mean_what_they_mean_in_go() {
    for (expression, text, is_match) in [
        (r"^\w+$", "ab_1", true),
        (r"^\w+$", "ü", false),
        (r"^\d$", "٣", false),
        (r"\bab\b", "x ab y", true),
        (r"^[\w.]+$", "a.b", true),
        (r"^[^\s]$", "ü", true),
        (r"^[[a]$", "[", true),
        (r"^[]a]+$", "]a", true),
        (r"^[^]a]+$", "b", true),
        (r"^[a&&b]+$", "&", true),
        (r"^[[:alpha:]]+$", "ab", true),
        (r"^{a}$", "{a}", true),
        (r"^a{2}$", "aa", true),
        (r"^a{2,}$", "aaa", true),
        (r"^a{,2}$", "a{,2}", true),
        (r"^\Q.*\E$", ".*", true),
        (r"(?i)^ABC$", "abc", true),
        (r"\pL", "ü", true),
        (r"^\p{Greek}\x{fc}{2}$", "αüü", true),
        (r"^a+?b*?c??$", "aab", true),
        ("", "", true),
    ] {
        let regex = compile(expression).unwrap();
        assert_eq!(regex.is_match(text), is_match, "{expression} on {text}");
    }
    for expression in ["(", "a**", "[", "*", r"\", "(?<=a)b", "(a{1000}){1000}"] {
        let error = compile(expression).unwrap_err();
        assert!(
            error.starts_with("error parsing regexp: "),
            "{expression}: {error}"
        );
    }
}

#[test]
fn groups_stand_in_replacements() {
    for (expression, replacement, text, replaced) in [
        ("(.*):.*", "$1", "host:90", "host"),
        ("(a)(b)", "${2}x$1", "ab", "bxa"),
        ("(a)", "$1x", "a", ""),
        ("(?P<n>a)", "${n}$$", "aa", "a$a$"),
        ("x*", "-", "abc", "-a-b-c-"),
    ] {
        assert_eq!(
            replace_all(expression, replacement, text).unwrap(),
            replaced
        );
    }
}
