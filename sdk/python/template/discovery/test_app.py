"""Runs on your own machine: ``python3 -m unittest``."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "narthex-sdk"))

from app import Plugin
from narthex_sdk import Group, ProtocolError, fake

CONFIG = {"url": "http://lists/web"}


class PluginTest(unittest.TestCase):
    def test_lines_become_targets(self):
        plugin = fake.Host().response("http://lists/web", "a:80\nb:80\n").start(Plugin, CONFIG)
        targets = [{"__address__": "a:80"}, {"__address__": "b:80"}]
        expected = [Group("http://lists/web", targets, {"list": "http://lists/web"})]
        self.assertEqual(plugin.refresh(), expected)

    def test_another_status_is_an_error(self):
        plugin = fake.Host().response("http://lists/web", status=404).start(Plugin, CONFIG)
        with self.assertRaisesRegex(ProtocolError, "status 404"):
            plugin.refresh()


if __name__ == "__main__":
    unittest.main()
