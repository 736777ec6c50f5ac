"""Runs on your own machine: ``python3 -m unittest``."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "narthex-sdk"))

from app import Plugin
from narthex_sdk import ProtocolError, fake

STATS = """\
STAT version 1.6.40\r
STAT curr_connections 10\r
STAT cmd_get 7\r
END\r
"""


class PluginTest(unittest.TestCase):
    def test_stats_become_metrics(self):
        host = fake.Host().tcp("memcached:11211", [("stats\r\n", STATS)])
        batch = host.collect(Plugin, "memcached:11211", {"prefix": "m"})
        self.assertEqual(
            batch.to_text(),
            'm_info{version="1.6.40"} 1\nm_connections 10\nm_commands_total{command="get"} 7\n',
        )

    def test_another_answer_is_an_error(self):
        host = fake.Host().tcp("memcached:11211", "ERROR\r\n")
        with self.assertRaisesRegex(ProtocolError, "not expected: ERROR"):
            host.collect(Plugin, "memcached:11211")


if __name__ == "__main__":
    unittest.main()
