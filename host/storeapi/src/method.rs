//! The methods of the services, as they stand in the path of a request.

/// `grpc.health.v1.Health`
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// All methods that are served.
pub(crate) const ALL: [&str; 10] = [
    HEALTH,
    INFO,
    EVALUATE,
    EXEMPLARS,
    METADATA,
    RULES,
    TARGETS,
    SERIES,
    LABEL_NAMES,
    LABEL_VALUES,
];

/// Whether a method of these answers with one message or with many, in the words of gRPC servers in Go.
pub(crate) fn kind(method: &str) -> &'static str {
    match method {
        HEALTH | INFO | LABEL_NAMES | LABEL_VALUES => "unary",
        _ => "server_stream",
    }
}

/// The service that a method belongs to.
pub(crate) fn service(method: &str) -> &str {
    let path = method.strip_prefix('/').unwrap_or(method);
    path.split_once('/').map_or(path, |(service, _)| service)
}

/// `thanos.info.Info`
pub(crate) const INFO: &str = "/thanos.info.Info/Info";

/// `narthex.Evaluation`: aggregations of queries. It is ours, and no service of Thanos': its own for
/// queries knows times in seconds only, and no places in a query.
pub(crate) const EVALUATE: &str = "/narthex.Evaluation/Evaluate";

/// `thanos.Exemplars`
pub(crate) const EXEMPLARS: &str = "/thanos.Exemplars/Exemplars";

/// `thanos.Metadata`
pub(crate) const METADATA: &str = "/thanos.Metadata/MetricMetadata";

/// `thanos.Rules`
pub(crate) const RULES: &str = "/thanos.Rules/Rules";

/// `thanos.Targets`
pub(crate) const TARGETS: &str = "/thanos.Targets/Targets";

/// `thanos.Store`: series.
pub(crate) const SERIES: &str = "/thanos.Store/Series";

/// `thanos.Store`: names of labels.
pub(crate) const LABEL_NAMES: &str = "/thanos.Store/LabelNames";

/// `thanos.Store`: values of a label.
pub(crate) const LABEL_VALUES: &str = "/thanos.Store/LabelValues";
