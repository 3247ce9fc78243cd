"""The documented figures are those of one run, and a ratio that grew is told."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AT, BY = ("ollama", "gemini"), ("rest", "sdk")


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_the_pages_have_the_committed_figures(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    pages = ("README.md", "docs/performance.md")
    for page in pages:
        (tmp_path / page).write_text((ROOT / page).read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, ROOT / "benchmarks" / "pages.py", tmp_path], check=True)
    stale = [page for page in pages if (tmp_path / page).read_bytes() != (ROOT / page).read_bytes()]
    assert stale == [], "run `just generate`"


@pytest.mark.parametrize(("spread", "counts"), [(0.2, True), (0.21, False), (None, False)])
def test_the_readme_says_where_its_run_does_not_count(spread: float | None, counts: bool) -> None:
    from pages import filled
    from report import Report

    ratios = {f"{name}/32": 3.0 for name in ("hit/memory", *(f"miss/{at}/{by}" for at in AT for by in BY))}
    figures = {f"start/{what}/image/rest": 1.0 for what in ("memory", "seconds")}
    report = Report(python="3.11", rounds=7, requests=800, ratios=ratios, figures=figures, spread=spread)
    said = " ".join(filled("<!-- measured: light --><!-- end -->", report).split())
    assert ("too unsteady for it to count" in said) is not counts


def test_a_run_is_set_beside_the_floor_round_by_round() -> None:
    from report import Samples

    samples = Samples()
    took = {"bare/32": 20.0, "miss/ollama/floor/32": 100.0, "miss/ollama/rest/32": 300.0}
    for slow in (1, 2, 1):  # the machine is, for everything in a round
        samples.add({name: [slow * us, slow * us, slow * us] for name, us in took.items()})
        samples.add({"start/memory/all/rest": [50.0]})
    report = samples.report("3.11", 3, 100)
    assert report.figures["miss/ollama/rest/32"] == 600  # where the bare app takes 40
    assert report.figures["start/memory/all/rest"] == 50
    assert report.ratios == {"miss/ollama/rest/32": 3}
    assert report.spread == 1.0
    assert not report.counts
    assert (report.disturbed.spread, report.disturbed.ratios) == (report.spread, report.ratios)


def test_what_disturbs_a_slice_only_adds_and_medians_are_told_beside() -> None:
    from report import Samples

    samples = Samples()
    for disturbed in (1.0, 1.5, 2.0):  # two slices of three
        samples.add(
            {"bare/32": [20.0] * 3}
            | {"hit/floor/32": [40.0, 40.0 * disturbed, 40.0 * disturbed], "hit/memory/32": [200.0, 160.0, 200.0]}
        )
    report = samples.report("3.11", 3, 100)
    assert (report.spread, report.counts) == (0.0, True)
    assert report.ratios == {"hit/memory/32": 4.0}
    assert report.disturbed.spread == pytest.approx(2 / 3)
    assert report.disturbed.ratios == {"hit/memory/32": pytest.approx(200 / 60)}


async def test_those_that_are_compared_are_measured_in_turns_of_which_each_is_in_every_round() -> None:
    from bench import in_turns
    from cases import Case

    order: list[str] = []

    def case(name: str, slices: int, *values: float) -> Case:
        left = iter(values)

        async def measure() -> Mapping[str, float]:
            order.append(name)
            return {name: next(left)}

        return Case(name=name, measure=measure, slices=slices)

    found = await in_turns([case("a", 3, *range(7)), case("b", 1, 7, 8, 9), case("c", 3, *range(7))], 2)
    assert "".join(order) == "abc" + "acac" + "acac" + "abcabc"
    assert found == [{"a": [1, 3, 5], "b": [8], "c": [1, 3, 5]}, {"a": [2, 4, 6], "b": [9], "c": [2, 4, 6]}]


def test_a_ratio_that_grew_by_a_quarter_is_told() -> None:
    from report import Report, grown

    before = Report(python="3.11", rounds=7, requests=800, ratios={"hit/memory/32": 4.0, "hit/redis/32": 4.0})
    now = Report(python="3.11", rounds=7, requests=800, ratios={"hit/memory/32": 4.9, "hit/redis/32": 5.1, "new": 9.0})
    assert grown(now, before) == {"hit/redis/32": "hit/redis/32: 5.10 times the floor's, 4.00 before"}
