"""Pools as the TOML names them: read, checked, and made of the providers that are there."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from llm_gateway.adapters.outbound.scripted.clock import ScriptedClock
from llm_gateway.bootstrap.assignment import Assignment, decode_assignment, encode_assignment
from llm_gateway.bootstrap.container import _limits
from llm_gateway.bootstrap.loading import SettingsError, load_settings
from llm_gateway.bootstrap.opening import open_gateway
from llm_gateway.bootstrap.pricing import price_list
from llm_gateway.bootstrap.settings import PoolSettings, Settings
from llm_gateway.domain.routing import EndpointId

SERVERS = """
[[providers]]
name = "a"
kind = "ollama"
model = "llama3.1"
base_url = "http://127.0.0.1:1"

[[endpoints]]
name = "b"
kind = "ollama"
model = "llama3.2"
base_url = "http://127.0.0.1:1"

[[providers]]
name = "c"
kind = "openai"
model = "m"
base_url = "http://127.0.0.1:1"
"""


def load(folder: Path, text: str) -> Settings:
    file = folder / "llm-gateway.toml"
    file.write_text(SERVERS + text)
    return load_settings(config=file, environ={}, dotenv=None)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(folder, text)
    return refused.value.faults


def pool(members: str, name: str = "pool", more: str = "") -> str:
    return f"[[endpoints]]\nname = '{name}'\npool = [{members}]\n{more}\n"


def test_a_pool_stands_among_the_endpoints(tmp_path: Path) -> None:
    settings = load(tmp_path, pool("'a', 'b', 'ollama'", more="slots = 4\nqueue = 8\nmodel = 'llama3.3'"))
    assert settings.pools == (PoolSettings(name="pool", pool=("a", "b", "ollama"), model="llama3.3", slots=4, queue=8),)
    assert [row.name for row in settings.endpoints] == ["b"]
    assert settings.pooled == {"a", "b", "ollama"}
    given = Assignment(settings=settings, parent=1, listeners=(), folder="", slot=0, slots=1)
    assert decode_assignment(encode_assignment(given)).settings == settings


def test_its_defaults(tmp_path: Path) -> None:
    (row,) = load(tmp_path, pool("'a'")).pools
    assert (row.model, row.slots, row.queue) == (None, None, 64)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (pool("'a', 'x'"), "endpoints: the pool pool has the member x, which is no provider here that has a server"),
        (pool("'embedded'"), "endpoints: the pool pool has the member embedded, which is no provider here that has"),
        (pool("'pool'"), "endpoints: the pool pool has the member pool, which is no provider here that has a server"),
        (pool("'a', 'a'"), "endpoints: the pool pool has the member a, which is one already"),
        (pool("'a'") + pool("'a'", "more"), "endpoints: the pool more has the member a, which is one already"),
        (pool("'a', 'c'"), "endpoints: the pool pool has members of several kinds (ollama, openai), and may have one"),
        (pool("'a'", "ollama"), "endpoints: the name ollama is taken"),
        (pool("'a'", more="kind = 'ollama'"), "endpoints[1].kind: is not a setting"),
        (pool("'a'", more="slots = 0"), "endpoints[1].slots: must be a whole number from 1 to 10000"),
        (pool("'a'", more="queue = -1"), "endpoints[1].queue: must be a whole number from 0 to 10000"),
        (pool(""), "endpoints[1].pool: must be a list of at least one"),
        (pool("'a'") + "[routes]\nfast = ['a']", "routes.fast: a is asked as pool, its pool"),
        ("[[pools]]\nname = 'pool'", "pools: is not a setting"),
    ],
)
def test_one_that_can_t_be_made_is_told(tmp_path: Path, text: str, fault: str) -> None:
    (told,) = faults(tmp_path, text)
    assert told.startswith(fault)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    assert faults(tmp_path, pool("'b'", "a")) == [
        "providers: the name a is taken",
        "endpoints: the name a is taken",
    ]


async def test_its_members_answer_by_its_name_alone(tmp_path: Path) -> None:
    settings = load(tmp_path, pool("'a', 'b'") + "[routes]\nlocal = ['pool']")
    async with open_gateway(settings, first_look_seconds=0) as gateway:
        names = [state.endpoint.name for state in gateway.endpoints.snapshot()]
    assert names == ["pool/llama3.1", "pool/llama3.2", "gemini/gemini-flash-latest", "ollama/llama3.1", "c/m"]


def test_its_streams_may_last_as_long_as_any_of_its_members(tmp_path: Path) -> None:
    settings = load(tmp_path, pool("'a', 'b'") + pool("'c'", "other"))
    rows = [replace(row, stream_seconds=seconds) for row, seconds in zip(settings.rows, (60.0, 90.0), strict=False)]
    settings = replace(settings, endpoints=tuple(rows[:1]), providers=tuple(rows[1:]) + settings.providers[1:])
    assert _limits(settings).stream_seconds_at == {"b": 60.0, "a": 90.0, "pool": 90.0}


def test_a_price_of_the_pool_is_that_of_each_member_in_the_order_of_the_rows(tmp_path: Path) -> None:
    row = "[[prices]]\nprovider = '{}'\nnames = ['*']\ninput = {}\noutput = 2\n".format
    settings = load(tmp_path, pool("'a', 'b'") + row("b", 3) + row("pool", 1) + row("a", 4))
    prices = price_list(settings, ScriptedClock())
    found = [prices.price(EndpointId(provider=name, model="llama3.1")) for name in ("a", "b", "c")]
    assert [price and price.rates.input for price in found] == [1_000_000, 3_000_000, None]
