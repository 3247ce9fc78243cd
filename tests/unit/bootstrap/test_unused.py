"""What libraries import only in order to support it is kept out while they are imported, and no longer."""

import importlib
import sys

import pytest

from llm_gateway.bootstrap import unused
from llm_gateway.bootstrap.unused import without_unused


def test_what_is_of_no_use_is_not_found_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused, "UNUSED", frozenset(("wave",)))
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    before = list(sys.meta_path)
    with without_unused():
        with pytest.raises(ModuleNotFoundError, match="wave"):
            importlib.import_module("wave")
        assert importlib.import_module("colorsys")
    assert importlib.import_module("wave")
    assert sys.meta_path == before


def test_what_is_imported_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused, "UNUSED", frozenset(("json",)))
    with without_unused():
        assert importlib.import_module("json") is sys.modules["json"]
