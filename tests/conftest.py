"""The `external` marker: what a test does where a foreign program is absent."""

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("external")
    if marker is None:
        return
    absent = [tool for tool in marker.args if shutil.which(tool) is None]
    if not absent:
        return
    reason = f"not on this machine: {', '.join(absent)}"
    if os.environ.get("LLM_GATEWAY_REQUIRE_EXTERNAL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
