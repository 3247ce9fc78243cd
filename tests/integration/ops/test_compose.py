"""ops/compose.yaml and ops/Dockerfile, as far as that goes without an engine: linted, and held to their promises."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from llm_gateway import Settings

from ...external.environments import Environment
from .files import OPS, ROOT, read_yaml

COMPOSE: dict[str, Any] = read_yaml(OPS / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (OPS / "Dockerfile").read_text()
EACH = pytest.mark.parametrize("name", SERVICES)


def linted(program: str, *arguments: str, folder: Path = OPS, **options: Any) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [Environment("linters").program(program), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False, **options)


@pytest.mark.external("linters")
def test_the_dockerfile_passes_hadolint() -> None:
    done = linted("hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.external("linters")
def test_the_compose_file_follows_the_specification() -> None:
    expanded = {key: value for key, value in COMPOSE.items() if not key.startswith("x-")}
    code = "import sys; from compose_spec import PyCompose; PyCompose.from_json(sys.stdin.read()).validate()"
    done = linted("python", "-c", code, input=json.dumps(expanded))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.external("linters")
def test_the_linter_of_compose_files_asks_for_nothing_but_digests(tmp_path: Path) -> None:
    folder = shutil.copytree(OPS, tmp_path / "ops")  # it also minds where the checkout stands, such as below /root
    done = linted("compose-lint", "check", "--format", "json", "--no-env", "compose.yaml", folder=folder)
    found = {finding["rule_id"] for finding in json.loads(done.stdout)["findings"]}
    assert found <= {"CL-0019"}, done.stdout  # a tag of a fixed version is what an operator can read and raise


@EACH
def test_a_service_is_sealed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(service)
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert service.get("healthcheck") or name == "gateway"
    assert not service.get("image", "").endswith(":latest")
    mounts = [mount for mount in service.get("volumes", []) if mount.startswith(".")]
    assert all(mount.endswith(":ro") and (OPS / mount.split(":")[0]).is_dir() for mount in mounts)


@EACH
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_what_is_shared_and_what_watches_is_reached_from_inside_only() -> None:
    assert COMPOSE["networks"]["state"] == COMPOSE["networks"]["watch"] == {"internal": True}
    for name in ("limits", "cache"):
        assert SERVICES[name]["networks"] == ["state"]
        assert "ports" not in SERVICES[name]
    assert SERVICES["prometheus"]["networks"] == ["watch"]
    assert [name for name, service in SERVICES.items() if "state" in service["networks"]] == [
        "gateway",
        "limits",
        "cache",
    ]


def test_quotas_are_never_evicted_and_answers_may_be() -> None:
    assert "--maxmemory-policy noeviction" in " ".join(SERVICES["limits"]["command"])
    assert "--maxmemory-policy allkeys-lru" in " ".join(SERVICES["cache"]["command"])
    assert SERVICES["gateway"]["environment"]["REDIS_URL"] == "redis://limits:6379/0"
    assert SERVICES["gateway"]["environment"]["CACHE_REDIS_URL"] == "redis://cache:6379/0"


def test_nothing_starts_with_a_password_or_a_key_that_everybody_knows() -> None:
    assert SERVICES["gateway"]["environment"]["API_KEYS"].startswith("${API_KEYS:?")
    grafana = SERVICES["grafana"]["environment"]
    assert grafana["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_PASSWORD:?")
    assert grafana["GF_AUTH_ANONYMOUS_ENABLED"] == grafana["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_every_variable_of_the_gateway_is_a_setting() -> None:
    known = {field.name.upper() for field in fields(Settings)}
    assert set(SERVICES["gateway"]["environment"]) <= known
    (environment,) = re.findall(r"^ENV (PATH=.*)$", DOCKERFILE, re.MULTILINE)
    own = {word.split("=")[0] for word in environment.split()}
    assert own - {"PATH"} - {name for name in own if name.startswith("PYTHON")} <= known


def test_the_gateway_may_drain_before_it_is_killed() -> None:
    grace = float(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace > float(SERVICES["gateway"]["environment"]["DRAIN_SECONDS"]) + 5


def test_the_image_runs_as_nobody_in_particular_and_stops_as_the_gateway_does() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    for instruction in ("USER 10001:10001", "STOPSIGNAL SIGTERM", "EXPOSE 8000", 'CMD ["serve"]'):
        assert f"\n{instruction}\n" in last
    assert "HOST=0.0.0.0" in last
    assert "RUN " not in last


def test_everything_in_the_image_is_locked_by_hash() -> None:
    installs = [line for line in DOCKERFILE.splitlines() if re.search(r"\bpip\b.* install ", line)]
    assert len(installs) == 3
    assert all("--require-hashes --no-deps" in line or "--no-deps --no-index" in line for line in installs)
    locked = re.split(r"^(?=[a-z])", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    in_the_image = re.split(r"^(?=[a-z])", (OPS / "requirements.lock").read_text(), flags=re.MULTILINE)
    pinned = {re.split(r"[ ;]", block)[0]: set(re.findall(r"sha256:\w+", block)) for block in locked if block}
    assert len(in_the_image) > 40
    for block in filter(None, in_the_image):
        assert set(re.findall(r"sha256:\w+", block)) == pinned[re.split(r"[ ;]", block)[0]], "run `just lock`"


def test_what_the_image_is_made_of_is_let_into_the_build_and_nothing_else() -> None:
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)
