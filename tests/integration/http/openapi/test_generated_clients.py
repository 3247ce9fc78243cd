"""Clients that others' programs make of the API's description, and what they make of the gateway."""

import asyncio
import json
from pathlib import Path
from typing import Final

import pytest

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel, answer

from ....external.environments import HERE, Environment
from ...waiting import HANG_SECONDS
from ..served import KEY, Serve, Served, stopped_clock

pytestmark = pytest.mark.external("openapi")

TOOLS: Final = Environment("openapi")
OWN: Final = HERE / "openapi"
NODE_MODULES: Final = TOOLS.place / "node_modules"
DEFAULTS: Final = ("--default-non-nullable", "false")
"""By itself it makes a field required where the description tells its default."""
POSTMAN: Final = """
const [file] = process.argv.slice(-1);
require("openapi-to-postmanv2").convert({ type: "file", data: file }, {}, (error, told) => {
  const found = [];
  const walk = (items) => items.forEach((one) => (one.item ? walk(one.item) : found.push(one.request)));
  if (!error && told.result) walk(told.output[0].data.item);
  console.log(JSON.stringify({ error, reason: told?.reason, requests: found.length }));
});
"""


@pytest.fixture
async def served(start: Serve) -> Served:
    return await start(ScriptedChatModel(stopped_clock(), answer("Well.")))


@pytest.fixture
async def document(served: Served) -> str:
    return (await served.client.get("/docs/openapi.json")).text


@pytest.fixture
def file(document: str, tmp_path: Path) -> Path:
    (tmp_path / "openapi.json").write_text(document)
    return tmp_path / "openapi.json"


async def run(*command: object, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": f"{TOOLS.place / 'bin'}:/usr/bin:/bin", "HOME": str(folder), "NODE_PATH": str(NODE_MODULES)},
    )
    async with asyncio.timeout(2 * HANG_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


MADE: Final = {
    "openapi-python-client": (
        "openapi-python-client",
        *("generate", "--path", "openapi.json", "--output-path", "made", "--meta", "none"),
    ),
    "openapi-generator": ("openapi-generator-cli", *("generate", "-i", "openapi.json", "-g", "python", "-o", "made")),
}


@pytest.mark.parametrize("maker", MADE)
async def test_a_client_is_made_whole_and_calls(served: Served, file: Path, tmp_path: Path, maker: str) -> None:
    program, *arguments = MADE[maker]
    made = await run(TOOLS.program(program), *arguments, folder=file.parent)
    folder = tmp_path if maker == "openapi-python-client" else tmp_path / "made"

    url = f"http://127.0.0.1:{served.port}"
    told = await run(TOOLS.program("python"), OWN / "with_generated.py", maker, folder, url, KEY, folder=tmp_path)

    assert not [line for line in made.splitlines() if "Unable to process" in line or "Cannot parse" in line]
    assert " ERROR " not in made
    assert json.loads(told.splitlines()[-1]) == ["ok", "Well.", "ollama", "Well.", "online", "unauthenticated"]


async def test_typescript_has_its_types(file: Path, tmp_path: Path) -> None:
    typescript = NODE_MODULES / "openapi-typescript" / "bin" / "cli.js"
    compiler = NODE_MODULES / "typescript" / "bin" / "tsc"
    (tmp_path / "typed.ts").write_text((OWN / "typed.ts").read_text())

    await run(TOOLS.program("node"), typescript, file, *DEFAULTS, "-o", tmp_path / "made.ts", folder=tmp_path)
    await run(TOOLS.program("node"), compiler, "--strict", "--noEmit", "typed.ts", folder=tmp_path)


async def test_postman_imports_every_request(document: str, file: Path, tmp_path: Path) -> None:
    (tmp_path / "convert.js").write_text(POSTMAN)
    operations = [one for path in json.loads(document)["paths"].values() for one in path]

    told = json.loads(await run(TOOLS.program("node"), "convert.js", file, folder=tmp_path))

    assert told == {"error": None, "requests": len(operations)}
