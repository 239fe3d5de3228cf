"""Values that are not as they should be: numbers, dates, ids, marks of null, duplicates."""

from __future__ import annotations

from .running import COLUMNS, GOOD, Input, csv

_HEAD = "id,at,total\n"
_DAYS = {f"days/{day:03}.csv": f"{_HEAD}{day},2026-01-05 10:00,1\n" for day in range(1, 121)}


def _total(value: str, options: str = "") -> str:
    return f"{_HEAD}1,2026-01-05,{value}\n"


def _at(value: str) -> str:
    return f"{_HEAD}1,{value},10\n2,2026-01-06,5\n"


_INTEGER_ID = COLUMNS.replace("column id: text", "column id: integer")
_IDS = "orders.id"

VALUES = [
    csv("letters_in_a_number", _total("12a")),
    csv("letters_as_null", _total("12a"), "on_error: null"),
    Input("letters_in_one_of_many_files", _DAYS | {"days/077.csv": f"{_HEAD}1,2026-01-05,n/a\n"}, "days/*.csv"),
    Input(
        "letters_in_one_of_many_files_as_null",
        _DAYS | {"days/077.csv": f"{_HEAD}1,2026-01-05,n/a\n"},
        "days/*.csv",
        "on_error: null",
    ),
    csv("question_mark", _total("?")),
    csv("question_mark_means_null", _total("?"), 'null_values: ["?"]'),
    csv("null_in_capitals", _total("NULL")),
    csv("comma_as_decimal_mark", _HEAD + '1,2026-01-05,"10,50"\n'),
    csv("thousands", _HEAD + '1,2026-01-05,"1,234.50"\n', 'thousands: ","'),
    csv("thousands_in_wrong_places", _HEAD + '1,2026-01-05,"12,34.50"\n', 'thousands: ","'),
    csv("money_sign", _total("$10.50")),
    csv("percent_sign", _total("10%")),
    csv("two_points", _total("1.2.3")),
    csv("hexadecimal", _total("0x1F")),
    csv("infinity", _total("inf")),
    csv("not_a_number", _total("NaN")),
    csv("a_hundred_digits", _total("1" * 100)),
    csv("exponent_out_of_reach", _total("1e999")),
    csv("digits_of_another_script", _total("\u0661\u0662")),
    csv("full_width_digits", _total("\uff11\uff12")),
    csv("minus_sign_of_typographers", _total("\u22125")),
    csv("brackets_for_negatives", _total("(5.00)")),
    csv("minus_behind", _total("5-")),
    csv("negative_quantities", _HEAD + "1,2026-01-05,-10\n2,2026-01-06,-0.5\n"),
    csv("blanks_around_numbers", _HEAD + "1,2026-01-05,  10 \n"),
    csv("no_break_spaces_around_numbers", _HEAD + "1,2026-01-05,\u00a010\u00a0\n"),
    csv("floats_as_integer_ids", _HEAD + "17850.0,2026-01-05,1\n17850,2026-01-06,1\n", columns=_INTEGER_ID),
    csv("fraction_in_an_integer", _HEAD + "17850.5,2026-01-05,1\n", columns=_INTEGER_ID),
    csv("letter_in_an_integer_id", _HEAD + "17850,2026-01-05,1\nC17850,2026-01-06,1\n", columns=_INTEGER_ID),
    csv("thirtieth_of_february", _at("2026-02-30")),
    csv("month_thirteen", _at("2026-13-01")),
    csv("hour_twenty_five", _at("2026-01-05 25:00")),
    csv("fractions_of_seconds", _at("2026-01-05 10:00:00.5")),
    csv("nanoseconds", _at("2026-01-05 10:00:00.123456789")),
    csv("one_digit_months", _at("2026-1-5")),
    csv("year_zero", _at("0000-01-05")),
    csv("day_first", _at("05.01.2026")),
    csv("month_names", _at("31-Jul-18")),
    csv("american_times", _at("2/26/2018 19:58")),
    csv("american_times_mixed_with_iso", _at("2/26/2018 19:58"), 'timestamp_format: "%m/%d/%Y %H:%M"'),
    csv("date_in_words", _at("yesterday")),
    csv("seconds_since_1970", _at("1767607200")),
    csv("time_without_a_date", _at("10:30")),
    csv("zone_by_name", _at("2026-01-05 10:00 CET")),
    csv("offset_of_thirty_hours", _at("2026-01-05T10:00+30:00")),
    csv("empty_time", _at("")),
    csv("true_or_false_otherwise", GOOD, columns=COLUMNS.replace("column id: text", "column id: boolean") + "\n"),
]
VALUES[-1] = Input(
    "condition_in_other_words",
    {"orders.csv": "id,at,total\nmaybe,2026-01-05,1\n"},
    columns=COLUMNS.replace("column id: text", "column id: boolean"),
    ask="revenue --where id --as-of 2027-01-01 --format csv",
)
for _number, _one in enumerate(VALUES):
    if _one.columns == _INTEGER_ID:
        VALUES[_number] = Input(
            _one.name, _one.files, columns=_INTEGER_ID, ask="order_count --by id --as-of 2027-01-01 --format csv"
        )
