"""Keys and passwords in kpi.toml: only references to them may stand there, and none is ever shown."""

from __future__ import annotations

import re

from kpi_engine.ir.span import SourceText

SECRETS = ("access_key", "secret_key", "session_token", "password")
"""Settings of connections that are references to keys: `env:NAME` or `file:PATH`."""

_WRITTEN = (
    r"""(?P<name>[\w-]*(?:key|secret|token|passw|pwd|credential|dsn)[\w-]*["']?\s*=\s*)"""
    r'''(?P<value>"""[\s\S]*?(?:"""|\Z)|\'\'\'[\s\S]*?(?:\'\'\'|\Z)|"[^"\n]*"?|'[^'\n]*'?'''
    r"""|\[[\s\S]*?(?:\]|\Z)|\{[^}\n]*\}?|[^\s,}\]]+)"""
)
_SHOWN = r"""["'](?:env|file):[^"']*["']|\{\s*(?:env|file)\s*=\s*["'][^"']*["']\s*\}"""
_NAMED = "key|secret|token|passw|pwd|credential|dsn"


def may_be_secret(name: str) -> bool:
    """Whether a setting of a plugin's connection holds a key, by its name.

    >>> may_be_secret("api_token"), may_be_secret("host")
    (True, False)
    """
    return re.search(_NAMED, name, re.IGNORECASE) is not None


def is_reference(value: object) -> bool:
    """Whether a setting says where a key is, and is not the key: `"env:NAME"`, or a table `{env = "NAME"}`.

    >>> is_reference("env:LAKE_KEY"), is_reference("AKIA123"), is_reference({"file": "key.txt"})
    (True, False, True)
    """
    if isinstance(value, dict) and len(value) == 1:
        ((kind, target),) = value.items()
        value = f"{kind}:{target}"
    return isinstance(value, str) and value.startswith(("env:", "file:")) and not value.endswith(":")


def masked(source: SourceText) -> SourceText:
    """The text with a star for each character of what may be a key, every place staying where it is.

    >>> masked(SourceText("kpi.toml", 'secret_key = "abc"\\naccess_key = "env:KEY"')).text
    'secret_key = *****\\naccess_key = "env:KEY"'
    >>> masked(SourceText("kpi.toml", 'token = {env = "A"}\\npassword = ["abc"]')).text
    'token = {env = "A"}\\npassword = *******'
    """
    if not may_be_secret(source.text):
        return source
    return SourceText(source.name, re.sub(_WRITTEN, _stars, source.text, flags=re.IGNORECASE))


def _stars(found: re.Match[str]) -> str:
    value = found["value"]
    return found["name"] + (value if re.fullmatch(_SHOWN, value) else re.sub(r"[^\n]", "*", value))
