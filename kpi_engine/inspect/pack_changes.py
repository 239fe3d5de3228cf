"""Two versions of a pack side by side, and which step of its version is right for what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kpi_engine.inspect.compare import Change, Side, compare
from kpi_engine.inspect.packs import OpenPack, open_pack
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.packs import PackInfo
from kpi_engine.ir.versions import version_numbers
from kpi_engine.project import ProjectConfig

Step = Literal["none", "patch", "minor", "major"]
STEPS: tuple[Step, ...] = ("none", "patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class PackChanges:
    """What changed from one version of a pack to another.

    `tables` say in words what changed in logical tables. `needed` is the step that the changes ask for, `taken` that
    from the old version to the new one; before 1.0 a step counts as the next larger one.
    """

    old: PackInfo
    new: PackInfo
    changes: tuple[Change, ...]
    tables: tuple[tuple[Step, str], ...]
    needed: Step
    taken: Step

    @property
    def enough(self) -> bool:
        """Whether users are told by the version what changed."""
        return STEPS.index(self.taken) >= STEPS.index(self.needed)


def pack_changes(old: Path, new: Path) -> PackChanges:
    """Compare the packs in two folders; KpiError if one is broken, or they are not the same pack (E793)."""
    before, after = _sound(old), _sound(new)
    if before.info.name != after.info.name:
        message = f"`{before.info.name}` and `{after.info.name}` are different packs"
        raise KpiError(Diagnostic("E793", message, after.info.place, "name two versions of one pack"))
    sides = [Side(f"{each.info.name} {each.info.version}", _config(each), each.loaded) for each in (before, after)]
    changes = tuple(change for change in compare(*sides) if _is_own(change, before, after))
    tables = tuple(_tables(before, after))
    steps = [_step(change) for change in changes] + [step for step, _ in tables]
    needed: Step = STEPS[max((STEPS.index(step) for step in steps), default=0)]
    if needed == "none" and _texts(before) != _texts(after):
        needed = "patch"
    return PackChanges(before.info, after.info, changes, tables, needed, _taken(before.info, after.info))


def _sound(folder: Path) -> OpenPack:
    pack = open_pack(folder)
    if pack.loaded.errors:
        raise KpiError(pack.loaded.errors)
    return pack


def _config(pack: OpenPack) -> ProjectConfig:
    return ProjectConfig(pack.info.folder)


def _texts(pack: OpenPack) -> list[str]:
    files = sorted((pack.info.folder / "definitions").glob("**/*.kpi"))
    return [file.read_text("utf-8") for file in files]


def _is_own(change: Change, *packs: OpenPack) -> bool:
    """Whether the pack itself declares what changed, and not one that it uses."""
    for pack in packs:
        scopes = pack.loaded.linked.scopes
        assert scopes is not None
        own = scopes.units[pack.info.name].values
        if {change.name.rpartition(".")[2], change.was.rpartition(".")[2]} & own.keys():
            return True
    return False


def _step(change: Change) -> Step:
    """A meaning that changes, or a name that is gone, changes numbers in reports that nobody touched."""
    if change.status == "added":
        return "minor"
    return "patch" if change.status == "wording" else "major"


def _tables(before: OpenPack, after: OpenPack) -> Iterator[tuple[Step, str]]:
    """What changed in the logical tables that projects map."""
    old, new = _columns(before), _columns(after)
    for name in sorted(old.keys() | new.keys()):
        if name not in new or name not in old:
            yield ("minor", f"the table `{name}` is new") if name in new else ("major", f"the table `{name}` is gone")
            continue
        for column in sorted(old[name].keys() | new[name].keys()):
            earlier, later = old[name].get(column), new[name].get(column)
            if earlier is None:
                yield "minor", f"the column `{name}.{column}` is new"
            elif later is None:
                yield "major", f"the column `{name}.{column}` is gone"
            elif earlier != later:
                yield "major", f"the column `{name}.{column}` was {earlier} and is {later}"


def _columns(pack: OpenPack) -> dict[str, dict[str, str]]:
    """The stored columns of each logical table, with their types."""
    catalog = pack.loaded.catalog
    return {
        name.rpartition(".")[2]: {
            each.name: str(each.type) for each in catalog.sources[name].columns.values() if each.computed is None
        }
        for name in pack.sources
    }


def _taken(old: PackInfo, new: PackInfo) -> Step:
    before, after = _three(old.version), _three(new.version)
    if after <= before:
        return "none"
    position = next(index for index in range(3) if before[index] != after[index])
    if before[0] == after[0] == 0:
        position = max(position - 1, 0)
    steps: tuple[Step, ...] = ("major", "minor", "patch")
    return steps[position]


def _three(version: str) -> tuple[int, ...]:
    return (*(version_numbers(version) or ()), 0, 0, 0)[:3]


def verdict(found: PackChanges) -> str:
    """A line that says whether the new version's number is right.

    >>> old, new = PackInfo("sales", "1.0.0"), PackInfo("sales", "1.0.1")
    >>> verdict(PackChanges(old, new, (), (), "minor", "patch"))
    'sales 1.0.0 -> 1.0.1 is a patch step, and these changes need a minor one: call it 1.1.0'
    """
    old, new = found.old, found.new
    head = f"{new.name} {old.version} -> {new.version}"
    if found.needed == "none":
        return f"{head}: nothing changed"
    if found.enough:
        return f"{head}: the changes need a {found.needed} step, and this is one"
    is_step = f"is a {found.taken} step" if found.taken != "none" else "is no step"
    return f"{head} {is_step}, and these changes need a {found.needed} one: call it {_next(old.version, found.needed)}"


def _next(version: str, step: Step) -> str:
    major, minor, patch = _three(version)
    if major == 0:
        return f"0.{minor + 1}.0" if step == "major" else f"0.{minor}.{patch + 1}"
    return {"major": f"{major + 1}.0.0", "minor": f"{major}.{minor + 1}.0"}.get(step, f"{major}.{minor}.{patch + 1}")
