"""The encoding that a message proposes is the one that the text was written in."""

from __future__ import annotations

import pytest

from kpi_engine.builtin.connectors.encodings import likely_encoding

TEXTS = {
    "windows-1252": ["Größe;Fuß;Straße", "São Paulo;Rio", "5 €", "déjà vu;naïve;œuvre", "Ærø;Malmö", "¿Señor?"],
    "gb18030": ["订单号,城市\n1,上海\n2,北京", "退款金额;含税,人民币", "a,b\n1,中"],
    "utf-8": ["Größe", "上海", "🙂"],
    "utf-16-le": ["id,total\n1,2\n", "id,Straße\n1,2\n"],
    "utf-16-be": ["id,total\n1,2\n"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_the_likely_encoding(name: str, text: str) -> None:
    assert likely_encoding(text.encode(name)) == name
    above = "id,text\n" + "1,plain\n" * 50
    assert likely_encoding((above + text).encode(name)) == name


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_say_it(name: str) -> None:
    assert likely_encoding("a,b\n".encode(name)) == name.removesuffix("-sig")


def test_characters_that_windows_does_not_have() -> None:
    assert likely_encoding(b"a\x81b\x9d") == "iso-8859-1"
