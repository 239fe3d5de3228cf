"""Goals and alerts that packs propose: they are comments, and hold as they stand once the marks are taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from kpi_engine.ir import tree
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file
from kpi_engine.pipeline import load_texts
from kpi_engine.project import ProjectConfig
from kpi_engine.project.packs import bundled

ROOT = Path(__file__).parents[2]
USER = "calendar\n  currency: EUR\n\nuse sales\nuse marketing\nuse care\n\n"
MARK = "#   "
FILES = {
    **{name: folder / "definitions" / f"{name}.kpi" for name, folder in bundled().items()},
    **{f"demo {name}": ROOT / "definitions" / f"{name}.kpi" for name in bundled()},
}
GOALS = {
    "sales": {
        "more_sales": (
            "increase revenue by 10% during next quarter",
            ["daily_sales_average", "conversion_rate", "site_traffic"],
        ),
        "better_conversion": (
            "increase conversion_rate by 2 points during",
            ["cart_abandonment", "checkout_abandonment", "price_index"],
        ),
    },
    "marketing": {
        "more_traffic": (
            "increase site_traffic by 20% during 2027",
            ["traffic_source_share", "promotion_clicks", "social_shares", "bounce_rate"],
        ),
    },
    "care": {
        "fast_replies": (
            "keep first_response_time <= 30 minutes during every week",
            ["service_emails", "service_chats", "resolution_time", "escalation_rate"],
        ),
    },
}


def uncommented(text: str) -> str:
    """The declarations in the last block of comments, without their marks."""
    last = text.rstrip().rpartition("\n\n")[2].splitlines()
    return "\n".join(line.removeprefix(MARK) if line.startswith(MARK) else "" for line in last).strip() + "\n"


def problems(definitions: str) -> list[str]:
    """What a project that uses all packs is told with these definitions."""
    loaded = load_texts((SourceText("mine", USER + definitions),), ProjectConfig(Path()), {})
    return [f"{each.code} {each.message}" for each in loaded.diagnostics if not each.code.startswith("N")]


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_proposes_holds(name: str) -> None:
    text = uncommented(FILES[name].read_text("utf-8"))
    declared = parse_file(SourceText("mine", text))[0].declarations
    goals = {each.name.text: each for each in declared if isinstance(each, tree.Goal)}
    wanted = GOALS[name.removeprefix("demo ")]
    assert problems(text) == [] and goals.keys() == wanted.keys()
    for goal, (aim, watched) in wanted.items():
        lines = text[text.index(f"goal {goal}\n") :].splitlines()
        assert lines[1].strip().startswith(aim)
        assert lines[2].strip() == f"watch: [{', '.join(watched)}]"


@pytest.mark.parametrize("name", GOALS)
def test_the_page_of_a_pack_shows_them(name: str) -> None:
    page = (bundled()[name] / "README.md").read_text("utf-8")
    assert f"```kpi\n{uncommented(FILES[name].read_text('utf-8'))}```\n" in page


def test_a_proposal_that_names_nothing_would_be_seen() -> None:
    text = uncommented(FILES["sales"].read_text("utf-8"))
    assert problems(text.replace("price_index", "price_indx")) == ["E202 no metric named `price_indx`"]
    assert problems(text.replace("by 2 points", "by 2%"))[0].startswith("E401")
    assert problems(text.replace("{channel}", "{chanel}"))[0].startswith("E404")
