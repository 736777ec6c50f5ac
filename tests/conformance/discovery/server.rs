//! HTTP from a script, over TCP and over a Unix socket; and an agent of Consul that keeps an index
//! and lets queries wait for another.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

/// An answer: status, headers and body.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// JSON.
    pub(crate) fn json(value: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: value.to_string(),
        }
    }

    /// Nothing is there.
    pub(crate) fn missing() -> Self {
        Self {
            status: 404,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// What answers the path and query of a request.
type Serve = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// Serves on a free port until the process ends; the address is `127.0.0.1:port`.
pub(crate) fn serve(serve: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve: Serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || answer_all(&stream, &serve));
        }
    });
    address
}

/// The same on a Unix socket.
pub(crate) fn serve_socket(path: &Path, serve: impl Fn(&str) -> Reply + Send + Sync + 'static) {
    let listener = UnixListener::bind(path).unwrap();
    let serve: Serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || answer_all(&stream, &serve));
        }
    });
}

/// Answers the requests of a connection until it ends.
fn answer_all<S>(stream: &S, serve: &Serve)
where
    for<'a> &'a S: Read + Write,
{
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
        {}
        let mut words = request.split(' ');
        let is_head = words.next() == Some("HEAD");
        let reply = serve(words.next().unwrap_or("/"));
        let mut text = format!("HTTP/1.1 {} -\r\n", reply.status);
        for (name, value) in &reply.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n", reply.body.len());
        if !is_head {
            text += &reply.body;
        }
        if (&mut &*stream).write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// An agent of Consul.
#[derive(Clone, Default)]
pub(crate) struct Agent(Arc<(Mutex<Catalog>, Condvar)>);

#[derive(Default)]
struct Catalog {
    index: u64,
    /// That of the last change but those of health alone.
    registered_index: u64,
    is_broken: bool,
    /// The instances of each service.
    services: BTreeMap<String, Vec<Value>>,
}

impl Agent {
    /// Serves it.
    pub(crate) fn serve(&self) -> String {
        let agent = self.clone();
        serve(move |url| agent.answer(url))
    }

    fn lock(&self) -> MutexGuard<'_, Catalog> {
        self.0.0.lock().unwrap()
    }

    /// Puts an instance in the place of the one of its name, and wakes whoever waits.
    pub(crate) fn register(&self, service: &str, id: &str, port: u16, tags: &[&str], state: &str) {
        let instance = json!({
            "Node": {"Node": "node-1", "Address": "10.0.0.1", "Datacenter": "dc1",
                "TaggedAddresses": {"lan": "10.0.0.1", "wan-v4": "1.2.3.4"},
                "Meta": {"rack.id": "7"}},
            "Service": {"ID": id, "Service": service, "Tags": tags, "Port": port,
                "Address": if port > 9000 { "10.0.9.9" } else { "" }, "Meta": {"version": "2"}},
            "Checks": [{"CheckID": "serfHealth", "Status": "passing"},
                {"CheckID": "service:x", "Status": state}],
        });
        let mut catalog = self.lock();
        let instances = catalog.services.entry(service.to_owned()).or_default();
        let before = instances.len();
        let is_same = |own: &Value| own["Service"] == instance["Service"];
        let is_known = instances.iter().any(is_same);
        instances.retain(|own| own["Service"]["ID"] != id);
        let is_new = instances.len() == before || !is_known;
        instances.push(instance);
        catalog.index += 1;
        if is_new {
            catalog.registered_index = catalog.index;
        }
        self.0.1.notify_all();
    }

    /// Takes a service away.
    pub(crate) fn deregister(&self, service: &str) {
        let mut catalog = self.lock();
        catalog.services.remove(service);
        catalog.index += 1;
        catalog.registered_index = catalog.index;
        self.0.1.notify_all();
    }

    /// From now on every answer is an error.
    pub(crate) fn break_down(&self) {
        self.lock().is_broken = true;
        self.0.1.notify_all();
    }

    fn answer(&self, url: &str) -> Reply {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
        };
        let index: u64 = parameter("index").map_or(0, |text| text.parse().unwrap());
        let wait = parameter("wait").map_or(0, |text| {
            let text = text.strip_suffix("ms").expect("a wait in milliseconds");
            text.parse().unwrap()
        });
        let wait = Duration::from_millis(wait);
        let catalog = self.lock();
        let of_path = |catalog: &Catalog| match path {
            "/v1/catalog/services" => catalog.registered_index,
            _ => catalog.index,
        };
        let unchanged = |catalog: &mut Catalog| index == of_path(catalog) && !catalog.is_broken;
        let waited = self.0.1.wait_timeout_while(catalog, wait, unchanged);
        let (catalog, _) = waited.unwrap();
        if catalog.is_broken {
            return Reply {
                status: 500,
                ..Reply::missing()
            };
        }
        let body = match path.strip_prefix("/v1/health/service/") {
            Some(name) => json!(catalog.services.get(name).cloned().unwrap_or_default()),
            // Whoever asks leaves the checks out.
            None if path == "/v1/health/state/any" => json!([]),
            None if path == "/v1/agent/self" => json!({"Config": {"Datacenter": "dc1"}}),
            None if path == "/v1/catalog/services" => {
                let tags = |instances: &Vec<Value>| {
                    let tags = instances
                        .iter()
                        .flat_map(|one| one["Service"]["Tags"].as_array());
                    let tags: Vec<&Value> = tags.flatten().collect();
                    json!(tags)
                };
                let services = catalog.services.iter();
                json!(
                    services
                        .map(|(name, instances)| (name.clone(), tags(instances)))
                        .collect::<BTreeMap<_, _>>()
                )
            }
            None => return Reply::missing(),
        };
        Reply::json(&body)
            .header("X-Consul-Index", of_path(&catalog))
            .header("X-Consul-LastContact", 0)
            .header("X-Consul-KnownLeader", true)
    }
}
