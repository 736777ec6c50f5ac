"""Runs on your own machine: ``python3 -m unittest``."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "narthex-sdk"))

from app import Apache
from narthex_sdk import ProtocolError, UnavailableError, fake

URL = "http://web:80/server-status?auto"
PAGE = """\
localhost
ServerVersion: Apache/2.4.57 (Debian)
ServerMPM: event
Total Accesses: 7
CPUUser: .25
BusyWorkers: 1
ConnsTotal: 2
Scoreboard: __W..
"""


class ApacheTest(unittest.TestCase):
    def test_the_page_becomes_metrics(self):
        host = fake.Host().response(URL, PAGE)
        lines = host.collect(Apache, "web:80").to_text().splitlines()
        for line in [
            "apache_accesses_total 7",
            'apache_cpu_time_ms_total{type="user"} 250',
            'apache_workers{state="busy"} 1',
            'apache_connections{state="total"} 2',
            'apache_scoreboard{state="idle"} 2',
            'apache_scoreboard{state="open_slot"} 2',
            'apache_scoreboard{state="dns"} 0',
            'apache_info{version="Apache/2.4.57 (Debian)",mpm="event"} 1',
            "apache_version 2.457",
        ]:
            self.assertIn(line, lines)

    def test_what_the_operator_wrote_is_sent(self):
        host = fake.Host().response("http://proxy/status?auto", PAGE).secret("web", "s3")
        config = {
            "url": "http://proxy/status?auto",
            "host": "internal",
            "user": "narthex",
            "password_secret": "web",
        }
        host.collect(Apache, "web:80", config)
        expected = {"Host": "internal", "Authorization": "Basic narthex:s3"}
        self.assertEqual(host.requests[0].headers, expected)

    def test_other_pages_are_errors(self):
        for body, status, error in [
            ("<html>", 200, ProtocolError),
            ("BusyWorkers: many\n", 200, ProtocolError),
            ("", 404, ProtocolError),
            ("", 503, UnavailableError),
        ]:
            with self.subTest(body=body, status=status), self.assertRaises(error):
                fake.Host().response(URL, body, status=status).collect(Apache, "web:80")


if __name__ == "__main__":
    unittest.main()
