//! The examples of the catalogue: built as their readers build them, each against the program that
//! it reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, Process, binary, free_port, http, repository, until};
use tempfile::TempDir;

/// What is not an author's own in the folder of an SDK or an example.
const LEFT_OUT: [&str; 4] = ["build", "node_modules", "template", "tests"];

/// A folder with a copy of an example, the SDK in it as a folder, and what it was built to.
fn build(language: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = repository().join("plugins/examples").join(language);
    copy(&example, folder.path());
    let output = Command::new(binary())
        .args(["plugin", "build"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{language} (run tests/run): {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
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
    let output = Command::new(binary())
        .args(["plugin", "test"])
        .arg(project)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Lets a host scrape one target with the plugin and waits until the query has a result: series by
/// their labels, and their values.
fn scrape(project: &Path, job: &str, address: &str, query: &str, expected: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(project.join("build")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
        }
    }
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

fn start(program: &str, folder: &Path, args: &[&str]) -> Process {
    let args: Vec<_> = args.iter().map(ToString::to_string).collect();
    Process::start(program, &args, &folder.join("peer.log"))
}

fn wait_for(process: &mut Process, address: &str) {
    until(30, address, || {
        process.check_running()?;
        std::net::TcpStream::connect(address).map_err(|error| error.to_string())
    });
}

#[test]
fn memcached_in_go() {
    let project = build("go");
    check_fixtures(project.path());
    let port = free_port().to_string();
    let address = format!("127.0.0.1:{port}");
    let args = ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-u", "root"];
    let mut memcached = start("memcached", project.path(), &args);
    wait_for(&mut memcached, &address);
    ask(&address, "set a 0 0 3\r\nabc\r\nget a\r\nget b\r\nquit\r\n");
    scrape(
        project.path(),
        "  plugin: memcached\n",
        &address,
        "memcached_commands_total",
        &[
            (r#""command":"get","#, "1"),
            (r#""command":"set","#, "1"),
            (r#""status":"miss"}"#, "1"),
        ],
    );
}

fn ask(address: &str, text: &str) {
    use std::io::{Read, Write};

    let mut connection = std::net::TcpStream::connect(address).unwrap();
    connection.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("STORED"), "{answer}");
}

#[test]
fn apache_in_python() {
    let project = build("python");
    check_fixtures(project.path());
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let at = project.path().display();
    let modules = "/usr/lib/apache2/modules";
    let config = project.path().join("apache.conf");
    let text = format!(
        "ServerRoot {at}\nServerName localhost\nPidFile {at}/apache.pid\n\
         DefaultRuntimeDir {at}\nListen {address}\nErrorLog {at}/error.log\n\
         LoadModule mpm_event_module {modules}/mod_mpm_event.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule status_module {modules}/mod_status.so\nExtendedStatus On\n\
         <Location /server-status>\nSetHandler server-status\n</Location>\n"
    );
    fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let mut apache = start(
        "/usr/sbin/apache2",
        project.path(),
        &["-DFOREGROUND", "-f", &config],
    );
    wait_for(&mut apache, &address);
    scrape(
        project.path(),
        "  plugin: apache\n",
        &address,
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
    let gateway = narthex_tests::peers::pushgateway(project.path());
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
    let (web, stats, closed) = (free_port(), free_port(), free_port());
    let config = project.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n\
         frontend web\n  bind 127.0.0.1:{web}\n  default_backend app\n\
         backend app\n  server unchecked 127.0.0.1:{closed}\n  \
         server checked 127.0.0.1:{closed} check inter 100ms fall 1\n\
         frontend stats\n  bind 127.0.0.1:{stats}\n  stats enable\n  stats uri /stats\n"
    );
    fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let mut haproxy = start("/usr/sbin/haproxy", project.path(), &["-db", "-f", &config]);
    let address = format!("127.0.0.1:{stats}");
    wait_for(&mut haproxy, &address);
    scrape(
        project.path(),
        "  plugin: haproxy\n  plugin_config: {path: '/stats;csv'}\n",
        &address,
        "{__name__=~'haproxy_(server|backend)_up'}",
        &[
            (r#""server":"unchecked""#, "1"),
            (r#""server":"checked""#, "0"),
            (r#""__name__":"haproxy_backend_up""#, "1"),
        ],
    );
    haproxy.terminate();
}
