"""The chart of ops/helm as Helm renders it, for each of its values files and for values of tests."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from ...external import environments
from ...external.environments import Environment
from .chart_values import CHART, FAULTY, FILES, OWN, REFUSED


class Release(Struct, frozen=True, kw_only=True):
    """`lint` and `faults` are what the linter and the schemas find; `refused` says why there are no objects."""

    lint: tuple[str, ...]
    refused: str | None
    objects: tuple[dict[str, Any], ...] = ()
    faults: tuple[str, ...] = ()
    notes: str = ""

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = (each for each in self.objects if each["kind"] == kind)
        return found

    def kinds(self) -> set[str]:
        return {each["kind"] for each in self.objects}

    @property
    def pod(self) -> dict[str, Any]:
        found: dict[str, Any] = self.one("Deployment")["spec"]["template"]["spec"]
        return found

    @property
    def container(self) -> dict[str, Any]:
        (found,) = self.pod["containers"]
        return dict(found)

    @property
    def variables(self) -> dict[str, Any]:
        """By their names: a text, or where the value comes from."""
        return {row["name"]: row.get("value", row.get("valueFrom")) for row in self.container["env"]}

    @property
    def config(self) -> str:
        """llm-gateway.toml, where the chart makes it."""
        text: str = self.one("ConfigMap")["data"]["llm-gateway.toml"] if "ConfigMap" in self.kinds() else ""
        return text


@cache
def releases() -> dict[str, Release]:
    """A release for each of the named values."""
    program = Path(environments.__file__).parent / "charts" / "render.py"
    values = FILES | OWN | FAULTY | {name: refused for name, (refused, _) in REFUSED.items()}
    done = subprocess.run(
        [Environment("charts").program("python"), program],
        input=json.dumps({"chart": str(CHART), "values": values}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return convert(json.loads(done.stdout), dict[str, Release])
