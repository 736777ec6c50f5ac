//! The sets of templates, and the mail.

use super::*;
use crate::time::Time;
use std::collections::BTreeMap;

fn data() -> Data {
    let labels = [("alertname", "Disk <full>"), ("severity", "critical")];
    let labels: BTreeMap<String, String> = labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let alert = |status| Alert {
        status,
        labels: labels.clone(),
        annotations: BTreeMap::new(),
        starts_at: Time::from_millis(0),
        ends_at: Time::ZERO,
        generator_url: "javascript:x".to_owned(),
        fingerprint: "00".to_owned(),
    };
    let alerts = vec![alert(Status::Firing), alert(Status::Resolved)];
    Data::new("mail & more", "http://am", BTreeMap::new(), alerts)
}

fn functions() -> Functions {
    Functions::at(Time::from_millis(0))
}

#[test]
fn the_mail_is_html_that_no_label_can_change() {
    let templates = Templates::new().unwrap();
    let text = "{{ template \"email.default.html\" . }}";
    let mail = templates
        .expand_html(text, &data(), &functions(), &Limits::DEFAULT)
        .unwrap();
    for piece in [
        "<title>[FIRING:1]  (Disk &lt;full&gt; critical)</title>",
        "alertname = Disk &lt;full&gt;<br>",
        "<a href=\"#ZgotmplZ\"",
        "<a href=\"http://am/#/alerts?receiver=mail&#43;%26&#43;more\"",
        "[1] Resolved",
        "2 alerts for",
    ] {
        assert!(mail.contains(piece), "{piece} in {mail}");
    }
    assert!(
        !mail.contains("Annotations") && !mail.contains("ZgotmplZ;"),
        "{mail}"
    );
}

#[test]
fn the_name_of_a_receiver_is_one_in_a_regular_expression() {
    let data = Data::new("ops (eu.1)", "", BTreeMap::new(), Vec::new());
    assert_eq!(data.receiver, r"ops \(eu\.1\)");
}

#[test]
fn a_file_replaces_what_it_defines() {
    let mut templates = Templates::new().unwrap();
    let subject = |templates: &Templates| {
        let text = "{{ template \"slack.default.title\" . }}";
        templates
            .expand_text(text, &data(), &functions(), &Limits::DEFAULT)
            .unwrap()
    };
    assert!(subject(&templates).starts_with("[FIRING:1]"));
    templates
        .add("own.tmpl", "{{ define \"__subject\" }}mine{{ end }}")
        .unwrap();
    assert_eq!(subject(&templates), "mine");
    // An empty definition replaces nothing, as in Go.
    templates
        .add("empty.tmpl", "{{ define \"__subject\" }} {{ end }}")
        .unwrap();
    assert_eq!(subject(&templates), "mine");
    let error = templates.add(
        "bad.tmpl",
        "{{ define \"__subject\" }}{{ nosuch }}{{ end }}",
    );
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "template: bad.tmpl:1: function \"nosuch\" not defined"
    );
    assert_eq!(subject(&templates), "mine");
}

#[test]
fn a_route_has_labels() {
    let mut functions = functions();
    functions
        .route_labels
        .insert("team".to_owned(), "db".to_owned());
    let templates = Templates::new().unwrap();
    let text = "{{ routeLabels \"team\" }}/{{ routeLabels \"none\" }}";
    let made = templates.expand_text(text, &data(), &functions, &Limits::DEFAULT);
    assert_eq!(made.unwrap(), "db/");
}

#[test]
fn a_text_that_is_no_template_is_found_before_it_is_sent() {
    let templates = Templates::new().unwrap();
    let error = templates.check("{{ .Status | humanize }}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "template: :1: function \"humanize\" not defined"
    );
    templates.check("{{ .Whatever }}").unwrap();
}
