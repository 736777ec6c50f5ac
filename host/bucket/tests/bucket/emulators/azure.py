"""Azurite, Microsoft's own emulator of Azure Blob Storage, with a container.

Prints where it is and its account's key, and serves until its input ends.
"""
import base64
import email.utils
import hashlib
import hmac
import http.client
import json
import subprocess
import sys

ACCOUNT = "devstoreaccount1"
# Azurite's own, which everybody knows.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"

server = subprocess.Popen(
    ["azurite-blob", "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0", "--silent"]
    + ["--skipApiVersionCheck"],
    stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
    text=True,
)
try:
    lines = (line for line in server.stdout if "successfully listens on http://" in line)
    address = next(lines).split("http://")[1].strip()
    path = f"/{ACCOUNT}/metrics"
    date = email.utils.formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{VERSION}\n"
    signed = "PUT\n" + "\n" * 11 + headers + f"/{ACCOUNT}{path}\nrestype:container"
    signature = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    authorization = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    client = http.client.HTTPConnection(address, timeout=60)
    headers = {"x-ms-date": date, "x-ms-version": VERSION, "Content-Length": "0", "Authorization": authorization}
    client.request("PUT", path + "?restype=container", headers=headers)
    assert client.getresponse().status == 201
    print(json.dumps({"address": f"http://{address}/{ACCOUNT}", "account": ACCOUNT, "key": KEY}), flush=True)
    sys.stdin.read()
finally:
    server.terminate()
    server.wait()
