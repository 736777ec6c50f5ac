//! What an API server of Kubernetes says of tokens and access: `TokenReview` and
//! `SubjectAccessReview`, by what a test has said.
//!
//! It is not: RBAC. A grant is a subject, a verb and a path or resource.

use serde_json::{Value, json};

/// For whom tokens count that are meant for nobody else.
const CLUSTER: &str = "https://kubernetes.default.svc";

/// Who is known, and what they may.
#[derive(Debug, Default)]
pub(crate) struct Known {
    tokens: Vec<Token>,
    /// Subject, verb, and path or resource.
    grants: Vec<(String, String, String)>,
}

#[derive(Debug)]
struct Token {
    text: String,
    user: String,
    groups: Vec<String>,
    audiences: Vec<String>,
}

impl Known {
    pub(crate) fn token(&mut self, text: &str, user: &str, groups: &[&str], audiences: &[&str]) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let audiences: &[&str] = if audiences.is_empty() {
            &[CLUSTER]
        } else {
            audiences
        };
        let mut groups: Vec<String> = owned(groups);
        groups.push("system:authenticated".to_owned());
        self.tokens.push(Token {
            text: text.to_owned(),
            user: user.to_owned(),
            groups,
            audiences: owned(audiences),
        });
    }

    pub(crate) fn grant(&mut self, subject: &str, verb: &str, what: &str) {
        let grant = (subject.to_owned(), verb.to_owned(), what.to_owned());
        self.grants.push(grant);
    }

    /// The review with its status.
    pub(crate) fn review(&self, target: &str, body: &[u8]) -> Value {
        let mut review: Value = serde_json::from_slice(body).unwrap();
        let spec = &review["spec"];
        review["status"] = match target {
            "/apis/authentication.k8s.io/v1/tokenreviews" => {
                assert_eq!(review["kind"], "TokenReview");
                self.review_token(spec)
            }
            "/apis/authorization.k8s.io/v1/subjectaccessreviews" => {
                assert_eq!(review["kind"], "SubjectAccessReview");
                self.review_access(spec)
            }
            other => panic!("no such review: {other}"),
        };
        review
    }

    fn review_token(&self, spec: &Value) -> Value {
        let asked = texts(&spec["audiences"]);
        let asked = if asked.is_empty() {
            vec![CLUSTER.to_owned()]
        } else {
            asked
        };
        let found = self.tokens.iter().find(|token| token.text == spec["token"]);
        let Some(token) = found else {
            return json!({"user": {}, "error": "[invalid bearer token, token lookup failed]"});
        };
        let shared = token.audiences.iter().filter(|it| asked.contains(it));
        let shared: Vec<&String> = shared.collect();
        if shared.is_empty() {
            return json!({"user": {}, "error": "[invalid bearer token, unknown audience]"});
        }
        json!({
            "authenticated": true, "audiences": shared,
            "user": {"username": token.user, "uid": "7", "groups": token.groups,
                     "extra": {"authentication.kubernetes.io/credential-id": ["JTI=1"]}},
        })
    }

    fn review_access(&self, spec: &Value) -> Value {
        let mut subjects = texts(&spec["groups"]);
        subjects.push(spec["user"].as_str().unwrap().to_owned());
        let (verb, what) = match (&spec["resourceAttributes"], &spec["nonResourceAttributes"]) {
            (Value::Null, asked) => {
                let path = asked["path"].as_str().unwrap();
                (asked["verb"].clone(), path.to_owned())
            }
            (asked, Value::Null) => {
                let text = |name: &str| asked[name].as_str().unwrap_or("").to_owned();
                let what = format!("{}/{}", text("group"), text("resource"));
                (asked["verb"].clone(), what)
            }
            both => panic!("a review is of one or the other: {both:?}"),
        };
        let is_allowed = self.grants.iter().any(|(subject, granted, path)| {
            let is_meant = match path.strip_suffix('*') {
                Some(prefix) => what.starts_with(prefix),
                None => *path == what,
            };
            subjects.contains(subject) && verb == **granted && is_meant
        });
        match is_allowed {
            true => json!({"allowed": true, "reason": "RBAC: allowed by a test"}),
            false => json!({"allowed": false}),
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}
