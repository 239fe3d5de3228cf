"""Ids kept as integers are the texts that they stand for, whatever batches they come from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.kernels import lookup, wide_ids
from kpi_engine.kernels.frames import StateInput, merge_frames, partial_frames
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.id_codecs import is_ids
from kpi_engine.kernels.ids import recoded, shortened, texts, together
from kpi_engine.kernels.lookup import KeyIndex
from kpi_engine.kernels.states import decoded, joined

numbered = st.builds(
    lambda prefix, width, number: f"{prefix}{number:0{width}d}",
    st.sampled_from(["", "C", "SKU-1-", "ключ"]),
    st.sampled_from([1, 7, 9, 16]),
    st.integers(0, 10**10),
)
uuids = st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper())
named = st.builds("{}{}".format, st.sampled_from(["", "cus_", "a-b:"]), st.text("abcXYZ019é\0", max_size=17))
hexadecimal = st.builds(
    lambda prefix, digits, number, upper: f"{prefix}{number % 16**digits:0{digits}{'X' if upper else 'x'}}",
    st.sampled_from(["", "", "v_", "x"]),
    st.sampled_from([1, 7, 9, 12, 15, 16, 17, 31, 32]),
    st.integers(0, 2**128 - 1),
    st.booleans(),
)
alike = st.tuples(st.sampled_from(["", "v_"]), st.sampled_from([9, 12, 16, 20, 32])).flatmap(
    lambda form: st.lists(
        st.none() | st.integers(0, 16 ** form[1] - 1).map(lambda number: f"{form[0]}{number:0{form[1]}x}"), max_size=12
    )
)
strange = st.sampled_from(["0" * 36, "-" * 36, "g" + "0" * 7 + "-0000-0000-0000-" + "0" * 12])
wide = hexadecimal | uuids | named | strange
odd = st.sampled_from(["", "0", "00", "7\0", "\0", "C", "C-1", "éé", "abcdefgh", "12345678901234567890", "C 01", "C+1"])
mixed = st.lists(st.none() | numbered | odd | wide | st.text(max_size=9), max_size=12)
ids = mixed | alike | st.lists(st.none() | uuids, max_size=12) | st.lists(st.none() | named, max_size=12)


@given(ids)
def test_ids_are_written_back_as_they_were(values: list[str | None]) -> None:
    array = pa.array(["?", *values], pa.string()).slice(1)
    assert texts(shortened(array)).to_pylist() == values


@given(ids)
def test_equal_numbers_mean_equal_texts(values: list[str | None]) -> None:
    codes, dictionary = encode(shortened(pa.array(values, pa.string())))
    shown = texts(dictionary).to_pylist()
    assert [shown[code] for code in codes] == values
    known = [value for value in shown if value is not None]
    assert len(set(known)) == len(known)


@given(ids, ids)
def test_what_fits_no_codec_equals_no_id(keys: list[str | None], asked: list[str | None]) -> None:
    short = shortened(pa.array(keys, pa.string()))
    if not is_ids(short.type):
        return
    found = texts(recoded(pa.array(asked, pa.string()), short.type)).to_pylist()
    for wanted, given_back in zip(asked, found, strict=True):
        assert given_back == wanted if wanted in keys else given_back in (None, wanted)


@given(st.lists(ids, min_size=1, max_size=4))
def test_batches_of_ids_go_together(parts: list[list[str | None]]) -> None:
    arrays = [shortened(pa.array(part, pa.string())) for part in parts]
    flat = [value for part in parts for value in part]
    assert texts(joined(arrays)).to_pylist() == flat
    assert [texts(array).to_pylist() for array in together(arrays)] == parts


@given(st.lists(ids, min_size=1, max_size=4))
def test_merged_sets_of_ids_hold_each_once(parts: list[list[str | None]]) -> None:
    frames = []
    for part in parts:
        values = pa.array(part, pa.string())
        frames.append(
            partial_frames([values], np.zeros(len(part), np.int64), [StateInput("distinct", values, None)])[1]
        )
    merged = merge_frames(frames)
    assert merged.item is not None
    keys, items = texts(merged.keys[0]).to_pylist(), texts(decoded(merged.item)).to_pylist()
    assert keys == items
    flat = [value for part in parts for value in part]
    rows = dict(zip(items, merged.states[0].rows.tolist(), strict=True))
    assert rows == Counter(flat)


@pytest.fixture
def one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of two words all have one hash."""
    for module in (wide_ids, lookup):
        monkeypatch.setattr(module, "hashes", lambda words: np.zeros(len(words), np.int64))


