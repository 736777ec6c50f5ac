//! `AlertmanagerConfig`: a branch of the routing tree for the alerts of one namespace, and what it
//! names. Names of receivers and of time intervals get the object's own before them, so that two
//! objects may use the same ones.
//!
//! It is not: what a receiver may say. Names of fields and secrets are put into the words of
//! `alertmanager.yml`, whose reader looks at them.

use serde_json::{Map, Value, json};

use crate::fields::{Fields, Report, present};
use crate::limits::ROUTE_DEPTH_MAX;
use crate::object::ObjectRef;
use crate::secrets::SecretKind;

/// Fields whose names are not those of `alertmanager.yml` in another spelling.
const RENAMED: [(&str, &str); 5] = [
    ("urlSecret", "url"),
    ("keySecret", "key"),
    ("bearerTokenSecret", "bearer_token"),
    ("oauth2", "oauth2"),
    ("enableHTTP2", "enable_http2"),
];

/// Maps of an integration that are lists of `{key, value}` in the object.
const KEYED_LISTS: [&str; 2] = ["details", "headers"];

/// What an object adds to the config of an Alertmanager.
#[derive(Debug, Default)]
pub(crate) struct Branch {
    pub(crate) route: Option<Value>,
    pub(crate) receivers: Vec<Value>,
    pub(crate) inhibit_rules: Vec<Value>,
    pub(crate) time_intervals: Vec<Value>,
}

/// Reads one.
pub(crate) fn read(mut fields: Fields<'_>, report: &mut Report<'_>) -> Branch {
    let mut branch = Branch::default();
    if let Some(route) = fields.value("route") {
        let path = fields.at("route");
        let own = format!("namespace={:?}", report.object.namespace);
        branch.route = route_of((route, &path), 0, report).map(|mut route| {
            // Alerts of other namespaces do not come here, and those that do go on to the others.
            let mut matchers = vec![Value::from(own)];
            if let Some(Value::Array(further)) = route.remove("matchers") {
                matchers.extend(further);
            }
            route.insert("matchers".to_owned(), matchers.into());
            route.insert("continue".to_owned(), true.into());
            Value::Object(route)
        });
    }
    for (path, receiver) in fields.list("receivers", report) {
        if let Some(receiver) = receiver_of((receiver, &path), report) {
            branch.receivers.push(receiver);
        }
    }
    for rule in fields.maps("inhibitRules", report) {
        let rule = inhibition(rule, report);
        branch.inhibit_rules.push(rule);
    }
    for name in ["muteTimeIntervals", "timeIntervals"] {
        for interval in fields.maps(name, report) {
            let interval = named_intervals(interval, report);
            branch.time_intervals.push(interval);
        }
    }
    fields.finish(report);
    branch
}

/// `NAMESPACE/OBJECT/NAME`
fn own_name(object: &ObjectRef, name: &str) -> String {
    format!("{}/{}/{name}", object.namespace, object.name)
}

fn route_of(
    (value, path): (&Value, &str),
    depth: usize,
    report: &mut Report<'_>,
) -> Option<Map<String, Value>> {
    if depth > ROUTE_DEPTH_MAX {
        let text = format!("routes are more than {ROUTE_DEPTH_MAX} deep within each other");
        report.fault(path, text);
        return None;
    }
    let mut fields = Fields::of(value, path, report)?;
    let mut route = Map::new();
    if let Some(receiver) = fields.text("receiver", report) {
        let receiver = own_name(report.object, receiver);
        route.insert("receiver".to_owned(), receiver.into());
    }
    let groups = fields.texts("groupBy", report);
    if !groups.is_empty() {
        route.insert("group_by".to_owned(), groups.into());
    }
    for (name, as_name) in [
        ("groupWait", "group_wait"),
        ("groupInterval", "group_interval"),
        ("repeatInterval", "repeat_interval"),
    ] {
        fields.copy_text(name, (&mut route, as_name), report);
    }
    fields.copy_flag("continue", (&mut route, "continue"), report);
    let matchers = matchers(&mut fields, "matchers", report);
    if !matchers.is_empty() {
        route.insert("matchers".to_owned(), matchers.into());
    }
    for (name, as_name) in [
        ("muteTimeIntervals", "mute_time_intervals"),
        ("activeTimeIntervals", "active_time_intervals"),
    ] {
        let names = fields.texts(name, report).into_iter();
        let names: Vec<String> = names.map(|name| own_name(report.object, &name)).collect();
        if !names.is_empty() {
            route.insert(as_name.to_owned(), names.into());
        }
    }
    let mut routes = Vec::new();
    for (path, child) in fields.list("routes", report) {
        routes.extend(route_of((child, &path), depth + 1, report).map(Value::Object));
    }
    if !routes.is_empty() {
        route.insert("routes".to_owned(), routes.into());
    }
    fields.finish(report);
    Some(route)
}

