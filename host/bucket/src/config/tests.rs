//! What configs of object stores are taken, and what is said of the others.

use super::*;

fn read(text: &str) -> Result<BucketConfig, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_said_has_its_default() {
    let config = read(r#"{"type": "S3", "config": {"bucket": "b"}}"#).unwrap();
    assert_eq!(config.delete_delay.to_string(), "2d");
    assert_eq!(config.sync_interval.to_string(), "3m");
    assert_eq!(config.cache_size.to_string(), "1GiB");
    assert!(config.retention.is_zero() && config.prefix.is_empty());
    assert_eq!(config.check(), Ok(()));
}

#[test]
fn an_unknown_field_is_named() {
    for (text, named) in [
        (r#"{"type": "S3", "config": {"buckt": "b"}}"#, "buckt"),
        (r#"{"type": "S3", "config": {}, "prefx": "b"}"#, "prefx"),
        (r#"{"type": "SWIFT", "config": {}}"#, "SWIFT"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn each_provider_takes_its_own_fields_and_says_which_it_misses() {
    for (text, faults) in [
        (
            r#"{"type": "S3", "config": {}}"#,
            vec!["type S3 needs config.bucket"],
        ),
        (
            r#"{"type": "GCS", "config": {"bucket": "b", "region": "r"}}"#,
            vec!["type GCS knows no config.region"],
        ),
        (
            r#"{"type": "AZURE", "config": {"container": "c", "directory": "d"}}"#,
            vec![
                "type AZURE needs config.storage_account",
                "type AZURE knows no config.directory",
            ],
        ),
        (
            r#"{"type": "S3", "config": {"bucket": "b", "access_key": "k"}}"#,
            vec!["type S3 needs config.secret_key"],
        ),
        (
            r#"{"type": "S3", "config": {"bucket": "b", "aws_sdk_auth": true, "access_key": "k",
                "secret_key": "s", "storage_account": "a"}}"#,
            vec![
                "type S3 knows no config.storage_account",
                "config.aws_sdk_auth and config.access_key exclude each other",
            ],
        ),
        (
            r#"{"type": "AZURE", "config": {"storage_account": "a", "container": "c",
                "client_id": "i", "user_assigned_id": "u"}}"#,
            vec![
                "type AZURE needs config.az_tenant_id",
                "type AZURE needs config.client_secret",
                "config.user_assigned_id and config.client_id exclude each other",
            ],
        ),
        (
            r#"{"type": "AZURE", "config": {"storage_account": "a", "container": "c",
                "storage_connection_string": "AccountName=a"}}"#,
            vec![
                "config.storage_connection_string cannot be read: \
                 it has neither AccountKey nor SharedAccessSignature",
            ],
        ),
        (
            r#"{"type": "S3", "config": {"bucket": "b", "sse_config": {"type": "SSE-KMS"}}}"#,
            vec!["type S3 needs config.sse_config.kms_key_id"],
        ),
        (
            r#"{"type": "FILESYSTEM", "config": {"directory": "d"}, "sync_interval": "0s"}"#,
            vec!["sync_interval is zero"],
        ),
    ] {
        let found = read(text).unwrap().check().unwrap_err();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, faults);
    }
}

#[test]
fn secrets_are_not_shown() {
    let text =
        r#"{"type": "S3", "config": {"bucket": "b", "access_key": "k", "secret_key": "hunter2"}}"#;
    let config = read(text).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    assert_eq!(config.config.secret_key.expose(), "hunter2");
}

#[test]
fn what_thanos_prints_as_its_defaults_is_taken() {
    let http = r#"{"idle_conn_timeout": "1m30s", "response_header_timeout": "2m",
        "insecure_skip_verify": false, "tls_handshake_timeout": "10s",
        "expect_continue_timeout": "1s", "max_idle_conns": 100, "max_idle_conns_per_host": 100,
        "max_conns_per_host": 0, "tls_config": {"ca_file": "", "cert_file": "", "key_file": "",
        "server_name": "", "insecure_skip_verify": false}, "disable_compression": false}"#;
    for (provider, fields) in [
        (
            "S3",
            r#""bucket": "b", "endpoint": "", "region": "", "disable_dualstack": false,
            "aws_sdk_auth": false, "access_key": "", "insecure": false,
            "signature_version2": false, "secret_key": "", "session_token": "",
            "put_user_metadata": {}, "trace": {"enable": false}, "list_objects_version": "",
            "bucket_lookup_type": "auto", "send_content_md5": true, "disable_multipart": false,
            "part_size": 67108864, "sse_config": {"type": "", "kms_key_id": "",
            "kms_encryption_context": {}, "encryption_key": ""}, "sts_endpoint": "",
            "max_retries": 0"#,
        ),
        (
            "GCS",
            r#""bucket": "b", "service_account": "", "use_grpc": false,
            "grpc_conn_pool_size": 0, "chunk_size_bytes": 0, "max_retries": 0"#,
        ),
        (
            "AZURE",
            r#""storage_account": "a", "storage_account_key": "",
            "storage_connection_string": "", "storage_create_container": true,
            "az_tenant_id": "", "client_id": "", "client_secret": "", "container": "c",
            "endpoint": "", "user_assigned_id": "", "max_retries": 0,
            "reader_config": {"max_retry_requests": 0}, "pipeline_config": {"max_tries": 0,
            "try_timeout": "0s", "retry_delay": "0s", "max_retry_delay": "0s"},
            "msi_resource": """#,
        ),
    ] {
        let config = format!(r#"{{{fields}, "http_config": {http}}}"#);
        let text = format!(r#"{{"type": "{provider}", "config": {config}, "prefix": ""}}"#);
        let read = read(&text).unwrap();
        assert_eq!(read.check(), Ok(()), "{provider}");
        let idle = read.config.without_effect();
        assert!(idle.contains(&"http_config.max_idle_conns"), "{idle:?}");
    }
}

#[test]
fn what_thanos_can_and_nothing_here_does_is_named() {
    for (provider, field, named) in [
        ("S3", r#""signature_version2": true"#, "signature_version2"),
        (
            "S3",
            r#""put_user_metadata": {"k": "v"}"#,
            "put_user_metadata",
        ),
        (
            "S3",
            r#""list_objects_version": "v1""#,
            "list_objects_version",
        ),
        ("S3", r#""disable_multipart": true"#, "disable_multipart"),
        ("S3", r#""trace": {"enable": true}"#, "trace.enable"),
        (
            "S3",
            r#""sse_config": {"type": "SSE-C", "encryption_key": "f"}"#,
            "sse_config.type",
        ),
        (
            "S3",
            r#""sse_config": {"type": "SSE-KMS", "kms_key_id": "k",
                "kms_encryption_context": {"k": "v"}}"#,
            "sse_config.kms_encryption_context",
        ),
        ("GCS", r#""use_grpc": true"#, "use_grpc"),
        (
            "GCS",
            r#""http_config": {"tls_config": {"cert_file": "c", "key_file": "k"}}"#,
            "http_config.tls_config.cert_file",
        ),
        (
            "GCS",
            r#""http_config": {"tls_config": {"server_name": "s"}}"#,
            "http_config.tls_config.server_name",
        ),
    ] {
        let config = format!(r#"{{"bucket": "b", {field}}}"#);
        let text = format!(r#"{{"type": "{provider}", "config": {config}}}"#);
        let found = read(&text).unwrap().check().unwrap_err();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = format!("config.{named} is not supported: ");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&expected), "{found:?}");
    }
}
