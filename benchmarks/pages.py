"""The tables of a run, and their places in the documentation: between `<!-- measured: NAME -->` and its end."""

import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from report import MOST_SPREAD, Report
from servers import FLOOR

FIGURES = Path(__file__).with_name("figures.json")
"""Of the run that the pages tell of, and that a ratio is compared with."""
PAGES = ("README.md", "docs/performance.md")
_CHUNKS = ("saturated", "paced")
_SIZES = ("1 KB", "10 KB", "100 KB", "1 MB")
_NAMES = {"gemini": "Gemini", "ollama": "Ollama", "floor": "the floor"}


def tables(report: Report) -> str:
    """Every table that has a row."""
    return "\n\n".join(f"{name}:\n\n{text}" for name, make in TABLES.items() if (text := make(report)))


def fill_pages(root: Path, report: Report) -> None:
    for page in PAGES:
        path = root / page
        path.write_text(filled(path.read_text(encoding="utf-8"), report), encoding="utf-8")


def filled(text: str, report: Report) -> str:
    """The page with this run's tables. Raises `KeyError` where it names one that there is not."""

    def fill(found: re.Match[str]) -> str:
        name = found[1].removeprefix("<!-- measured: ").removesuffix(" -->")
        gap = "\n  " if name == "light" else "\n\n"
        return f"{found[1]}{gap}{PLACES[name](report)}{gap}{found[3]}"

    return re.sub(r"(<!-- measured: [\w ]+ -->)(.*?)(<!-- end -->)", fill, text, flags=re.DOTALL)


