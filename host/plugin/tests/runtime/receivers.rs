//! What a receiver has beside its notification: texts that are expanded with it, and what its entry
//! of the configuration lends to the one job that is made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use narthex_http::{Secret, TlsConfig};
use narthex_plugin::limits::{EXPANDED_BYTES_MAX, TEXTS_PER_CALL_MAX};
use narthex_plugin::{
    Artifact, Expand, GrantList, Lent, Notification, Outcome, SecretConfig, TextForm,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::handmade::Handmade;
use crate::harness::{Bench, GENEROUS};
use crate::network_tls::{acceptor, tls_echo};
use crate::worlds::{bench, guest};

/// Says what it was asked for; of a text that begins with `!`, that it is no template.
#[derive(Debug)]
pub(crate) struct Texts;

impl Expand for Texts {
    fn expand(&self, template: &str, form: TextForm) -> Result<String, String> {
        match (template, template.strip_prefix('!')) {
            (_, Some(fault)) => Err(fault.to_owned()),
            ("large", _) => Ok("x".repeat(EXPANDED_BYTES_MAX + 1)),
            _ => Ok(format!("{template} {form:?}")),
        }
    }
}

/// Never comes to an end, as long as nobody lets it.
#[derive(Debug)]
struct Endless(Mutex<Receiver<()>>);

impl Expand for Endless {
    fn expand(&self, _: &str, _: TextForm) -> Result<String, String> {
        let ended = self.0.lock().unwrap().recv();
        Err(format!("{ended:?}"))
    }
}

/// The answer at 600 is what the guest answers where it is an error: the shapes are the same. Else
/// the text in it is the reason for a rejection, so that a test sees it.
const TELL: &str = "(if (result i32) (i32.load8_u (i32.const 600))
    (then (i32.const 600))
    (else
        (i32.store8 (i32.const 304) (i32.const 2))
        (i32.store (i32.const 308) (i32.load (i32.const 604)))
        (i32.store (i32.const 312) (i32.load (i32.const 608)))
        (i32.const 300)))";

/// Has a text expanded by a function, and tells what came of it.
fn expander(function: &str, text: &str) -> Handmade {
    let expand = format!(
        "(call $expand (i32.const 400) (i32.const {}) (i32.const 600))",
        text.len()
    );
    let more = format!("(data (i32.const 400) {text:?})");
    let mut guest = guest("receiver", &more, &format!("{expand} {TELL}"));
    guest.imports = format!(
        "(import \"narthex:plugin/texts@0.1.0\" {function:?} (func $expand (param i32 i32 i32)))"
    );
    guest
}

/// Tells the secret `key`.
fn telltale() -> Handmade {
    let call = format!(
        "(call $get (i32.const 400) (i32.const 3) (i32.const 600))
         (if (i32.eqz (i32.load8_u (i32.const 600))) (then
            (call $reveal (i32.load (i32.const 604)) (i32.const 600))))
         {TELL}"
    );
    let mut guest = guest("receiver", "(data (i32.const 400) \"key\")", &call);
    guest.imports = "(import \"narthex:plugin/secrets@0.1.0\" \"get\"
            (func $get (param i32 i32 i32)))
        (import \"narthex:plugin/secrets@0.1.0\" \"[method]secret.reveal\"
            (func $reveal (param i32 i32)))"
        .to_owned();
    guest
}

async fn notify(bench: &Bench, job: &str, lent: Lent) -> Outcome {
    let deadline = Instant::now() + GENEROUS;
    let receiver = bench.runtime.receiver("made", job, &Value::Null, lent);
    let notification = Notification::default();
    let receiver = receiver.unwrap();
    receiver
        .notify(&notification, Arc::new(Texts), deadline)
        .await
}

fn rejected(reason: impl Into<String>) -> Outcome {
    Outcome::Rejected {
        reason: reason.into(),
    }
}

