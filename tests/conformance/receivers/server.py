"""The other side of all receivers: an HTTP server that is also a proxy to hosts it plays itself,
and a mail server with STARTTLS and AUTH. What it was sent is what `GET /recorded` answers.

It is not a judge: it accepts what comes, and says to each what its service says to something good.
"""

import hmac
import json
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import MISSING, SMTP, AuthResult, LoginPassword, auth_mechanism

RECORDED = []
LOCK = threading.Lock()
HEADERS = ["content-type", "authorization"]


def record(entry):
    with LOCK:
        RECORDED.append(entry)


class Service(BaseHTTPRequestHandler):
    """Any of the services, told apart by its path."""

    protocol_version = "HTTP/1.1"
    certificate = None
    host = ""

    def do_CONNECT(self):
        """Goes on as the host that was asked for."""
        self.host = self.path
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self):
        if self.path == "/recorded":
            with LOCK:
                text = json.dumps(RECORDED)
            self.answer(200, "application/json", text)
        else:
            self.do_POST()

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        headers = {name: self.headers[name] for name in HEADERS if self.headers[name]}
        if "/bot" in self.path:
            message = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "group"}}
            answer = (200, "application/json", json.dumps({"ok": True, "result": message}))
        elif "/services/" in self.path:
            answer = (200, "text/plain", "ok")
        else:
            answer = (202, "application/json", "{}")
        record({
            "host": self.host, "method": self.command, "path": self.path, "headers": headers, "body": body, "answer": answer,
        })
        self.answer(*answer)

    do_PUT = do_POST

    def answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Mail:
    """Takes every letter."""

    async def handle_DATA(self, server, session, envelope):
        record({
            "method": "SMTP", "hello": session.host_name, "tls": session.ssl is not None,
            "login": session.auth_data, "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "options": sorted(envelope.mail_options), "body": envelope.content.decode(),
        })
        return "250 OK"


class Server(SMTP):
    """Also knows CRAM-MD5, with the secret `cram`."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    @auth_mechanism("CRAM-MD5")
    async def auth_cram(self, _, args):
        challenge = "<1.2@mail>"
        answer = await self.challenge_auth(challenge)
        if answer is MISSING:
            return AuthResult(success=False)
        user, _, digest = answer.decode().rpartition(" ")
        expected = hmac.new(b"cram", challenge.encode(), "md5").hexdigest()
        return AuthResult(success=digest == expected, auth_data=["CRAM-MD5", user])


class MailController(Controller):
    """One that offers these mechanisms and not those."""

    def __init__(self, tls, excluded):
        self.tls = tls
        self.excluded = excluded
        # The controller greets its own port to see that it is open, and must know which one it is:
        # so it is bound here, and nobody else can be given it.
        self.bound = socket.create_server(("127.0.0.1", 0))
        port = self.bound.getsockname()[1]
        super().__init__(Mail(), hostname="127.0.0.1", port=port, ready_timeout=120)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.bound)

    def _trigger_server(self):
        # As the one of aiosmtpd, which gives up after a second.
        with socket.create_connection((self.hostname, self.port), 60) as greeted:
            greeted.recv(1024)

    def factory(self):
        return Server(
            self.handler, hostname="mail.example", tls_context=self.tls, authenticator=authenticate,
            auth_required=False, auth_require_tls=True, auth_exclude_mechanism=self.excluded,
        )


def authenticate(server, session, envelope, mechanism, data):
    if isinstance(data, LoginPassword):
        data = [mechanism, data.login.decode(), data.password.decode()]
    return AuthResult(success=data[-1] == "passw0rd", auth_data=data)


def main():
    certificate, key = sys.argv[1:]
    Service.certificate = (certificate, key)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    http.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ports = {"http": http.server_address[1]}
    for name, excluded in [("plain", ["LOGIN"]), ("login", ["PLAIN"])]:
        mail = MailController(context, excluded)
        mail.start()
        ports[name] = mail.port
    print(json.dumps(ports), flush=True)
    http.serve_forever()


main()