/// Matchers as texts.
fn matchers(of: &mut Fields<'_>, name: &str, report: &mut Report<'_>) -> Vec<Value> {
    let mut matchers = Vec::new();
    for mut fields in of.maps(name, report) {
        let is_regex = fields.flag("regex", report).unwrap_or(false);
        let operator = match fields.text("matchType", report) {
            None if is_regex => "=~",
            None => "=",
            Some(operator @ ("=" | "!=" | "=~" | "!~")) => operator,
            Some(other) => {
                let text = format!("{other:?} is none of =, !=, =~ and !~");
                report.fault(&fields.at("matchType"), text);
                "="
            }
        };
        let value = fields.any_text("value", report).unwrap_or_default();
        match fields.text("name", report) {
            Some(name) => matchers.push(format!("{name}{operator}{value:?}").into()),
            None => report.fault(&fields.at("name"), "must be there"),
        }
        fields.finish(report);
    }
    matchers
}

/// Both sides are alerts of the object's namespace.
fn inhibition(mut fields: Fields<'_>, report: &mut Report<'_>) -> Value {
    let own = Value::from(format!("namespace={:?}", report.object.namespace));
    let mut rule = Map::new();
    for (name, as_name) in [
        ("sourceMatch", "source_matchers"),
        ("targetMatch", "target_matchers"),
    ] {
        let mut all = matchers(&mut fields, name, report);
        all.push(own.clone());
        rule.insert(as_name.to_owned(), all.into());
    }
    let equal = fields.texts("equal", report);
    if !equal.is_empty() {
        rule.insert("equal".to_owned(), equal.into());
    }
    fields.finish(report);
    Value::Object(rule)
}

fn named_intervals(mut fields: Fields<'_>, report: &mut Report<'_>) -> Value {
    let name = fields.text("name", report).unwrap_or_default();
    let name = own_name(report.object, name);
    let mut intervals = Vec::new();
    for mut fields in fields.maps("timeIntervals", report) {
        let mut interval = Map::new();
        let mut times = Vec::new();
        for mut range in fields.maps("times", report) {
            let start = range.text("startTime", report).unwrap_or_default();
            let end = range.text("endTime", report).unwrap_or_default();
            range.finish(report);
            times.push(json!({"start_time": start, "end_time": end}));
        }
        let mut days = Vec::new();
        for mut range in fields.maps("daysOfMonth", report) {
            let number = |value: Option<&Value>| value.and_then(Value::as_i64);
            let (start, end) = (number(range.value("start")), number(range.value("end")));
            range.finish(report);
            days.extend(match (start, end) {
                (Some(start), Some(end)) => Some(Value::from(format!("{start}:{end}"))),
                (Some(day), None) | (None, Some(day)) => Some(Value::from(day.to_string())),
                (None, None) => None,
            });
        }
        for (name, list) in [("times", times), ("days_of_month", days)] {
            if !list.is_empty() {
                interval.insert(name.to_owned(), list.into());
            }
        }
        for name in ["weekdays", "months", "years"] {
            let texts = fields.texts(name, report);
            if !texts.is_empty() {
                interval.insert(name.to_owned(), texts.into());
            }
        }
        fields.copy_text("location", (&mut interval, "location"), report);
        fields.finish(report);
        intervals.push(Value::Object(interval));
    }
    fields.finish(report);
    json!({"name": name, "time_intervals": intervals})
}

