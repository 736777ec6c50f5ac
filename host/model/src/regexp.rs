//! Regular expressions as Go reads them (RE2's syntax), written for the parser that we have: classes such
//! as `\w` know ASCII only, brackets and signs in a class are plain characters, braces that repeat
//! nothing are, too.
//!
//! It is not: a parser. What both take and mean alike goes by as it is, and so do most faults, of which
//! our parser has its own words.

use regex_syntax::is_meta_character;

/// RE2 repeats a part at most so often by a count.
const REPEAT_MAX: u32 = 1_000;

/// So many octal digits are one character.
const OCTAL_DIGITS_MAX: usize = 3;

/// The end of a class' name is looked for so far: no class has as long a name, and a text may have as many
/// begins of such names as it likes.
const CLASS_NAME_BYTES_MAX: usize = 64;

/// The classes that have names in brackets.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The expression for our parser.
///
/// # Errors
/// What Go does not take and our parser would, in Go's words.
pub fn translated(expression: &str) -> Result<String, String> {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    // The repetition that was just read, and whether it can still be made lazy.
    let mut repetition: Option<(&str, bool)> = None;
    while let Some(c) = rest.chars().next() {
        let at = &rest[c.len_utf8()..];
        let operator = operator(rest)?;
        repetition = match (repetition, operator) {
            (_, "") => None,
            (None, operator) => Some((operator, true)),
            (Some((before, true)), "?") => Some((before, false)),
            (Some((before, _)), operator) => {
                return Err(format!(
                    "invalid nested repetition operator: `{before}{operator}`"
                ));
            }
        };
        rest = match c {
            _ if !operator.is_empty() => {
                out.push_str(operator);
                &rest[operator.len()..]
            }
            '\\' => escape(&mut out, at)?,
            '[' => class(&mut out, at)?,
            '(' => group(&mut out, rest)?,
            // They repeat nothing, or end nothing.
            '{' | '}' | ']' => {
                push_plain(&mut out, c);
                at
            }
            c => {
                out.push(c);
                at
            }
        };
    }
    Ok(out)
}

/// The repetition that a text begins with: `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`, or none.
fn operator(text: &str) -> Result<&str, String> {
    let len = match text.chars().next() {
        Some('*' | '+' | '?') => 1,
        Some('{') => braces(text),
        _ => 0,
    };
    let operator = &text[..len];
    let counts = operator.trim_matches(['{', '}']).split(',');
    let mut counts = counts.filter(|count| !count.is_empty());
    // A count that no number can hold is too large as well.
    let is_too_often = |count: &str| {
        let count = count.parse::<u32>().ok();
        count.is_none_or(|count| count > REPEAT_MAX)
    };
    if len > 1 && counts.any(is_too_often) {
        return Err(format!("invalid repeat count: `{operator}`"));
    }
    Ok(operator)
}

/// How long the repetition in braces is that a text begins with; 0 where it is none. Nothing behind what
/// a repetition can be is looked at, so that many braces cost no more than other characters.
fn braces(text: &str) -> usize {
    let counts = text.bytes().skip(1);
    let counts = counts.take_while(|byte| byte.is_ascii_digit() || *byte == b',');
    let end = 1 + counts.count();
    let (least, most) = text[1..end].split_once(',').unwrap_or((&text[1..end], ""));
    // RE2 takes no count with a zero in front.
    let is_number = |text: &str| !text.contains(',') && (text.len() < 2 || !text.starts_with('0'));
    let is_repeat = !least.is_empty() && is_number(least) && is_number(most);
    match is_repeat && text[end..].starts_with('}') {
        true => end + 1,
        false => 0,
    }
}

