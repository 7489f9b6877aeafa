"""One case of two commits: paired figures, their ratio with its 95 % interval, and a verdict.

Rule: values in, values out. Nothing here measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import comb
from statistics import median
from typing import NamedTuple

CONFIDENCE = 0.95
MIN_PAIRS = 6
"""With fewer pairs no two of the ratios enclose the median with `CONFIDENCE`."""


class Interval(NamedTuple):
    """Both ends are included."""

    low: float
    high: float


def median_interval(values: Sequence[float]) -> Interval | None:
    """The 95 % interval of the median, from the sorted values alone; None for fewer than 6.

    A value lies below the true median with a chance of one half, like a coin
    that falls. So the number of values below it has a binomial distribution,
    and the narrowest pair of sorted values that encloses it in 95 % of all
    samples can be counted out: the 4th and the 12th of 15 values.

    A t-interval over the logarithms was not taken: a single round in which the
    load generator was not scheduled for a while makes it as wide as that round
    is far away, so that nothing is ever slower. A bootstrap of the median has
    no such weakness, but it needs random numbers, and for 15 values it is
    narrower than it claims. This one is exact for any distribution, ignores
    how far away an outlier is, and is the same for ratios and their logarithms.
    """
    ordered = sorted(values)
    outside = 0.0
    kept = None
    for left_out in range(len(ordered) // 2):
        outside += 2 * comb(len(ordered), left_out) / 2 ** len(ordered)
        if outside > 1 - CONFIDENCE:
            break
        kept = Interval(ordered[left_out], ordered[-1 - left_out])
    return kept


class PairedVerdict(StrEnum):
    """What the interval of the ratios says about the new commit."""

    WORSE = "worse"
    BETTER = "better"
    NO_DIFFERENCE = "no difference"
    TOO_FEW_PAIRS = "too few pairs"


class FigurePair(NamedTuple):
    """What one round measured of each commit."""

    old: float
    new: float


@dataclass(slots=True)
class PairedCase:
    """One case and its rounds.

    Differences up to `tolerance`, a share of the old figure, are none: memory
    is counted in pages and repeats almost exactly, so that there the interval
    alone would make a difference of each page. `suspected` are the pairs of an
    earlier measurement that said "worse", and was therefore repeated.
    """

    group: str
    case: str
    unit: str
    more_is_better: bool = True
    tolerance: float = 0.0
    pairs: list[FigurePair] = field(default_factory=list)
    suspected: list[FigurePair] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """New to old of each pair; a round without any reply has none."""
        return [pair.new / pair.old for pair in self.pairs if pair.new > 0 and pair.old > 0]

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return median(self.ratios) if self.ratios else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the ratio."""
        return median_interval(self.ratios)

    @property
    def verdict(self) -> PairedVerdict:
        """Worse or better where the whole interval says so."""
        interval = self.interval
        if interval is None:
            return PairedVerdict.TOO_FEW_PAIRS
        more = interval.low > 1 + self.tolerance
        less = interval.high < 1 - self.tolerance
        if not more and not less:
            return PairedVerdict.NO_DIFFERENCE
        return PairedVerdict.BETTER if more == self.more_is_better else PairedVerdict.WORSE

    def repeated(self) -> PairedCase:
        """The same case with no pairs yet, and with those of this one as the suspected ones."""
        again = (self.group, self.case, self.unit, self.more_is_better, self.tolerance)
        return PairedCase(*again, suspected=self.pairs)


def exit_status(cases: Sequence[PairedCase]) -> int:
    """0 where no case is worse, 1 where one is, 2 where one could not be decided."""
    verdicts = {case.verdict for case in cases}
    if PairedVerdict.WORSE in verdicts:
        return 1
    return 2 if PairedVerdict.TOO_FEW_PAIRS in verdicts or not verdicts else 0
