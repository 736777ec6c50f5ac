//! Remote write to who verifies the signatures of AWS, with the keys of a role.

use narthex_tests::{Aws, Narthex, Ticking, http, until};
use serde_json::Value;

fn config(ticking: &Ticking, receiver: &str, sigv4: &str) -> String {
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n\
         remote_write:\n\
         - url: {receiver}/workspaces/ws-1//api/v1/remote_write?b=x%20y&a\n\
         \x20 sigv4: {{{sigv4}}}\n\
         \x20 queue_config: {{batch_send_deadline: 1s, max_backoff: 1s}}\n",
        ticking.address()
    )
}

/// How many requests the receiver took, and how many it refused.
fn counts(receiver: &str) -> Result<[u64; 2], String> {
    let (_, text) = http::get(receiver)?;
    let counts: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let count = |name: &str| counts[name].as_u64().ok_or_else(|| text.clone());
    Ok([count("taken")?, count("refused")?])
}

#[test]
fn what_is_written_to_aws_is_signed_with_the_keys_of_a_role() {
    let (aws, ticking) = (Aws::start(), Ticking::start());
    let keys = "region: eu-west-1, access_key: k, secret_key: hunter2";
    let role = format!("{keys}, role_arn: \"arn:aws:iam::123456789012:role/writer\"");
    let mut narthex = Narthex::builder()
        .variable("AWS_ENDPOINT_URL_STS", aws.sts())
        .config(config(&ticking, aws.receiver(), &role))
        .start();
    until(60, "signed requests", || {
        let counts = counts(aws.receiver())?;
        let is_taken = counts[0] > 2;
        is_taken.then_some(()).ok_or(format!("{counts:?}"))
    });
    assert_eq!(counts(aws.receiver()).unwrap()[1], 0);
    let shown = narthex.api("status/config").unwrap().to_string();
    assert!(shown.contains("secret_key: <secret>"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    // The keys themselves are none of the role, and the receiver knows them not.
    narthex.write_config(&config(&ticking, aws.receiver(), keys));
    let url = narthex.url();
    let (status, body) = http::post(&format!("{url}/-/reload")).unwrap();
    assert_eq!(status, 200, "{body}");
    until(60, "a request that is refused", || {
        let counts = counts(aws.receiver())?;
        let is_refused = counts[1] > 0;
        is_refused.then_some(()).ok_or(format!("{counts:?}"))
    });
    let log = until(60, "the reason in the log", || {
        let log = narthex.process().log();
        let is_said = log.contains("nobody has this key");
        is_said.then_some(log.clone()).ok_or(log)
    });
    assert!(!log.contains("hunter2"), "{log}");
}
