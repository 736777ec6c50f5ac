//! An endpoint that is asked by our own client, over connections: frames, errors, deadlines, TLS
//! and client certificates, and the end.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use narthex_http::{BasicAuth, HttpConfig, Secret};
use narthex_model::{Exemplar, Labels, Matcher};
use narthex_storage::{
    Appendable as _, ExemplarsRequest, MemoryStore, Queryable, SelectRequest, SeriesExemplars,
    SeriesStream, StorageError, contract,
};
use narthex_storeapi::message::exemplars::{self, ExemplarsFrame};
use narthex_storeapi::message::metadata::MetricMetadataEntry;
use narthex_storeapi::message::rules::RuleGroup;
use narthex_storeapi::message::store::{
    LabelMatcher, LabelNamesRequest, LabelValuesRequest, MatcherType, SeriesFrame, SeriesRequest,
};
use narthex_storeapi::message::targets::TargetDiscovery;
use narthex_storeapi::{
    Credentials, Endpoint, EndpointError, EndpointTls, GrpcMetrics, HostView, REQUEST_PARTS_MAX,
    StoreApi, StoreLimits, StoreOptions, serve,
};
use narthex_web::{Entrance, HttpServerConfig, TlsServerConfig, WebConfig};
use prometheus_client::registry::Registry;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than any answer here takes.
const LONG: Duration = Duration::from_secs(60);

/// The hash of "open sesame".
const HASH: &str = "$2y$04$Tq0nQ8mZk1vWcY5xUjR3fOujdDf23le8ZZRk4alA.edIrE/ij6im2";

/// A host that has nothing but samples.
struct Silent;

impl HostView for Silent {
    fn rule_groups(&self) -> Vec<RuleGroup> {
        Vec::new()
    }

    fn targets(&self) -> TargetDiscovery {
        TargetDiscovery::default()
    }

    fn metadata(&self, _: &str) -> BTreeMap<String, MetricMetadataEntry> {
        BTreeMap::new()
    }
}

