"""Write a shop to measure on, of any size and in any layout of files.

python benchmarks/generate.py --data /tmp/shop --orders 1_000_000
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from layouts import LAYOUTS, append_day, hold_back_last_day, take_day_back, write_shop
from shop_tables import IDS, Shop


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="write a shop: orders, visits, order lines, tickets, ad spend")
    parser.add_argument("--data", type=Path, required=True, help="the folder, empty or missing")
    parser.add_argument("--orders", type=int, help="how many; 3 visits, 1.8 lines and 0.05 tickets for each")
    parser.add_argument("--ids", choices=IDS, default=IDS[0], help="C0012345, or 36 characters")
    parser.add_argument("--layout", choices=[*LAYOUTS], default="months", help="what files are of")
    parser.add_argument(
        "--hold-back-day-of", type=Path, help="link the monthly files of this folder, less the last day"
    )
    parser.add_argument("--append-day", action="store_true", help="let the day arrive that was held back")
    parser.add_argument("--take-day-back", action="store_true", help="as before --append-day")
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.hold_back_day_of is not None:
        hold_back_last_day(arguments.hold_back_day_of, arguments.data)
    elif arguments.append_day:
        append_day(arguments.data)
    elif arguments.take_day_back:
        take_day_back(arguments.data)
    elif arguments.orders is not None:
        write_shop(arguments.data, Shop(arguments.orders, arguments.ids), arguments.layout)
        size = sum(path.stat().st_size for path in arguments.data.glob("**/*.*"))
        print(f"{arguments.orders:_} orders, {size / 1e6:.0f} MB, {time.perf_counter() - started:.1f} s")
    else:
        parser.error("say how many --orders")


if __name__ == "__main__":
    main()
