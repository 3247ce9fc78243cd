"""The registry of the kinds of provider: whole, and the only place of bootstrap that names one."""

import ast
import tomllib
from pathlib import Path

import pytest

from llm_gateway.bootstrap.kinds import KINDS, SERVERS
from llm_gateway.bootstrap.loading import SettingsError, load_settings
from llm_gateway.domain.routing import DEFAULT_ROUTES

ROOT = Path(__file__).parents[3]
NAMES = {kind.name for kind in KINDS}


@pytest.mark.parametrize("table", ["endpoints", "providers"])
def test_a_row_may_name_every_kind_that_has_servers_and_no_other(tmp_path: Path, table: str) -> None:
    file = tmp_path / "llm-gateway.toml"
    row = '[[{table}]]\nname = "mine"\nkind = "{kind}"\nmodel = "m"\nbase_url = "http://127.0.0.1:1"\n'
    for kind in SERVERS:
        file.write_text(row.format(table=table, kind=kind.name))
        assert load_settings(config=file, environ={}, dotenv=None).rows[0].kind == kind.name
    file.write_text(row.format(table=table, kind="embedded"))
    with pytest.raises(SettingsError) as refused:
        load_settings(config=file, environ={}, dotenv=None)
    names = ", ".join(kind.name for kind in SERVERS)
    assert refused.value.faults == [f"{table}[0].kind: must be one of {names}"]


def test_every_kind_has_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"].keys() >= {kind.extra for kind in KINDS}
    assert project["optional-dependencies"].keys() >= {kind.name for kind in SERVERS if kind.sdk}


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
    assert naming == {"kinds.py"}
