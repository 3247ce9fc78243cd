"""What stands in ops/, as data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

ROOT = Path(__file__).parents[3]
OPS = ROOT / "ops"
DASHBOARDS = OPS / "grafana" / "dashboards"


class Expression(Struct, frozen=True):
    """One query of a panel, or one rule's."""

    where: str
    text: str


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def dashboards() -> dict[str, dict[str, Any]]:
    """The committed dashboards by their files' names."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_expressions() -> Iterator[Expression]:
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield Expression(f"{name}: {panel['title']}: {target['legendFormat']}", target["expr"])


def alerts() -> list[dict[str, Any]]:
    groups = read_yaml(OPS / "prometheus" / "rules.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]
