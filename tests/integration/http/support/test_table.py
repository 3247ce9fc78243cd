"""Each cell of the README's table: what it says to work works for a client, and all else is refused or named."""

import json
from collections.abc import AsyncGenerator
from itertools import product
from typing import Any, Final

import pytest
import pytest_asyncio
from httpx import Response

from ..surfaces.doors import ALL
from .asked import ASKINGS, IMAGE, SCHEMA
from .table import NAMED, PROVIDERS, REFUSED, WORKS, Cell, cells, features
from .vendors import ARGUMENTS, CHATS, EMBEDS, TEXT, THOUGHT, TOOL, VECTOR, Vendors, vendors

CELLS: Final = [*cells()]
DOORS: Final = {door.path: door for door in ALL}
FORMED: Final = json.dumps(ARGUMENTS)
CHAT_FEATURES: Final = ("stream", "tools", "schema", "images", "thinking")
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda one: f"{one.path}-{one.provider}-{one.feature}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Vendors, None]:
    async with vendors(tmp_path_factory.mktemp("model")) as opened:
        yield opened


def test_the_table_has_a_cell_for_each_surface_provider_and_feature() -> None:
    assert [*features()] == [*CHAT_FEATURES, "embeddings"]
    named = [(cell.path, cell.provider, cell.feature) for cell in CELLS]
    assert sorted(named) == sorted(product(DOORS, PROVIDERS, features()))


@pytest.mark.asyncio(loop_scope="module")
@each_cell
async def test_a_cell_is_true(cell: Cell, gateway: Vendors) -> None:
    before = len(gateway.asked[cell.provider]())
    response = await _asked(cell, gateway)
    reached = gateway.asked[cell.provider]()[before:]
    ignored = response.headers.get("x-gateway-ignored", "")
    match cell.mark:
        case _ if cell.mark == WORKS:
            assert response.status_code == 200, response.text
            assert response.headers["x-gateway-provider"] == cell.provider
            assert ignored in ("", ASKINGS[cell.path].left_out.get(cell.feature, ""))
            _show(cell, response, reached[-1])
        case _ if cell.mark == REFUSED:
            assert response.status_code in (400, 404), response.text
            assert _names_what_it_refuses(cell, DOORS[cell.path].message_of(response.json()))
            assert reached == []
        case _:
            assert cell.mark == NAMED
            assert response.status_code == 200, response.text
            assert ignored.split(".")[0] in ASKINGS[cell.path].fields[cell.feature]


async def _asked(cell: Cell, gateway: Vendors) -> Response:
    asking, door = ASKINGS[cell.path], DOORS[cell.path]
    if cell.feature == "embeddings":
        body: dict[str, Any] = {"model": EMBEDS[cell.provider], "input": "Hello"}
        return await gateway.served.client.post(asking.embeds or f"{cell.path}/embeddings", json=body)
    body = door.body("Hello", CHATS[cell.provider], cell.feature == "stream")
    return await gateway.served.client.post(cell.path, json={**body, **asking.fields.get(cell.feature, {})})


def _show(cell: Cell, response: Response, reached: str) -> None:
    """Fails unless the client has what it asked for, and the provider was asked for it."""
    asking, door = ASKINGS[cell.path], DOORS[cell.path]
    match cell.feature:
        case "stream":
            streamed = door.read(response.text)
            assert (streamed.text, streamed.whole, streamed.error) == ("".join(TEXT), True, None)
            assert all(json.dumps(word) in response.text for word in TEXT)  # each on its own
        case "tools":
            assert [*asking.calls(response.json())] == [(TOOL, ARGUMENTS)]
            assert TOOL in reached
        case "schema":
            assert door.text_of(response.json()) == FORMED
            assert next(iter(SCHEMA["properties"])) in reached
        case "images":
            assert door.text_of(response.json()) == "".join(TEXT)
            assert IMAGE in reached
        case "thinking":
            assert asking.thoughts(response.json()) == THOUGHT
            assert door.text_of(response.json()) == "".join(TEXT)
        case "embeddings":
            assert asking.vector is not None
            assert len(asking.vector(response.json())) == VECTOR


def _names_what_it_refuses(cell: Cell, message: str) -> bool:
    if cell.feature != "embeddings":
        (field,) = {*ASKINGS[cell.path].fields[cell.feature]}
        return message.startswith(field.removesuffix("s")) and f"{cell.provider}/" in message
    if ASKINGS[cell.path].embeds is None:
        return "nothing at this path" in message.lower()
    return "does not embed" in message
