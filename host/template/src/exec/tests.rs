//! Bounds: a template that would not end, or would write for ever, is cut with a clear error.

use super::*;
use crate::functions::NoFunctions;
use crate::template::Template;

fn run(text: &str, limits: Limits) -> Result<String, String> {
    let template = Template::parse("t", text, &NoFunctions).map_err(|error| error.to_string())?;
    let executed = template.execute(&Value::Int(0), &NoFunctions, &limits);
    executed.map_err(|error| error.to_string())
}

#[test]
fn a_template_that_calls_itself_is_cut() {
    let text = r#"{{ define "a" }}x{{ template "a" . }}{{ end }}{{ template "a" . }}"#;
    assert_eq!(
        run(text, Limits::DEFAULT),
        Err(
            "template: t:1:29: executing \"a\" at <{{template \"a\" .}}>: exceeded maximum \
             template depth (100)"
                .to_owned()
        )
    );
}

/// Each level takes the stack of a block, a condition, a pipeline and a template: the worst that
/// there is.
#[test]
fn the_deepest_templates_fit_on_a_small_stack() {
    let open = "{{ if true }}{{ with (1) }}".repeat(45);
    let close = "{{ end }}{{ end }}".repeat(45);
    let text = format!(
        r#"{{{{ define "a" }}}}{open}{{{{ template "a" (((((((.))))))) }}}}{close}{{{{ end }}}}{{{{ template "a" . }}}}"#
    );
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let run = small.spawn(move || run(&text, Limits::DEFAULT)).unwrap();
    let error = run.join().unwrap().unwrap_err();
    assert!(
        error.contains("exceeded the limit of 400 levels"),
        "{error}"
    );
}

#[test]
fn blocks_and_parentheses_cannot_be_written_deeper_than_the_limit() {
    for (open, inner, close) in [("{{if 1}}", "", "{{end}}"), ("(", "1", ")")] {
        let nested = |depth: usize| {
            let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let is_action = open == "(";
            let text = if is_action {
                format!("{{{{{text}}}}}")
            } else {
                text
            };
            run(&text, Limits::DEFAULT)
        };
        assert!(nested(100).is_ok());
        let error = nested(101).unwrap_err();
        assert_eq!(error, "template: t:1: max expression depth exceeded (100)");
    }
}

#[test]
fn loops_end_after_their_steps() {
    let long = "{{ $x := printf \"%999999d\" 1 }}";
    for text in [
        "{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}",
        // Long texts cost more.
        format!("{long}{{{{ range 1000000000 }}}}{{{{ $y := print $x }}}}{{{{ end }}}}").as_str(),
    ] {
        let error = run(text, Limits::ANNOTATION).unwrap_err();
        let is_cut = error.ends_with("exceeded the limit of 1000000 steps");
        assert!(is_cut, "{text}: {error}");
    }
}

/// Lists that hold one another print as more than there is memory for, or are too deep to drop.
#[test]
fn lists_in_lists_have_a_limit() {
    let functions = crate::alertmanager::Functions::at(crate::time::Time::ZERO);
    for (made, error) in [
        (
            "list $x",
            "list made a value of more than 100 values in one another",
        ),
        ("list $x $x $x $x", "list made more than 67108864 bytes"),
    ] {
        let text = format!(
            "{{{{ $x := list 1 }}}}{{{{ range 1000000 }}}}{{{{ $x = {made} }}}}{{{{ end }}}}"
        );
        let template = Template::parse("t", &text, &functions).unwrap();
        let executed = template.execute(&Value::Nil, &functions, &Limits::DEFAULT);
        let found = executed.unwrap_err().to_string();
        assert!(found.ends_with(error), "{found}");
    }
}

#[test]
fn what_is_written_has_a_limit() {
    let limits = Limits {
        output_bytes_max: 100,
        ..Limits::DEFAULT
    };
    for (text, error) in [
        (
            "{{ range 50 }}abc{{ end }}",
            "exceeded the limit of 100 bytes of output",
        ),
        (
            "{{ printf \"%101d\" 1 }}",
            "printf made more than 100 bytes",
        ),
        (
            "{{ $x := \"0123456789\" }}{{ range 9 }}{{ $x = print $x $x }}{{ end }}",
            "print made more than 100 bytes",
        ),
    ] {
        let found = run(text, limits).unwrap_err();
        assert!(found.ends_with(error), "{text}: {found}");
    }
    assert_eq!(run("{{ range 50 }}ab{{ end }}", limits).unwrap().len(), 100);
}

#[test]
fn only_what_is_needed_of_and_and_or_is_evaluated() {
    assert_eq!(
        run("{{ or 1 (index nil 1) }}", Limits::DEFAULT).unwrap(),
        "1"
    );
    assert_eq!(
        run("{{ and 0 (index nil 1) }}", Limits::DEFAULT).unwrap(),
        "0"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(pieces in proptest::collection::vec(0_usize..PIECES.len(), 0..14)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let limits = Limits { steps_max: 1_000, ..Limits::DEFAULT };
        if let Ok(template) = Template::parse("t", &text, &NoFunctions) {
            let _ = template.execute(&Value::from("dot"), &NoFunctions, &limits);
            let _ = template.execute_html(&Value::from("<dot"), &NoFunctions, &limits);
        }
    }
}

/// What templates are made of, and what could be taken for it.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    "\n",
    "(",
    ")",
    "|",
    ".",
    ".a",
    "$",
    "$x",
    ":=",
    "=",
    ",",
    "1",
    "-1",
    "1.5e3",
    "0x",
    "'a'",
    "'",
    "\"s\"",
    "\"",
    "`r`",
    "`",
    "nil",
    "true",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define",
    "template",
    "block",
    "break",
    "continue",
    "printf",
    "\"%5.2f %q %[2]v\"",
    "print",
    "index",
    "slice",
    "len",
    "eq",
    "lt",
    "and",
    "not",
    "html",
    "/*",
    "*/",
    "ü",
    "\\",
    "<a href=",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    ">",
    "{{ . }}",
    "{{ end }}",
    "{{ if . }}",
    "{{ range 3 }}",
    "style='",
    "'",
    " on=",
    "%",
    "&#34;",
    "</",
    "<",
];
