"""Every field to every model of Gemini's, on both surfaces: nothing is refused unexplained, or lost without a word."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import pytest

from llm_gateway.bootstrap.settings import Secret

from ..gemini.payloads import respelled
from ..gemini.rules.models import OF_CHATS
from ..gemini.server import GeminiServer
from ..providers.test_parameters import PLAIN, USER, USES, said
from .served import Served, serve
from .test_gemini_models import hello

STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
SURFACES: Final = {"native": "/api/v1/chat", "openai": "/v1/chat/completions"}

_URL: Final = f"data:image/png;base64,{b64encode(b'hi').decode()}"


def pictured(**fields: str) -> dict[str, Any]:
    return said({"role": "user", "content": [{"type": "image_url", "image_url": {"url": _URL} | fields}]})


OF_OPENAI: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "messages[].content, an image": (pictured(), {}),
    "messages[].content, an image by its URL": (pictured(url="https://a.example/a.png"), {}),
    "messages[].content, an image's detail": (pictured(detail="high"), pictured()),
    "messages[].content, a document": (
        said(
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}}]}
        ),
        {},
    ),
    "max_completion_tokens": ({"max_tokens": None, "max_completion_tokens": 9}, {}),
    "messages[].role: developer": (said({"role": "developer", "content": "Short."}, USER), {}),
}
"""Where OpenAI's shape is another, or has more."""


# where nothing is said, the least thinking is asked for as well
NONE: Final = {"reasoning_effort: none": ({"reasoning_effort": "none"}, {"reasoning_effort": "low"})}


def uses(surface: str) -> Mapping[str, tuple[dict[str, Any], dict[str, Any]]]:
    return {**USES, **NONE, **(OF_OPENAI if surface == "openai" else {})}


async def sent(
    served: Served, gemini: GeminiServer, path: str, changes: dict[str, Any], *, streamed: bool
) -> tuple[Any, list[str]]:
    """What reaches the vendor, and what the answer says that it left out. None where the gateway refuses the request
    by the path of a field in it.
    """
    gemini.forget()
    body = PLAIN | {"model": "gemini", "stream": streamed} | changes
    answered = await served.client.post(path, json=body)
    generated = [asked for asked in gemini.asked if asked.method == "POST"]
    assert gemini.refused == [], changes
    assert gemini.ignored == set(), changes
    if answered.status_code == 400:
        told = answered.json()
        paths = [one["path"] for one in told["errors"]] if "errors" in told else [told["error"]["param"]]
        assert all(re.split(r"[.\[]", one)[0] in changes for one in paths), (changes, told)
        assert generated == []
        return None, []
    assert answered.status_code == 200, (changes, answered.text)
    ignored = answered.headers.get("x-gateway-ignored", "")
    return respelled(generated[-1].body), [one for one in ignored.split(", ") if one]


@STREAMED
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("model", OF_CHATS)
async def test_what_is_stated_reaches_the_model_or_is_refused_or_is_named(
    model: str, surface: str, streamed: bool
) -> None:
    lost = []
    async with GeminiServer(hello).running() as gemini:
        to: dict[str, Any] = {"gemini_api_key": Secret("any"), "gemini_base_url": gemini.url, "gemini_model": model}
        async with serve(None, cache_ttl_seconds=0, **to) as served:
            for field, (changes, beside) in uses(surface).items():
                used, named = await sent(served, gemini, SURFACES[surface], changes, streamed=streamed)
                unused, _ = await sent(served, gemini, SURFACES[surface], beside, streamed=streamed)
                if used is not None and used == unused and not named:
                    lost.append(field)
    assert lost == []
