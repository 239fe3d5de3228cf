"""The JSON schema of kpi.toml, for editors.

`python -m kpi_engine.project.config_schema > docs/kpi-toml.schema.json` writes the published one.
"""

from __future__ import annotations

import json
import sys

from kpi_engine.project.config_file import FILE_OPTIONS, KEYS, STORE_SETTINGS
from kpi_engine.project.secrets import SECRETS
from kpi_engine.project.settings import DEFAULT_DEFINITIONS, STORE_FOLDER

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_REFERENCE = {
    "description": "a reference to a key, which itself never stands here",
    "anyOf": [
        {"type": "string", "pattern": "^(env|file):.+"},
        {"type": "object", "required": ["env"], "properties": {"env": _TEXT}, "additionalProperties": False},
        {"type": "object", "required": ["file"], "properties": {"file": _TEXT}, "additionalProperties": False},
    ],
}
_ANY_OPTION = {"description": "an option of tables, which a source may override"}


def config_schema() -> dict[str, object]:
    """The schema: every key that kpi.toml may have, of the kinds that reading it accepts.

    >>> sorted(config_schema()["properties"]) == sorted(KEYS)
    True
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kpi.toml",
        "type": "object",
        "properties": {name: _PROPERTIES[name] for name in KEYS},
        "additionalProperties": False,
    }


def _connection() -> dict[str, object]:
    settings: dict[str, object] = {
        "connector": {**_TEXT, "default": "files", "description": "`files`, or the name of an installed connector"},
        "path": {**_TEXT, "default": ".", "description": "where tables are looked for, from kpi.toml's folder on"},
    }
    files: dict[str, object] = {
        "allow": {"anyOf": [_TEXT, _TEXTS], "description": "other folders that tables may lie in"},
        **dict.fromkeys(FILE_OPTIONS, _ANY_OPTION),
        **{name: _REFERENCE if name in SECRETS else {} for name in STORE_SETTINGS},
    }
    only_files = {"properties": {"connector": {"const": "files"}}}
    return {
        "type": "object",
        "properties": settings,
        "if": only_files,
        "then": {"properties": {**{name: {} for name in settings}, **files}, "additionalProperties": False},
    }


_PROPERTIES: dict[str, dict[str, object]] = {
    "name": {**_TEXT, "description": "what the project is called"},
    "definitions": {**_TEXTS, "default": list(DEFAULT_DEFINITIONS), "description": "patterns of definitions files"},
    "as_of": {
        "description": '"now", "data" (where the data ends), a date or an instant',
        "type": "string",
        "default": "now",
        "pattern": "^(now|data|[0-9]{4}-.*|[0-9]{8}.*)$",
    },
    "plugins": {**_TEXTS, "default": [], "description": "behaviour plugins to load"},
    "connections": {
        "type": "object",
        "description": "connections by name; `default` is that of sources which name none",
        "additionalProperties": _connection(),
    },
    "packs": {
        "type": "object",
        "description": "folders of packs by name, instead of installed or bundled ones",
        "additionalProperties": _TEXT,
    },
    "store": {
        "type": "object",
        "description": "where states are kept between questions",
        "properties": {
            "enabled": {"type": "boolean", "default": True},
            "folder": {**_TEXT, "default": STORE_FOLDER.as_posix(), "description": "from kpi.toml's folder on"},
            "size": {
                "description": 'what it may hold, as "2 GB" or in bytes',
                "anyOf": [
                    {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?[kKmMgGtT]?[iI]?[bB]$"},
                    {"type": "integer", "minimum": 1},
                ],
            },
        },
        "additionalProperties": False,
    },
    "pins": {
        "type": "object",
        "description": "what `kpi plugins freeze` wrote: versions and hashes of distributions, which are enforced",
        "additionalProperties": {
            "type": "object",
            "required": ["version"],
            "properties": {"version": _TEXT, "sha256": _TEXT},
            "additionalProperties": False,
        },
    },
}


def schema_text() -> str:
    """The schema as the file in docs/ holds it."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