#[tokio::test]
async fn texts_are_expanded_with_the_notification_and_within_bounds() {
    let mut early = expander("expand", "a");
    early.init = early.call.replace(TELL, "(i32.const 600)");
    let mut greedy = expander("expand", "a");
    greedy.call = greedy.call.replace(
        TELL,
        "(br_if $again (i32.eqz (i32.load8_u (i32.const 600)))) ",
    );
    greedy.call = format!("(loop $again {}) (i32.const 600)", greedy.call);
    for (guest, expected) in [
        (expander("expand", "a"), rejected("a Plain")),
        (expander("expand-html", "a"), rejected("a Html")),
        (
            expander("expand", "!no template"),
            rejected("plugin made: config: no template"),
        ),
        (
            expander("expand-html", "large"),
            rejected(format!(
                "plugin made: config: a template makes over {EXPANDED_BYTES_MAX} bytes"
            )),
        ),
        (
            early,
            rejected(
                "plugin made: texts are expanded while a notification is delivered, and not before",
            ),
        ),
        (
            greedy,
            rejected(format!(
                "plugin made: denied: more than {TEXTS_PER_CALL_MAX} expanded texts in one call"
            )),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path(), &guest).await;
        let outcome = notify(&bench, "team", Lent::default()).await;
        assert_eq!(outcome, expected, "{}", guest.call);
    }
}

#[tokio::test]
async fn a_template_without_an_end_costs_its_own_notification_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), &expander("expand", "a")).await;
    // It is compiled from here on.
    let outcome = notify(&bench, "other", Lent::default()).await;
    assert_eq!(outcome, rejected("a Plain"));
    let (end, ended) = mpsc::channel();
    let endless = Arc::new(Endless(Mutex::new(ended)));
    let made = bench
        .runtime
        .receiver("made", "team", &Value::Null, Lent::default());
    let deadline = Instant::now() + Duration::from_millis(500);
    let (made, notification) = (made.unwrap(), Notification::default());
    let outcome = made.notify(&notification, endless, deadline).await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    let outcome = notify(&bench, "other", Lent::default()).await;
    assert_eq!(outcome, rejected("a Plain"));
    // The thread has nobody else who would end it.
    drop(end);
}

#[tokio::test]
async fn a_notification_waits_for_its_plugin_until_its_deadline() {
    let guest = guest("receiver", "", "i32.const 300");
    let (component, manifest) = (guest.build().leak(), guest.manifest("made", "1", "").leak());
    let bench = Bench::with(vec![Artifact::embedded("made", component, manifest)], "{}").await;
    // Only now it is compiled; whether that has ended or not, a notification that has no time left
    // is late.
    let made = bench
        .runtime
        .receiver("made", "team", &Value::Null, Lent::default());
    let (made, notification) = (made.unwrap(), Notification::default());
    let attempt = made
        .attempt(&notification, Arc::new(Texts), Instant::now())
        .await;
    assert!(
        matches!(attempt.outcome, Outcome::Retry { .. }),
        "{attempt:?}"
    );
    assert!(attempt.is_late && attempt.status.is_none(), "{attempt:?}");
    let deadline = Instant::now() + GENEROUS;
    let outcome = made.notify(&notification, Arc::new(Texts), deadline).await;
    assert_eq!(outcome, Outcome::Delivered);
    // Nor is a plugin begun that is ready, where there is no time left.
    let attempt = made
        .attempt(&notification, Arc::new(Texts), Instant::now())
        .await;
    assert!(attempt.is_late, "{attempt:?}");
}

fn secrets(secret: SecretConfig) -> Lent {
    Lent::default().with_secrets(BTreeMap::from([("key".to_owned(), secret)]))
}

