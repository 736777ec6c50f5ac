use super::*;

fn shown(read: Result<Vec<Matcher>, MatcherParseError>) -> Result<String, String> {
    match read {
        Ok(matchers) => Ok(Shown(&matchers).to_string()),
        Err(error) => Err(error.0),
    }
}

#[test]
fn each_grammar_reads_what_alertmanager_reads() {
    // What is written, and what the classic and the UTF-8 grammar make of it; `Err("")` is any.
    for (text, classic, utf8) in [
        ("a=b", Ok("{a=\"b\"}"), Ok("{a=\"b\"}")),
        ("{a=\"b\"}", Ok("{a=\"b\"}"), Ok("{a=\"b\"}")),
        (
            "{ a = \"b\" , c=~\"d.*\", e!=f,g!~\"h\" }",
            Ok("{a=\"b\",c=~\"d.*\",e!=\"f\",g!~\"h\"}"),
            Ok("{a=\"b\",c=~\"d.*\",e!=\"f\",g!~\"h\"}"),
        ),
        ("{a=\"b\",}", Ok("{a=\"b\"}"), Ok("{a=\"b\"}")),
        ("", Ok("{}"), Ok("{}")),
        ("{}", Ok("{}"), Ok("{}")),
        (
            "a=",
            Ok("{a=\"\"}"),
            Err("0:2: end of input: expected label value"),
        ),
        ("a=\"\"", Ok("{a=\"\"}"), Ok("{a=\"\"}")),
        ("a=b c", Ok("{a=\"b c\"}"), Err("")),
        ("a=\"b,c\"", Ok("{a=\"b,c\"}"), Ok("{a=\"b,c\"}")),
        ("a=\"\\\"\"", Ok("{a=\"\\\"\"}"), Ok("{a=\"\\\"\"}")),
        ("a=\"x\\ny\"", Ok("{a=\"x\\ny\"}"), Ok("{a=\"x\\ny\"}")),
        // An escape that is none in Go.
        ("a=~\"\\d\"", Ok("{a=~\"\\\\d\"}"), Err("")),
        (
            "a=\"b",
            Err("matcher value contains unescaped double quote: \"b"),
            Err(""),
        ),
        (
            "a=b\"c",
            Err("matcher value contains unescaped double quote: b\"c"),
            Err(""),
        ),
        (
            "\"a b\"=c",
            Err("bad matcher format: \"a b\"=c"),
            Ok("{\"a b\"=\"c\"}"),
        ),
        ("ä=\"🙂\"", Err(""), Ok("{ä=\"🙂\"}")),
        ("a.b=c", Err("bad matcher format: a.b=c"), Ok("{a.b=\"c\"}")),
        ("\"\\u00e4\"=\"\\x41\"", Err(""), Ok("{ä=\"A\"}")),
        ("a", Err("bad matcher format: a"), Err("")),
        (
            "=b",
            Err("bad matcher format: =b"),
            Err("0:1: unexpected =: expected label name"),
        ),
        ("a==b", Ok("{a=\"=b\"}"), Err("")),
        (
            "{a=b",
            Ok("{a=\"b\"}"),
            Err("0:4: end of input: expected close brace"),
        ),
        (
            "a=b}",
            Ok("{a=\"b\"}"),
            Err("0:4: }: expected opening brace"),
        ),
        (
            "{a=b}c",
            Ok("{a=\"b}c\"}"),
            Err("5:6: c: expected end of input"),
        ),
        (
            "a=b c=d",
            Ok("{a=\"b c=d\"}"),
            Err("4:5: unexpected c: expected a comma or close brace"),
        ),
        ("a=~\"(\"", Err(""), Err("")),
        ("1a=b", Err(""), Ok("{1a=\"b\"}")),
    ] {
        for (mode, expected) in [
            (MatcherMode::Classic, classic),
            (MatcherMode::Utf8Strict, utf8),
        ] {
            let read = shown(mode.parse(text));
            match expected {
                Err("") => assert!(read.is_err(), "{mode:?} {text}: {read:?}"),
                expected => {
                    let read = read.as_ref().map(String::as_str).map_err(String::as_str);
                    assert_eq!(read, expected, "{mode:?} {text}");
                }
            }
        }
        // The fallback keeps the meaning of what was there before it.
        let fallback = shown(MatcherMode::Fallback.parse(text)).ok();
        let expected = classic.ok().or(utf8.ok());
        assert_eq!(fallback.as_deref(), expected, "{text}");
    }
}

#[test]
fn one_matcher_is_one() {
    for mode in [MatcherMode::Fallback, MatcherMode::Utf8Strict] {
        assert!(mode.parse_one("a=b").is_ok());
        assert!(mode.parse_one("{a=b}").is_err(), "{mode:?}");
    }
    let error = MatcherMode::Utf8Strict.parse_one("a=b,c=d").unwrap_err();
    assert_eq!(error.0, "expected 1 matcher, found 2");
}

#[test]
fn matchers_have_an_order_and_fields() {
    let mut matchers = MatcherMode::Classic
        .parse("b=1,a!~x,a=x,a!=x,a=~w")
        .unwrap();
    sort(&mut matchers);
    assert_eq!(
        Shown(&matchers).to_string(),
        "{a=~\"w\",a=\"x\",a!=\"x\",a!~\"x\",b=\"1\"}"
    );
    for matcher in matchers {
        let fields = MatcherFields::of(&matcher);
        assert_eq!(fields.matcher().unwrap(), matcher);
    }
}
