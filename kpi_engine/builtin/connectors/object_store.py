"""Tables in an object store that speaks S3: `s3://bucket/orders/*.parquet`, listed and read through pyarrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from glob import has_magic
from typing import Any

from kpi_engine.builtin.connectors.formats_by_name import check_format, format_of, is_hidden, one_format, stem
from kpi_engine.builtin.connectors.guard import asking_store
from kpi_engine.builtin.connectors.locate import Located
from kpi_engine.builtin.connectors.partition_names import partitions_of
from kpi_engine.builtin.connectors.remote import SCHEME, is_remote
from kpi_engine.builtin.connectors.stored_file import RemoteFile
from kpi_engine.extend.rows import ConnectionSettings, data_error
from kpi_engine.ir.diagnostic import did_you_mean

_MOST_FILES = 100_000
_SECRETS = ("access_key", "secret_key", "session_token")
_SECONDS_TO_CONNECT = 10
_SECONDS_TO_ANSWER = 60


class ObjectStore:
    """One connection to a store; names without a scheme start from its folder, `s3://bucket/prefix`.

    Keys are references, `env:NAME` or `file:PATH`, that are followed when the store is first asked; they are in no
    message. Without any, pyarrow looks where the tools of the store's maker look.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._options = dict(settings.options)

    def locate(self, names: Sequence[str], format: str | None) -> Located:
        """The objects of a table. KpiError E601, E603, E604 or E605."""
        check_format(format, ", ".join(names))
        files: dict[str, RemoteFile] = {}
        notes: list[str] = []
        for name in names:
            whole = name if is_remote(name) else f"{self._settings.folder.rstrip('/')}/{name}"
            if not is_remote(whole):
                message = "one table mixes files of a folder and objects of a store"
                raise data_error("E603", name, message, "make two sources of them")
            files.update((file.path, file) for file in self._named(whole, format, notes))
        if len(files) > _MOST_FILES:
            message = f"the table has {len(files)} files, and at most {_MOST_FILES} are read"
            raise data_error("E604", ", ".join(names), message, "put several days or hours into one file")
        stored = tuple(files.values())
        return Located(stored, format or one_format(file.shown for file in stored), tuple(notes))

    @cached_property
    def _filesystem(self) -> Any:
        from pyarrow.fs import S3FileSystem

        settings = {key: self._secret(key) for key in _SECRETS}
        endpoint, region = self._text("endpoint"), self._text("region")
        scheme, _, host = endpoint.rpartition("://") if endpoint is not None else ("", "", None)
        with asking_store(f"connection {self._settings.name}"):
            return S3FileSystem(
                **{key: value for key, value in settings.items() if value is not None},
                anonymous=self._options.get("anonymous") is True,
                region=region,
                endpoint_override=host,
                scheme=scheme or "https",
                connect_timeout=_SECONDS_TO_CONNECT,
                request_timeout=_SECONDS_TO_ANSWER,
            )

    def _text(self, key: str) -> str | None:
        value = self._options.get(key)
        if value is None or isinstance(value, str):
            return value
        raise data_error(
            "E612", f"connection {self._settings.name}", f"`{key}` must be a text", f'write {key} = "..." in kpi.toml'
        )

    def _secret(self, key: str) -> str | None:
        """What a reference leads to; the reference itself may be shown, its value never is."""
        found = self._settings.secret(key)
        return None if found is None else found.reveal()

    def _named(self, name: str, format: str | None, notes: list[str]) -> list[RemoteFile]:
        path = name.removeprefix(SCHEME).strip("/")
        parts = path.split("/")
        if not parts[0] or any(part in (".", "..") for part in parts):
            raise data_error("E601", name, f"`{name}` names no bucket", "write `s3://bucket/folder/*.parquet`")
        if has_magic(path):
            fixed = next(number for number, part in enumerate(parts) if has_magic(part))
            start = "/".join(parts[:fixed])
            if not start:
                raise data_error("E601", name, f"`{name}` has a pattern for a bucket", "name the bucket")
            matches = _glob(path)
            return self._data(name, start, self._below(start, lambda found: matches(found) is not None), format, notes)
        with asking_store(name):
            info = self._filesystem.get_file_info(path)
        if info.is_file:
            return [self._file(info)]
        below = self._below(path, lambda found: True)
        if below:
            return self._data(name, path, below, format, notes)
        return [self._with_any_ending(name, path)]

    def _with_any_ending(self, name: str, path: str) -> RemoteFile:
        folder, _, last = path.rpartition("/")
        around = self._below(folder, lambda found: "/" not in found[len(folder) + 1 :]) if folder else []
        data = [info for info in around if format_of(info.base_name) and not is_hidden(info.base_name)]
        found = [info for info in data if stem(info.base_name) == last]
        if len(found) > 1:
            listed = ", ".join(info.base_name for info in found)
            help = f'write which one, as `table: "{found[0].base_name}"`'
            raise data_error("E602", name, f"`{name}` could be any of {listed}", help)
        if not found:
            self._check_bucket(name, path.partition("/")[0])
            help = did_you_mean(last, [each for info in data for each in (info.base_name, stem(info.base_name))])
            raise data_error("E601", name, f"there is no object and no folder `{name}`", help)
        return self._file(found[0])

    def _check_bucket(self, name: str, bucket: str) -> None:
        """KpiError E601 if there is no such bucket."""
        from pyarrow.fs import FileType

        with asking_store(name):
            kind = self._filesystem.get_file_info(bucket).type
        if kind == FileType.NotFound:
            raise data_error("E601", name, f"there is no bucket `{bucket}`", "look at the bucket's name and the region")

    def _below(self, path: str, wanted: Callable[[str], bool]) -> list[Any]:
        """The objects below a path, in the order of their paths."""
        from pyarrow.fs import FileSelector

        with asking_store(f"{SCHEME}{path}"):
            found = self._filesystem.get_file_info(FileSelector(path, allow_not_found=True, recursive=True))
        return sorted((info for info in found if info.is_file and wanted(info.path)), key=lambda info: str(info.path))

    def _data(
        self, name: str, start: str, found: Sequence[Any], format: str | None, notes: list[str]
    ) -> list[RemoteFile]:
        """Those that are data: not hidden, and by their endings."""
        files = []
        for info in found:
            parts = info.path[len(start) :].strip("/").split("/")
            if any(map(is_hidden, parts)):
                notes.append(f"{SCHEME}{info.path} is hidden, because its name begins with . or _; not read")
            elif format is None and format_of(info.base_name) is None:
                notes.append(f"{SCHEME}{info.path} is no data file by its ending; not read")
            else:
                files.append(self._file(info))
        if not files:
            self._check_bucket(name, start.partition("/")[0])
            raise data_error(
                "E601", name, f"no object matches `{name}`", "patterns and endings tell small from capital"
            )
        return files

    def _file(self, info: Any) -> RemoteFile:
        folders = info.path.split("/")[:-1]
        changed = info.mtime_ns or 0
        shown = f"{SCHEME}{info.path}"
        return RemoteFile(self._filesystem, info.path, shown, info.size, changed, partitions_of(folders))


def _glob(pattern: str) -> Callable[[str], object]:
    """Whether a path matches a pattern: `*` and `?` stay inside one folder, `**` is any number of folders."""
    parts = pattern.split("/")
    shown = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            shown += ".*" if last else "(?:.*/)?"
        else:
            shown += _one_folder(part) + ("" if last else "/")
    return re.compile(shown).fullmatch


def _one_folder(part: str) -> str:
    """The pattern of one part of a path, in which nothing stands for a slash."""
    pieces = []
    for piece in re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|[^*?\[]+|\[", part):
        if piece.startswith("*"):
            pieces.append("[^/]*")
        elif piece == "?":
            pieces.append("[^/]")
        elif len(piece) > 1 and piece.startswith("["):
            inside = piece[1:-1].replace("\\", "\\\\")
            pieces.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            pieces.append(re.escape(piece))
    return "".join(pieces)
