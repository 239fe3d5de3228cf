"""Which products are bought together: `basket` has a row per order and ordered pair of its products."""

from __future__ import annotations

from dataclasses import replace

from .terms import Formula, Leaf, Op, count, ratio, share, without

pairs = count("basket", expression="distinct order_id")


def _lift(pair: Leaf, everything: Leaf, of_item: Leaf, of_other: Leaf) -> Op:
    return ratio(Op("({0}) * ({1})", (pair, everything)), Op("({0}) * ({1})", (of_item, of_other)))


BASKETS: dict[str, Formula] = {
    "pair_orders": pairs,
    "affinity_support": ratio(pairs, without(pairs, "item", "other")),
    "affinity_confidence": ratio(pairs, without(pairs, "other")),
    "affinity_lift": _lift(pairs, without(pairs, "item", "other"), without(pairs, "other"), without(pairs, "item")),
    "bundle_share": share("orders", "is_valid and products_bought >= 2", "is_valid"),
}

# Questions about three products. Their condition names `item` alone: a total without `item` drops it.
THREE_ITEMS = 'item in ["P003", "P120", "P271"]'
_three = replace(pairs, where="item in ('P003', 'P120', 'P271')")
OF_THREE_ITEMS: dict[str, Formula] = {
    "pair_orders": _three,
    "affinity_support": ratio(_three, without(pairs, "item", "other")),
    "affinity_confidence": ratio(_three, without(_three, "other")),
    "affinity_lift": _lift(_three, without(pairs, "item", "other"), without(_three, "other"), without(pairs, "item")),
}
