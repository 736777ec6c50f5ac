"""The reader of Prometheus' text format."""

import unittest

from narthex_sdk import Batch, ProtocolError, exposition


def parsed(text, **settings):
    return exposition.parse(text, Batch(), **settings)


class ExpositionTest(unittest.TestCase):
    def test_lines_become_samples(self):
        for line, expected in [
            ("a 1", "a 1\n"),
            ("a{} 1", "a 1\n"),
            ('a{b="c",} 1.5e3', 'a{b="c"} 1500\n'),
            ('a { b = "c" , d = "e" } -Inf 100', 'a{b="c",d="e"} -Inf\n'),
            ('a{b="x\\\\y\\"z\\n}"} NaN', 'a{b="x\\\\y\\"z\\n}"} NaN\n'),
            ('{"my.metric",b="c"} .5', 'my.metric{b="c"} 0.5\n'),
            ('a{"my.label"="c"} 1', 'a{my.label="c"} 1\n'),
            ('a_total 1 # {trace="x"} 2', "a_total 1\n"),
            ("# a comment", ""),
            ("", ""),
            ("# EOF", ""),
        ]:
            with self.subTest(line):
                self.assertEqual(parsed(line).to_text(), expected)

    def test_what_is_no_sample_names_its_line(self):
        for line in [
            "a",
            "a b",
            "a 1_0",
            "a 1 2 3",
            "a{b} 1",
            'a{b="c} 1',
            'a{b="c"',
            "a{b=c} 1",
            "a 1 x",
            "{} 1",
            "<html>",
        ]:
            with self.subTest(line), self.assertRaisesRegex(ProtocolError, "^line 2: "):
                parsed("ok 1\n" + line)

    def test_families_keep_their_type_help_and_parts(self):
        text = (
            "# HELP wait How long\\nit took.\n# TYPE wait histogram\n"
            'wait_bucket{le="+Inf"} 3\nwait_sum 2\nwait_count 3\nwait_max 9\n'
            "# TYPE sent counter\n# UNIT sent bytes\nsent_total 5\nsent_created 1\n"
            "# TYPE old untyped\nold 1\n"
        )
        batch = parsed(text)
        record = batch.to_wit()
        texts = record.symbols
        self.assertEqual(
            [
                (texts[family.name], family.kind.name, family.samples, texts[family.help])
                for family in record.families
            ],
            [
                ("wait", "HISTOGRAM", 3, "How long\nit took."),
                ("wait_max", "UNKNOWN", 1, ""),
                ("sent_total", "COUNTER", 1, ""),
                ("sent_created", "UNKNOWN", 1, ""),
                ("old", "UNKNOWN", 1, ""),
            ],
        )
        self.assertEqual(len(batch), 7)

    def test_families_are_chosen_labelled_and_renamed(self):
        text = 'a 1\nb{x="own"} 2\nc 3\n'
        batch = parsed(
            text, keep=lambda name: name != "c", labels={"x": "added"}, prefix="p_"
        )
        self.assertEqual(batch.to_text(), 'p_a{x="added"} 1\np_b{x="own"} 2\n')

    def test_times_are_kept(self):
        self.assertEqual(parsed("a 1 100\na 2 1.5").to_wit().timestamps, [100, 1500])

    def test_a_text_has_so_many_lines_at_most(self):
        with self.assertRaisesRegex(ProtocolError, "more than"):
            parsed("\n" * (exposition.LINES_MAX + 1))
