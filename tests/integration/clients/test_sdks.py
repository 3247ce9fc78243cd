"""The vendors' own clients, and what is built on their defaults, each in a process and an environment of its own."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from ...external.environments import HERE, Environment
from ..http.openai.obliging import PLACES, SPOKEN
from ..http.openai.test_frameworks import THING
from .gateway import ALIASES, KEY, MODELS, Vendors
from .players import COUNTED, THOUGHT
from .programs import run

pytestmark = [pytest.mark.external("sdks"), pytest.mark.asyncio(loop_scope="module")]

LOOP: Final = [[*PLACES], SPOKEN]
ANSWERED: Final = {"loop": SPOKEN, "streamed": SPOKEN, "typed": THING}
SEEN: Final[dict[str, dict[str, Any]]] = {
    "anthropic": {
        "whole": [SPOKEN, "end_turn", True, True],
        "streamed": [SPOKEN, True, "end_turn", True],
        "parsed": THING,
        "thinking": [THOUGHT],
        "run": SPOKEN,
        "listed": [True, "model", True],
        "loop": LOOP,
        "streamed_loop": LOOP,
        "key": ["AuthenticationError", "authentication_error", True],
        "model": ["NotFoundError", "not_found_error", True],
        "field": ["BadRequestError", "invalid_request_error", True],
    },
    "openai": {
        "whole": [SPOKEN, "completed", True],
        "streamed": [SPOKEN, True, True, "response.completed", SPOKEN],
        "managed": SPOKEN,
        "parsed": THING,
        "loop": LOOP,
        "streamed_loop": LOOP,
        "key": ["AuthenticationError", "invalid_api_key", None],
        "model": ["NotFoundError", "model_not_found", "model"],
        "field": ["BadRequestError", "invalid_request", "previous_response_id"],
    },
    "agents": {"loop": SPOKEN, "streamed": [SPOKEN, True], "typed": THING},
    "ollama": {
        "whole": [SPOKEN, True, "stop", True],
        "streamed": [SPOKEN, True],
        "generated": SPOKEN,
        "parsed": THING,
        "loop": SPOKEN,
        "listed": [True, True],
        "absent": 404,
    },
    "pydantic_ai": {"openai": ANSWERED, "anthropic": ANSWERED},
    "litellm": dict.fromkeys(
        ("responses", "streamed_responses", "chats", "streamed_chat", "messages", "bridge"), SPOKEN
    ),
}
COUNTS: Final = frozenset({"anthropic", "openai"})
UNSIGNED: Final = frozenset({"ollama"})
"""Its protocol has no place for a signature, nor for a call's id."""
NAMED: Final = {"agents": tuple(ALIASES)}
"""It takes what stands before a slash for a provider of its own."""
LITELLM: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "ERROR",
}
"""Or it asks others than the gateway."""
ENVIRON: Final = LITELLM | {"PYTHONPATH": str(HERE / "frameworks")}
"""What is asked of a model is asked there, too."""


@pytest.mark.parametrize("sdk", SEEN)
async def test_an_sdk_gets_what_it_demands_of_each_vendor(vendors: Vendors, sdk: str, tmp_path: Path) -> None:
    script, models = HERE / "sdks" / f"with_{sdk}.py", NAMED.get(sdk, MODELS)
    vendors.player.forgiving = sdk in UNSIGNED
    done = await run("sdks", "python", script, vendors.url, KEY, *models, home=tmp_path, cwd=tmp_path, environ=ENVIRON)
    assert done.code == 0, done.said
    seen = json.loads(done.output)
    counted = [seen[model].pop("counted", None) for model in models]
    assert seen == {model: SEEN[sdk] for model in models}, done.said
    if sdk in COUNTS:
        assert counted[0] == COUNTED
        assert counted[1] > 0  # an estimate: this vendor has no counter


@pytest.mark.external("node")
async def test_the_ai_sdks_default(vendors: Vendors, tmp_path: Path) -> None:
    modules = Environment("node").place / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    (script := tmp_path / "script.mjs").write_bytes((HERE / "node" / "ai_sdk_responses.mjs").read_bytes())
    done = await run("node", "node", script, vendors.url, KEY, *MODELS, home=tmp_path, cwd=tmp_path, environ={})
    assert done.code == 0, done.said
    told = [len(PLACES) + 1, SPOKEN]
    seen = {
        "generate": [SPOKEN, "stop", True],
        "stream": [SPOKEN, True, "stop"],
        "loop": told,
        "signedLoop": told,
        "object": {"name": "dog", "count": 4},
    }
    assert json.loads(done.output) == {model: seen for model in MODELS}
