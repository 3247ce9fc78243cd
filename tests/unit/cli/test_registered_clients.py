"""`keys` over clients that are kept in memory: what is read of the arguments, and what is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from llm_gateway.adapters.inbound.cli.arguments import flags_of, parse
from llm_gateway.adapters.inbound.cli.keys import manage, new_key
from llm_gateway.adapters.outbound.memory.client_registry import MemoryClientRegistry
from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.application.manage_clients import ManageClients
from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.quota import Bucket


class Clients:
    def __init__(self) -> None:
        self._managed = ManageClients(MemoryClientRegistry(), ScriptedClock(), Bucket.of(5, 1))

    def keys(self, *arguments: str) -> str:
        parsed = parse(["keys", *arguments])
        return asyncio.run(manage(self._opened(), parsed.action, parsed))

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[ManageClients, None]:
        yield self._managed


@pytest.mark.parametrize(
    "arguments",
    [
        ("--hints", "local", "fast", "anna"),
        ("--hints=local,fast", "anna"),
        ("anna", "--hints", "local", "fast"),
        ("--hints", "local", "--hints", "fast", "anna"),
    ],
)
def test_hints_are_a_list_and_the_name_is_the_name(arguments: tuple[str, ...]) -> None:
    parsed = parse(["keys", "create", *arguments])

    assert (parsed.name, parsed.hints, parsed.models) == ("anna", ["local", "fast"], None)


@pytest.mark.parametrize("arguments", [("--models", "gemini", "anna"), ("anna", "--models", "gemini")])
def test_models_are_a_list_too(arguments: tuple[str, ...]) -> None:
    parsed = parse(["keys", "create", *arguments])

    assert (parsed.name, parsed.models) == ("anna", ["gemini"])


@pytest.mark.parametrize(
    "arguments", [("create", "anna", "--hints=best"), ("create", "anna", "--concurrency", "0"), ("create",), ()]
)
def test_what_can_t_be_read_is_told(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["keys", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err


def test_flags_are_settings_that_were_given() -> None:
    assert flags_of(parse(["serve", "--port", "1", "--workers", "2"])) == {"port": "1", "workers": "2"}
    assert flags_of(parse(["explain", "Hi"])) == {}


def test_a_client_s_life() -> None:
    clients = Clients()
    assert clients.keys("list") == "No client is registered."

    created = clients.keys("create", "anna", "--requests", "60/1.5", "--alias", "gpt-4o-mini=local", "--strict")
    clients.keys("create", "ben", "--hints", "local", "--models", "ollama", "--namespace", "team", "--concurrency", "2")
    listed = clients.keys("list").splitlines()
    rotated = clients.keys("rotate", "anna")

    assert created.startswith("key     sk-gateway-")
    assert "within 2 seconds" in created
    assert listed[0].split()[0] == "client"
    assert listed[1].split()[0] == "anna"
    assert listed[1].split()[4:] == ["60/1.5", "any", "any", "any", "any", "anna", "yes", "gpt-4o-mini=local"]
    assert listed[2].split()[4:] == ["5/1", "any", "2", "local", "ollama", "team", "no", "none"]
    assert "lives on" in rotated
    assert clients.keys("revoke", "anna").count(",") == 2
    assert len(clients.keys("list").splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("create", "no name"), "name"),
        (("create", "anna", "--requests", "many"), "--requests"),
        (("create", "anna", "--tokens", "0/1"), "--tokens"),
        (("create", "anna", "--namespace", "a b"), "--namespace"),
        (("create", "anna", "--alias", "local=gemini"), "--alias"),
        (("create", "anna", "--alias", "a"), "--alias"),
        (("create", "anna", "--alias", "a=b", "--alias", "b=c"), "--alias"),
        (("rotate", "anna"), "name"),
        (("revoke", "anna"), "name"),
    ],
)
def test_what_can_t_be_done_is_named(arguments: tuple[str, ...], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Clients().keys(*arguments)
    assert [fault.path for fault in refused.value.faults] == [path]


def test_a_new_key_comes_with_its_digest() -> None:
    key, digest, *_ = new_key().splitlines()
    assert key.split()[1].startswith("sk-gateway-")
    assert len(digest.split()[1]) == len("sha256:") + 64
