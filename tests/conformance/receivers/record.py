"""Records what Debian's Alertmanager sends for the cases of `cases.json`, as the goldens of the
receivers: `python3 record.py`, with aiosmtpd, `prometheus-alertmanager` and `openssl` at hand.

Templates of the default set are defined as their own names, so that a golden does not depend on
their texts: `slack.default.title` becomes `[slack.default.title]`. Each case tells a webhook as
well, whose body is the notification that the golden's requests belong to.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECEIVERS = HERE.parents[2] / "plugins/receivers"

def now(ahead):
    return (datetime.now(timezone.utc) + timedelta(seconds=ahead)).strftime("%Y-%m-%dT%H:%M:%S.678Z")


# Ahead: a group with an alert that is older than its wait is told at once, and maybe in pieces.
STARTS, BEGAN, ENDS = now(3), now(-60), now(-1)
SHOWN = {STARTS: "2026-01-02T03:04:05.678Z", BEGAN: "2026-01-02T03:04:05.678Z", ENDS: "2026-01-02T04:00:00.678Z"}


def get(url, body=None):
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return json.load(answer) if answer.status == 200 and "recorded" in url else None


def replaced(value, marks):
    text = json.dumps(value)
    for mark, place in marks.items():
        text = text.replace(mark, place)
    return json.loads(text)


def main():
    folder = Path(tempfile.mkdtemp())
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True)
    server = subprocess.Popen([sys.executable, HERE / "server.py", folder / "cert", folder / "key"], stdout=subprocess.PIPE, text=True)
    ports = json.loads(server.stdout.readline())
    base = f"http://127.0.0.1:{ports['http']}"
    marks = {"%plain": f"127.0.0.1:{ports['plain']}", "%login": f"127.0.0.1:{ports['login']}"}
    cases = json.loads((HERE / "cases.json").read_text())
    receivers, routes = [{"name": "none"}], []
    for case in cases:
        own = {**marks, "BASE": f"{base}/{case['name']}"}
        entry = replaced({**case["entry"], **case["secrets"]}, own)
        entry["send_resolved"] = True
        if case.get("proxied"):
            entry["http_config"] = {"proxy_url": base, "tls_config": {"insecure_skip_verify": True}}
        receivers.append({
            "name": case["name"], f"{case['kind']}_configs": [entry],
            "webhook_configs": [{"url": f"{base}/told"}] if case["kind"] != "webhook" else [entry, {"url": f"{base}/told"}],
        })
        routes.append({"receiver": case["name"], "matchers": [f'case="{case["name"]}"'], "group_by": ["alertname"]})
    config = {
        "global": {"resolve_timeout": "1h"}, "templates": [str(RECEIVERS / "recorded/src/names.tmpl")], "receivers": receivers,
        "route": {"receiver": "none", "group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h", "routes": routes},
    }
    (folder / "am.yml").write_text(json.dumps(config, ensure_ascii=False))
    web = "127.0.0.1:19093"
    alertmanager = subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={folder}/am.yml", f"--storage.path={folder}/data", "--cluster.listen-address=",
         f"--web.listen-address={web}", "--web.external-url=http://alerts.example"], stderr=(folder / "log").open("w"))
    try:
        run(cases, f"http://{web}/api/v2/alerts", f"{base}/recorded")
    finally:
        alertmanager.terminate()
        server.terminate()
        print((folder / "log").read_text()[-3000:])


def alerts(cases, resolved):
    labels = {"alertname": "Down", "team": "a&b", "severity": "critical", "job": "db"}
    for case in cases:
        for instance in ["one", "two"]:
            alert = {
                "labels": {**labels, "case": case["name"], "instance": instance},
                "annotations": {"summary": "it's <down> & \"out\"", "runbook": "http://run/book?a=1&b=2", "of": instance},
                "startsAt": STARTS, "generatorURL": "http://prometheus.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            }
            if resolved:
                alert["startsAt"], alert["endsAt"] = BEGAN, ENDS
            yield alert


def run(cases, api, recorded):
    wanted = {case["name"] for case in cases}
    for _ in range(200):
        try:
            urllib.request.urlopen(api).close()
            break
        except OSError:
            time.sleep(0.1)
    phases, seen = [], 0
    for resolved in [False, True]:
        get(api, json.dumps(list(alerts(cases, resolved))).encode())
        for _ in range(200):
            sent = get(recorded)[seen:]
            told = {json.loads(one["body"])["receiver"] for one in sent if one.get("path") == "/told"}
            if len(told) == len(wanted) and len(sent) >= 2 * len(wanted):
                break
            time.sleep(0.1)
        time.sleep(2)
        phases.append(get(recorded)[seen:])
        seen += len(phases[-1])
    goldens = {}
    for phase in phases:
        for case in cases:
            told = [json.loads(one["body"]) for one in phase if one.get("path") == "/told"]
            told = [body for body in told if body["commonLabels"]["case"] == case["name"]][0]
            goldens.setdefault(case["kind"], []).append({**case, "notification": told, "requests": []})
    for phase, status in zip(phases, ["firing", "resolved"]):
        for one in phase:
            if one.get("path") == "/told":
                continue
            text = json.dumps(one)
            name = max((case["name"] for case in cases if case["name"] in text), key=len)
            kind = name.split("-")[0]
            case = [g for g in goldens[kind] if g["name"] == name and g["notification"]["status"] == status][0]
            case["requests"].append(one)
    for kind, golden in goldens.items():
        path = RECEIVERS / kind / "tests/recorded.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(replaced(golden, SHOWN), indent=1, ensure_ascii=False) + "\n")
        print(kind, [(g["name"], g["notification"]["status"], len(g["requests"])) for g in golden])


main()