def test_ids_of_one_hash_are_told_apart(one_hash: None) -> None:
    texts_of = [f"{number:08x}-0000-4000-8000-0123456789ab" for number in (7, 3, 7, 9)]
    codes, dictionary = encode(shortened(pa.array([*texts_of, None])))
    assert texts(dictionary.take(pa.array(codes))).to_pylist() == [*texts_of, None]
    assert len(dictionary) == 4
    index = KeyIndex(pa.array(texts_of[1:]))
    assert index.positions(pa.array([*texts_of, None, texts_of[0][:-1] + "c"])).to_pylist() == [1, 0, 1, 2, None, None]
    assert KeyIndex(pa.array(texts_of[:1])).positions(pa.array(texts_of)).to_pylist() == [0, None, 0, None]


@given(keys=st.lists(numbered | odd | wide, unique=True, max_size=12) | st.lists(uuids, unique=True), asked=ids)
def test_keys_are_found_whatever_way_they_are_kept(keys: list[str], asked: list[str | None]) -> None:
    places = {key: place for place, key in enumerate(keys)}
    wanted = [None if value is None else places.get(value) for value in asked]
    values = pa.array(asked, pa.string())
    index = KeyIndex(pa.array(keys, pa.string()))
    for form in (values, shortened(values), values.dictionary_encode()):
        assert index.positions(form).to_pylist() == wanted


@pytest.mark.parametrize(
    ("values", "codec"),
    [
        (["C0012345", "C9999999"], "numbered:7:C"),
        (["C1", "C12", None], "numbered:0:C"),
        (["C1234567", "C9999999"], "numbered:0:C"),
        (["17850", "9"], "numbered:0:"),
        (["2024-C-0001", "2024-C-9876"], "numbered:4:2024-C-"),
        (["ab", "c1", "éé"], "bytes"),
        (["0b5f0ab2-1111-4abc-8def-0123456789ab", None], "uuid"),
        (["0B5F0AB2-1111-4ABC-8DEF-0123456789AB"], "UUID"),
        (["9f86d081884c", "000000000000"], "hex:12:"),
        (["9F86D081884C7D65", "00D15EA5E0DDBA11"], "HEX:16:"),
        (["v_9f86d0", "v_00000e"], "bytes"),
        (["visit-9f86d0", "visit-00000e"], "hex:6:visit-"),
        (["9f86d081884c7d659a2feaa0c55ad015", None, "0" * 32], "hex:32:"),
        (["9f86d081884c", "9F86D081884C"], "words:"),
        (["9f86d081884c", "9f86d081884"], "words:"),
        (["a longer text", "b"], "words:"),
        (["cus_Qx5G2mPzWvXaY0", "cus_b"], "words:cus_"),
        (["G" * 9 + "1", "H" * 9 + "1"], "words:"),
    ],
)
def test_the_first_way_that_fits_is_taken(values: list[str | None], codec: str) -> None:
    assert shortened(pa.array(values)).type.type_name == codec


def test_what_is_no_id_stays_text() -> None:
    mixed = ["0b5f0ab2-1111-4abc-8def-0123456789ab", "0B5F0AB2-1111-4ABC-8DEF-0123456789AB"]
    for values in (["a text of some length", "b"], [None], [], mixed, ["cus_Qx5G2mPzWvXaY0", "guest"]):
        assert shortened(pa.array(values, pa.string())).type == pa.string()
    assert shortened(pa.array([1])).type == pa.int64()


def test_ids_with_and_without_leading_zeros_meet_as_integers() -> None:
    low, high = shortened(pa.array(["C0000001"])), shortened(pa.array(["C2000000"]))
    assert low.type != high.type
    assert joined([low, high]).type == low.type
    assert joined([high, low]).storage.to_pylist() == [2_000_000, 1]
