//! What rules show, and HTML of files that call one another.

use super::*;
use crate::value::Map;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn expand(text: &str) -> Result<String, ExpandError> {
    let data = AlertData::new(
        &labels(&[("job", "api")]),
        &labels(&[]),
        "http://h",
        SampleValue::Float(2.0),
    );
    let expander = Expander::new(&NoQuerier, 0, "http://h/p");
    AlertTemplate::new("Some", text).expand(&data, &expander)
}

#[test]
fn errors_are_shown_in_the_words_of_prometheus() {
    for (text, error) in [
        (
            "{{ nosuch }}",
            "error parsing template __alert_Some: template: __alert_Some:1: function \"nosuch\" \
             not defined",
        ),
        (
            "{{ query \"up\" }}",
            "error executing template __alert_Some: template: __alert_Some:1:115: executing \
             \"__alert_Some\" at <query \"up\">: error calling query: queries are not possible here",
        ),
        (
            "{{ tmpl \"x\" . }}",
            "error parsing template __alert_Some: template: __alert_Some:1: function \"tmpl\" not \
             defined",
        ),
    ] {
        assert_eq!(expand(text).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_text_without_actions_stays_as_it_is() {
    let text = "50% { of } it }}";
    assert!(AlertTemplate::new("A", text).is_plain());
    assert_eq!(expand(text).unwrap(), text);
    assert!(AlertTemplate::new("A", "{{ 1").error().is_some());
}

#[test]
fn a_console_calls_templates_of_its_files() {
    let expander = Expander::new(&NoQuerier, 0, "http://h/p");
    let params = Map::new(&Type::MAP, [("a".into(), Value::from("<x>"))]);
    let files = [(
        "lib".to_owned(),
        "{{ define \"row\" }}<td>{{ .arg0 }}</td>{{ end }}".to_owned(),
    )];
    let page = |text| expand_html("page", text, &files, &Value::Map(params.clone()), &expander);
    let text =
        "<tr>{{ template \"row\" (args .a) }}{{ tmpl \"row\" (args 1) }}{{ pathPrefix }}</tr>";
    assert_eq!(
        page(text).unwrap(),
        "<tr><td>&lt;x&gt;</td><td>1</td>/p</tr>"
    );
    let error = page("{{ tmpl \"none\" . }}").unwrap_err().to_string();
    assert!(error.contains("\"none\" is undefined"), "{error}");
}
