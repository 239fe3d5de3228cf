"""What has been read of a project, for as long as it is still so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from kpi_engine import pipeline
from kpi_engine.extend.rows import Connector
from kpi_engine.hosting import store_of
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.question import Question
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.stored import StateStore
from kpi_engine.project import ProjectConfig, read_definitions

_OUT_OF_REACH = ("E60", "E61", "E62")
"""Codes of tables that cannot be read."""


class Opened:
    """The definitions and the schemas of a project: read when they are first needed, and again where they have changed
    when somebody asks (`look_again`)."""

    def __init__(self, config: ProjectConfig, texts: Sequence[SourceText] | None) -> None:
        self.config = config
        self._given = tuple(texts) if texts is not None else None
        self._bound: dict[str, Connector] = {}
        self._parsed: pipeline.Parsed | None = None
        self._whole: pipeline.Loaded | None = None
        self._partly: pipeline.Loaded | None = None
        self._before: pipeline.Loaded | None = None
        self._store: StateStore | None = None

    @property
    def texts(self) -> Sequence[SourceText]:
        """The texts of the definitions as they are now."""
        return self._given if self._given is not None else read_definitions(self.config)

    @property
    def bound(self) -> Mapping[str, Connector]:
        """What sources read instead of their tables."""
        return self._bound

    def bind(self, source: str, connector: Connector) -> None:
        """Let a source read something else."""
        self._bound[source] = connector
        self._forget()

    def look_again(self, tables: Set[str] | None = None) -> None:
        """Forget what is no longer so: definitions that were edited, tables (of these sources, or all) that came, went,
        or have other columns."""
        loaded = self._whole or self._partly
        if loaded is not None:
            is_edited = loaded.linked is not self.parse().linked
            if is_edited or pipeline.is_outdated(loaded, tables):
                self._forget()

    def _forget(self) -> None:
        # The connectors stay: they know the files that they have looked at.
        self._before = self._whole or self._partly or self._before
        self._whole = self._partly = None

    def parse(self) -> pipeline.Parsed:
        """The definitions as they are now, parsed once as long as they do not change; what is bound has a source."""
        texts = tuple(self.texts)
        contents = [(each.name, each.text) for each in texts]
        if self._parsed is None or contents != [(each.name, each.text) for each in self._parsed.texts]:
            self._parsed = pipeline.parse_texts(texts, self.config)
        for name in self._bound:
            pipeline.check_bound(self._parsed, name)
        return self._parsed

    def whole(self) -> pipeline.Loaded:
        """The project, with all that is wrong in it."""
        loaded = self._whole  # another thread may forget it at any time
        if loaded is None:
            before = self._partly or self._before
            loaded = self._with_store(pipeline.load_linked(self.parse(), self.config, self._bound, before=before))
            self._whole = loaded
        return loaded

    def sound(self) -> pipeline.Loaded:
        """The project without errors in its definitions; tables out of reach matter only when they are asked."""
        loaded = self.whole()
        if broken := _broken(loaded):
            raise KpiError(broken)
        return loaded

    def touched(self, question: Question) -> pipeline.Loaded | None:
        """The project with the schemas of the tables that this question, or an earlier one, can touch.

        Those are looked at again. None where they are not known, or where there is an error, which may be another one
        once all are looked at; and where the whole project is there.
        """
        touched = pipeline.tables_touched(self.parse(), question, self.config.as_of)
        self.look_again(touched)
        if touched is None or self._whole is not None:
            return None
        loaded = self._partly
        if loaded is None or not touched.isdisjoint(loaded.unseen):
            before = loaded or self._before
            loaded = self._with_store(pipeline.load_touched(self.parse(), self.config, self._bound, touched, before))
            self._partly = loaded
        return None if _broken(loaded) else loaded

    def _with_store(self, loaded: pipeline.Loaded) -> pipeline.Loaded:
        if self._store is None:
            self._store = store_of(self.config)
        return replace(loaded, store=self._store)


def _broken(loaded: pipeline.Loaded) -> list[Diagnostic]:
    """The errors of a project but for tables out of reach, which matter only when they are asked."""
    return [each for each in loaded.errors if not each.code.startswith(_OUT_OF_REACH)]
