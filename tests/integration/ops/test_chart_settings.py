"""ops/helm beside the product: the variables, ports, paths, metrics and times of the chart are the gateway's own."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from msgspec import Meta
from msgspec.structs import fields

from llm_gateway import Settings, load_settings
from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel
from llm_gateway.adapters.outbound.telemetry import catalogue
from llm_gateway.bootstrap.settings_rules import serving_faults

from ..http.served import serve, stopped_clock
from .chart import Release, releases
from .chart_values import CHART, FILES
from .files import OPS, ROOT, read_yaml

EACH = pytest.mark.parametrize("name", FILES)
RENDERED = pytest.mark.external("charts")

DEFAULTS = FILES["values"]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
KNOWN = {field.name.upper(): field for field in fields(Settings)}
SECRETS = {name for name, field in KNOWN.items() if "Secret" in str(field.type)}
OF_THE_CHART = {"PORT", "WORKERS", "DRAIN_SECONDS", "EXPECTED_REPLICAS", "ALLOWED_HOSTS"}
DOCKERFILE = (OPS / "Dockerfile").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SECURE_TOML = re.search(r"^```toml\n(\[\[clients\]\]\nname = \"ward\".*?)^```$", OPERATIONS, re.MULTILINE | re.DOTALL)

GIVEN = {
    "API_KEYS": "a-key-of-this-test",
    "REDIS_URL": "redis://limits:6379/0",
    "CACHE_REDIS_URL": "redis://cache:6379/0",
    "GEMINI_API_KEY": "a-key-of-google",
    "METRICS_TOKEN": "a-token-of-this-test",
}
"""What the Secrets hold."""


def environ(release: Release) -> dict[str, str]:
    """As the kubelet makes it, in a pod on loopback."""
    texts = {
        name: value if isinstance(value, str) else GIVEN[name]
        for name, value in release.variables.items()
        if name != "POD_IP"
    }
    return {name: text.replace("$(POD_IP)", "127.0.0.1") for name, text in texts.items()}


def settings_of(release: Release, config: str, folder: Path) -> Settings:
    file = folder / "llm-gateway.toml"
    file.write_text(config)
    return load_settings(config=file, environ=environ(release) | {"HOST": "0.0.0.0"}, dotenv=None)


@RENDERED
@EACH
def test_every_variable_is_a_setting_and_a_secret_is_a_reference(name: str) -> None:
    variables = releases()[name].variables
    assert set(variables) - {"POD_IP"} <= set(KNOWN)
    assert {variable for variable, value in variables.items() if not isinstance(value, str)} - {"POD_IP"} <= SECRETS
    assert len(releases()[name].container["env"]) == len(variables)


@RENDERED
@EACH
def test_the_gateway_takes_what_a_release_gives_it(name: str, tmp_path: Path) -> None:
    release = releases()[name]
    assert SECURE_TOML is not None
    config = SECURE_TOML[1] if FILES[name].get("configSecret") else release.config
    settings = settings_of(release, config, tmp_path)
    assert list(serving_faults(settings)) == []
    values = DEFAULTS | FILES[name]
    assert (settings.workers, settings.drain_seconds) == (values["workers"], values["drainSeconds"])


@RENDERED
def test_a_secure_release_knows_no_cloud_and_no_client_that_may_ask_for_it(tmp_path: Path) -> None:
    assert SECURE_TOML is not None
    settings = settings_of(releases()["values-secure"], SECURE_TOML[1], tmp_path)
    assert settings.api_keys == ()
    assert {hint.value for client in settings.clients for hint in client.hints or ()} == {"secure"}
    assert all(client.hints for client in settings.clients)
    outside = (settings.gemini_api_key, settings.gemini_vertex_project, settings.redis_url, settings.cache_redis_url)
    assert (*outside, settings.otel_exporter_otlp_endpoint, settings.rows) == (*[None] * 5, ())
    assert settings.ollama_base_url == "http://ollama:11434"


def test_the_schema_keeps_secrets_and_the_charts_own_variables_out_of_texts() -> None:
    properties = SCHEMA["properties"]
    assert set(properties["env"]["propertyNames"]["not"]["enum"]) == SECRETS | OF_THE_CHART
    assert set(properties["secretEnv"]["propertyNames"]["not"]["enum"]) == OF_THE_CHART
    assert set(properties) - {"global"} == set(DEFAULTS)


@pytest.mark.parametrize(("key", "variable"), [("workers", "WORKERS"), ("drainSeconds", "DRAIN_SECONDS")])
def test_a_value_has_the_range_and_the_default_of_its_setting(key: str, variable: str) -> None:
    setting = KNOWN[variable]
    assert DEFAULTS[key] == setting.default
    (meta,) = (each for each in get_args(setting.type) if isinstance(each, Meta))
    stated = SCHEMA["properties"][key]
    assert (stated["minimum"], stated["maximum"]) == (meta.ge, meta.le)


@RENDERED
@pytest.mark.parametrize(("name", "drain"), [("values", 30), ("a long drain", 90)])
def test_a_pod_has_fifteen_seconds_more_than_its_drain(name: str, drain: int) -> None:
    release = releases()[name]
    assert release.variables["DRAIN_SECONDS"] == str(drain)
    grace = release.pod["terminationGracePeriodSeconds"]
    assert grace == drain + 15
    assert release.container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain + 5 < grace


@RENDERED
def test_the_port_the_user_and_the_folder_are_those_of_the_image() -> None:
    release = releases()["values-scaled"]
    (port,) = release.container["ports"]
    assert f"EXPOSE {port['containerPort']}" in DOCKERFILE
    assert release.variables["PORT"] == str(port["containerPort"])
    (service,) = release.one("Service")["spec"]["ports"]
    assert service["targetPort"] == service["name"] == port["name"]
    assert release.one("ServiceMonitor")["spec"]["endpoints"][0]["port"] == service["name"]
    security = release.pod["securityContext"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in DOCKERFILE
    mounts = {mount["name"]: mount["mountPath"] for mount in release.container["volumeMounts"]}
    assert f"WORKDIR {mounts['config']}" in DOCKERFILE
    assert release.container.get("command") is release.container.get("args") is None


@RENDERED
def test_the_autoscaler_follows_a_metric_of_the_gateway() -> None:
    (metric,) = releases()["values-scaled"].one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == catalogue.ANSWERS.name


def test_the_chart_has_the_products_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert read_yaml(CHART / "Chart.yaml")["appVersion"] == project["version"]


@RENDERED
async def test_probes_and_prometheus_are_answered_by_the_pods_address() -> None:
    release = releases()["named hosts"]
    hosts = tuple(environ(release)["ALLOWED_HOSTS"].split(","))
    paths = [
        *(release.container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")),
        releases()["values-scaled"].one("ServiceMonitor")["spec"]["endpoints"][0]["path"],
    ]
    model = ScriptedChatModel(stopped_clock())
    async with serve({"ollama": model}, host="127.0.0.1", allowed_hosts=hosts) as served:
        answers = {path: await served.client.get(path) for path in paths}
        stranger = await served.client.get("/health", headers={"host": "elsewhere.example"})
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    assert stranger.status_code == 421
