"""What `approx` permits: the two sketches, how large they are, and how far their estimates may be off.

Both are exact while there are few values. Beyond that a distinct count comes from a HyperLogLog sketch and a percentile
from the levels of a KLL sketch, with these bounds:

    HyperLogLog of 2**lg_k registers   standard error 1.04 / sqrt(2**lg_k) of the count
    KLL of size k                      2.296 / k**0.9723 of the ranks, in 99 of 100 estimates

Both formulas are those of the Apache DataSketches library, whose hash and whose levels these sketches share.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

from kpi_engine.ir.dataclass import dataclass

SketchKind = Literal["hll", "kll"]

HLL_LG_K = 12
"""Registers of a distinct count, as a power of two."""

HLL_EXACT = 4096
"""Distinct counts up to here are exact: so many hashes are kept as they are."""

KLL_K = 800
"""The size of the greatest level of a quantile sketch."""

KLL_EXACT = 3 * KLL_K + 64
"""Percentiles of up to so many different values are exact: so many are kept with their counts."""


@dataclass(frozen=True, slots=True)
class Approximation:
    """An estimate inside a metric: the sketch it may come from, and the aggregate as written."""

    kind: SketchKind
    text: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.bound}" if self.text else self.bound

    @property
    def error(self) -> float:
        """The bound: a standard error relative to the count (`hll`), or a share of the ranks (`kll`).

        >>> Approximation("hll").error, round(Approximation("kll").error, 6)
        (0.01625, 0.003454)
        """
        return 1.04 / sqrt(2**HLL_LG_K) if self.kind == "hll" else 2.296 / KLL_K**0.9723

    @property
    def bound(self) -> str:
        """The bound in words.

        >>> print(Approximation("kll").bound)
        exact up to 2464 different values, then within 0.35% of the ranks in 99 of 100 estimates (KLL, k = 800)
        """
        if self.kind == "hll":
            return (
                f"exact up to {HLL_EXACT} different values, then with a standard error of {self.error:.1%}: "
                f"within {1.96 * self.error:.1%} in 95 of 100 estimates (HyperLogLog, lg_k = {HLL_LG_K})"
            )
        return (
            f"exact up to {KLL_EXACT} different values, then within {self.error:.2%} of the ranks "
            f"in 99 of 100 estimates (KLL, k = {KLL_K})"
        )
