"""Exact, order-independent sums: the one place to import them from.

    rows --partial_sums--> Limbs --concat, regroup, range_sums--> Limbs --to_array, divide_by_counts--> array

`Limbs` are states that merge by addition: any split of the rows into batches, files or threads gives the
same bits. `limbs` holds the form and its merges, `partials`, `float_sums` and `squares` the way from rows,
`limb_results` the way to results.
"""

from __future__ import annotations

from kpi_engine.kernels.limb_results import divide_by_counts, to_array, variance
from kpi_engine.kernels.limbs import (
    Limbs,
    compact,
    concat,
    from_fixed_size_list,
    range_sums,
    regroup,
    take,
    to_fixed_size_list,
    zeros,
)
from kpi_engine.kernels.partials import partial_sums

__all__ = [
    "Limbs",
    "compact",
    "concat",
    "divide_by_counts",
    "from_fixed_size_list",
    "partial_sums",
    "range_sums",
    "regroup",
    "take",
    "to_array",
    "to_fixed_size_list",
    "variance",
    "zeros",
]
