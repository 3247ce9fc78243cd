"""Every command and every block of code in the documents does what it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import fields

import llm_gateway
from llm_gateway import Settings, load_settings
from llm_gateway.domain.clients import digest_of

from ...external.environments import Environment
from .documents import FROM_A_WHEEL, PAGES, RECORDED, ROOT, Block, blocks, clone

SET_UP = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q uv rust-just && \.venv/bin/just (\w+)\n")
DEMONSTRATION = "127.0.0.1:8000"
VARIABLES = frozenset(field.name.upper() for field in fields(Settings))
DECISIONS = sorted(f"docs/adr/{path.name}" for path in (ROOT / "docs" / "adr").glob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCED = re.MULTILINE | re.DOTALL
SERVE = re.compile(r"^\.venv/bin/llm-gateway serve$", re.MULTILINE)
SERVE_A_MOMENT = """\
.venv/bin/llm-gateway serve > served.log & served=$!
until grep -q "Listening on" served.log; do kill -0 $served; sleep 0.05; done
kill $served; wait $served"""


def _kind(block: Block) -> str:
    """Which of the tests below a block is for; empty for a drawing. Fails for what nobody would test."""
    if block.note.startswith("not run: "):
        return "not run"
    if block.note.startswith("from: "):
        return "excerpt"
    if block.note.startswith("client: "):
        return "client"  # tests/integration/clients has them
    if block.note == FROM_A_WHEEL:
        return FROM_A_WHEEL  # test_first_answer.py beside this has them
    if block.note == RECORDED:
        return RECORDED
    if SET_UP.fullmatch(block.text):
        return "set-up"
    return {"sh": "command", "python": "program", "toml": "settings", "mermaid": "", "": ""}[block.language]


BLOCKS = list(blocks())
KINDS = {block: _kind(block) for block in BLOCKS}


def each(kind: str) -> pytest.MarkDecorator:
    found = [pytest.param(block, id=block.name, marks=_needs(block)) for block in BLOCKS if KINDS[block] == kind]
    return pytest.mark.parametrize("block", found)


def _needs(block: Block) -> list[pytest.MarkDecorator]:
    return [] if block.environment is None else [pytest.mark.external(block.environment)]


@contextmanager
def demonstrating(folder: Path) -> Iterator[str]:
    """A served demonstration: its host and port."""
    command: list[str | Path] = [Path(sys.executable).with_name("llm-gateway"), "serve", "--demo"]
    environ = {"PATH": os.environ["PATH"], "PORT": "0", "RATE_LIMITER_CAPACITY": "1000", "OLLAMA_DOOR": "true"}
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = next(filter(None, (re.match(r"Listening on http://(\S+)", line) for line in process.stdout)))
        yield found[1]
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with demonstrating(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.mark.external("git", "curl")
@each("command")
def test_a_command_works(block: Block, tmp_path: Path, demonstration: str) -> None:
    given = block.text.replace(DEMONSTRATION, demonstration)
    given = given.replace("sha256:...", f"sha256:{digest_of('sk-of-a-document').hex()}").replace("=...", "=none")
    environ = {
        **{name: value for name, value in os.environ.items() if name not in VARIABLES},  # a registry's settings, too
        **{"PORT": "0", "GEMINI_BASE_URL": "http://127.0.0.1:9"},  # no provider is asked
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", SERVE.sub(SERVE_A_MOMENT, given)],
        cwd=clone(tmp_path),
        env=environ,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout or not re.search(r"^(?!#|export )\S", block.text, re.MULTILINE)
    assert '"code":' not in done.stdout, "answered with a problem"


@pytest.mark.external("curl")
@each(RECORDED)
def test_a_recording_is_what_comes_today(block: Block, tmp_path: Path) -> None:
    """Of a gateway that was asked nothing before, but for ids, times, and the words around the answer: another machine
    rounds otherwise.
    """
    lines = block.text.splitlines()
    commands = "\n".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    with demonstrating(tmp_path) as address:
        script = commands.replace(DEMONSTRATION, address)
        done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=50, check=True)
    recorded = [json.loads(line) for line in lines if not line.startswith("$ ")]
    came = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.keys() for one in came] == [one.keys() for one in recorded]
    for field in ("provider", "model", "cached", "finish_reason"):
        assert [one[field] for one in came] == [one[field] for one in recorded]
    assert all("Paris" in one["content"] for one in (*came, *recorded))


@each("program")
def test_a_program_runs(block: Block, tmp_path: Path, demonstration: str) -> None:
    foreign = block.environment and Environment(block.environment).program("python")
    program = block.text.replace(DEMONSTRATION, demonstration)
    done = subprocess.run(
        [foreign, "-c", program] if foreign else [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@each("excerpt")
def test_an_excerpt_stands_in_its_file(block: Block) -> None:
    assert block.text in (ROOT / block.note.removeprefix("from: ")).read_text()


@each("settings")
def test_settings_are_read(block: Block, tmp_path: Path) -> None:
    (tmp_path / "llm-gateway.toml").write_text(block.text)
    load_settings(config=tmp_path / "llm-gateway.toml", environ={}, dotenv=None)


@each("set-up")
def test_set_up_is_what_ci_runs(block: Block) -> None:
    """CI runs this very line, with another recipe, on a clean checkout."""
    found = SET_UP.fullmatch(block.text)
    assert found is not None
    assert (ROOT / ".ci/run").read_text().endswith(block.text.replace(f"just {found[1]}\n", "just check\n"))
    assert re.search(rf"^{found[1]}\b[^:=\n]*:(?!=)", (ROOT / "justfile").read_text(), re.MULTILINE)


def test_what_is_not_run_needs_an_engine_or_a_cluster_for_containers() -> None:
    left_out = [block for block in BLOCKS if KINDS[block] == "not run"]
    assert {block.note for block in left_out} == {"not run: no container engine", "not run: no cluster"}
    assert all(re.search("^(docker|helm) ", block.text, re.MULTILINE) for block in left_out)


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "SECURITY.md", *DECISIONS])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for target, place in LINK.findall((ROOT / page).read_text()):
        if "://" not in target:
            found = (ROOT / page).parent / target if target else ROOT / page
            assert found.exists(), f"{page}: {target}"
            assert not place or place in places(found), f"{page}: {target}#{place}"


def places(page: Path) -> Iterator[str]:
    """What a link can name in a page: its headings, as GitHub spells them."""
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=FENCED), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_glossary_explains_the_terms_in_order_and_names_what_is_there() -> None:
    glossary = (ROOT / "docs" / "concepts.md").read_text().partition("## Glossary\n")[2]
    rows = re.findall(r"^\| ([a-z -]+) \| .+ \| `(\w+)` \|$", glossary, re.MULTILINE)
    terms = [term for term, _ in rows]
    assert terms == sorted(terms)
    assert {"admission", "deadline", "directive", "endpoint", "flight", "grain", "hint", "idle timeout", "lease"} <= {
        *terms
    }
    assert {"permit", "pin", "plan", "premises", "recorder", "reservation", "settlement"} <= {*terms}
    assert {name for _, name in rows} <= set(llm_gateway.__all__)
    assert len(rows) == glossary.count("\n|") - 2, "a row of another shape"


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    named = re.findall(r"\]\(([^\s/]+\.md)\)", index)
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md")
