"""The shipped suites are what their users were told: collected only where subclassed, in either asyncio mode."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llm_gateway.testing as testing

MINE = """
from llm_gateway.testing import ChatModelContract, MemoryReplyCache, RateLimiterContract, ReplyCacheContract


class TestGood(ReplyCacheContract):
    def make(self):
        return MemoryReplyCache(self.clock)


class Forgetful(MemoryReplyCache):
    async def get(self, keys):
        return {}


class TestForgetful(ReplyCacheContract):
    def make(self):
        return Forgetful(self.clock)
"""
SETTINGS = """[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
asyncio_mode = """


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_a_suite_runs_only_where_it_is_subclassed_and_shows_the_values_of_what_fails(tmp_path: Path, mode: str) -> None:
    (tmp_path / "test_mine.py").write_text(MINE)
    (tmp_path / "pytest.ini").write_text(SETTINGS + mode)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    verdicts = set(re.findall(r"test_mine\.py::(\w+)::\w+\S* (PASSED|FAILED)", done.stdout))
    assert verdicts == {("TestGood", "PASSED"), ("TestForgetful", "PASSED"), ("TestForgetful", "FAILED")}, done.stdout
    assert "assert {} == {" in done.stdout


def test_everything_that_is_exported_is_there_and_no_suite_has_a_collected_name() -> None:
    assert sorted(testing.__all__) == testing.__all__
    assert all(hasattr(testing, name) for name in testing.__all__)
    assert not any(name.startswith("Test") for name in testing.__all__)
