"""`secure` never leaves the premises: a gateway as its user starts it, alone with a cloud that sees all that leaves.

It runs in a network namespace in which every address of the world leads to a recording listener: `docs/security.md`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import json, structs

from ..lacking import lacking
from .guards import GUARDS, Guard
from .inside import WAYS, Order, Report
from .scenes import ANSWER, SCENES, Scene, Told

ROOT = Path(__file__).parents[3]
REFUSED = {
    "key, model in the cloud": 403,
    "key, hint of the cloud": 403,
    "OpenAI's surface, model in the cloud": 400,
    "OpenAI's surface, embedding in the cloud": 400,
    "messages, model in the cloud": 400,
    "responses, model in the cloud": 400,
    "ollama, model in the cloud": 400,
}
"""Ways that lead nowhere; every other one leads to the last scene's answer."""
EVERYTHING = Order(scenes=[scene.name for scene in SCENES], ways=list(WAYS))
BY_A_PROXY = Order(scenes=["ollama"], proxy=True)

pytestmark = [pytest.mark.external("unshare", "ip", "mount"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def namespaces() -> None:
    """Not every machine and container lets a process have namespaces of its own."""
    tried = subprocess.run(["unshare", "-rnm", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        lacking(f"no namespaces here: {tried.stderr.strip()}")


def report(order: Order) -> Report:
    inside = [sys.executable, "-m", "tests.integration.premises.inside", json.encode(order).decode()]
    done = subprocess.run(
        ["unshare", "-rnm", *inside], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.decode(done.stdout, type=Report)


@pytest.fixture(scope="module", params=["rest", "sdk"])
def seen(namespaces: None, request: pytest.FixtureRequest) -> Report:
    """By each way to Ollama."""
    return report(structs.replace(EVERYTHING, transport=request.param))


def faults(report: Report, scenes: Mapping[str, Scene]) -> Iterator[str]:
    """What a report shows that must not be."""
    yield from (f"left: {what}" for what in report.left)
    yield from (f"left: {what}" for what in report.heard)
    yield from (f"asked for a name: {name}" for name in report.resolved)
    yield from (f"words in {place}" for place in report.spilled)
    if report.unseen:
        yield f"{report.unseen} packets were not looked at"
    for name, told in report.scenes.items():
        stated = scenes[name].told
        if (told.status, told.code) != (stated.status, stated.code) or stated.says not in told.says:
            yield f"{name} answers {told}"
    for name, answers in report.ways.items():
        yield from (f"{name} answers {told}" for told in answers if not as_stated(name, told))


def as_stated(way: str, told: Told) -> bool:
    return told.status == REFUSED[way] if way in REFUSED else (told.status, told.says) == (200, ANSWER)


BY_NAME = {scene.name: scene for scene in SCENES}


def test_nothing_leaves_whatever_fails_and_however_secure_is_asked_for(seen: Report) -> None:
    assert list(faults(seen, BY_NAME)) == []
    assert seen.scenes.keys() == BY_NAME.keys()
    assert seen.ways.keys() == WAYS.keys()


def test_the_breakers_of_what_failed_were_open_in_the_end(seen: Report) -> None:
    assert {"refuses", "resets", "stays-silent", "cuts", "fails", "redirects-307", "name-turns"} <= set(
        seen.open_breakers
    )


def test_the_cloud_sees_what_does_leave(seen: Report) -> None:
    assert any(":generateContent" in request for request in seen.seen_of_others)
    assert "gemini.cloud.test" in seen.names_of_others


@pytest.mark.parametrize("transport", ["rest", "sdk"])
def test_nothing_goes_by_a_proxy_on_the_premises(namespaces: None, transport: str) -> None:
    assert list(faults(report(structs.replace(BY_A_PROXY, transport=transport)), BY_NAME)) == []


@pytest.fixture(scope="module")
def unguarded(namespaces: None, request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[Report]"]]:
    """A report for each guard that is missing. They wait for timeouts more than they compute: several at a time."""
    guards = [item.callspec.params.get("guard") for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as pool:
        yield {guard.name: pool.submit(without, guard.order, guard) for guard in guards if guard and guard.order}


def without(order: Order, guard: Guard) -> Report:
    return report(structs.replace(order, without=guard.name))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_stands_where_it_is_said_to(guard: Guard) -> None:
    for edit in guard.edits:
        source = (ROOT / edit.module.replace(".", "/")).with_suffix(".py").read_text()
        assert source.count(edit.code) == 1, edit
    assert guard.order or guard.test


@pytest.mark.nightly
@pytest.mark.parametrize("guard", [guard for guard in GUARDS if guard.order is not None], ids=lambda guard: guard.name)
def test_the_proof_fails_without_a_guard(guard: Guard, unguarded: Mapping[str, "Future[Report]"]) -> None:
    found = list(faults(unguarded[guard.name].result(), BY_NAME))
    assert found
    if guard.leaks:
        assert any(fault.startswith("left:") for fault in found), found


@pytest.mark.nightly
@pytest.mark.parametrize("guard", [guard for guard in GUARDS if guard.test is not None], ids=lambda guard: guard.name)
def test_a_test_fails_without_a_guard(guard: Guard) -> None:
    assert guard.test is not None
    command = [sys.executable, "-m", "tests.integration.premises.without", guard.name, "pytest", "-q", "-x"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", guard.test],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
