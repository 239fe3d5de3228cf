"""Text files that are not as they should be: lines, quotes, headers, encodings, compression."""

from __future__ import annotations

import bz2
import gzip

from .running import GOOD, Input, csv

_ROW = "3,2026-01-07 12:00,7"
_LINES = [line + "\n" for line in GOOD.splitlines()]
_UMLAUT = "id,at,total\nMüller,2026-01-05 10:00,10.50\n"
_MOSCOW = "\u041c\u043e\u0441\u043a\u0432\u0430"
_CAIRO = "\u0627\u0644\u0642\u0627\u0647\u0631\u0629"
_NAMES = ("上海", "Émile 🙂", _MOSCOW, _CAIRO)
_CHINESE = "id,at,total\n" + "".join(f"订单号{n},2026-01-05 10:00,1\n" for n in range(9))

TEXT = [
    csv("zero_bytes", b""),
    csv("only_a_line_end", "\n"),
    csv("header_only", "id,at,total\n"),
    csv("header_only_no_line_end", "id,at,total"),
    csv("no_last_line_end", GOOD.rstrip("\n")),
    csv("last_line_cut_short", GOOD + "3,2026-01"),
    csv("last_line_one_field", GOOD + "3"),
    csv("too_many_fields", GOOD + "3,2026-01-07,7,8\n"),
    csv("thousands_without_quotes", GOOD + "3,2026-01-07,1,234.50\n"),
    csv("empty_line_inside", _LINES[0] + _LINES[1] + "\n\n" + _LINES[2]),
    csv("line_of_blanks", GOOD + "   \n"),
    csv("carriage_returns_only", GOOD.replace("\n", "\r")),
    csv("mixed_line_ends", _LINES[0].rstrip() + "\r\n" + _LINES[1] + _LINES[2].rstrip() + "\r\n" + _ROW + "\r"),
    csv("quote_never_closed", GOOD + '3,"2026-01-07,7\n4,2026-01-08,8\n'),
    csv(
        "quote_never_closed_in_one_column",
        'at\n2026-01-05\n"2026-01-06\n',
        columns="  column at: timestamp\n  column total: integer = 1\n",
    ),
    csv("quote_never_closed_in_header", 'id,"at,total\n1,2026-01-05,10.50\n'),
    csv("bad_value_after_line_breaks_in_quotes", 'id,at,total\n"a\nb\r\nc",2026-01-05,1\n2,2026-01-06,oops\n'),
    csv("quotes_inside_without_doubling", GOOD + '3,2026-01-07,"7"8"\n'),
    csv("column_twice", "id,at,total,total\n1,2026-01-05,1,2\n"),
    csv("column_missing", "id,at\n1,2026-01-05\n"),
    csv("column_misspelt", "id,at,totl\n1,2026-01-05,1\n"),
    csv("header_with_blanks", "id , at , total\n1,2026-01-05,1\n"),
    csv("header_with_blanks_trimmed", "id , at , total\n1, 2026-01-05 , 1\n", "trim: true"),
    csv("header_missing_a_name", "id,,at,total\n1,x,2026-01-05,1\n"),
    csv("no_header_at_all", "1,2026-01-05,1\n2,2026-01-06,2\n"),
    csv("semicolons", GOOD.replace(",", ";")),
    csv("tabs", GOOD.replace(",", "\t")),
    csv("lines_above_the_header", "Export of 2026\n\n" + GOOD),
    csv("skip_beyond_the_end", GOOD, "skip: 9"),
    csv("nul_bytes_at_the_end", GOOD.encode() + bytes(64)),
    csv("nul_byte_in_a_value", GOOD + "3,2026-01-07\0,7\n"),
    csv("binary", bytes(range(256)) * 8),
    csv("byte_order_mark", b"\xef\xbb\xbf" + GOOD.encode()),
    csv("byte_order_mark_read_as_latin", b"\xef\xbb\xbf" + GOOD.encode(), 'encoding: "latin-1"'),
    csv("latin_1_read_as_utf_8", _UMLAUT.encode("latin-1")),
    Input(
        "names_in_several_scripts",
        {"orders.csv": "id,at,total\n" + "".join(f"{name},2026-01-05,1\n" for name in _NAMES)},
        ask="revenue --by id --as-of 2027-01-01 --format csv",
    ),
    Input(
        "lines_twice_that_count_once",
        {"orders.csv": GOOD + GOOD.partition("\n")[2]},
        options="distinct: true",
    ),
    csv("lines_twice", GOOD + GOOD.partition("\n")[2]),
    csv("windows_1252_read_as_utf_8", "id,at,total\n5 €,2026-01-05,1\n".encode("cp1252")),
    csv("gbk_read_as_utf_8", _CHINESE.encode("gbk")),
    csv("utf_16_read_as_utf_8", GOOD.encode("utf-16")),
    csv("utf_16_without_mark_read_as_utf_8", GOOD.encode("utf-16-le")),
    csv("utf_16_big_endian_read_as_utf_8", GOOD.encode("utf-16-be")),
    csv("utf_8_read_as_gbk", "id,at,total\nÄa,2026-01-05,1\n".encode(), 'encoding: "gbk"'),
    csv("utf_8_cut_inside_a_character", _UMLAUT.encode() + "ü".encode()[:1]),
    csv("utf_16_cut_inside_a_character", GOOD.encode("utf-16")[:-1], 'encoding: "utf-16"'),
    csv("no_such_encoding", GOOD, 'encoding: "klingon"'),
    csv("delimiter_of_two_characters", GOOD, 'delimiter: "::"'),
    csv("decimal_and_thousands_alike", GOOD, 'decimal: ","\nthousands: ","'),
    csv("date_format_without_a_year", GOOD, 'date_format: "%d.%m."'),
    csv("field_of_nine_megabytes", GOOD + f'3,2026-01-07,"{"7" * (9 << 20)}"\n'),
    csv("field_of_two_hundred_kilobytes", GOOD + f'"{"x" * 200_000}",2026-01-07,oops\n'),
    Input("gzip_cut_short", {"orders.csv.gz": gzip.compress(GOOD.encode(), mtime=0)[:-9]}, "orders.csv.gz"),
    Input("gzip_that_is_none", {"orders.csv.gz": GOOD}, "orders.csv.gz"),
    Input("bzip2_damaged", {"orders.csv.bz2": bz2.compress(GOOD.encode())[:30] + bytes(40)}, "orders.csv.bz2"),
    Input("zstandard_that_is_none", {"orders.csv.zst": GOOD}, "orders.csv.zst"),
]
