"""Which tests need a program that may be absent, or no coverage, and Hypothesis, bounded by number and not by time."""

import os
import shutil
from collections.abc import Generator

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, is_hypothesis_test, settings

from .external import environments

settings.register_profile(
    "ours",
    derandomize=True,
    deadline=None,
    max_examples=60,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = [name for marker in item.iter_markers("external") for name in marker.args]
    absent = [told for name in needed if (told := _absence(name))]
    if not absent:
        return
    reason = ", ".join(dict.fromkeys(absent))
    if os.environ.get("LLM_GATEWAY_REQUIRE_EXTERNAL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A search runs the lines that others run, thousands of times, and measuring them takes three times as long."""
    searches = item.get_closest_marker("search") or is_hypothesis_test(getattr(item, "obj", None))
    measuring = []
    while searches and (coverage := Coverage.current()):  # a worker has one of its own, and that of a subprocess
        coverage.stop()
        measuring.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in reversed(measuring):
            coverage.start()


def _absence(name: str) -> str | None:
    """Why the environment or program of that name can't be used; None where it can."""
    if (environment := environments.named(name)) is not None:
        return None if environment.ready else f"{name} is not set up as locked: just externals"
    return None if shutil.which(name) else f"{name} is not on this machine"
