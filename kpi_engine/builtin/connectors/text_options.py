"""How a text file is written, from the options of its source: delimiter, header, nulls, encoding and so on."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

import pyarrow.csv as pa_csv

from kpi_engine.extend.rows import data_error
from kpi_engine.ir.dataclass import dataclass

_BLOCK_BYTES = 8 << 20
_DELIMITER_NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


@dataclass(frozen=True, slots=True)
class TextOptions:
    """The layout of a text file. `delimiter` None: by the file's ending; `quote` empty: quotes have no meaning.

    `null_values` are texts that, unquoted, mean null; the empty field always does. `trim` takes white space off
    every value and header, `snake_case` turns headers into names (`Order ID` into `order_id`). `sheet` is that of a
    spreadsheet (None: the first).
    """

    delimiter: str | None = None
    quote: str = '"'
    encoding: str = "utf8"
    header: bool = True
    skip: int = 0
    null_values: tuple[str, ...] = ()
    trim: bool = False
    snake_case: bool = False
    sheet: str | None = None

    @classmethod
    def read(cls, options: Mapping[str, object], source: str) -> TextOptions:
        """From options as written in definitions; KpiError E612 for a value that cannot be.

        >>> TextOptions.read({"delimiter": ";", "null_values": ["?"]}, "orders").null_values
        ('?',)
        """
        reader = OptionReader(options, source)
        return cls(
            delimiter=reader.character("delimiter", _DELIMITER_NAMES),
            quote=reader.quote(),
            encoding=reader.encoding(),
            header=reader.flag("header", True),
            skip=reader.count("skip"),
            null_values=reader.texts("null_values"),
            trim=reader.flag("trim", False),
            snake_case=reader.one_of("names", ("snake_case", "exact"), "exact") == "snake_case",
            sheet=reader.text("sheet", '"2026"'),
        )

    def delimiter_of(self, file_name: str) -> str:
        """The delimiter of one file: as written, else a tab for `.tsv`, else a comma."""
        if self.delimiter is not None:
            return self.delimiter
        return "\t" if ".tsv" in file_name.lower() else ","

    def parse_options(self, file_name: str) -> Any:
        """pyarrow's options for cutting a file into fields."""
        return pa_csv.ParseOptions(
            delimiter=self.delimiter_of(file_name),
            quote_char=self.quote or False,
            double_quote=bool(self.quote),
            newlines_in_values=bool(self.quote),
        )

    def read_options(self, names: list[str], data_starts: int) -> Any:
        """pyarrow's options for reading the rows after the header, as columns of these names."""
        return pa_csv.ReadOptions(
            column_names=names, skip_rows=data_starts, encoding=self.encoding, block_size=_BLOCK_BYTES
        )


@dataclass(frozen=True, slots=True)
class OptionReader:
    """Takes options one by one, refusing those of the wrong form."""

    options: Mapping[str, object]
    source: str

    def refuse(self, name: str, wanted: str, example: str) -> Exception:
        """E612: the option is not what is wanted."""
        message = f"`{name}` must be {wanted}, but is {_shown(self.options[name])}"
        return data_error("E612", self.source, message, f"write `{example}`")

    def character(self, name: str, words: Mapping[str, str]) -> str | None:
        """One character, or the word for it; None if it is not given."""
        value = self.options.get(name)
        if value is None:
            return None
        text = words.get(value, value) if isinstance(value, str) else ""
        if len(text) != 1 or not text.isascii() or text in '\r\n"':
            raise self.refuse(name, "one character", f'{name}: ";"')
        return text

    def quote(self) -> str:
        """The character around texts; empty if quotes have no meaning."""
        value = self.options.get("quote", '"')
        if value is False or value in ("", "none"):
            return ""
        if not isinstance(value, str) or len(value) != 1 or not value.isascii():
            raise self.refuse("quote", "one character, or `none`", 'quote: "\'"')
        return value

    def encoding(self) -> str:
        """The name of an encoding, as Python knows it."""
        value = self.options.get("encoding", "utf8")
        try:
            return codecs.lookup(value).name if isinstance(value, str) else self._no_encoding()
        except LookupError:
            return self._no_encoding()

    def _no_encoding(self) -> str:
        raise self.refuse("encoding", "the name of an encoding", 'encoding: "latin1"')

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.options.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false", f"{name}: {str(not default).lower()}")
        return value

    def count(self, name: str) -> int:
        """A number of lines."""
        value = self.options.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.refuse(name, "a number of lines", f"{name}: 1")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one alone is a list, too."""
        value = self.options.get(name, ())
        listed = (value,) if isinstance(value, str) else value
        if not isinstance(listed, tuple | list) or not all(isinstance(item, str) for item in listed):
            raise self.refuse(name, "a list of texts", f'{name}: ["NULL", "n/a"]')
        return tuple(str(item) for item in listed)

    def text(self, name: str, example: str) -> str | None:
        """A text; None if it is not given."""
        value = self.options.get(name)
        if value is not None and not isinstance(value, str):
            raise self.refuse(name, "a text", f"{name}: {example}")
        return value

    def one_of(self, name: str, words: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self.options.get(name, default)
        if value not in words:
            raise self.refuse(name, " or ".join(words), f"{name}: {words[0]}")
        return str(value)


def _shown(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