def _table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A row without a figure is left out; so is a table without rows."""
    lines = [f"| {' | '.join((name, *cells))} |" for name, cells in rows if any(cells)]
    rule = f"|---|{'---:|' * (len(head) - 1)}"
    return "\n".join([f"| {' | '.join(head)} |", rule, *lines]) if lines else ""


def _cell(report: Report, name: str, pattern: str = "{:.0f}", factor: float = 1.0) -> str:
    value = report.figures.get(name)
    return "" if value is None else pattern.format(value * factor)


def _ratio(report: Report, name: str) -> str:
    ratio = report.ratios.get(name)
    return "" if ratio is None else f"{ratio:.1f}"


def _asked(report: Report, kind: str) -> Iterable[tuple[str, str]]:
    """Vendor and transport, as there are figures of this kind; the floor first, then the default transport."""
    found = {(parts[1], parts[2]) for name in report.figures if (parts := name.split("/"))[0] == kind}
    return sorted(found, key=lambda one: (one[0] != "ollama", one[1] != FLOOR, one[1]))


def _said(vendor: str, transport: str) -> str:
    return f"{_NAMES[vendor]}, {_NAMES.get(transport, f'`{transport}`')}"


def _run(report: Report) -> str:
    spread = "" if report.spread is None else f"; the floor's spread was {report.spread:.0%}"
    counts = "" if report.counts or not spread else f", and a run with more than {MOST_SPREAD:.0%} does not count"
    bare = f" The bare app took {report.bare_us:.0f} µs." if report.bare_us else ""
    run = f"{_day(report)}Python {report.python}, {report.rounds} rounds, medians{spread}{counts}."
    return run + bare + _disturbed(report)


def _disturbed(report: Report) -> str:
    """What would be told if each round had the medians of its slices."""
    names = {"hit/memory": "a hit", "hit/redis": "one in Redis"}
    names |= {f"miss/{at}/rest": f"a miss of {_NAMES[at]}" for at in ("ollama", "gemini")}
    ratios = report.disturbed.ratios
    told = [f"{said} {ratios[f'{name}/32']:.1f}" for name, said in names.items() if f"{name}/32" in ratios]
    if report.disturbed.spread is None or not told:
        return ""
    return (
        f" With the medians of slices: a spread of {report.disturbed.spread:.0%}, and of the floor {', '.join(told)}."
    )


def _day(report: Report) -> str:
    return f"{report.measured.day} {report.measured:%B %Y}: " if report.measured else ""


def _requests(report: Report) -> str:
    rows = [("bare ASGI app", "bare"), ("hit, the floor", "hit/floor"), ("hit", "hit/memory")]
    rows += [("hit in Redis, quota too", "hit/redis")]
    rows += [(f"miss, {_said(vendor, to)}", f"miss/{vendor}/{to}") for vendor, to in _asked(report, "miss")]

    def cells(name: str) -> Sequence[str]:
        return [make(report, f"{name}/{together}") for together in (32, 1) for make in (_cell, _ratio)]

    head = ("request", "CPU µs, 32 at once", "÷ the floor", "CPU µs, one at a time", "÷ the floor")
    return _table(head, ((said, cells(name)) for said, name in rows))


def _chunks(report: Report) -> str:
    rows = dict.fromkeys(tuple(name.split("/")[2:]) for name in report.figures if name.startswith("chunk/"))
    head = ("streamed from", "CPU µs a chunk, back to back", "every 20 ms")
    return _table(
        head,
        ((_said(*row), [_cell(report, f"chunk/{how}/{'/'.join(row)}", "{:.1f}") for how in _CHUNKS]) for row in rows),
    )


def _conversations(report: Report) -> str:
    def cells(name: str) -> Iterable[str]:
        for size in _SIZES:
            value, ratio = _cell(report, f"{name}/{size}", "{:.2f}", 1e-3), _ratio(report, f"{name}/{size}")
            yield f"{value} ({ratio})" if ratio else value

    rows = ((_said(*one), list(cells(f"conversation/{'/'.join(one)}"))) for one in _asked(report, "conversation"))
    return _table(("CPU ms (÷ the floor)", *_SIZES), rows)


def _streams(report: Report) -> str:
    rows = dict.fromkeys(tuple(name.split("/")[1:4]) for name in report.figures if name.startswith("streams/"))

    def cells(name: str) -> Sequence[str]:
        first, end = _cell(report, f"{name}/first", "{:.2f}"), _cell(report, f"{name}/end", "{:.2f}")
        return [first, end, _cell(report, f"{name}/failed")]

    head = ("streams at once", "first text, median, s", "end ÷ ideal, 99 %", "failed")
    return _table(head, ((f"{row[0]}, {_said(*row[1:])}", cells(f"streams/{'/'.join(row)}")) for row in rows))


def _starts(report: Report) -> str:
    rows = dict.fromkeys(tuple(name.split("/")[2:]) for name in report.figures if name.startswith("start/"))

    def cells(row: tuple[str, ...]) -> Sequence[str]:
        patterns = {"memory": "{:.0f}", "seconds": "{:.2f}", "cpu": "{:.2f}"}
        return [_cell(report, f"start/{what}/{'/'.join(row)}", pattern) for what, pattern in patterns.items()]

    head = ("installed, transport", "PSS, MiB", "exec to the first answer, s", "CPU of it, s")
    said = {"all": "every extra", "image": "what the image has"}
    return _table(head, ((f"{said[row[0]]}, `{row[1]}`", cells(row)) for row in rows))


def _stalls(report: Report) -> str:
    """Whole or streamed, whichever took longer."""
    rows = dict.fromkeys(tuple(name.split("/")[2:5]) for name in report.figures if name.startswith("stall/"))

    def most(clock: str, row: tuple[str, ...]) -> str:
        names = [f"stall/{clock}/{'/'.join(row)}/{how}" for how in ("whole", "streamed")]
        return f"{max(report.figures.get(name, 0.0) for name in names):.0f}"

    head = ("1 MiB of", "the loop's CPU, ms", "by the wall clock, ms")
    return _table(head, ((f"{row[0]}, {_said(*row[1:])}", [most("cpu", row), most("wall", row)]) for row in rows))


def _light(report: Report) -> str:
    """The README's, of 32 requests at once. Raises `KeyError` where the run left one of them out."""
    by = "rest" if "miss/ollama/rest/32" in report.ratios else "sdk"
    hit, ollama, gemini, ollama_sdk, gemini_sdk = (
        f"{report.ratios[f'{name}/32']:.1f}"
        for name in ("hit/memory", f"miss/ollama/{by}", f"miss/gemini/{by}", "miss/ollama/sdk", "miss/gemini/sdk")
    )
    memory, seconds = (report.figures[f"start/{what}/image/{by}"] for what in ("memory", "seconds"))
    caveat = "" if report.counts else ", in a run on a machine too unsteady for it to count"
    said = (
        f"{_day(report)}a hit takes {hit} times as much, and a miss {ollama} times over Ollama and {gemini} times over "
        f"Gemini (by their SDKs {ollama_sdk} and {gemini_sdk}), with metrics, record and log. What the image has takes "
        f"{memory:.0f} MiB, and {seconds:.1f} s to the first answer{caveat}"
    )
    return "\n  ".join(textwrap.wrap(said, 116))


TABLES: Final[Mapping[str, Callable[[Report], str]]] = {
    "run": _run,
    "requests": _requests,
    "chunks": _chunks,
    "conversations": _conversations,
    "streams": _streams,
    "starts": _starts,
    "stalls": _stalls,
}
PLACES: Final[Mapping[str, Callable[[Report], str]]] = {**TABLES, "light": _light}


def main() -> None:
    """Writes the pages again, of the committed figures."""
    fill_pages(Path(sys.argv[1]), msgspec.json.decode(FIGURES.read_bytes(), type=Report))


if __name__ == "__main__":
    main()
