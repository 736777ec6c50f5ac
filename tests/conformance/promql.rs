//! Prometheus' own PromQL scripts, where they lie beside the repository.
