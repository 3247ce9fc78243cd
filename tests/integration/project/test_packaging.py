"""What is installed: the wheel made from the sdist, beside a host application with a `domain` package of its own."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .sources import LAYERS, ROOT, copy_sources

HOST = """
import domain
import llm_gateway.application
from llm_gateway.domain.routing import Hint

assert domain.OWNER == "the host"
assert Hint("secure") is Hint.SECURE
print(llm_gateway.application.__file__)
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def layer_files() -> Iterator[str]:
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"llm_gateway/{path.relative_to(ROOT).as_posix()}"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this tree, and the wheel that its own sources give."""
    sources = copy_sources(tmp_path_factory.mktemp("sources"))
    run(sys.executable, "-m", "build", "--no-isolation", cwd=sources)
    return sources / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("*.whl")
    return wheel


def test_the_sdist_has_every_file_of_every_layer(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/src/")[2] for name in archive.getnames()}
        assert not any(member.issym() or member.islnk() for member in archive.getmembers())
    assert set(layer_files()) <= names


def test_the_wheel_has_every_file_of_every_layer_and_nothing_else_at_the_top(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {*layer_files(), "llm_gateway/__init__.py", "llm_gateway/py.typed"} <= names
    assert {re.sub(r"-.*\.dist-info", "-dist-info", name.split("/")[0]) for name in names} == {
        "llm_gateway",
        "llm_gateway_core-dist-info",
    }


def test_the_core_works_in_a_host_that_has_a_domain_of_its_own(wheel: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "domain").mkdir(parents=True)
    (host / "domain" / "__init__.py").write_text('OWNER = "the host"\n')
    (host / "main.py").write_text(HOST)
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    install = (uv, "pip", "install", "--quiet", "--python", python, "--constraint", "requirements.lock", wheel)
    try:
        run(*install, "--offline")  # what set-up left in uv's cache
    except AssertionError:
        run(*install)

    where = Path(run(python, "main.py", cwd=host).strip())

    assert where.is_relative_to(tmp_path / "venv")


def test_the_extra_for_testing_brings_what_the_suites_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {Requirement(one).name for one in project["optional-dependencies"]["testing"]}
    brought = extra | {Requirement(one).name for one in project["dependencies"]}
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "src" / "llm_gateway" / "testing").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    assert "pytest-asyncio" in extra  # a plugin, which no module imports
    assert imported - sys.stdlib_module_names - {"llm_gateway"} <= brought
    assert "pytest" in imported & extra


def test_every_declared_requirement_is_locked_by_hash_and_without_an_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    extras = project["project"]["optional-dependencies"]
    declared = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(one for group in extras.values() for one in group if not one.startswith("llm-gateway-core[")),
        *project["dependency-groups"]["dev"],
    ]

    for requirement in map(Requirement, declared):
        version = locked[requirement.name.replace("_", "-")]
        assert requirement.specifier.contains(version, prereleases=True), requirement
    serving = [name for name in extras if name not in ("all", "demo", "testing")]
    assert extras["all"] == [f"llm-gateway-core[{','.join(serving)}]"]
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:])
    assert "://" not in lock


def test_vendors_are_asked_without_their_sdks_and_so_in_the_image() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rest = {Requirement(one).name for one in extras["rest"]}
    image = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "ops" / "requirements.lock").read_text(), re.MULTILINE))

    assert rest == {"aiohttp", "certifi"}
    for vendor, sdk in (("gemini", "google-genai"), ("ollama", "ollama")):
        assert extras[vendor][0] == "llm-gateway-core[rest]"
        assert sdk in {Requirement(one).name for one in extras[vendor]}
        assert sdk not in image
    assert rest <= image
    assert not image & {"google-genai", "google-auth", "httpx2", "ollama", "httpx-aiohttp"}
