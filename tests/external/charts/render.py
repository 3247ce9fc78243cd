"""Reads a chart's folder and named values as JSON, and writes what Helm and the schemas of Kubernetes say of each."""

import json
import sys
from typing import Any

import helm_python
import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1
from pydantic import ValidationError

KUBERNETES = ("1.30", kubernetes_validate.latest_version())
"""The oldest that Chart.yaml allows, and the newest whose schemas are there."""


def rendered(folder: str, values: dict[str, Any]) -> dict[str, Any]:
    """Of one release: what the linter finds, why it is refused or else its objects, and what is wrong with those."""
    report = helm_python.lint(folder, values, strict=True, namespace="ours", kube_version=f"v{KUBERNETES[0]}.0")
    found = [message["error"] for message in report["messages"] if message["severity"] > 1]
    try:
        with helm_python.Chart.load(folder) as chart:
            chart.validate_schema(values)
            texts = chart.render(values, name="gateway", namespace="ours")
    except helm_python.HelmError as error:
        return {"lint": found, "refused": str(error)}
    notes = next(text for name, text in texts.items() if name.endswith("NOTES.txt"))
    objects = [yaml.safe_load(text) for name, text in texts.items() if name.endswith(".yaml")]
    objects = [each for each in objects if each]
    faults = [fault for each in objects for fault in _faults(each)]
    return {"lint": found + report["errors"], "refused": None, "objects": objects, "faults": faults, "notes": notes}


def _faults(each: dict[str, Any]) -> list[str]:
    kind = each["kind"]
    try:
        if kind == "ServiceMonitor":
            read = v1.ServiceMonitor.model_validate(each).model_dump(mode="json", by_alias=True, exclude_unset=True)
            return [] if read == each else [f"{kind}: of {each} only {read} is known"]
        for version in KUBERNETES:
            kubernetes_validate.validate(each, version, strict=True)
    except (ValidationError, kubernetes_validate.ValidationError) as error:
        return [f"{kind}: {error}"]
    return []


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({name: rendered(asked["chart"], values) for name, values in asked["values"].items()}, sys.stdout)