/// A server that is asked.
struct Server {
    address: SocketAddr,
    registry: Registry,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(store: Arc<dyn Queryable>, entrance: Entrance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let external = Labels::from_pairs([("replica", "r1")]);
        let api = StoreApi::new(StoreOptions {
            store,
            external_labels: Box::new(move || external.clone()),
            oldest_ms: Box::new(|| 0),
            selectors: Box::new(|query| match query {
                "up" => Ok(vec![vec![Matcher::equal("__name__", "up")]]),
                other => Err(format!("no query: {other}")),
            }),
            view: Box::new(Silent),
            limits: StoreLimits {
                series_max: 1_000,
                samples_max: 0,
                bytes_max: 0,
                requests_max: 2,
            },
        });
        let mut registry = Registry::default();
        let metrics = GrpcMetrics::register(&mut registry);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve(
            listener,
            Arc::new(api),
            metrics,
            Arc::new(entrance),
            LONG,
            async {
                let _ = stopped.await;
            },
        );
        let task = tokio::spawn(serving);
        Self {
            address,
            registry,
            stop,
            task,
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::connect(&self.address.to_string(), None).unwrap()
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

/// As many series with as many samples.
fn store(series: usize, samples: usize) -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    let names: Vec<String> = (0..series).map(|number| format!("{number:05}")).collect();
    let labels: Vec<_> = names
        .iter()
        .map(|name| [("__name__", "up"), ("instance", name.as_str())])
        .collect();
    let batch = labels.iter().flat_map(|labels| {
        let times = (0_i64..).take(samples);
        times.map(move |time| (&labels[..], time * 1_000, 1.0))
    });
    store.append(&contract::batch(batch)).unwrap();
    Arc::new(store)
}

fn everything() -> SeriesRequest {
    SeriesRequest {
        max_time: i64::MAX,
        matchers: vec![LabelMatcher {
            r#type: MatcherType::Eq.into(),
            name: "__name__".to_owned(),
            value: "up".to_owned(),
        }],
        ..SeriesRequest::default()
    }
}

#[tokio::test]
async fn a_client_reads_what_an_endpoint_has() {
    let server = Server::start(store(300, 500), Entrance::open()).await;
    let endpoint = server.endpoint();
    let info = endpoint.info(LONG).await.unwrap();
    assert_eq!(info.label_sets[0].labels[0].value, "r1");

    let request = SeriesRequest {
        response_batch_size: 64,
        ..everything()
    };
    let frames = endpoint.series(request, LONG).await.unwrap();
    let frames: Vec<SeriesFrame> = frames.try_collect().await.unwrap();
    assert!(frames.len() >= 5);
    let series: Vec<_> = frames
        .into_iter()
        .flat_map(|frame| match frame {
            SeriesFrame::Batch(batch) => batch.series,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(series.len(), 300);
    assert!(series.is_sorted_by_key(|series| &series.labels));
    assert!(series.iter().all(|series| series.chunks.len() == 5));

    let request = LabelNamesRequest {
        end: i64::MAX,
        ..LabelNamesRequest::default()
    };
    let names = endpoint.label_names(request, LONG).await.unwrap().names;
    assert_eq!(names, ["__name__", "instance", "replica"]);
    let request = LabelValuesRequest {
        label: "instance".to_owned(),
        end: i64::MAX,
        limit: 2,
        ..LabelValuesRequest::default()
    };
    let values = endpoint.label_values(request, LONG).await.unwrap().values;
    assert_eq!(values, ["00000", "00001"]);

    let refused = endpoint.series(SeriesRequest::default(), LONG).await;
    let Err(EndpointError::Refused { code, reason, .. }) = refused else {
        panic!("a request without matchers is answered");
    };
    assert_eq!(code, "InvalidArgument");
    assert!(reason.contains("no matchers specified"), "{reason}");

    let metrics = server.metrics();
    for line in [
        r#"grpc_server_handled_total{grpc_code="OK",grpc_method="Series",grpc_service="thanos.Store",grpc_type="server_stream"} 1"#,
        r#"grpc_server_handled_total{grpc_code="InvalidArgument",grpc_method="Series",grpc_service="thanos.Store",grpc_type="server_stream"} 1"#,
        r#"grpc_server_started_total{grpc_method="Info",grpc_service="thanos.info.Info",grpc_type="unary"} 1"#,
        r#"grpc_server_handling_seconds_count{grpc_method="LabelNames",grpc_service="thanos.Store",grpc_type="unary"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    drop(endpoint);
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_small_request_that_would_fill_the_memory_is_refused() {
    let server = Server::start(store(1, 1), Entrance::open()).await;
    let endpoint = server.endpoint();
    // Two bytes each: the request is far below the 4 MiB that it may have.
    let request = SeriesRequest {
        matchers: vec![LabelMatcher::default(); REQUEST_PARTS_MAX + 1],
        ..SeriesRequest::default()
    };
    let refused = endpoint.series(request, LONG).await;
    let Err(EndpointError::Refused { code, reason, .. }) = refused else {
        panic!("a request of countless matchers is answered");
    };
    assert_eq!(code, "InvalidArgument");
    let bound = format!("may have {REQUEST_PARTS_MAX}");
    assert!(reason.contains(&bound), "{reason}");
    // Labels are asked for with one message for one, and refused alike.
    let request = LabelNamesRequest {
        without_replica_labels: vec![String::new(); REQUEST_PARTS_MAX + 1],
        ..LabelNamesRequest::default()
    };
    assert!(endpoint.label_names(request, LONG).await.is_err());
    let metrics = server.metrics();
    for method in ["Series", "LabelNames"] {
        let counted = metrics.lines().any(|line| {
            line.starts_with("grpc_server_handled_total{grpc_code=\"InvalidArgument\"")
                && line.contains(&format!("grpc_method=\"{method}\""))
                && line.ends_with(" 1")
        });
        assert!(counted, "{method} in {metrics}");
    }
    // Who asks is still answered.
    drop(endpoint.series(everything(), LONG).await.unwrap());
}

/// A client that reads nothing holds its answer up, not the server's memory; when it leaves, the
/// place that it had is free.
#[tokio::test]
async fn a_client_that_does_not_read_keeps_one_place_until_it_leaves() {
    let server = Server::start(store(1_000, 200), Entrance::open()).await;
    let endpoint = server.endpoint();
    for _ in 0..5 {
        // Two places are there, so that the third of these would wait for ever.
        let unread = endpoint.series(everything(), LONG).await.unwrap();
        drop(unread);
    }
    let frames = endpoint.series(everything(), LONG).await.unwrap();
    let frames: Vec<SeriesFrame> = frames.try_collect().await.unwrap();
    assert_eq!(frames.len(), 1_000);
}

/// A store that never answers.
struct Stuck;

impl Queryable for Stuck {
    fn select<'a>(
        &'a self,
        _: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        std::future::pending().boxed()
    }
}

/// A store with an exemplar of each of two series.
struct Traced;

impl Queryable for Traced {
    fn select<'a>(
        &'a self,
        _: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        std::future::pending().boxed()
    }

    fn exemplars(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        assert_eq!(request.selectors.len(), 1);
        let exemplar = Exemplar {
            labels: Labels::from_pairs([("trace_id", "t1")]),
            value: 0.5,
            timestamp_ms: request.range.start_ms,
        };
        let series = ["b", "a"].map(|job| SeriesExemplars {
            labels: Labels::from_pairs([("__name__", "up"), ("job", job)]),
            exemplars: vec![exemplar.clone()],
        });
        series.into()
    }
}

#[tokio::test]
async fn exemplars_come_with_the_external_labels() {
    let server = Server::start(Arc::new(Traced), Entrance::open()).await;
    let ask = |query: &str| {
        let request = exemplars::ExemplarsRequest {
            query: query.to_owned(),
            start: 3,
            end: 9,
            ..exemplars::ExemplarsRequest::default()
        };
        let endpoint = server.endpoint();
        async move { endpoint.exemplars(request, LONG).await }
    };
    let frames = ask("up").await.unwrap();
    let frames: Vec<ExemplarsFrame> = frames.try_collect().await.unwrap();
    let found: Vec<String> = frames
        .into_iter()
        .map(|frame| match frame {
            ExemplarsFrame::Data(data) => {
                let labels = data.series_labels.unwrap().labels;
                let labels = labels.iter().map(|l| format!("{}={}", l.name, l.value));
                let exemplar = &data.exemplars[0];
                let own = &exemplar.labels.as_ref().unwrap().labels[0];
                format!(
                    "{} {}={} {} {}",
                    labels.collect::<Vec<_>>().join(","),
                    own.name,
                    own.value,
                    exemplar.value,
                    exemplar.ts
                )
            }
            ExemplarsFrame::Warning(warning) => panic!("{warning}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            "__name__=up,job=a,replica=r1 trace_id=t1 0.5 3",
            "__name__=up,job=b,replica=r1 trace_id=t1 0.5 3",
        ]
    );
    let refused = ask("(").await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("no query: ("), "{refused}");
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_costs_the_time_that_it_is_given() {
    let server = Server::start(Arc::new(Stuck), Entrance::open()).await;
    let time = Duration::from_millis(50);
    let late = server.endpoint().series(everything(), time).await;
    let Err(late) = late else {
        panic!("a store that is stuck has answered");
    };
    assert!(matches!(late, EndpointError::Deadline { .. }), "{late:?}");
    assert!(late.to_string().contains(&server.address.to_string()));
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_said_to_be_unreachable() {
    // The port is taken, so that nobody else gets it, and nobody listens there.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    let endpoint = Endpoint::connect(&address, None).unwrap();
    let error = endpoint.info(LONG).await.unwrap_err();
    assert!(
        matches!(error, EndpointError::Unreachable { .. }),
        "{error:?}"
    );
    let error = Endpoint::connect("no address", None).unwrap_err();
    assert!(matches!(error, EndpointError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn who_asks_shows_credentials_which_are_read_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let (file, password) = (
        folder.path().join("grpc.yml"),
        folder.path().join("password"),
    );
    fs::write(&file, "").unwrap();
    let config = WebConfig {
        basic_auth_users: BTreeMap::from([("ada".to_owned(), Secret::new(HASH))]),
        ..WebConfig::default()
    };
    let read = move |_: &str, _: &str| Ok(config.clone());
    let entrance = Entrance::load(&file, read, |_, _| Ok(None)).unwrap();
    let server = Server::start(store(1, 1), entrance).await;
    let credentials = Credentials::new(&HttpConfig {
        basic_auth: Some(BasicAuth {
            username: "ada".to_owned(),
            password_file: password.display().to_string(),
            ..BasicAuth::default()
        }),
        ..HttpConfig::default()
    });
    let endpoint = server.endpoint();
    let endpoint = endpoint.authorized_by(Some(credentials.unwrap()));
    for (text, expected) in [
        (
            "",
            Some("there are no credentials to show: unable to read file"),
        ),
        (
            "guess",
            Some("Unauthenticated: a user with the right password"),
        ),
        ("open sesame\n", None),
        (
            "guess",
            Some("Unauthenticated: a user with the right password"),
        ),
    ] {
        if !text.is_empty() {
            fs::write(&password, text).unwrap();
        }
        let info = endpoint.info(LONG).await.map(drop);
        let series = endpoint.series(everything(), LONG).await.map(drop);
        for asked in [info, series] {
            match (asked, expected) {
                (Ok(()), None) => {}
                (Err(error), Some(expected)) => {
                    let error = error.to_string();
                    assert!(error.contains(expected), "{text}: {error}");
                }
                (asked, _) => panic!("{text}: {asked:?}"),
            }
        }
    }
    assert!(server.endpoint().info(LONG).await.is_err(), "nobody");
    let metrics = server.metrics();
    let line = "grpc_server_handled_total{grpc_code=\"Unauthenticated\",grpc_method=\"Info\",\
                grpc_service=\"thanos.info.Info\",grpc_type=\"unary\"} 3\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_client_shows_a_certificate_where_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(path("ca.pem"), issuer.pem()).unwrap();
    let sign = |name: &str| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName("host".try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &issuer).unwrap();
        fs::write(path(&format!("{name}.pem")), signed.pem()).unwrap();
        fs::write(path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        (signed.pem().into_bytes(), key.serialize_pem().into_bytes())
    };
    let identity = sign("client");
    sign("server");
    let tls = TlsServerConfig {
        cert_file: path("server.pem"),
        key_file: path("server.key"),
        client_ca_file: path("ca.pem"),
        client_auth_type: "RequireAndVerifyClientCert".to_owned(),
        ..TlsServerConfig::default()
    };
    let config = WebConfig {
        tls_server_config: tls,
        // That of pages, which gRPC cannot follow.
        http_server_config: HttpServerConfig {
            http2: false,
            ..HttpServerConfig::default()
        },
        ..WebConfig::default()
    };
    let entrance = Entrance::load(
        &path("server.pem"),
        move |_, _| Ok(config.clone()),
        |_, _| Ok(None),
    )
    .unwrap();
    let server = Server::start(store(1, 1), entrance).await;
    let known = EndpointTls {
        authorities: Some(issuer.pem().into_bytes()),
        identity: Some(identity),
        server_name: Some("host".to_owned()),
    };
    let asked = |tls: EndpointTls| {
        let endpoint = Endpoint::connect(&server.address.to_string(), Some(&tls));
        async move { endpoint?.info(LONG).await }
    };
    assert_eq!(asked(known.clone()).await.unwrap().label_sets.len(), 1);
    // One that is exchanged counts from then on, and a broken one changes nothing.
    let unknown = EndpointTls {
        identity: None,
        ..known.clone()
    };
    let identity = known.identity.clone();
    let broken = EndpointTls {
        identity: identity.map(|(certificate, _)| (certificate, b"no key".to_vec())),
        ..known.clone()
    };
    let endpoint = Endpoint::connect(&server.address.to_string(), Some(&unknown)).unwrap();
    let clone = endpoint.clone();
    assert!(endpoint.info(LONG).await.is_err());
    endpoint.reconnect(Some(&known)).unwrap();
    assert!(clone.info(LONG).await.is_ok());
    assert!(endpoint.reconnect(Some(&broken)).is_err());
    assert!(clone.info(LONG).await.is_ok());
    for (fault, tls) in [
        (
            "no certificate",
            EndpointTls {
                identity: None,
                ..known.clone()
            },
        ),
        (
            "another name",
            EndpointTls {
                server_name: Some("other".to_owned()),
                ..known.clone()
            },
        ),
        (
            "other authorities",
            EndpointTls {
                authorities: None,
                ..known
            },
        ),
    ] {
        assert!(asked(tls).await.is_err(), "{fault}");
    }
    assert!(server.endpoint().info(LONG).await.is_err(), "plain text");
}
