"""The registry of the kinds of provider: whole, and the only place of bootstrap that names one."""

import ast
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

from llm_gateway.bootstrap.kinds import KINDS, SERVERS
from llm_gateway.bootstrap.settings import EndpointSettings
from llm_gateway.domain.routing import DEFAULT_ROUTES

ROOT = Path(__file__).parents[3]
NAMES = {kind.name for kind in KINDS}


def test_the_type_of_a_row_allows_every_kind_that_has_servers() -> None:
    assert get_args(get_type_hints(EndpointSettings)["kind"]) == tuple(kind.name for kind in SERVERS)


def test_every_kind_has_an_extra_of_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"].keys() >= NAMES


def test_every_kind_says_what_its_models_make_of_a_request() -> None:
    assert {column.provider for kind in KINDS for column in kind.columns()} == NAMES


def test_the_default_routes_lead_to_kinds() -> None:
    assert {name for route in DEFAULT_ROUTES.values() for name in route} <= NAMES


def test_nothing_else_of_bootstrap_names_a_kind() -> None:
    naming = {
        path.name
        for path in (ROOT / "bootstrap").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in NAMES
    }
    assert naming == {"kinds.py", "settings.py"}