/// Writes what opens a group; what is left. Flags are Go's: `i`, `m`, `s` and `U`.
fn group<'a>(out: &mut String, text: &'a str) -> Result<&'a str, String> {
    let flags = text.strip_prefix("(?").unwrap_or_default();
    let is_named = flags.starts_with("P<") || flags.starts_with('<');
    if !is_named {
        for (at, c) in flags.char_indices() {
            match c {
                'i' | 'm' | 's' | 'U' | '-' => {}
                ':' | ')' => break,
                _ => {
                    let end = "(?".len() + at + c.len_utf8();
                    let shown = &text[..end];
                    return Err(format!("invalid or unsupported Perl syntax: `{shown}`"));
                }
            }
        }
    }
    // What is behind it is no repetition of it.
    let len = match text.starts_with("(?") {
        true => 2,
        false => 1,
    };
    out.push_str(&text[..len]);
    Ok(&text[len..])
}

/// Writes what is behind a backslash; what is left.
fn escape<'a>(out: &mut String, at: &'a str) -> Result<&'a str, String> {
    if let Some(behind) = set(out, at)? {
        return Ok(behind);
    }
    match at.chars().next() {
        Some('b') => out.push_str("(?-u:\\b)"),
        Some('B') => out.push_str("(?-u:\\B)"),
        Some('A') => out.push_str("\\A"),
        Some('z') => out.push_str("\\z"),
        Some('Q') => {
            let quoted = &at[1..];
            let (quoted, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            quoted.chars().for_each(|c| push_plain(out, c));
            return Ok(rest);
        }
        _ => {
            let (c, rest) = character(at)?;
            push_plain(out, c);
            return Ok(rest);
        }
    }
    Ok(&at[1..])
}

/// Writes the set of characters that is named behind a backslash; what is left, where it is one.
fn set<'a>(out: &mut String, at: &'a str) -> Result<Option<&'a str>, String> {
    let Some(c) = at.chars().next() else {
        return Ok(None);
    };
    let behind = &at[c.len_utf8()..];
    let plain = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'p' | 'P' => return unicode(out, c, behind).map(Some),
        _ => return Ok(None),
    };
    out.push_str(plain);
    Ok(Some(behind))
}

/// Writes a set of Unicode: `\pL`, `\p{Greek}`, or all others, `\P{Greek}` and `\p{^Greek}`.
fn unicode<'a>(out: &mut String, letter: char, at: &'a str) -> Result<&'a str, String> {
    let Some(within) = at.strip_prefix('{') else {
        let len = at.chars().next().map_or(0, char::len_utf8);
        out.push('\\');
        out.push(letter);
        out.push_str(&at[..len]);
        return Ok(&at[len..]);
    };
    let Some((name, rest)) = within.split_once('}') else {
        return Err(format!("invalid character class range: `\\{letter}{at}`"));
    };
    let (letter, name) = match (letter, name.strip_prefix('^')) {
        (letter, None) => (letter, name),
        ('p', Some(name)) => ('P', name),
        (_, Some(name)) => ('p', name),
    };
    out.push_str(&format!("\\{letter}{{{name}}}"));
    Ok(rest)
}

/// Writes a class, whose bracket was read; what is left behind it. One that has no end goes by for our
/// parser to say so.
fn class<'a>(out: &mut String, at: &'a str) -> Result<&'a str, String> {
    out.push('[');
    let mut rest = at;
    if let Some(behind) = rest.strip_prefix('^') {
        out.push('^');
        rest = behind;
    }
    let mut is_first = true;
    while let Some(c) = rest.chars().next() {
        if c == ']' && !is_first {
            out.push(']');
            return Ok(&rest[1..]);
        }
        is_first = false;
        if let Some(end) = rest.strip_prefix("[:").and_then(name_end) {
            let (named, behind) = rest.split_at("[:".len() + end + ":]".len());
            let name = named.trim_matches(['[', ']']).trim_matches(':');
            if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(format!("invalid character class range: `{named}`"));
            }
            out.push_str(named);
            rest = behind;
            continue;
        }
        if let Some(at) = rest.strip_prefix('\\')
            && let Some(behind) = set(out, at)?
        {
            rest = behind;
            continue;
        }
        rest = one_or_range(out, rest)?;
    }
    Ok(rest)
}

