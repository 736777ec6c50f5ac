//! Which rules are shown, page by page. How evaluated ones look is tried beside Prometheus.

use serde_json::{Value, json};

use crate::fixture::Api;

async fn with_rules() -> Api {
    let api = Api::ready().await;
    api.follow_rules(&[
        ("b.yml", "one", &["recorded", "Low"]),
        ("a.yml", "two", &["High", "Low"]),
        ("a.yml", "empty", &[]),
        ("c.yml", "one", &["recorded"]),
    ])
    .await;
    api
}

/// What is shown, as `file/group: rule rule`.
fn shown(data: &Value) -> Vec<String> {
    let groups = data["groups"].as_array().unwrap().iter();
    let groups = groups.map(|group| {
        let rules = group["rules"].as_array().unwrap().iter();
        let names: Vec<_> = rules.map(|rule| rule["name"].as_str().unwrap()).collect();
        let text = |name: &str| group[name].as_str().unwrap();
        format!("{}/{}: {}", text("file"), text("name"), names.join(" "))
    });
    groups.collect()
}

#[tokio::test]
async fn rules_are_shown_as_they_are_asked_for() {
    let api = with_rules().await;
    let all = [
        "a.yml/two: High Low",
        "b.yml/one: recorded Low",
        "c.yml/one: recorded",
    ];
    for (query, expected) in [
        ("", all.to_vec()),
        ("type=ALERT", vec!["a.yml/two: High Low", "b.yml/one: Low"]),
        (
            "type=record",
            vec!["b.yml/one: recorded", "c.yml/one: recorded"],
        ),
        ("rule_name[]=Low", vec!["a.yml/two: Low", "b.yml/one: Low"]),
        (
            "rule_name[]=Low&rule_name[]=High&file[]=a.yml",
            vec!["a.yml/two: High Low"],
        ),
        ("rule_group[]=one", all[1..].to_vec()),
        ("rule_group[]=one&file[]=c.yml", all[2..].to_vec()),
        ("rule_group[]=none", vec![]),
        (
            "match[]={of=\"Low\"}",
            vec!["a.yml/two: Low", "b.yml/one: Low"],
        ),
        (
            "match[]={of=\"Low\"}&match[]={of=~\"H.*\"}",
            vec!["a.yml/two: High Low", "b.yml/one: Low"],
        ),
        // What a template gives is not known.
        ("match[]={asked=~\".+\"}", vec![]),
    ] {
        let query = query
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let found = api
            .json(&format!("rules?{}", query.replace('+', "%2B")))
            .await;
        assert_eq!(shown(&found["data"]), expected, "{query}");
    }
    let found = api.json("rules?file[]=b.yml").await;
    let expected = json!({
        "name": "one",
        "file": "b.yml",
        "rules": [
            {
                "name": "recorded",
                "query": "up == 0",
                "labels": {"asked": "{{ $value }}", "of": "recorded"},
                "health": "unknown",
                "evaluationTime": 0,
                "lastEvaluation": "0001-01-01T00:00:00Z",
                "type": "recording",
            },
            {
                "state": "unknown",
                "name": "Low",
                "query": "up == 0",
                "duration": 90,
                "keepFiringFor": 0,
                "labels": {"asked": "{{ $value }}", "of": "Low"},
                "annotations": {},
                "alerts": [],
                "health": "unknown",
                "evaluationTime": 0,
                "lastEvaluation": "0001-01-01T00:00:00Z",
                "type": "alerting",
            },
        ],
        "interval": 3600,
        "limit": 0,
        "evaluationTime": 0,
        "lastEvaluation": "0001-01-01T00:00:00Z",
    });
    assert_eq!(found["data"], json!({"groups": [expected]}));
    assert_eq!(api.json("alerts").await["data"], json!({"alerts": []}));
}

#[tokio::test]
async fn groups_are_shown_page_by_page() {
    let api = with_rules().await;
    let first = api.json("rules?group_limit=2").await;
    assert_eq!(shown(&first["data"]).len(), 2);
    let token = first["data"]["groupNextToken"].as_str().unwrap();
    let second = api
        .json(&format!("rules?group_limit=2&group_next_token={token}"))
        .await;
    assert_eq!(shown(&second["data"]), ["c.yml/one: recorded"]);
    assert!(second["data"].get("groupNextToken").is_none());
    // A page that is full and the last one.
    let all = api.json("rules?group_limit=3").await;
    assert!(all["data"].get("groupNextToken").is_none());
}

#[tokio::test]
async fn questions_about_rules_that_mean_nothing_are_refused() {
    let api = with_rules().await;
    for (query, part) in [
        (
            "type=x",
            "invalid parameter \"type\": not supported value \"x\"",
        ),
        (
            "exclude_alerts=x",
            "invalid parameter \"exclude_alerts\": error converting",
        ),
        ("match[]=%7B", "invalid parameter \"match[]\": 1:"),
        (
            "match[]=%7B%7D",
            "match[] must contain at least one non-empty matcher",
        ),
        ("group_limit=x", "group_limit needs to be a valid number"),
        ("group_limit=0", "group_limit needs to be greater than 0"),
        ("group_limit=-1", "group_limit needs to be greater than 0"),
        ("group_next_token=x", "group_limit needs to be present"),
        (
            "group_limit=1&group_next_token=x",
            "invalid group_next_token 'x'. were rule groups",
        ),
    ] {
        let answer = api.json(&format!("rules?{query}")).await;
        assert_eq!(answer["errorType"], "bad_data", "{query}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part), "{query}: {error}");
    }
}
