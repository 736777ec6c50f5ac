//! AWS as one who writes there sees it: moto's token service, and a receiver that verifies each
//! signature with botocore.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Both, until their input ends. The receiver answers 200 to what is signed with keys that the token
/// service gave to who has the key `k`, 403 to all else, and on GET how often it did which.
const AWS: &str = r"
import json, re, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends
moto = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
moto.start()
counts = {'taken': 0, 'refused': 0}
FORM = re.compile(r'AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/aps/aws4_request, '
                  r'SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})')

def keys(access_key):
    for regions in sts_backends.values():
        for backend in regions.values():
            for role in backend.assumed_roles:
                if role.access_key_id == access_key:
                    return Credentials(access_key, role.secret_access_key, role.session_token)

def fault(handler, body):
    form = FORM.fullmatch(handler.headers.get('Authorization', ''))
    if not form:
        return 'no signature'
    access_key, day, region, names, signature = form.groups()
    known = keys(access_key)
    if not known:
        return 'nobody has this key'
    if handler.headers.get('X-Amz-Security-Token') != known.token:
        return 'another token'
    date = handler.headers['X-Amz-Date']
    wanted = 'content-type;host;x-amz-date;x-amz-security-token'
    if names != wanted or not date.startswith(day) or region != 'eu-west-1':
        return 'something else is signed'
    headers = {name: handler.headers[name] for name in names.split(';')}
    url = 'http://' + handler.headers['Host'] + handler.path
    request = AWSRequest(method='POST', url=url, data=body, headers=headers)
    request.context['timestamp'] = date
    auth = SigV4Auth(known, 'aps', region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return None if auth.signature(text, request) == signature else 'another signature'

class Receiver(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self, status, text):
        self.send_response(status)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        why = fault(self, body)
        counts['refused' if why else 'taken'] += 1
        self.answer(403 if why else 200, (why or '').encode())
    def do_GET(self):
        self.answer(200, json.dumps(counts).encode())
    def log_message(self, *_):
        pass

receiver = ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
host, port = moto.get_host_and_port()
print(f'http://{host}:{port} http://127.0.0.1:{receiver.server_port}', flush=True)
sys.stdin.read()
";

/// The token service and the receiver.
#[derive(Debug)]
pub struct Aws {
    child: Child,
    sts: String,
    receiver: String,
}

impl Aws {
    /// Starts both and waits until they answer.
    pub fn start() -> Self {
        let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(python)
            .args(["-c", AWS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut urls = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut urls).unwrap();
        let Some((sts, receiver)) = urls.trim().split_once(' ') else {
            panic!("no moto: pip install 'moto[server]'");
        };
        Self {
            sts: sts.to_owned(),
            receiver: receiver.to_owned(),
            child,
        }
    }

    /// The URL of the token service.
    pub fn sts(&self) -> &str {
        &self.sts
    }

    /// The URL of the receiver.
    pub fn receiver(&self) -> &str {
        &self.receiver
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