/// Where the name of a class in brackets ends, whose begin was read.
fn name_end(text: &str) -> Option<usize> {
    let mut pairs = text.as_bytes().windows(2).take(CLASS_NAME_BYTES_MAX);
    pairs.position(|pair| pair == b":]")
}

/// Writes a character of a class, or the first and the last of a range; what is left.
fn one_or_range<'a>(out: &mut String, text: &'a str) -> Result<&'a str, String> {
    let (first, rest) = member(text)?;
    push_plain(out, first);
    let Some(behind) = rest.strip_prefix('-') else {
        return Ok(rest);
    };
    if behind.is_empty() || behind.starts_with(']') {
        return Ok(rest);
    }
    let (last, rest) = member(behind)?;
    if last < first {
        let range = &text[..text.len() - rest.len()];
        return Err(format!("invalid character class range: `{range}`"));
    }
    out.push('-');
    push_plain(out, last);
    Ok(rest)
}

/// A character of a class; what is left.
fn member(text: &str) -> Result<(char, &str), String> {
    match text.strip_prefix('\\') {
        Some(at) => character(at),
        None => {
            let c = text.chars().next().unwrap_or_default();
            Ok((c, text.get(c.len_utf8()..).unwrap_or_default()))
        }
    }
}

/// The character that is meant behind a backslash; what is left.
fn character(at: &str) -> Result<(char, &str), String> {
    let Some(c) = at.chars().next() else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let behind = &at[c.len_utf8()..];
    let invalid = |len: usize| format!("invalid escape sequence: `\\{}`", &at[..len]);
    let meant = match c {
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hexadecimal(at),
        '0'..='7' => {
            let digits = at.bytes().take(OCTAL_DIGITS_MAX);
            let len = digits.take_while(|b| (b'0'..=b'7').contains(b)).count();
            // A single digit but 0 stands for a group, which RE2 cannot compare with.
            if c != '0' && len == 1 {
                return Err(invalid(1));
            }
            let code = u32::from_str_radix(&at[..len], 8).ok();
            let c = code.and_then(char::from_u32);
            return Ok((c.ok_or_else(|| invalid(len))?, &at[len..]));
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(invalid(c.len_utf8())),
    };
    Ok((meant, behind))
}

/// The character of `xfc` or `x{fc}`; what is left.
fn hexadecimal(at: &str) -> Result<(char, &str), String> {
    let behind = &at[1..];
    let found = match behind.strip_prefix('{') {
        Some(within) => within.split_once('}'),
        None => behind.get(..2).map(|digits| (digits, &behind[2..])),
    };
    let is_code = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = found
        .filter(|(digits, _)| is_code(digits))
        .and_then(|(digits, rest)| {
            let code = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(code)?, rest))
        });
    found.ok_or_else(|| {
        let end = at.find('}').map_or(at.len().min(3), |end| end + 1);
        let shown = at.get(..end).unwrap_or(at);
        format!("invalid escape sequence: `\\{shown}`")
    })
}

