//! Places of HTML that the goldens do not have, and those that are refused.

use crate::functions::NoFunctions;
use crate::limits::Limits;
use crate::template::Template;
use crate::value::Value;

fn html(text: &str) -> Result<String, String> {
    let template = Template::parse("t", text, &NoFunctions).map_err(|error| error.to_string())?;
    let executed =
        template.execute_html(&Value::from("<a b=\"c\">"), &NoFunctions, &Limits::DEFAULT);
    executed.map_err(|error| error.to_string())
}

#[test]
fn a_value_is_escaped_for_its_place() {
    for (text, written) in [
        ("{{ . }}", "&lt;a b=&#34;c&#34;&gt;"),
        ("<b>{{ . }}</b>", "<b>&lt;a b=&#34;c&#34;&gt;</b>"),
        ("<b {{ . }}>", "<b ZgotmplZ>"),
        ("<b c{{ 1 }}=x>", "<b c1=x>"),
        ("<b c = \n'{{ . }}'>", "<b c = \n'&lt;a b=&#34;c&#34;&gt;'>"),
        (
            "<b x y=1 href=/{{ . }}>",
            "<b x y=1 href=/%3ca%20b&#61;%22c%22%3e>",
        ),
        ("<B HREF='?{{ . }}'>", "<B HREF='?%3ca%20b%3d%22c%22%3e'>"),
        (
            "<script>'{{ . }}' // {{ . }}\n{{ 1 }}/* {{ . }} */</SCRIPT>{{ 2 }}",
            "<script>'\\u003ca b=\\u0022c\\u0022\\u003e' // \n 1 /*  */</SCRIPT>2",
        ),
        (
            "<style>a { b: \"{{ . }}\" }</style>",
            "<style>a { b: \"\\3c a b=\\22 c\\22\\3e \" }</style>",
        ),
        ("<!-- {{ . }} --><i/>{{ 1 }}", "<i/>1"),
        ("<!DOCTYPE html>a<b", "<!DOCTYPE html>a<b"),
    ] {
        match html(text) {
            Ok(found) => assert_eq!(found, written, "{text}"),
            Err(error) => assert!(
                text.ends_with("<b") && error.contains("non-text"),
                "{error}"
            ),
        }
    }
}

#[test]
fn a_place_that_cannot_be_escaped_is_refused() {
    for (text, error) in [
        ("<script>`{{ . }}`</script>", "template literal"),
        (
            "<script>a = /'/; b = {{ . }}</script>",
            "division or regexp",
        ),
        ("<p style=\"background: url({{ . }})\">", "in url()"),
        ("<a href='{{ . }}", "ends in a non-text context"),
        ("<a '{{ . }}'>", "in attribute name"),
    ] {
        let found = html(text).unwrap_err();
        assert!(found.contains(error), "{text}: {found}");
    }
}
