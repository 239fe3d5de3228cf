"""Nine months of a wholesaler's invoices, a CSV file a day, as its till exports them.

Ids of customers are floats (`17850.0`), cancellations have invoices such as `C536379` and negative quantities, dates
are American (`2/26/2018 19:58`), texts are in Latin-1. Line ends, the order of columns and white space differ from file
to file, `?` and `NULL` stand for nothing, one file counts in words, one has no rows, the first
invoice of a day may stand in the file of the day before as well, and a column exists from July on only.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from decimal import Decimal
from pathlib import Path

FIRST = dt.date(2018, 1, 2)
LAST = dt.date(2018, 9, 30)
AS_OF = "2018-10-01"
CHANNEL_FROM = dt.date(2018, 7, 1)
WITHOUT_ROWS = dt.date(2018, 4, 2)
WORDS = ["a dozen", "6 pcs", "twelve"]
IN_WORDS = dt.date(2018, 5, 9)

COLUMNS = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
PRODUCTS = {
    "85123A": ("WHITE HANGING HEART T-LIGHT HOLDER", "2.55"),
    "00123": ("CAFÉ CRÈME MUG", "1.25"),
    "123": ('CUSHION 16" X 16", "HOME SWEET HOME"', "7.95"),
    "22423": ("REGENCY CAKESTAND\n3 TIER", "12.75"),
    "84029G": ("KNITTED UNION FLAG; HOT WATER BOTTLE", "3.39"),
    "71053": ("  WHITE METAL LANTERN  ", "3.391"),
    "21730": ("GLASS STAR FROSTED", "4.25"),
    "47566b": ("TEA TIME PARTY BUNTING £", "4.95"),
    "POST": ("POSTAGE", "18"),
    "M": ("Manual", "1,050.00"),
}
COUNTRIES = ["United Kingdom"] * 6 + ["EIRE", "France", "Österreich", "Unspecified"]

Row = dict[str, str]


def write(folder: Path) -> None:
    """Write the files `invoices-2018-01-02.csv`, ... into a folder; every call writes the same bytes."""
    choose = random.Random(2018)
    day, number, before = FIRST, 536365, list[Row]()
    sold: list[Row] = []
    while day <= LAST:
        rows, number = _rows_of_day(choose, day, number, sold)
        repeated = before[:2] if choose.random() < 0.2 else []
        twice = rows[-1:] if choose.random() < 0.3 else []
        columns = [*COLUMNS, "Channel"] if day >= CHANNEL_FROM else COLUMNS
        # Only files of the same columns repeat each other's rows: with another column rows are not equal.
        if day == CHANNEL_FROM:
            repeated = []
        if day.weekday() != 6:
            (folder / f"invoices-{day}.csv").write_bytes(_file(choose, day, columns, [*repeated, *rows, *twice]))
            before = rows
        day += dt.timedelta(days=1)


def _rows_of_day(choose: random.Random, day: dt.date, number: int, sold: list[Row]) -> tuple[list[Row], int]:
    """A day's lines, and the number of the next invoice; what is sold may be cancelled later."""
    if day == WITHOUT_ROWS or day.weekday() == 6:
        return [], number
    rows: list[Row] = []
    for _ in range(choose.randrange(2, 7)):
        customer = choose.choice(["", "?", "NULL", *(f"{17800 + choose.randrange(90)}.0" for _ in range(12))])
        at = dt.datetime.combine(day, dt.time(choose.randrange(7, 20), choose.randrange(60)))
        country = COUNTRIES[hash_of(customer) % len(COUNTRIES)]
        for stock in choose.sample(list(PRODUCTS), choose.randrange(1, 6)):
            name, price = PRODUCTS[stock]
            rows.append(
                {
                    "Invoice": str(number),
                    "StockCode": stock,
                    "Description": name if choose.random() < 0.95 else "?",
                    "Quantity": str(choose.choice([1, 2, 3, 6, 12, 24])),
                    "InvoiceDate": _american(at),
                    "Price": price if choose.random() < 0.95 else "NULL",
                    "Customer ID": customer,
                    "Country": country,
                    "Channel": choose.choice(["web", "phone", " fax "]),
                }
            )
        number += 1
    sold.extend(rows)
    if choose.random() < 0.4:
        former = choose.choice(sold)
        at = dt.datetime.combine(day, dt.time(20, choose.randrange(60)))
        quantity = str(-int(former["Quantity"]))
        rows.append({**former, "Invoice": f"C{number}", "Quantity": quantity, "InvoiceDate": _american(at)})
        number += 1
    return rows, number


def hash_of(text: str) -> int:
    """A number that depends on a text alone (Python's own differs from run to run)."""
    return sum(map(ord, text))


def _american(at: dt.datetime) -> str:
    return f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02}"


def _file(choose: random.Random, day: dt.date, columns: list[str], rows: list[Row]) -> bytes:
    columns = choose.sample(columns, len(columns)) if day.day % 7 == 0 else columns
    if day == IN_WORDS:
        rows = [{**row, "Quantity": word} for row, word in zip(rows, WORDS, strict=False)] + rows[len(WORDS) :]
    end = "\r\n" if day.day % 3 == 0 else "\n"
    lines = [_line([f"{name} " if day.day == 5 else name for name in columns])]
    lines += [_line([row[name] for name in columns]) for row in rows]
    if day.day == 11:  # half of the file went through another program
        half = len(lines) // 2
        text = "\n".join(lines[:half]) + "\n" + "\r\n".join(lines[half:])
    else:
        text = end.join(lines) + (end if day.day % 2 else "") + (end if day.day == 17 else "")
    return text.encode("latin-1")


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def read(folder: Path) -> list[tuple[object, ...]]:
    """The rows of all files as a program of its own reads them: texts stripped, unread numbers None, no row twice.

    Each is (invoice, stock, description, quantity, sold_at, price, customer, country, channel).
    """
    found: dict[tuple[object, ...], None] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="latin-1", newline="") as file:
            for raw in csv.DictReader(file):
                row = {name.strip(): _cell(text) for name, text in raw.items()}
                found[_typed(row)] = None
    return list(found)


def _cell(text: str) -> str | None:
    return None if text.strip() in ("", "?", "NULL") else text.strip()


def _typed(row: dict[str, str | None]) -> tuple[object, ...]:
    quantity, price, customer = row["Quantity"] or "", row["Price"], row["Customer ID"]
    date, _, time = (row["InvoiceDate"] or "").partition(" ")
    month, day, year = map(int, date.split("/"))
    hour, minute = map(int, time.split(":"))
    return (
        row["Invoice"],
        row["StockCode"],
        row["Description"],
        int(quantity) if quantity.lstrip("-").isdigit() else None,
        dt.datetime(year, month, day, hour, minute),
        Decimal(price.replace(",", "")) if price else None,
        int(float(customer)) if customer else None,
        row["Country"],
        row.get("Channel"),
    )
