"""The arithmetic of the benchmarks: a figure that is told wrongly would be believed."""

import math
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Benchmarks"))
from figures import Figure, percentile, quantity, table
from ledger import numbers


class Percentiles(unittest.TestCase):
    def test_nearest_rank(self):
        latencies = [(300, 1), (100, 98), (200, 1)]
        self.assertEqual(percentile(latencies, 100, 0.50), 100)
        self.assertEqual(percentile(latencies, 100, 0.98), 100)
        self.assertEqual(percentile(latencies, 100, 0.99), 200)
        self.assertEqual(percentile(latencies, 100, 1.00), 300)

    def test_a_single_latency_is_every_percentile(self):
        self.assertEqual(percentile([(700, 1)], 1, 0.0), 700)
        self.assertEqual(percentile([(700, 1)], 1, 0.99), 700)

    def test_what_was_never_answered_is_slowest(self):
        latencies = [(100, 98)]
        self.assertEqual(percentile(latencies, 100, 0.98), 100)
        self.assertEqual(percentile(latencies, 100, 0.99), math.inf)
        self.assertEqual(percentile([], 100, 0.5), math.inf)


class Figures(unittest.TestCase):
    def test_the_ratio_is_that_of_the_medians(self):
        figure = Figure(
            "row", "what", "/s", least=2, aim=3, rounds=[10, 90, 20], baseline="other",
            baseline_rounds=[1, 10, 40])
        self.assertEqual((figure.figure, figure.baseline_figure, figure.ratio), (20, 10, 2))
        self.assertEqual(figure.verdict, "least")

    def test_less_can_be_better(self):
        reached = [
            Figure("row", "what", "ms", least=50, aim=15, rounds=[number], less_is_better=True)
            for number in [15, 50, 51, math.inf]
        ]
        self.assertEqual(
            [figure.verdict for figure in reached], ["aim", "least", "short", "short"])
        self.assertIsNone(reached[-1].summary()["figure"])
        self.assertIn("never", table(reached))

    def test_three_digits_count(self):
        self.assertEqual(
            [quantity(number, "s") for number in [1.234, 12.34, 123.4, 12345.6]],
            ["1.23 s", "12.3 s", "123 s", "12,346 s"])


class SaidByTheProgram(unittest.TestCase):
    def test_each_line_of_the_name_counts(self):
        said = "round 1\nnew_nanoseconds 20\ngrown_nanoseconds 30\nnew_nanoseconds 25\n"
        self.assertEqual(numbers("new_nanoseconds", said), [20, 25])
        self.assertEqual(numbers("nanoseconds", said), [])


unittest.main()
