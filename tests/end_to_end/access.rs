//! Who may ask, and the metrics APIs of Kubernetes: the real binary between an API server of our own
//! test code, an issuer whose keys OpenSSL made, curl in the place of the API server's proxy, and kubectl.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex_tests::{ClusterServer, Fault, Narthex, Target, free_port, http, run, until};
use serde_json::{Value, json};

/// The hash of "open sesame".
const HASH: &str = "$2y$04$Tq0nQ8mZk1vWcY5xUjR3fOujdDf23le8ZZRk4alA.edIrE/ij6im2";

/// `agent:open sesame`
const PASSWORD: &str = "Basic YWdlbnQ6b3BlbiBzZXNhbWU=";

/// The token by which the server itself asks the cluster.
const OWN: &str = "own";

const HTTPS: &str = "https://127.0.0.1:";

/// Method, path and headers of a request, and the status of its answer.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, u16);

/// `proxy.pem` by the cluster's authority, `other.pem` by another one, and `issuer.key`.
fn write_keys(folder: &Path) {
    let script = r#"
        for name in ca strange; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                -subj /CN=$name -keyout $name.key -out $name.pem
        done
        for pair in proxy:ca other:strange; do
            name=${pair%:*}; by=${pair#*:}
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj /CN=front-proxy-client -keyout $name.key -out $name.csr
            # With an extension it is of version 3, which alone is spoken.
            printf 'extendedKeyUsage=clientAuth\n' > $name.ext
            openssl x509 -req -in $name.csr -CA $by.pem -CAkey $by.key -CAcreateserial -days 2 \
                -extfile $name.ext -out $name.pem
        done
        openssl genrsa -out issuer.key 2048"#;
    run(Command::new("sh").args(["-ec", script]).current_dir(folder));
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(three.get(at).copied().unwrap_or(0));
        }
        for at in 0..=three.len() {
            let letter = bits >> (18 - 6 * at) & 63;
            text.push(char::from(LETTERS[letter as usize]));
        }
    }
    text
}

/// The public half of `issuer.key` as a set of keys.
fn published(folder: &Path) -> Value {
    let mut openssl = Command::new("openssl");
    openssl.args(["rsa", "-in", "issuer.key", "-noout", "-modulus"]);
    let printed = run(openssl.current_dir(folder));
    let digits = printed.trim().strip_prefix("Modulus=").unwrap().to_owned();
    let bytes = (0..digits.len()).step_by(2);
    let bytes = bytes.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    let modulus: Vec<u8> = bytes.collect();
    json!({"keys": [{"kty": "RSA", "use": "sig", "kid": "k", "n": base64url(&modulus), "e": "AQAB"}]})
}

fn signed(folder: &Path, claims: &Value) -> String {
    let header = base64url(json!({"alg": "RS256", "kid": "k"}).to_string().as_bytes());
    let text = format!("{header}.{}", base64url(claims.to_string().as_bytes()));
    fs::write(folder.join("text"), &text).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "dgst",
        "-sha256",
        "-sign",
        "issuer.key",
        "-out",
        "signature",
        "text",
    ]);
    run(openssl.current_dir(folder));
    let signature = fs::read(folder.join("signature")).unwrap();
    format!("{text}.{}", base64url(&signature))
}

/// What a scrape of the cluster's nodes would bring.
fn usage() -> Target {
    let scrapes = AtomicU64::new(0);
    Target::serve_text(move || {
        let seconds = scrapes.fetch_add(1, Ordering::Relaxed) as f64 * 0.25;
        let mut page = String::new();
        for (pod, bytes) in [("a", 4_096_000), ("b", 1_024)] {
            for container in ["main", "POD"] {
                let labels = format!(
                    "{{namespace=\"n\",pod=\"{pod}\",container=\"{container}\",node=\"w\"}}"
                );
                page.push_str(&format!(
                    "container_cpu_usage_seconds_total{labels} {seconds}\n"
                ));
                page.push_str(&format!(
                    "container_memory_working_set_bytes{labels} {bytes}\n"
                ));
            }
            page.push_str(&format!(
                "jobs_waiting{{namespace=\"n\",pod=\"{pod}\"}} 1.5\n"
            ));
        }
        let root = "{id=\"/\",node=\"w\"}";
        page.push_str(&format!(
            "container_cpu_usage_seconds_total{root} {seconds}\n"
        ));
        page.push_str(&format!(
            "container_memory_working_set_bytes{root} 8192000\n"
        ));
        page.push_str("queue_length{namespace=\"n\",queue=\"mail\"} 7\n");
        page
    })
}

