//! An object store that speaks S3's language: moto, with one bucket.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// moto, which serves until its input ends.
const S3: &str = "
import sys
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
keys = {'aws_access_key_id': 'k', 'aws_secret_access_key': 's', 'region_name': 'us-east-1'}
boto3.client('s3', endpoint_url=f'http://{host}:{port}', **keys).create_bucket(Bucket='metrics')
print(f'{host}:{port}', flush=True)
sys.stdin.read()
";

/// A server of S3 with the bucket `metrics`, of which nothing outlives it.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    address: String,
}

impl S3Server {
    /// Starts it and waits until it answers.
    pub fn start() -> Self {
        let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(python)
            .args(["-c", S3])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "no moto: pip install 'moto[server]'");
        Self { child, address }
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The config of an object store in a folder of its bucket, reached at an address.
    pub fn config(address: &str, prefix: &str) -> String {
        format!(
            "type: S3\nconfig:\n  bucket: metrics\n  endpoint: {address}\n  region: us-east-1\n  \
             insecure: true\n  access_key: k\n  secret_key: s\nprefix: '{prefix}'\n\
             sync_interval: 1s\ncache_size: 16MB\n"
        )
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
