"""The alert rules: valid, tried on series of both kinds, and each with a runbook."""

import re
import subprocess

import pytest

from .files import OPS, ROOT, alerts, read_yaml


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=OPS / "prometheus", capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.external("promtool")
@pytest.mark.parametrize(
    "arguments",
    ["check config --lint=all --lint-fatal prometheus.yml", "check rules rules.yml", "test rules rules_test.yml"],
)
def test_promtool_finds_no_fault(arguments: str) -> None:
    promtool(*arguments.split())


def test_every_alert_is_shown_to_fire() -> None:
    groups = read_yaml(OPS / "prometheus" / "rules_test.yml")["tests"]
    fired = {case["alertname"] for group in groups for case in group["alert_rule_test"] if case.get("exp_alerts")}
    assert fired == {alert["alert"] for alert in alerts()}


def test_every_alert_has_a_runbook_that_is_written() -> None:
    for alert in alerts():
        page, _, section = alert["annotations"]["runbook"].partition("#")
        sections = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        assert section == alert["alert"].lower()
        assert alert["alert"] in sections, f"{page} has no section {alert['alert']}"
        assert alert["annotations"]["summary"]
        assert alert["labels"]["severity"] in {"page", "ticket", "info"}