/// The cluster with its pods, its proxy, and who is known there.
fn cluster(folder: &Path) -> ClusterServer {
    let cluster = ClusterServer::start();
    cluster.require_token(OWN);
    let authority = fs::read_to_string(folder.join("ca.pem")).unwrap();
    cluster.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "requestheader-client-ca-file": authority,
            "requestheader-allowed-names": "[\"front-proxy-client\"]",
            "requestheader-username-headers": "[\"X-Remote-User\"]",
            "requestheader-group-headers": "[\"X-Remote-Group\"]",
            "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
        },
    }));
    for (pod, app) in [("a", "web"), ("b", "db")] {
        cluster.put(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": "n", "labels": {"app": app}},
        }));
    }
    cluster.know(
        "reader",
        "system:serviceaccount:m:grafana",
        &[],
        &["narthex"],
    );
    cluster.know("ops", "olga", &["ops"], &["narthex"]);
    cluster.know(
        "elsewhere",
        "system:serviceaccount:m:grafana",
        &[],
        &["vault"],
    );
    cluster.know("top", "ada", &[], &[]);
    cluster.grant("system:serviceaccount:m:grafana", "get", "/api/v1/*");
    cluster.grant("system:serviceaccount:m:grafana", "get", "/metrics");
    cluster.grant("querier", "get", "/thanos.*");
    cluster.know("fleet", "querier", &[], &["narthex"]);
    for verb in ["get", "list"] {
        cluster.grant("ada", verb, "metrics.k8s.io/*");
        cluster.grant("ada", verb, "custom.metrics.k8s.io/*");
        cluster.grant("ada", verb, "external.metrics.k8s.io/*");
    }
    cluster.grant("system:authenticated", "get", "/api*");
    cluster
}

fn config(cluster: &ClusterServer, usage: &Target) -> String {
    format!(
        "global: {{scrape_interval: 1s, external_labels: {{cluster: c}}}}\n\
         scrape_configs:\n\
         - job_name: nodes\n  honor_labels: true\n  static_configs: [{{targets: ['{}']}}]\n\
         kubernetes_metrics_apis:\n\
         \x20 api_server: {}\n\
         \x20 authorization: {{credentials: {OWN}}}\n\
         \x20 rules:\n\
         \x20 - seriesQuery: 'jobs_waiting{{namespace!=\"\",pod!=\"\"}}'\n\
         \x20   resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}\n\
         \x20   name: {{matches: '^(.*)$', as: 'queued_${{1}}'}}\n\
         \x20   metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)'\n\
         \x20 externalRules:\n\
         \x20 - seriesQuery: queue_length\n\
         \x20   resources: {{overrides: {{namespace: {{resource: namespace}}}}}}\n\
         \x20   metricsQuery: '<<.Series>>{{<<.LabelMatchers>>}}'\n",
        usage.address(),
        cluster.url()
    )
}

fn web_config(cluster: &ClusterServer, issuer: &str) -> String {
    format!(
        "basic_auth_users: {{agent: {HASH}}}\n\
         narthex_access:\n\
         \x20 kubernetes:\n\
         \x20   api_server: {}\n\
         \x20   authorization: {{credentials: {OWN}}}\n\
         \x20   audiences: [narthex]\n\
         \x20 oidc:\n\
         \x20 - issuer_url: {issuer}\n\
         \x20   audiences: [narthex]\n\
         \x20   groups_prefix: 'oidc:'\n\
         \x20 trusted_proxies: {{networks: [127.0.0.0/8], groups_header: X-Forwarded-Groups}}\n\
         \x20 roles:\n\
         \x20   read: {{users: [bob], groups: ['oidc:dev']}}\n\
         \x20   write: {{users: [agent]}}\n\
         \x20   admin: {{groups: [ops]}}\n",
        cluster.url()
    )
}