/// Writes a character that means itself.
fn push_plain(out: &mut String, c: char) {
    if is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;

    use super::*;

    /// What Prometheus says of the same.
    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (expression, accepted, refused) in [
            (r"\w+", &["ab_1"][..], &["ü", "٣", "é_1"][..]),
            (r"\W+", &["ü", "٣", "-"], &["a", "_"]),
            (r"\d", &["1"], &["٣"]),
            (r"\D", &["٣"], &["1"]),
            (r"\s", &["\t", " "], &["\u{a0}", "\u{b}"]),
            (r"[\w]+", &["a1"], &["ü"]),
            (r"[^\W]+", &["a1"], &["ü"]),
            (r"[\pL\d]+", &["ü1"], &["٣"]),
            (r"é\b_1", &["é_1"], &[]),
            (r"é\Bü", &["éü"], &[]),
            (r"é\B1", &[], &["é1"]),
            (r"a{02}|b{0}", &["a{02}", ""], &["aa", "b"]),
            (r"[[a]+", &["[a"], &["+"]),
            (r"[[a]+]", &["[]", "a]"], &["+"]),
            (r"[]a]+", &["]a"], &["b"]),
            (r"[^]]", &["a"], &["]"]),
            (r"[a&&b]+", &["a&&b"], &[]),
            (r"[a~~b]+", &["a~b"], &[]),
            (r"[+--]", &["+", ",", "-"], &["."]),
            (r"[--/]", &["-", ".", "/"], &[","]),
            (r"[a\-z-]+", &["a-z"], &["b"]),
            (r"[\]\\^]+", &[r"]\^"], &["a"]),
            (r"[[.a.]]", &["a]", ".]", "[]"], &["a"]),
            (r"[[:word:]]+", &["a_1"], &["ü"]),
            (r"[\x41-\x{43}]", &["B"], &["D"]),
            (r"a{,2}", &["a{,2}"], &["aa"]),
            (r"\{1}|a{2}", &["{1}", "aa"], &["a"]),
            (r"a{2,3}?", &["aa", "aaa"], &["a"]),
            (r"\113\07\0", &["K\u{7}\0"], &[]),
            (r"\x4b\x{212A}", &["K\u{212a}"], &[]),
            (r"\Qa{,2}.\E.", &["a{,2}.x"], &["aa"]),
            (r"\Q[a]", &["[a]"], &["a"]),
            (r"(?i)\Qk\E", &["K"], &[]),
            (r"\<\-\_\/", &["<-_/"], &[]),
            (r"\p{^Greek}", &["a"], &["α"]),
            (r"\P{^Greek}", &["α"], &["a"]),
            (r"[\p{^Greek}]", &["a"], &["α"]),
            (r"(?P<n>a)(?:b)(?i:c)(?i-s)d", &["abCD"], &["ABCD"]),
            (r"]}", &["]}"], &[]),
            (r"\A\pLü\z", &["aü"], &[]),
            ("", &[""], &["a"]),
        ] {
            let own = translated(expression).unwrap();
            let regex = Regex::new(&format!("^(?:{own})$")).unwrap();
            for text in accepted {
                assert!(regex.is_match(text), "{expression} ({own}) on {text:?}");
            }
            for text in refused {
                assert!(!regex.is_match(text), "{expression} ({own}) on {text:?}");
            }
        }
    }

    #[test]
    fn beginnings_without_an_end_are_not_looked_through_again_and_again() {
        let count = 1 << 16;
        let braces = translated(&"{1,".repeat(count)).unwrap();
        assert_eq!(braces, r"\{1,".repeat(count));
        let class = translated(&format!("[{}a]", "[:".repeat(count))).unwrap();
        assert_eq!(class, format!("[{}a]", r"\[:".repeat(count)));
    }

    #[test]
    fn what_go_does_not_take_is_said_in_its_words() {
        for (expression, fault) in [
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a+??", "invalid nested repetition operator: `+?`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            (
                "a{2,99999999999}",
                "invalid repeat count: `{2,99999999999}`",
            ),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("a(?#b)", "invalid or unsupported Perl syntax: `(?#`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"\C", r"invalid escape sequence: `\C`"),
            (r"\Z", r"invalid escape sequence: `\Z`"),
            (r"\u212A", r"invalid escape sequence: `\u`"),
            (r"\xg", r"invalid escape sequence: `\xg`"),
            (r"\x{110000}", r"invalid escape sequence: `\x{110000}`"),
            (r"[a-\d]", r"invalid escape sequence: `\d`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
        ] {
            assert_eq!(
                translated(expression),
                Err(fault.to_owned()),
                "{expression}"
            );
        }
    }
}
