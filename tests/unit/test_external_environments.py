"""The foreign programs' locks name no host, and a change of a lock is noticed."""

import re
from pathlib import Path

import pytest

from ..external import environments
from ..external.environments import HERE, Environment

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
