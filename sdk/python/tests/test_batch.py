"""What becomes of samples on their way to the host."""

import math
import unittest

from narthex_sdk import Batch, fake


class BatchTest(unittest.TestCase):
    def test_every_text_is_stored_once(self):
        batch = Batch()
        batch.gauge("disk_used", "Used.").sample(1, {"disk": "a"}).sample(2.5, {"disk": "b"})
        batch.counter("disk_used_total", "Used.").sample(3)
        self.assertEqual(
            batch.to_text(),
            'disk_used{disk="a"} 1\ndisk_used{disk="b"} 2.5\ndisk_used_total 3\n',
        )
        record = batch.to_wit()
        self.assertEqual(record.symbols[0], "")
        self.assertEqual(len(record.symbols), len(set(record.symbols)))
        self.assertEqual(record.label_counts, [1, 1, 0])
        self.assertEqual([record.symbols[i] for i in record.labels], ["disk", "a", "disk", "b"])
        self.assertEqual(record.values, [1.0, 2.5, 3.0])
        self.assertEqual([family.samples for family in record.families], [2, 1])
        self.assertEqual([family.kind.name for family in record.families], ["GAUGE", "COUNTER"])
        self.assertEqual(record.timestamps, [])

    def test_samples_of_a_family_may_come_apart(self):
        batch = Batch()
        for disk in ("a", "b"):
            batch.gauge("read").sample(1, {"disk": disk})
            batch.gauge("written").sample(2, {"disk": disk})
        self.assertEqual(
            batch.to_text(),
            'read{disk="a"} 1\nread{disk="b"} 1\nwritten{disk="a"} 2\nwritten{disk="b"} 2\n',
        )
        self.assertEqual([family.samples for family in batch.to_wit().families], [2, 2])
        self.assertEqual(len(batch), 4)

    def test_histograms_and_summaries_are_written_in_parts(self):
        batch = Batch()
        batch.histogram("wait").buckets({0.1: 1, 1: 3}, sum=2.5, count=4, labels={"q": "x"})
        batch.summary("size").quantiles({0.5: 10, 0.99: 20}, sum=100, count=9)
        self.assertEqual(
            batch.to_text(),
            'wait_bucket{q="x",le="0.1"} 1\n'
            'wait_bucket{q="x",le="1.0"} 3\n'
            'wait_bucket{q="x",le="+Inf"} 4\n'
            'wait_sum{q="x"} 2.5\n'
            'wait_count{q="x"} 4\n'
            'size{quantile="0.5"} 10\n'
            'size{quantile="0.99"} 20\n'
            "size_sum 100\n"
            "size_count 9\n",
        )

    def test_label_values_become_texts(self):
        batch = Batch()
        batch.gauge("a").sample(1, {"port": 80, "note": 'say "\\\n'})
        self.assertEqual(batch.to_text(), 'a{port="80",note="say \\"\\\\\\n"} 1\n')
        self.assertTrue(all(isinstance(text, str) for text in batch.to_wit().symbols))

    def test_what_is_not_unicode_is_replaced(self):
        batch = Batch()
        batch.gauge("a").sample(1, {"name": "caf\udce9"})
        self.assertIn("caf?", batch.to_wit().symbols)

    def test_values_that_are_no_numbers_are_refused(self):
        batch = Batch()
        for value in ("x", None):
            with self.assertRaises((TypeError, ValueError)):
                batch.gauge("a").sample(value, {"b": "c"})
        self.assertEqual(batch.to_text(), "")
        batch.gauge("a").sample(math.inf).sample(math.nan).sample(True)
        self.assertEqual(batch.to_text(), "a +Inf\na NaN\na 1\n")

    def test_one_time_gives_all_samples_one(self):
        batch = Batch()
        batch.gauge("a").sample(1, timestamp_ms=5).sample(2)
        with fake.Host(now_ms=7):
            self.assertEqual(batch.to_wit().timestamps, [5, 7])

    def test_an_unknown_type_is_refused(self):
        with self.assertRaises(ValueError):
            Batch().family("gague", "a")
