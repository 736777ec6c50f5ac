//! The examples of the catalogue: built as their readers build them, each against the program that
//! it reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, binary, component, http, peers, repository, run, until};
use tempfile::TempDir;

/// What is not an author's own in the folder of an SDK or an example.
const LEFT_OUT: [&str; 4] = ["build", "node_modules", "template", "tests"];

/// A folder with a copy of an example, the SDK in it as a folder, and what it was built to.
fn build(language: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = repository().join("plugins/examples").join(language);
    copy(&example, folder.path());
    run(Command::new(binary())
        .args(["plugin", "build"])
        .arg(folder.path()));
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        match path.is_dir() {
            true if LEFT_OUT.contains(&name) => {}
            true => copy(&path, &to.join(name)),
            false => {
                fs::copy(&path, to.join(name)).unwrap();
            }
        }
    }
}

/// The recordings of the example fit what it makes of them.
fn check_fixtures(project: &Path) {
    run(Command::new(binary()).args(["plugin", "test"]).arg(project));
}

/// Lets a host scrape one target with the plugin and waits until the query has a result: series by
/// their labels, and their values.
fn scrape(project: &Path, job: &str, address: &str, query: &str, expected: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    component::copy(project, directory.path());
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             plugins: {{directory: {}}}\nscrape_configs:\n- job_name: example\n{job}  \
             static_configs: [{{targets: ['{address}']}}]\n",
            directory.path().display()
        ))
        .start();
    until(120, query, || {
        let found = narthex.query(query)?;
        let values: Vec<_> = expected
            .iter()
            .map(|(labels, value)| {
                found
                    .iter()
                    .any(|(series, found)| series.contains(labels) && found == value)
            })
            .collect();
        match values.contains(&false) {
            false => Ok(()),
            true => Err(format!(
                "{found:?}, targets: {}",
                narthex.api("targets").unwrap_or_default()
            )),
        }
    });
}

#[test]
fn memcached_in_go() {
    let project = build("go");
    check_fixtures(project.path());
    let memcached = peers::memcached(project.path());
    scrape(
        project.path(),
        "  plugin: memcached\n",
        &memcached.address(),
        "memcached_commands_total",
        &[
            (r#""command":"get","#, "1"),
            (r#""command":"set","#, "1"),
            (r#""status":"miss"}"#, "1"),
        ],
    );
}

#[test]
fn apache_in_python() {
    let project = build("python");
    check_fixtures(project.path());
    let apache = peers::apache(project.path());
    scrape(
        project.path(),
        "  plugin: apache\n",
        &apache.address(),
        "{__name__=~'apache_(workers|info|generation)'}",
        &[
            (r#""state":"busy""#, "1"),
            (r#""mpm":"event""#, "1"),
            (r#""type":"config""#, "1"),
        ],
    );
    apache.terminate();
}

#[test]
fn json_in_javascript() {
    let project = build("javascript");
    check_fixtures(project.path());
    let gateway = peers::pushgateway(project.path());
    let pushed = http::post(&format!("{}/metrics/job/none", gateway.url())).unwrap();
    assert_eq!(pushed.0, 200, "{}", pushed.1);
    scrape(
        project.path(),
        "  plugin: json\n  plugin_config:\n    path: /api/v1/metrics\n    metrics:\n    \
         - {name: pushed_successful, path: 'data[*]', value: last_push_successful, \
         labels: {group: labels.job, place: $1}}\n",
        &gateway.address(),
        "pushed_successful",
        &[(r#""group":"none""#, "1"), (r#""place":"0""#, "1")],
    );
}

#[test]
fn haproxy_in_c() {
    let project = build("c");
    check_fixtures(project.path());
    let haproxy = peers::haproxy(project.path());
    scrape(
        project.path(),
        "  plugin: haproxy\n  plugin_config: {path: '/stats;csv'}\n",
        &haproxy.address(),
        "{__name__=~'haproxy_(server|backend)_up'}",
        &[
            (r#""server":"unchecked""#, "1"),
            (r#""server":"checked""#, "0"),
            (r#""__name__":"haproxy_backend_up""#, "1"),
        ],
    );
}
