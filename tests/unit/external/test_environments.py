"""The foreign programs: their locks name no host, a change of one is noticed, and CI skips no test that needs one."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ... import conftest
from ...external import environments
from ...external.environments import HERE, ROOT, Environment

LOCKS = sorted((*HERE.glob("*/requirements.lock"), *HERE.glob("*/package-lock.json")))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}/{lock.name}")
def test_a_lock_has_digests_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert re.search(r"--hash=sha256:[0-9a-f]{64}|\"integrity\": \"sha512-", text)
    assert "://" not in text
    assert '"resolved"' not in text


def test_an_environment_is_ready_until_its_lock_changes_or_its_python_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "HERE", tmp_path / "described")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (described := tmp_path / "described" / "one").mkdir(parents=True)
    lock = described / "requirements.lock"
    lock.write_text("")
    environment = Environment("one")
    python = environment.program("python")

    def set_up_python() -> None:
        python.parent.mkdir(parents=True)
        python.touch()

    monkeypatch.setattr(environment, "_set_up_python", set_up_python)
    assert not environment.ready
    environment.set_up()
    assert environment.ready

    lock.write_text("two==2\n")
    assert not environment.ready

    lock.write_text("")
    assert environment.ready
    python.unlink()
    assert not environment.ready


@pytest.mark.parametrize("required", [False, True])
def test_where_a_program_is_absent_a_test_is_skipped_but_fails_in_ci(
    required: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLM_GATEWAY_REQUIRE_EXTERNAL", raising=False)
    if required:
        monkeypatch.setenv("LLM_GATEWAY_REQUIRE_EXTERNAL", "1")
    item: Any = SimpleNamespace(iter_markers=lambda _: [pytest.mark.external("sh", "no-such-program").mark])

    with pytest.raises(pytest.fail.Exception if required else pytest.skip.Exception, match="no-such-program is not on"):
        conftest.pytest_runtest_setup(item)


def test_ci_requires_them() -> None:
    assert "\nexport LLM_GATEWAY_REQUIRE_EXTERNAL=1\n" in (ROOT / ".ci" / "run").read_text()
