"""The topology under traffic: every panel and every alert has data, and nothing is wrong with what is scraped."""

import asyncio
import math
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

from .files import Expression, alerts, panel_expressions
from .topology import Topology, topology
from .traffic import round_of_traffic

pytestmark = [pytest.mark.external("prometheus", "promtool"), pytest.mark.timeout(120)]
WATCH_SECONDS = 40
STATUSES = {200, 400, 401, 404, 429, 502, 503}
_VARIABLES = {"$job": ".+", "$__rate_interval": "6s", "$__range": "1m"}


def _selectors(rule: Mapping[str, Any]) -> Iterable[Expression]:
    """What a rule reads, without what it compares that with."""
    text = re.sub(r"by \([^)]*\)", "", rule["expr"])
    for found in re.finditer(r"\b([a-z][a-z_]*)(\{[^}]*\})?(\[\w+\])?(?!\s*[\w(])", text):
        yield Expression(f"{rule['alert']}: {found[1]}", found[0])


def _whole(rule: Mapping[str, Any]) -> Expression:
    """A rule that says 0 where it would not fire: of operands that do not match it has no data."""
    text, comparisons = re.subn(r"\s(==|<|>)\s", r" \1 bool ", rule["expr"])
    assert comparisons == 1, rule["alert"]
    return Expression(f"{rule['alert']}: as a whole", text)


PANELS = list(panel_expressions())
RULES = [expression for rule in alerts() for expression in (*_selectors(rule), _whole(rule))]


class Seen(Struct, frozen=True, kw_only=True):
    """What came of a while of traffic. `empty` are the expressions that never had data."""

    empty: frozenset[Expression]
    statuses: frozenset[int]
    metrics: str
    targets: dict[str, str]
    rules: dict[str, str]
    seal: dict[str, str] | None
    healthcheck: int
    healthcheck_of_nothing: int


@pytest.fixture(scope="module")
def seen() -> Seen:
    return asyncio.run(_watched())


async def _watched() -> Seen:
    async with topology() as running:
        statuses = await round_of_traffic(running)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.prometheus}", trust_env=False) as prometheus:
            empty = await _until_all_have_data(running, prometheus, [*PANELS, *RULES], statuses)
            targets = (await prometheus.get("/api/v1/targets")).json()["data"]["activeTargets"]
            groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
            metrics = (await prometheus.get(f"http://127.0.0.1:{running.gateway}/metrics")).text
        return Seen(
            empty=frozenset(empty),
            statuses=frozenset(statuses),
            metrics=metrics,
            targets={target["scrapeUrl"]: target["health"] + target["lastError"] for target in targets},
            rules={rule["name"]: rule["health"] for group in groups for rule in group["rules"]},
            seal=_seal(running.gateway_process) if running.image.sealed else None,
            healthcheck=await asyncio.to_thread(running.image.healthcheck, running.gateway),
            healthcheck_of_nothing=await asyncio.to_thread(running.image.healthcheck, 9),
        )


def _seal(process: int) -> dict[str, str]:
    """What the system says of a process, and the options of its root."""
    about = Path(f"/proc/{process}")
    status = dict(line.split(":", 1) for line in about.joinpath("status").read_text().splitlines())
    mounts = [line.split() for line in about.joinpath("mounts").read_text().splitlines()]
    return status | {"root": next(options for _, place, _, options, *_ in mounts if place == "/")}


async def _until_all_have_data(
    running: Topology, prometheus: httpx.AsyncClient, wanted: list[Expression], statuses: set[int]
) -> list[Expression]:
    until = time.monotonic() + WATCH_SECONDS
    while (wanted or not statuses >= STATUSES) and time.monotonic() < until:
        statuses |= await round_of_traffic(running)
        running.stop_the_cache.close()  # from the second round on: Redis fails, and answers come all the same
        await asyncio.sleep(0.5)
        wanted = [expression for expression in wanted if not await _has_data(prometheus, expression)]
    return wanted


async def _has_data(prometheus: httpx.AsyncClient, expression: Expression) -> bool:
    text = expression.text
    for variable, value in _VARIABLES.items():
        text = text.replace(variable, value)
    answer = (await prometheus.get("/api/v1/query", params={"query": text})).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    series = answer["data"]["result"]
    return any(not math.isnan(float(value)) for one in series for _, value in one.get("values", [one.get("value")]))


@pytest.mark.parametrize("expression", PANELS, ids=lambda expression: expression.where)
def test_a_panel_has_data(seen: Seen, expression: Expression) -> None:
    assert expression not in seen.empty


@pytest.mark.parametrize("expression", RULES, ids=lambda expression: expression.where)
def test_an_alert_has_data(seen: Seen, expression: Expression) -> None:
    assert expression not in seen.empty


def test_prometheus_scrapes_every_instance_and_evaluates_every_rule(seen: Seen) -> None:
    assert list(seen.targets.values()) == ["up", "up"]
    assert seen.rules == {rule["alert"]: "ok" for rule in alerts()}


def test_promtool_finds_no_fault_in_the_metrics(seen: Seen) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=seen.metrics, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_kind_of_answer_was_among_them(seen: Seen) -> None:
    assert seen.statuses >= STATUSES


def test_the_image_runs_without_rights_on_a_read_only_root(seen: Seen) -> None:
    if seen.seal is None:
        pytest.skip("this user may not seal a process")
    assert set(seen.seal["Uid"].split()) == set(seen.seal["Gid"].split()) == {"10001"}
    assert int(seen.seal["CapEff"], 16) == int(seen.seal["CapBnd"], 16) == 0
    assert seen.seal["NoNewPrivs"].strip() == "1"
    assert seen.seal["root"].startswith("ro,")


def test_the_images_health_check_tells_a_gateway_from_nothing(seen: Seen) -> None:
    assert seen.healthcheck == 0
    assert seen.healthcheck_of_nothing != 0
