"""The gates hold: an import that breaks the house's order fails its contract, by name."""

import os
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from .sources import copy_sources

PURE = {"llm_gateway", "msgspec", "typing_extensions", *sys.stdlib_module_names}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_sources(tmp_path)


def lint(tree: Path) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_house_keeps_its_contracts(tree: Path) -> None:
    code, output = lint(tree)

    assert code == 0, output


@pytest.mark.parametrize(
    ("place", "planted", "contract"),
    [
        ("domain", "import litestar", "The core is pure"),
        ("domain", "import time", "The domain has no clock and no input or output"),
        ("domain", "import llm_gateway.application", "Dependencies point inwards"),
        ("domain", "import llm_gateway", "The layers do not import the package's front"),
        ("application", "import redis.asyncio", "The core is pure"),
        ("application", "import llm_gateway.adapters.outbound.memory", "Dependencies point inwards"),
        ("adapters/outbound/memory", "from ..scripted import clock", "Outbound adapters do not know each other"),
        ("adapters/outbound/gemini", "from ..ollama import names", "Outbound adapters do not know each other"),
        ("adapters/outbound/vendor_http", "from ..gemini import usage", "Outbound adapters do not know each other"),
        ("adapters/outbound/gemini", "import google.genai", "A vendor's SDK is known to its own transport alone"),
        ("adapters/outbound/vendor_http", "import httpx", "A vendor's SDK is known to its own transport alone"),
        (
            "adapters/inbound/http",
            "import llm_gateway.adapters.outbound.memory",
            "Inbound adapters know no other adapter",
        ),
        ("adapters", "import llm_gateway.bootstrap", "Dependencies point inwards"),
        ("adapters", "import domain", "The layers are imported by their package name"),
        ("adapters/inbound/http/native", "from ..openai import wire", "The surfaces do not know each other"),
        ("adapters/inbound/http/common", "from ..native import wire", "The surfaces do not know each other"),
        ("bootstrap", "import adapters.outbound", "The layers are imported by their package name"),
    ],
)
def test_a_planted_import_breaks_its_contract(tree: Path, place: str, planted: str, contract: str) -> None:
    (tree / place / "planted.py").write_text(f"{planted}\n")

    code, output = lint(tree)

    assert code == 1, output
    assert f"{contract} BROKEN" in output
    assert "planted" in output


def test_a_circle_of_imports_breaks_its_contract(tree: Path) -> None:
    (tree / "domain" / "planted.py").write_text("from . import circle\n")
    (tree / "domain" / "circle.py").write_text("from . import planted\n")

    code, output = lint(tree)

    assert code == 1, output
    assert "No import circles BROKEN" in output
    assert "planted" in output


def test_a_package_without_a_layer_breaks_the_map(tree: Path) -> None:
    (tree / "src" / "llm_gateway" / "helpers.py").touch()

    code, output = lint(tree)

    assert code == 1, output
    assert "llm_gateway.helpers" in output


def test_the_core_imports_the_standard_library_msgspec_and_typing_extensions_only() -> None:
    graph = grimp.build_graph("llm_gateway", include_external_packages=True, cache_dir=None)

    imported = {
        (module, name)
        for module in graph.modules
        if module.startswith(("llm_gateway.domain", "llm_gateway.application"))
        for name in graph.find_modules_directly_imported_by(module)
        if name.split(".")[0] not in PURE
    }

    assert imported == set()