#[test]
fn tokens_proxies_and_passwords_open_what_they_may_and_kubectl_is_told_what_pods_use() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_keys(folder);
    let cluster = cluster(folder);
    let usage = usage();
    let keys = published(folder).to_string();
    // The issuer has to know its own address, which it gets when it starts.
    let address = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let own = address.clone();
    let issuer = Target::serve(move |path| {
        let issuer = format!("http://{}", own.get().unwrap());
        let body = match path {
            "/keys" => keys.clone(),
            _ => json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string(),
        };
        ("application/json".to_owned(), body)
    });
    address.set(issuer.address()).unwrap();
    let issuer = format!("http://{}", issuer.address());
    let web = folder.join("web.yml");
    fs::write(&web, web_config(&cluster, &issuer)).unwrap();
    let (port, grpc) = (free_port(), format!("127.0.0.1:{}", free_port()));
    let narthex = Narthex::builder()
        .config(config(&cluster, &usage))
        .flag(format!("--web.config.file={}", web.display()))
        .flag(format!("--grpc.config.file={}", web.display()))
        .flag(format!("--grpc.listen-address={grpc}"))
        .flag(format!(
            "--kubernetes.metrics-apis.listen-address=127.0.0.1:{port}"
        ))
        .start();
    requests_are_answered_by_who_asks(&narthex, &cluster, folder, &issuer);
    metrics_are_told_to_the_cluster_s_proxy(&cluster, folder, port);
    let bearer = [("authorization", "Bearer reader")];
    let url = format!("{}/metrics", narthex.url());
    let (_, metrics) = http::send("GET", &url, &bearer, b"").unwrap();
    let line = "narthex_metrics_apis_requests_total{group=\"metrics.k8s.io\",code=\"403\"} 2\n";
    assert!(metrics.contains(line), "{line}");
    kubectl_shows_what_pods_use(folder, port);
    a_querier_is_known_by_its_token(folder, &grpc);
}

