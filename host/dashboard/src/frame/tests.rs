use serde_json::{Value, json};

use crate::{
    DASHBOARD_BYTES_MAX, Dashboard, DashboardError, Format, LAYOUTS_MAX, PANELS_MAX, QUERIES_MAX,
    VARIABLES_MAX,
};

/// A small dashboard that is right.
fn dashboard() -> Value {
    json!({
        "kind": "Dashboard",
        "metadata": {"name": "small", "project": "p"},
        "spec": {
            "display": {"name": "A small <b>one</b>", "description": "d"},
            "variables": [{"kind": "TextVariable", "spec": {"name": "text", "value": "x"}}],
            "panels": {"one": panel()},
            "layouts": [{"kind": "Grid", "spec": {"items": [item("one")]}}]
        }
    })
}

fn panel() -> Value {
    json!({"kind": "Panel", "spec": {"plugin": {"kind": "Markdown", "spec": {"text": "t"}}}})
}

fn item(panel: &str) -> Value {
    let place = format!("#/spec/panels/{panel}");
    json!({"x": 0, "y": 0, "width": 24, "height": 4, "content": {"$ref": place}})
}

fn read(value: &Value) -> Result<Dashboard, DashboardError> {
    Dashboard::read(&value.to_string(), Format::Json)
}

#[test]
fn what_a_dashboard_says_of_itself_is_text() {
    let found = read(&dashboard()).unwrap();
    assert_eq!(
        (found.name.as_str(), found.project.as_str(), found.panels),
        ("small", "p", 1)
    );
    assert_eq!(found.title, "A small <b>one</b>");
    assert_eq!(*found.document, dashboard());
    let bare = json!({"kind": "Dashboard", "metadata": {"name": "bare"}, "spec": {}});
    let bare = read(&bare).unwrap();
    assert_eq!((bare.title.as_str(), bare.panels), ("bare", 0));
}

#[test]
fn yaml_is_the_same_as_json() {
    let text = "kind: Dashboard\n\
                metadata: {name: small}\n\
                spec:\n  panels: {}\n";
    assert_eq!(Dashboard::read(text, Format::Yaml).unwrap().name, "small");
}

#[test]
fn a_fault_is_told_with_its_place() {
    let change = |pointer: &str, to: Value| {
        let mut changed = dashboard();
        *changed.pointer_mut(pointer).unwrap() = to;
        read(&changed).unwrap_err().to_string()
    };
    for (pointer, to, said) in [
        ("/kind", json!("Folder"), "the file: its kind is \"Folder\""),
        (
            "/metadata/name",
            json!(".."),
            "metadata.name: \"..\" is not",
        ),
        (
            "/metadata/name",
            json!("a/b"),
            "metadata.name: \"a/b\" is not",
        ),
        ("/metadata/name", json!("a".repeat(76)), "metadata.name: "),
        ("/metadata/name", json!(7), "metadata.name: it is missing"),
        ("/spec", json!([]), "spec: it is not an object"),
        (
            "/spec/panels/one/kind",
            json!("Row"),
            "spec.panels.one: its kind",
        ),
        (
            "/spec/panels/one/spec/plugin",
            json!({}),
            "spec.panels.one.spec.plugin: its kind is missing",
        ),
        (
            "/spec/layouts/0/spec/items/0/content/$ref",
            json!("#/spec/panels/two"),
            "spec.layouts[0].spec.items[0].content.$ref: \"#/spec/panels/two\" is not",
        ),
        (
            "/spec/layouts/0/spec/items/0/width",
            json!(25),
            "spec.layouts[0].spec.items[0].width: it is not a whole number from 1 to 24",
        ),
        (
            "/spec/variables/0/spec/name",
            json!("a b"),
            "spec.variables[0].spec.name: \"a b\" is not",
        ),
        (
            "/spec/variables/0/spec/name",
            json!("__range"),
            "spec.variables[0].spec.name: \"__range\" is not",
        ),
        (
            "/spec/variables",
            json!("all"),
            "spec.variables: it is not a list",
        ),
    ] {
        let found = change(pointer, to);
        assert!(found.starts_with(said), "{pointer}: {found}");
    }
    let twice = json!({"kind": "TextVariable", "spec": {"name": "text"}});
    let found = change("/spec/variables", json!([twice, twice]));
    assert!(
        found.ends_with("there is another variable \"text\""),
        "{found}"
    );
}

#[test]
fn there_may_be_so_much_and_no_more() {
    let many = |pointer: &str, to: Value| {
        let mut changed = dashboard();
        *changed.pointer_mut(pointer).unwrap() = to;
        read(&changed)
    };
    for count in [PANELS_MAX, PANELS_MAX + 1] {
        let mut panels = serde_json::Map::new();
        panels.insert("one".to_owned(), panel());
        panels.extend((1..count).map(|number| (number.to_string(), panel())));
        let is_taken = many("/spec/panels", Value::Object(panels)).is_ok();
        assert_eq!(is_taken, count == PANELS_MAX, "{count} panels");
    }
    for count in [QUERIES_MAX, QUERIES_MAX + 1] {
        let mut panel = panel();
        panel["spec"]["queries"] = Value::Array(vec![json!({}); count]);
        let is_taken = many("/spec/panels/one", panel).is_ok();
        assert_eq!(is_taken, count == QUERIES_MAX, "{count} queries");
    }
    for count in [LAYOUTS_MAX, LAYOUTS_MAX + 1] {
        let items = Value::Array(vec![item("one"); count]);
        let is_taken = many("/spec/layouts/0/spec/items", items).is_ok();
        assert_eq!(is_taken, count == LAYOUTS_MAX, "{count} places");
        let row = json!({"kind": "Grid", "spec": {"items": []}});
        let is_taken = many("/spec/layouts", Value::Array(vec![row; count])).is_ok();
        assert_eq!(is_taken, count == LAYOUTS_MAX, "{count} layouts");
    }
    for count in [VARIABLES_MAX, VARIABLES_MAX + 1] {
        let variables = (0..count)
            .map(|number| json!({"kind": "TextVariable", "spec": {"name": format!("v{number}")}}));
        let is_taken = many("/spec/variables", variables.collect()).is_ok();
        assert_eq!(is_taken, count == VARIABLES_MAX, "{count} variables");
    }
}

#[test]
fn a_text_that_would_take_all_memory_is_refused() {
    // Each line is ten of the one before: a small text that would be large.
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='z').zip('a'..) {
        let ten = vec![format!("*{before}"); 10].join(", ");
        text.push_str(&format!("{name}: &{name} [{ten}]\n"));
    }
    assert!((text.len() as u64) < DASHBOARD_BYTES_MAX);
    let error = Dashboard::read(&text, Format::Yaml).unwrap_err();
    assert!(matches!(error, DashboardError::Syntax(_)), "{error}");
    let deep = "[".repeat(1_000);
    assert!(Dashboard::read(&deep, Format::Json).is_err());
    assert!(Dashboard::read(&deep, Format::Yaml).is_err());
}

#[test]
fn the_end_of_a_name_says_how_a_file_is_written() {
    for (name, expected) in [
        ("a.json", Some(Format::Json)),
        ("a.b.yaml", Some(Format::Yaml)),
        ("a.yml", Some(Format::Yaml)),
        ("a.JSON", None),
        ("a.txt", None),
        ("json", None),
        (".json", None),
    ] {
        assert_eq!(Format::of(name), expected, "{name}");
    }
}
