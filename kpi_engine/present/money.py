"""How currencies are written: symbols that people know, and the digits of their minor units."""

from __future__ import annotations

SYMBOLS = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "C$",
    "CNY": "¥",
    "CZK": "Kč",
    "DKK": "kr",
    "EUR": "€",
    "GBP": "£",
    "GHS": "₵",
    "HKD": "HK$",
    "HUF": "Ft",
    "IDR": "Rp",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "KZT": "₸",
    "MXN": "MX$",
    "MYR": "RM",
    "NGN": "₦",
    "NOK": "kr",
    "NZD": "NZ$",
    "PHP": "₱",
    "PLN": "zł",
    "SEK": "kr",
    "SGD": "S$",
    "THB": "฿",
    "TRY": "₺",
    "TWD": "NT$",
    "UAH": "₴",
    "USD": "$",
    "VND": "₫",
    "ZAR": "R",
}
"""Common currencies only: of every other one the ISO code is written."""

_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS = {
    **dict.fromkeys(_WHOLE.split(), 0),
    **dict.fromkeys(_THOUSANDTHS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}
"""Digits after the point where ISO 4217 does not say 2."""


def prefix(code: str) -> str:
    """What stands before an amount: a symbol, or the code and a no-break space.

    >>> prefix("EUR"), prefix("CHF")
    ('€', 'CHF\\xa0')
    """
    symbol = SYMBOLS.get(code)
    if symbol is None:
        return f"{code}\N{NO-BREAK SPACE}" if code else ""
    return f"{symbol}\N{NO-BREAK SPACE}" if symbol[-1].isalpha() else symbol


def minor_digits(code: str) -> int:
    """Digits after the point of an amount in this currency.

    >>> minor_digits("JPY"), minor_digits("USD")
    (0, 2)
    """
    return MINOR_DIGITS.get(code, 2)
