"""Runs on your own machine: ``python3 -m unittest``."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "narthex-sdk"))

from app import Plugin
from narthex_sdk import Alert, Notification, Rejected, Retry, fake

DOWN = Alert(True, "0" * 16, {"alertname": "Down"}, {"summary": "It is."}, 1000, None, "")
NOTIFICATION = Notification("{}", "chat", {}, {}, {}, "", 0, [DOWN])
URL = "http://chat/post"


class PluginTest(unittest.TestCase):
    def test_alerts_become_lines(self):
        host = fake.Host().response(URL, method="POST")
        plugin = host.start(Plugin, {"url": URL})
        self.assertIsNone(plugin.notify(NOTIFICATION))
        self.assertEqual(host.requests[0].body, b"firing Down It is.\n")

    def test_the_status_decides_whether_it_is_tried_again(self):
        for status, outcome in [(503, Retry()), (404, Rejected(f"{URL}: status 404"))]:
            host = fake.Host().response(URL, status=status, method="POST")
            self.assertEqual(host.start(Plugin, {"url": URL}).notify(NOTIFICATION), outcome)


if __name__ == "__main__":
    unittest.main()