/// The token of a querier is exchanged while it runs.
fn a_querier_is_known_by_its_token(folder: &Path, grpc: &str) {
    let token = folder.join("token");
    fs::write(&token, "unknown").unwrap();
    let querier = Narthex::builder()
        .querier()
        .flag(format!("--endpoint={grpc}"))
        .flag(format!(
            "--grpc-client-bearer-token-file={}",
            token.display()
        ))
        .start();
    for (text, expected) in [
        ("unknown", "Unauthenticated: "),
        // Somebody, who may not call these methods.
        ("reader", "PermissionDenied: "),
        ("fleet", "null"),
    ] {
        fs::write(&token, text).unwrap();
        until(60, "what a token opens", || {
            let stores = querier.api("stores")?;
            let mut stores = stores.as_object().into_iter().flatten();
            let stores = stores.find_map(|(_, stores)| stores.get(0).cloned());
            let error = stores.ok_or("no endpoint")?["lastError"].to_string();
            match error.contains(expected) {
                true => Ok(()),
                false => Err(error),
            }
        });
    }
    until(60, "the series of who knows the querier", || {
        let answer = querier.query("queue_length")?;
        match answer.values().eq(["7"]) {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    });
}

fn requests_are_answered_by_who_asks(
    narthex: &Narthex,
    cluster: &ClusterServer,
    folder: &Path,
    issuer: &str,
) {
    let claims = json!({"iss": issuer, "aud": "narthex", "sub": "dora", "exp": 4_000_000_000_u64,
                        "groups": ["dev"]});
    let token = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        format!("Bearer {}", signed(folder, &claims))
    };
    let dora = token("sub", json!("dora"));
    let forged = format!("{}AAAA", &dora[..dora.len() - 4]);
    let expired = token("exp", json!(1_000_000_000));
    let for_others = token("aud", json!("vault"));
    let nobody_s = token("groups", json!([]));
    let of_cluster = token("sub", json!("system:admin"));
    let (query, reload) = ("/api/v1/query?query=1", "/-/reload");
    let user = |name: &'static str| ("x-forwarded-user", name);
    let bearer = |token| ("authorization", token);
    let table: Vec<Case<'_>> = vec![
        ("GET", "/-/healthy", vec![], 200),
        ("GET", "/metrics", vec![], 401),
        ("GET", query, vec![], 401),
        ("GET", query, vec![bearer("Bearer reader")], 200),
        ("POST", query, vec![bearer("Bearer reader")], 200),
        ("GET", "/federate", vec![bearer("Bearer reader")], 403),
        ("POST", reload, vec![bearer("Bearer reader")], 403),
        ("POST", reload, vec![bearer("Bearer ops")], 200),
        ("GET", query, vec![bearer("Bearer ops")], 200),
        ("GET", query, vec![bearer("Bearer elsewhere")], 401),
        ("GET", query, vec![bearer("Bearer unknown")], 401),
        ("GET", query, vec![bearer("Bearer")], 401),
        ("GET", query, vec![bearer(&dora)], 200),
        ("POST", reload, vec![bearer(&dora)], 403),
        ("GET", query, vec![bearer(&forged)], 401),
        ("GET", query, vec![bearer(&expired)], 401),
        ("GET", query, vec![bearer(&for_others)], 401),
        ("GET", query, vec![bearer(&nobody_s)], 403),
        ("GET", query, vec![bearer(&of_cluster)], 401),
        ("GET", query, vec![user("bob")], 200),
        ("POST", reload, vec![user("bob")], 403),
        (
            "GET",
            query,
            vec![user("bob"), bearer("Bearer unknown")],
            401,
        ),
        ("GET", query, vec![user("eve")], 403),
        ("GET", query, vec![bearer(PASSWORD)], 403),
        ("POST", "/api/v2/alerts", vec![bearer(PASSWORD)], 404),
    ];
    for (method, path, headers, expected) in &table {
        let url = format!("{}{path}", narthex.url());
        let (status, body) = http::send(method, &url, headers, b"").unwrap();
        assert_eq!(status, *expected, "{method} {path} {headers:?}: {body}");
    }
    // What was asked once is remembered, so that a cluster that is silent harms who is new.
    let asked = cluster.requests().len();
    let url = format!("{}{query}", narthex.url());
    let get = |token: &str| {
        let headers = [("authorization", token)];
        http::send("GET", &url, &headers, b"").unwrap()
    };
    assert_eq!(get("Bearer reader").0, 200);
    assert_eq!(cluster.requests().len(), asked);
    cluster.fail_next(&[Fault::Error]);
    let (status, body) = get("Bearer fresh");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("does not say who may ask"), "{body}");
    assert_eq!(get("Bearer fresh").0, 401);

    let headers = [("authorization", "Bearer reader")];
    let url = format!("{}/metrics", narthex.url());
    let (_, metrics) = http::send("GET", &url, &headers, b"").unwrap();
    for line in [
        "narthex_access_requests_total{by=\"oidc\",verdict=\"granted\"} 1\n",
        "narthex_access_requests_total{by=\"proxy\",verdict=\"granted\"} 1\n",
        "narthex_access_requests_total{by=\"token\",verdict=\"unavailable\"} 1\n",
        "narthex_access_reviews_total{kind=\"token\",outcome=\"error\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

/// What curl is answered: the status, and the body as JSON or text.
fn ask(folder: &Path, port: u16, path: &str, args: &[&str]) -> (u16, Value) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--globoff", "--max-time", "60"]);
    curl.args(["--write-out", "\n%{http_code}"]).args(args);
    curl.arg(format!("{HTTPS}{port}{path}"));
    let printed = run(curl.current_dir(folder));
    let (body, status) = printed.rsplit_once('\n').unwrap();
    let parsed = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (status.parse().unwrap(), parsed)
}

