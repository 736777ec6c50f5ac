//! Web configurations: what Debian's promtool takes `narthex check` takes, what it refuses is
//! refused; and a server with users and TLS answers as Debian's Prometheus does.

use std::fs;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Process, binary, free_port, run, until};

/// The hash of "open sesame".
const HASH: &str = "$2y$04$Tq0nQ8mZk1vWcY5xUjR3fOujdDf23le8ZZRk4alA.edIrE/ij6im2";

/// `server.pem`, `server.key` and `client.*`, signed by `ca.pem`.
fn write_certificates(folder: &Path) {
    let script = r#"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj /CN=authority -keyout ca.key -out ca.pem
        for name in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name \
                -keyout $name.key -out $name.csr
            printf 'subjectAltName=DNS:%s,IP:127.0.0.1\n' $name > $name.ext
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                -extfile $name.ext -out $name.pem
        done"#;
    run(Command::new("sh").args(["-ec", script]).current_dir(folder));
}

/// Whether a program ends well.
fn takes(program: impl AsRef<std::ffi::OsStr>, file: &Path) -> (bool, String) {
    let mut command = Command::new(program);
    let output = command
        .args(["check", "web-config"])
        .arg(file)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn a_web_config_is_taken_or_refused_as_promtool_does() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    let pair = "cert_file: server.pem, key_file: server.key";
    let tls = |more: &str| format!("tls_server_config: {{{pair}{more}}}\n");
    let both = [
        String::new(),
        "# nothing\n".to_owned(),
        "{}\n".to_owned(),
        "basic_auth_users: {}\n".to_owned(),
        format!("basic_auth_users: {{ada: {HASH}}}\n"),
        "basic_auth_users: {ada: plain}\n".to_owned(),
        "basic_auth_user: {}\n".to_owned(),
        "basic_auth_users: [ada]\n".to_owned(),
        "http_server_config: {http2: false}\n".to_owned(),
        "http_server_config: {http2: maybe}\n".to_owned(),
        "http_server_config: {headers: {X-Frame-Options: deny}}\n".to_owned(),
        "http_server_config: {headers: {X-Frame-Options: never}}\n".to_owned(),
        "http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n".to_owned(),
        "http_server_config: {headers: {Strict-Transport-Security: max-age=9}}\n".to_owned(),
        "http_server_config: {headers: {Server: mine}}\n".to_owned(),
        tls(""),
        tls(", client_auth_type: NoClientCert"),
        tls(", client_auth_type: RequestClientCert"),
        tls(", client_auth_type: RequireClientCert"),
        tls(", client_auth_type: RequireAnyClientCert"),
        tls(", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem"),
        tls(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"),
        tls(", client_auth_type: Sometimes"),
        tls(", client_ca_file: ca.pem"),
        tls(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: none.pem"),
        tls(", min_version: TLS13"),
        tls(", min_version: TLS12, max_version: TLS12"),
        tls(", min_version: SSL3"),
        tls(", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"),
        tls(", cipher_suites: [TLS_AES_128_GCM_SHA256]"),
        tls(", cipher_suites: [TLS_NONE]"),
        tls(", curve_preferences: [X25519, CurveP256]"),
        tls(", curve_preferences: [Circle]"),
        tls(", prefer_server_cipher_suites: false"),
        tls(", certificate: server.pem"),
        "tls_server_config: {cert_file: server.pem}\n".to_owned(),
        "tls_server_config: {key_file: server.key}\n".to_owned(),
        "tls_server_config: {cert_file: none.pem, key_file: server.key}\n".to_owned(),
        "tls_server_config: {cert_file: empty.pem, key_file: server.key}\n".to_owned(),
        "tls_server_config: {cert_file: server.pem, key_file: ca.pem}\n".to_owned(),
        "tls_server_config: {cert_file: server.pem, key_file: client.key}\n".to_owned(),
        "tls_server_config: []\n".to_owned(),
        ": :\n".to_owned(),
    ];
    let file = folder.path().join("web.yml");
    for text in both {
        fs::write(&file, &text).unwrap();
        let (theirs, said) = takes("promtool", &file);
        let (ours, say) = takes(binary(), &file);
        assert_eq!(ours, theirs, "{text}\npromtool: {said}\nnarthex: {say}");
        assert!(ours || say.contains("web.yml"), "{text}\n{say}");
    }
    // What Go can do and we cannot, each by its name; and what 2.42 did not know yet.
    let refused = [
        (tls(", min_version: TLS10"), "TLS10 is not spoken"),
        (
            tls(", curve_preferences: [CurveP521]"),
            "CurveP521 is not spoken",
        ),
        (
            tls(", cipher_suites: [TLS_RSA_WITH_AES_128_GCM_SHA256]"),
            "TLS_RSA_WITH_AES_128_GCM_SHA256 is not spoken",
        ),
        (
            tls(", client_auth_type: RequestClientCert, client_allowed_sans: [a]"),
            "client_allowed_sans: a client that need not show a certificate",
        ),
    ];
    for (text, wanted) in refused {
        fs::write(&file, &text).unwrap();
        let (taken, say) = takes(binary(), &file);
        assert!(!taken && say.contains(wanted), "{text}\n{say}");
    }
    let newer = [
        "rate_limit: {interval: 1s, burst: 20}\n".to_owned(),
        tls(
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, \
             client_allowed_sans: [client]",
        ),
    ];
    for text in newer {
        fs::write(&file, &text).unwrap();
        let (taken, say) = takes(binary(), &file);
        assert!(taken, "{text}\n{say}");
    }
}

#[test]
fn a_server_with_users_and_certificates_answers_as_prometheus_does() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let file = folder.path().join("web.yml");
    let text = format!(
        "basic_auth_users: {{ada: {HASH}}}\n\
         http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n\
         tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
    );
    fs::write(&file, text).unwrap();
    let web = format!("--web.config.file={}", file.display());
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, "scrape_configs: []\n").unwrap();
    let (ours, theirs) = (free_port(), free_port());
    let start = |program: &Path, port: u16| {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let data = folder.path().join(format!("{name}-data"));
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            web.clone(),
        ];
        Process::start(program, &args, &folder.path().join(format!("{name}.log")))
    };
    let mut processes = [
        start(&binary(), ours),
        start(Path::new("prometheus"), theirs),
    ];
    let good = [
        "--cacert",
        "ca.pem",
        "--cert",
        "client.pem",
        "--key",
        "client.key",
    ];
    let user = ["--user", "ada:open sesame"];
    // How curl ends with these arguments, and the status and headers that it is sent.
    let ask = |port: u16, scheme: &str, path: &str, args: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--max-time", "60"]);
        let shown = ["x-frame-options", "www-authenticate"].map(|it| format!("%header{{{it}}}"));
        curl.arg("--write-out");
        curl.arg(format!(
            "%{{http_code}} %{{http_version}} {}",
            shown.join(" ")
        ));
        curl.args(args).current_dir(folder.path());
        let output = curl
            .arg(format!("{scheme}://127.0.0.1:{port}{path}"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text)
    };
    for (port, process) in [ours, theirs].into_iter().zip(&mut processes) {
        until(60, "/-/ready", || {
            process.check_running()?;
            match ask(port, "https", "/-/ready", &[&good[..], &user].concat()) {
                (true, text) if text.starts_with("200") => Ok(()),
                (_, text) => Err(text),
            }
        });
    }
    let wrong = ["--user", "ada:wrong"];
    let strict = ["--cacert", "ca.pem"];
    let table = [
        (
            "https",
            "/api/v1/status/buildinfo",
            [&good[..], &user].concat(),
        ),
        (
            "https",
            "/api/v1/status/buildinfo",
            [&good[..], &wrong].concat(),
        ),
        ("https", "/api/v1/status/buildinfo", good.to_vec()),
        ("https", "/-/healthy", good.to_vec()),
        ("https", "/metrics", good.to_vec()),
        ("https", "/nowhere", [&good[..], &user].concat()),
        (
            "https",
            "/-/healthy",
            [&good[..], &user, &["--http1.1"]].concat(),
        ),
        ("https", "/-/healthy", strict.to_vec()),
        (
            "https",
            "/-/healthy",
            vec!["--cert", "client.pem", "--key", "client.key"],
        ),
        (
            "https",
            "/-/healthy",
            [&good[..], &user, &["--tls-max", "1.2"]].concat(),
        ),
        (
            "https",
            "/-/healthy",
            [&good[..], &user, &["--tls-max", "1.1"]].concat(),
        ),
        ("http", "/-/healthy", user.to_vec()),
    ];
    for (scheme, path, args) in table {
        let own = ask(ours, scheme, path, &args);
        let other = ask(theirs, scheme, path, &args);
        assert_eq!(own, other, "{scheme} {path} {args:?}");
    }
}

#[test]
fn a_server_does_not_start_with_a_broken_web_config() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    fs::write(&file, "basic_auth_users:\n  ada: plain\n").unwrap();
    let mut command = Command::new(binary());
    command.arg(format!("--web.config.file={}", file.display()));
    command.arg(format!(
        "--storage.tsdb.path={}",
        folder.path().join("data").display()
    ));
    command.arg("--web.listen-address=127.0.0.1:0");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("\"ada\" is no bcrypt hash"), "{said}");
    assert!(!said.contains("plain"), "{said}");
}
