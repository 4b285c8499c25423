"""What a row of the table is made of, and how the table is told to people and to programs."""

import dataclasses
import math
import statistics


class Fault(Exception):
    """Something was wrong, not slow: a wrong answer, a lost request, books that do not match."""


@dataclasses.dataclass
class Figure:
    """One row: what was measured in each round, what stood beside it, and what is wanted.

    With a baseline the wanted numbers are ratios, without one they are figures. The ratio is that
    of the two medians.
    """

    row: str
    what: str
    unit: str
    least: float
    aim: float
    rounds: list
    baseline: str = ""
    baseline_rounds: list = dataclasses.field(default_factory=list)
    less_is_better: bool = False
    details: dict = dataclasses.field(default_factory=dict)
    # Said beside the row: why it is not to be judged as it stands.
    remark: str = ""

    @property
    def figure(self):
        return statistics.median(self.rounds)

    @property
    def baseline_figure(self):
        return statistics.median(self.baseline_rounds) if self.baseline_rounds else None

    @property
    def ratio(self):
        return self.figure / self.baseline_figure if self.baseline_rounds else None

    @property
    def verdict(self):
        reached = self.figure if self.ratio is None else self.ratio
        if self._meets(reached, self.aim):
            return "aim"
        return "least" if self._meets(reached, self.least) else "short"

    def _meets(self, reached, wanted):
        return reached <= wanted if self.less_is_better else reached >= wanted

    def wanted(self, number):
        sign = "≤ " if self.less_is_better else "≥ "
        return sign + (f"{number:g} ×" if self.ratio is not None else quantity(number, self.unit))

    def summary(self):
        """For programs. A percentile that no answer reached is null: JSON knows no infinity."""
        return {
            "row": self.row, "what": self.what, "unit": self.unit,
            "figure": finite(self.figure), "rounds": [finite(number) for number in self.rounds],
            "baseline": self.baseline or None, "baseline_figure": self.baseline_figure,
            "baseline_rounds": self.baseline_rounds, "ratio": self.ratio,
            "least": self.least, "aim": self.aim, "less_is_better": self.less_is_better,
            "verdict": self.verdict, "remark": self.remark or None, "details": self.details,
        }


def finite(number):
    return number if math.isfinite(number) else None


def quantity(number, unit):
    """A number as people read it: three digits that count, and its unit."""
    if not math.isfinite(number):
        return "never"
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2
    return f"{number:,.{digits}f} {unit}"


def percentile(latencies, count, share):
    """The least latency that `share` of `count` requests did not exceed, by nearest rank.

    `latencies` are pairs of a latency and how many had it. Requests that were never answered are in
    `count` only: they are slower than every other.
    """
    rank = max(1, math.ceil(share * count))
    seen = 0
    for latency, number in sorted(latencies):
        seen += number
        if seen >= rank:
            return latency
    return math.inf


HEADINGS = ["row", "what", "figure", "baseline", "ratio", "at least", "aim", "reached"]


def table(figures):
    lines = [HEADINGS] + [cells(figure) for figure in figures]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    ruler = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in [lines[0], ruler, *lines[1:]])


def cells(figure):
    has_baseline = figure.ratio is not None
    return [
        figure.row, figure.what, quantity(figure.figure, figure.unit),
        f"{quantity(figure.baseline_figure, figure.unit)} {figure.baseline}"
        if has_baseline else "",
        f"{figure.ratio:.2f} ×" if has_baseline else "",
        figure.wanted(figure.least), figure.wanted(figure.aim),
        figure.verdict + (f" ({figure.remark})" if figure.remark else ""),
    ]