#[tokio::test]
async fn a_lent_secret_is_the_jobs_own() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), &telltale()).await;
    let inline = secrets(SecretConfig {
        file: None,
        value: Secret::new("in the config"),
    });
    let outcome = notify(&bench, "inline", inline).await;
    assert_eq!(outcome, rejected("in the config"));

    let file = folder.path().join("key");
    let in_file = secrets(SecretConfig {
        file: Some(file.clone()),
        ..SecretConfig::default()
    });
    for text in ["one", " two\n"] {
        fs::write(&file, text).unwrap();
        let outcome = notify(&bench, "file", in_file.clone()).await;
        assert_eq!(outcome, rejected(text.trim()));
    }
    fs::remove_file(&file).unwrap();
    match notify(&bench, "file", in_file).await {
        Outcome::Rejected { reason } => {
            let start = format!("plugin made: config: secret \"key\": {}", file.display());
            assert!(reason.starts_with(&start), "{reason}");
        }
        other => panic!("{other:?}"),
    }

    // Who looks whether its entry has one is not accused of anything.
    let none = Lent::default().with_secrets(BTreeMap::new());
    let missing = "plugin made: config: secret \"key\": the configuration's entry has none";
    assert_eq!(notify(&bench, "none", none).await, rejected(missing));
    let denied = "narthex_plugin_denied_total{plugin=\"made\",capability=\"secrets\"}";
    assert!(bench.metric(denied) == 0.0, "{}", bench.metrics());
    // To a job that nothing is lent to, it is as if there were none.
    match notify(&bench, "stranger", Lent::default()).await {
        Outcome::Rejected { reason } => {
            let start = "plugin made: denied: secrets key is not granted to plugin made";
            assert!(reason.starts_with(start), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(bench.metric(denied) == 1.0, "{}", bench.metrics());
}

/// Connects to `localhost` and speaks TLS without the name of a profile: from the start, or after a
/// line and its answer.
fn secure(port: u16, is_from_the_start: bool) -> Handmade {
    let connect = |has_tls: u8| {
        format!(
            "(call $connect (i32.const 400) (i32.const 9) (i32.const {port})
                (i32.const {has_tls}) (i32.const 0) (i32.const 0) (i32.const 600))
             (if (i32.load8_u (i32.const 600)) (then (return (i32.const 600))))"
        )
    };
    let later = "(global.set $connection (i32.load (i32.const 604)))
        (call $write (global.get $connection) (i32.const 409) (i32.const 2) (i32.const 600))
        (if (i32.load8_u (i32.const 600)) (then (return (i32.const 600))))
        (call $read (global.get $connection) (i32.const 409) (i32.const 2) (i32.const 100)
            (i32.const 600))
        (if (i32.load8_u (i32.const 600)) (then (return (i32.const 600))))
        (call $start (global.get $connection) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 600))
        (if (i32.load8_u (i32.const 600)) (then (return (i32.const 600))))";
    let call = match is_from_the_start {
        true => connect(1),
        false => format!("{} {later}", connect(0)),
    };
    let more = "(global $connection (mut i32) (i32.const 0))
        (data (i32.const 400) \"localhost\\0d\\0a\")";
    let mut guest = guest("receiver", more, &format!("{call} (i32.const 16)"));
    guest.imports = [
        ("connect", "$connect", 7),
        ("[method]connection.write", "$write", 4),
        ("[method]connection.read-until", "$read", 5),
        ("[method]connection.start-tls", "$start", 7),
    ]
    .map(|(name, function, count)| {
        let parameters = "i32 ".repeat(count);
        format!(
            "(import \"narthex:plugin/tcp@0.1.0\" {name:?} (func {function} (param {parameters})))"
        )
    })
    .join("\n");
    guest
}

/// A place, and a way to speak TLS with it.
fn trusting(port: u16, certificate: Option<&Path>) -> Lent {
    let reach = GrantList {
        tcp: vec![format!("localhost:{port}")],
        ..GrantList::default()
    };
    let lent = Lent::default().with_reach(move || reach.clone());
    match certificate {
        None => lent,
        Some(file) => lent.with_tls(TlsConfig {
            ca_file: file.display().to_string(),
            ..TlsConfig::default()
        }),
    }
}

#[tokio::test]
async fn tls_without_the_name_of_a_profile_is_that_of_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let (own, other) = (
        folder.path().join("own.pem"),
        folder.path().join("other.pem"),
    );
    let server = acceptor(&own);
    acceptor(&other);
    let early = tls_echo(server.clone(), None).await;
    let late = tls_echo(server, Some("go\r\n")).await;
    for (port, is_from_the_start) in [(early, true), (late, false)] {
        let bench = bench(&plugins, &secure(port, is_from_the_start)).await;
        let lent = trusting(port, Some(&own));
        assert_eq!(notify(&bench, "own", lent).await, Outcome::Delivered);
        for (job, lent) in [
            ("other", trusting(port, Some(&other))),
            ("none", trusting(port, None)),
        ] {
            match notify(&bench, job, lent).await {
                Outcome::Retry { reason, .. } => {
                    assert!(reason.contains("unknown authority"), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        // What is wrong with the profile will be so the next time.
        match notify(
            &bench,
            "gone",
            trusting(port, Some(Path::new("/no/such/ca"))),
        )
        .await
        {
            Outcome::Rejected { reason } => {
                assert!(reason.contains("config: tls_config: "), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        // Its place is lent to a job, and to no other.
        match notify(&bench, "stranger", Lent::default()).await {
            Outcome::Rejected { reason } => {
                assert!(reason.contains("denied: tcp localhost"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