fn receiver_of((value, path): (&Value, &str), report: &mut Report<'_>) -> Option<Value> {
    let fields = Fields::of(value, path, report)?;
    let mut receiver = Map::new();
    for (path, name, value) in fields.all() {
        if name == "name" {
            let own = own_name(report.object, value.as_str().unwrap_or_default());
            receiver.insert(name.to_owned(), own.into());
            continue;
        }
        let Some(entries) = value.as_array() else {
            report.fault(&path, "it is no list");
            continue;
        };
        let entries = entries.iter().enumerate();
        let entries = entries.map(|(at, entry)| setting(entry, &format!("{path}[{at}]"), report));
        let entries: Vec<Value> = entries.flatten().collect();
        receiver.insert(snake(name), entries.into());
    }
    Some(Value::Object(receiver))
}

/// A setting in the words of `alertmanager.yml`; none where it is a secret that is not there.
fn setting(value: &Value, path: &str, report: &mut Report<'_>) -> Option<Value> {
    if is_secret(value) {
        let text = report.secret(SecretKind::Secret, (path, value))?;
        return Some(text.into());
    }
    if is_either(value) {
        return Some(report.secret_or_config_map((path, value))?.into());
    }
    match value {
        Value::Object(map) => {
            let mut section = Map::new();
            for (name, value) in map {
                let path = format!("{path}.{name}");
                let Some(value) = present(Some(value)) else {
                    continue;
                };
                let found = match value.as_array() {
                    Some(list) if KEYED_LISTS.contains(&name.as_str()) => {
                        keyed(list, &path, report)
                    }
                    _ => setting(value, &path, report),
                };
                if let Some(found) = found {
                    section.insert(snake(name), found);
                }
            }
            Some(Value::Object(section))
        }
        Value::Array(list) => {
            let list = list.iter().enumerate();
            let list = list.map(|(at, value)| setting(value, &format!("{path}[{at}]"), report));
            Some(Value::Array(list.flatten().collect()))
        }
        plain => Some(plain.clone()),
    }
}

/// `{name, key}`, and whether it has to be there.
fn is_secret(value: &Value) -> bool {
    let Some(map) = value.as_object() else {
        return false;
    };
    let known = ["name", "key", "optional"];
    map.contains_key("name")
        && map.contains_key("key")
        && map.keys().all(|name| known.contains(&name.as_str()))
}

/// `{secret}` or `{configMap}`.
fn is_either(value: &Value) -> bool {
    let Some(map) = value.as_object() else {
        return false;
    };
    let known = ["secret", "configMap"];
    !map.is_empty() && map.keys().all(|name| known.contains(&name.as_str()))
}

/// A list of `{key, value}` as a map.
fn keyed(list: &[Value], path: &str, report: &mut Report<'_>) -> Option<Value> {
    let mut map = Map::new();
    for (at, entry) in list.iter().enumerate() {
        let part = |name: &str| entry.get(name).and_then(Value::as_str);
        match (part("key"), part("value")) {
            (Some(key), Some(value)) => {
                map.insert(key.to_owned(), value.into());
            }
            _ => report.fault(&format!("{path}[{at}]"), "needs key and value"),
        }
    }
    Some(Value::Object(map))
}

/// `apiURL` as `api_url`: a capital begins a word, and so do several as far as they go on.
fn snake(name: &str) -> String {
    if let Some((_, renamed)) = RENAMED.iter().find(|(from, _)| *from == name) {
        return (*renamed).to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_those_of_the_file() {
        for (name, expected) in [
            ("sendResolved", "send_resolved"),
            ("apiURL", "api_url"),
            ("urlSecret", "url"),
            ("requireTLS", "require_tls"),
            ("httpConfig", "http_config"),
            ("chatID", "chat_id"),
            ("webhookConfigs", "webhook_configs"),
            ("pagerdutyConfigs", "pagerduty_configs"),
            ("proxyURL", "proxy_url"),
            ("proxyUrl", "proxy_url"),
            ("tlsConfig", "tls_config"),
            ("oauth2", "oauth2"),
            ("TLSConfig", "tls_config"),
            ("msteamsv2Configs", "msteamsv2_configs"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
