"""The dashboards as they are committed: made by their code, complete, and of metrics that exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.adapters.outbound.telemetry.catalogue import CATALOGUE
from llm_gateway.adapters.outbound.telemetry.latest_catalogue import LATEST_CATALOGUE, RENAMED

from .files import DASHBOARDS, OPS, alerts, dashboards, panel_expressions, panels, read_yaml

TOPICS = {"traffic", "providers", "tokens", "cache", "limits", "system"}
TITLED = [pytest.param(dashboard, id=name) for name, dashboard in dashboards().items()]


def test_the_committed_dashboards_are_what_their_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, OPS / "grafana" / "generate.py", tmp_path], check=True, timeout=30)

    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in DASHBOARDS.iterdir()}, "run `just generate`"
    assert set(dashboards()) == TOPICS


@pytest.mark.parametrize("dashboard", TITLED)
def test_every_panel_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])
    titles = [panel["title"] for panel in panels(dashboard)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("dashboard", TITLED)
def test_the_datasource_is_the_one_that_is_chosen(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable["type"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query"}
    for panel in panels(dashboard):
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source["uid"] == "${datasource}" for source in sources)


@pytest.mark.parametrize("dashboard", TITLED)
def test_no_panel_covers_another_and_each_has_a_number_of_its_own(dashboard: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_expression_keeps_to_the_chosen_jobs() -> None:
    for expression in panel_expressions():
        selectors = re.findall(r"\{[^}]*\}", expression.text)
        assert selectors, expression
        assert all('job=~"$job"' in selector for selector in selectors), expression


def test_every_metric_is_shown_by_a_panel() -> None:
    shown = " ".join(expression.text for expression in panel_expressions())
    assert [metric.name for metric in CATALOGUE if not re.search(rf"\b{metric.name}(_bucket|_count)?{{", shown)] == []


def test_what_asks_for_a_metric_by_its_former_name_asks_for_its_latest_too() -> None:
    former, latest = ({metric.name for metric in metrics} for metrics in (RENAMED, LATEST_CATALOGUE))
    texts = [expression.text for expression in panel_expressions()] + [rule["expr"] for rule in alerts()]
    asking = [text for text in texts if any(name in text for name in former)]
    assert len(asking) > len(former)
    assert [text for text in asking if not any(name in text for name in latest)] == []


def test_grafana_finds_the_dashboards_and_prometheus_where_compose_puts_them() -> None:
    services = read_yaml(OPS / "compose.yaml")["services"]
    (provider,) = read_yaml(OPS / "grafana/provisioning/dashboards/llm-gateway.yml")["providers"]
    (source,) = read_yaml(OPS / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    scrapes = read_yaml(OPS / "prometheus/prometheus.yml")

    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == scrapes["global"]["scrape_interval"]
    assert scrapes["scrape_configs"][0]["static_configs"] == [{"targets": ["gateway:8000"]}]
