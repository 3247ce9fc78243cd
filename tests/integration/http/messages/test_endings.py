"""However a stream of Anthropic's ends, its strictest client can read it."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import json

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from ....external.environments import HERE
from ....unit.http.messages.reading import message_of, streamed_of
from ...clients.programs import run
from ..served import Serve, eventually, stopped_clock
from .endings import NEVER, SAID, SCRIPTS, URL, begun, every_ending, message

WHOLE: Final = {
    "stop": "end_turn",
    "tools": "tool_use",
    "length": "max_tokens",
    "filtered": "refusal",
    "empty": "end_turn",
    "replayed": "tool_use",
    "coalesced": "tool_use",
}
BROKEN: Final = {
    "broken before the first event": "timeout_error",
    "broken after the first event": "api_error",
    "drained": "overloaded_error",
}


async def test_every_ending_says_how_it_ended_and_nothing_after_it(start: Serve) -> None:
    ends = await every_ending(start)

    assert ends.keys() == WHOLE.keys() | BROKEN.keys()
    for name, reason in WHOLE.items():
        assert message_of(streamed_of(ends[name]))["stop_reason"] == reason, name
    for name, kind in BROKEN.items():
        *_, last = streamed_of(ends[name])
        assert (last.name, last.data["error"]["type"]) == ("error", kind), name
        assert b"message_stop" not in ends[name], name
    contents = [message_of(streamed_of(ends[name]))["content"] for name in ("tools", "replayed", "coalesced")]
    assert contents[0] == contents[1] == contents[2]


async def test_whole_answers_end_for_the_same_reasons(start: Serve) -> None:
    for name in WHOLE.keys() & SCRIPTS.keys():
        served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS[name]))
        response = await served.client.post(URL, json=message())
        assert response.json()["stop_reason"] == WHOLE[name]


async def test_a_client_that_leaves_ends_the_call(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [*SAID, NEVER])
    served = await start(model)
    wire = await begun(served)

    wire.reset()

    await eventually(lambda: model.open_calls == 0)
    await eventually(lambda: [record.left for record in served.observer.records] == [True])


@pytest.mark.external("sdks")
async def test_every_event_and_answer_is_of_the_vendor_s_own_types(start: Serve, tmp_path: Path) -> None:
    streams = {name: body.decode() for name, body in (await every_ending(start)).items()}
    served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS["tools"]))
    given: dict[str, Any] = {
        "streams": streams,
        "message": (await served.client.post(URL, json=message())).text,
        "count": (await served.client.post(f"{URL}/count_tokens", json=_prompt())).text,
        "models": (await served.client.get("/v1/models", headers={"anthropic-version": "2023-06-01"})).text,
        "error": (await served.client.post(URL, json={})).text,
    }
    file = tmp_path / "given.json"
    file.write_bytes(json.encode(given))

    program = HERE / "sdks" / "anthropic_types.py"
    done = await run("sdks", "python", program, file, home=tmp_path, cwd=tmp_path, environ={})

    assert done.code == 0, done.said
    assert json.decode(done.output) == {name: len(streamed_of(body.encode())) for name, body in streams.items()}


def _prompt() -> dict[str, Any]:
    return {name: value for name, value in message().items() if name != "max_tokens"}