fn metrics_are_told_to_the_cluster_s_proxy(cluster: &ClusterServer, folder: &Path, port: u16) {
    let proxy = ["--cert", "proxy.pem", "--key", "proxy.key"];
    let other = ["--cert", "other.pem", "--key", "other.key"];
    let ada = ["--header", "X-Remote-User: ada"];
    let eve = ["--header", "X-Remote-User: eve"];
    let authenticated = ["--header", "X-Remote-Group: system:authenticated"];
    let masters = ["--header", "X-Remote-Group: system:masters"];
    let token = ["--header", "Authorization: Bearer top"];
    let wrong = ["--header", "Authorization: Bearer nobody"];
    let resources = "/apis/metrics.k8s.io/v1beta1";
    let pods = "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods";
    let groups = "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let table: Vec<(&str, Vec<&str>, u16)> = vec![
        ("/healthz", vec![], 200),
        (pods, vec![], 401),
        (pods, ada.to_vec(), 401),
        (pods, [&proxy[..], &ada].concat(), 200),
        (pods, [&other[..], &ada].concat(), 401),
        (pods, proxy.to_vec(), 401),
        (pods, [&proxy[..], &eve].concat(), 403),
        (pods, [&proxy[..], &eve, &masters].concat(), 200),
        (pods, token.to_vec(), 200),
        (pods, wrong.to_vec(), 401),
        (pods, [&token[..], &["--request", "DELETE"]].concat(), 405),
        (resources, [&proxy[..], &eve].concat(), 403),
        (resources, [&proxy[..], &eve, &authenticated].concat(), 200),
        ("/apis", [&token[..], &["--header", groups]].concat(), 406),
        ("/apis/metrics.k8s.io/v2/pods", token.to_vec(), 404),
    ];
    for (path, args, expected) in &table {
        let (status, body) = ask(folder, port, path, args);
        assert_eq!(status, *expected, "{path} {args:?}: {body}");
        if *expected != 200 {
            assert_eq!(body["kind"], "Status", "{path} {args:?}: {body}");
            assert_eq!(body["code"], status);
        }
    }
    let get = |path: &str| ask(folder, port, path, &token);
    // A rate needs two scrapes.
    until(60, "what pods use", || {
        let (_, found) = get(pods);
        let items = found["items"].as_array().ok_or("no items")?;
        if items.len() == 2 {
            Ok(())
        } else {
            Err(found.to_string())
        }
    });
    let (_, found) = get(&format!("{pods}/a"));
    assert_eq!(found["kind"], "PodMetrics");
    let containers = found["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1, "{found}");
    assert_eq!(containers[0]["name"], "main");
    assert_eq!(containers[0]["usage"]["memory"], "4000Ki");
    let (_, found) = get(&format!("{pods}?labelSelector=app%3Ddb"));
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{found}");
    assert_eq!(items[0]["metadata"]["name"], "b");
    assert_eq!(items[0]["metadata"]["labels"]["app"], "db");
    let (_, found) = get(&format!("{resources}/nodes"));
    assert_eq!(found["items"][0]["metadata"]["name"], "w", "{found}");
    assert_eq!(found["items"][0]["usage"]["memory"], "8000Ki");
    let (status, found) = get(&format!("{pods}/gone"));
    assert_eq!((status, &found["reason"]), (404, &json!("NotFound")));

    let custom = "/apis/custom.metrics.k8s.io/v1beta2";
    let (_, found) = get(custom);
    let names = found["resources"].as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|resource| &resource["name"]).collect();
    let expected = ["namespaces/queued_jobs_waiting", "pods/queued_jobs_waiting"];
    assert_eq!(names, expected, "{found}");
    // As an autoscaler asks: of the pods of its target.
    let path =
        format!("{custom}/namespaces/n/pods/%2A/queued_jobs_waiting?labelSelector=app%3Dweb");
    let (_, found) = get(&path);
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{found}");
    assert_eq!(items[0]["describedObject"]["name"], "a");
    assert_eq!(items[0]["metric"]["name"], "queued_jobs_waiting");
    assert_eq!(items[0]["value"], "1500m");
    let path = format!("{custom}/namespaces/n/metrics/queued_jobs_waiting");
    assert_eq!(get(&path).1["items"][0]["value"], "3");
    let path = format!("{custom}/namespaces/n/pods/%2A/unknown");
    assert_eq!(get(&path).0, 404);

    let external = "/apis/external.metrics.k8s.io/v1beta1/namespaces/n/queue_length";
    let (_, found) = get(&format!("{external}?labelSelector=queue%3Dmail"));
    assert_eq!(found["items"][0]["value"], "7", "{found}");
    assert_eq!(found["items"][0]["metricLabels"]["queue"], "mail");
    let (_, found) = get(&format!("{external}?labelSelector=queue%3Dnone"));
    assert_eq!(found["items"], json!([]));

    cluster.fail_next(&[Fault::Error]);
    let (status, body) = ask(
        folder,
        port,
        pods,
        &["--header", "Authorization: Bearer new"],
    );
    assert_eq!(
        (status, &body["reason"]),
        (503, &json!("ServiceUnavailable"))
    );
}

fn kubectl_shows_what_pods_use(folder: &Path, port: u16) {
    let mut kubectl = Command::new("kubectl");
    kubectl.args([
        "--insecure-skip-tls-verify",
        "--token=top",
        "--cache-dir=cache",
    ]);
    kubectl.arg(format!("--server={HTTPS}{port}"));
    kubectl.args(["top", "pods", "--namespace=n", "--no-headers"]);
    let printed = run(kubectl.env("HOME", folder).current_dir(folder));
    let lines: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert_eq!((lines[0][0], lines[0][2]), ("a", "3Mi"), "{printed}");
}
