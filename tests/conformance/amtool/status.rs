//! What a host says of its peers and its config, and what templates make of a file of alerts, by
//! Debian's amtool and by ours.

use std::path::Path;
use std::process::Command;

use narthex_tests::{Hook, binary};

use super::start;

#[test]
fn status_and_templates_are_shown_as_amtool_does() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let narthex = start(folder.path(), &hook);
    let url = format!("--alertmanager.url={}", narthex.url());
    let said = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        let output = command
            .current_dir(folder.path())
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    let nobody = "--alertmanager.url=http://127.0.0.1:1";
    for (ours, theirs) in [
        (["alerts", "cluster"], ["cluster", "show"]),
        (["alerts", "config"], ["config", "show"]),
    ] {
        for more in [
            &[url.as_str()][..],
            &[url.as_str(), "-o", "simple"],
            &[nobody],
        ] {
            let own = said(&binary(), &[&ours[..], more].concat());
            let other = said(Path::new("amtool"), &[&theirs[..], more].concat());
            assert_eq!(own, other, "{ours:?} {more:?}");
        }
    }
    let extended = [url.as_str(), "-o", "extended"];
    let own = said(&binary(), &[&["alerts", "cluster"][..], &extended].concat());
    let other = said(
        Path::new("amtool"),
        &[&["cluster", "show"][..], &extended].concat(),
    );
    assert_eq!(own, other);
    let json = [url.as_str(), "-o", "json"];
    let own = said(&binary(), &[&["alerts", "cluster"][..], &json].concat()).1;
    let other = said(
        Path::new("amtool"),
        &[&["cluster", "show"][..], &json].concat(),
    )
    .1;
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    assert_eq!(read(&own), read(&other));

    let data = r#"{"receiver":"r","status":"firing","alerts":[
        {"status":"firing","labels":{"a":"<b>"},"annotations":{"s":"t"},
         "startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z",
         "generatorURL":"http://g","fingerprint":"f"}],
        "groupLabels":{"x":"y"},"commonLabels":{"c":"d"},"commonAnnotations":{"s":"t"},
        "externalURL":"http://e"}"#;
    std::fs::write(folder.path().join("data.json"), data).unwrap();
    let template = "{{ define \"title\" }}[{{ .Status | toUpper }}] {{ .GroupLabels.x }}{{ end }}";
    std::fs::write(folder.path().join("a.tmpl"), template).unwrap();
    for (text, form) in [
        ("plain", "text"),
        ("{{ template \"title\" . }}", "text"),
        (
            "{{ range .Alerts.Firing }}{{ .Labels.a }} {{ .StartsAt.Unix }}{{ end }}",
            "text",
        ),
        (
            "{{ range .Alerts }}{{ .Labels.a }} {{ .GeneratorURL }}{{ end }}",
            "html",
        ),
        (
            "{{ .CommonLabels.SortedPairs.Values | join \",\" }} {{ .ExternalURL }}",
            "text",
        ),
        ("{{ template \"nobody\" . }}", "text"),
        ("{{ .Status ", "text"),
    ] {
        let text = format!("--template.text={text}");
        let form = format!("--template.type={form}");
        let args = [
            "template",
            "render",
            "--template.glob=a.tmpl",
            "--template.data=data.json",
            text.as_str(),
            form.as_str(),
        ];
        let own = said(&binary(), &[&["alerts"][..], &args].concat());
        assert_eq!(own, said(Path::new("amtool"), &args), "{text}");
    }
    for args in [
        &["template", "render", "--template.text=x"][..],
        &["template", "render", "--template.glob=a.tmpl"],
    ] {
        let own = said(&binary(), &[&["alerts"][..], args].concat());
        assert_eq!(own, said(Path::new("amtool"), args), "{args:?}");
    }
}
