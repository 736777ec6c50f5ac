"""Google Cloud Storage's XML API, which is S3's but for the names of headers and for who asks: moto
behind what translates the names and holds each request's token against the key of the account.

Prints where it is and the account's document, and serves until its input ends.
"""
import base64
import json
import sys
import threading
import time

import boto3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

EMAIL = "narthex@project.iam.gserviceaccount.com"
STORAGE = DomainDispatcherApplication(create_backend_app)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
# https://cloud.google.com/storage/docs/migrating lists the names.
NAMES = {"HTTP_X_GOOG_IF_GENERATION_MATCH": ("HTTP_IF_NONE_MATCH", {"0": "*"})}


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def is_known(authorization):
    """Whether it is a token that the account has signed itself, and is valid."""
    try:
        scheme, token = authorization.split(" ")
        signed, _, signature = token.rpartition(".")
        KEY.public_key().verify(decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(decode(signed.split(".")[1]))
    except (InvalidSignature, ValueError, IndexError):
        return False
    return scheme == "Bearer" and claims["iss"] == EMAIL and claims["iat"] - 60 < time.time() < claims["exp"]


def front(environ, respond):
    if not is_known(environ.get("HTTP_AUTHORIZATION", "")):
        respond("401 Unauthorized", [("Content-Type", "application/xml")])
        return [b"<Error><Code>AuthenticationRequired</Code></Error>"]
    for name, (other, values) in NAMES.items():
        if name in environ:
            value = environ.pop(name)
            environ[other] = values.get(value, value)
    # moto looks for an account of its own in the header.
    environ["HTTP_AUTHORIZATION"] = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request"

    def answered(status, headers, *rest):
        renamed = [("x-goog-" + name[6:] if name.startswith("x-amz-") else name, value) for name, value in headers]
        return respond(status, renamed, *rest)

    return STORAGE(environ, answered)


def serve(app):
    server = make_server("127.0.0.1", 0, app, True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


plain = serve(STORAGE)
boto3.client(
    "s3", endpoint_url=plain, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
).create_bucket(Bucket="metrics")
base = serve(front)


def document(key):
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": "1",
        "private_key": text.decode(),
        "gcs_base_url": base,
    }


stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
told = {"address": base, "account": document(KEY), "stranger": document(stranger)}
print(json.dumps(told), flush=True)
sys.stdin.read()
