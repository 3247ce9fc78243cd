"""However a stream of a response ends, its strictest client can read it."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import json

from llm_gateway.adapters.outbound.scripted.chat_model import ScriptedChatModel

from ....external.environments import HERE
from ....unit.http.responses.reading import response_of, sent_of
from ...clients.programs import run
from ..messages.endings import NEVER, SAID
from ..served import Serve, eventually, stopped_clock
from .endings import SCRIPTS, URL, body, every_ending

ENDS: Final = {
    "stop": ("completed", None),
    "tools": ("completed", None),
    "length": ("incomplete", {"reason": "max_output_tokens"}),
    "filtered": ("incomplete", {"reason": "content_filter"}),
    "empty": ("completed", None),
    "replayed": ("completed", None),
    "coalesced": ("completed", None),
    "broken before the first event": ("failed", None),
    "broken after the first event": ("failed", None),
    "drained": ("failed", None),
}


async def test_every_ending_says_how_it_ended_and_nothing_after_it(start: Serve) -> None:
    ends = {name: response_of(sent_of(frames)) for name, frames in (await every_ending(start)).items()}

    assert {name: (end["status"], end["incomplete_details"]) for name, end in ends.items()} == ENDS
    codes = {end["error"]["code"] for end in ends.values() if end["error"] is not None}
    assert codes == {"server_error"}
    kinds = [[item["type"] for item in ends[name]["output"]] for name in ("tools", "coalesced", "replayed")]
    calls = ["function_call", "custom_tool_call", "function_call"]
    assert kinds == [["reasoning", "message", "reasoning", *calls, "reasoning"]] * 3


async def test_whole_answers_end_in_the_same_way(start: Serve) -> None:
    for name in ENDS.keys() & SCRIPTS.keys() - {"broken after the first event"}:
        served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS[name]))
        whole = (await served.client.post(URL, json=body())).json()
        assert (whole["status"], whole["incomplete_details"]) == ENDS[name]


async def test_a_client_that_leaves_ends_the_call(start: Serve) -> None:
    model = ScriptedChatModel(stopped_clock(), [*SAID, NEVER])
    served = await start(model)
    wire = await served.connect()
    await wire.send(served.request(path=URL, body=json.encode(body(stream=True))))
    await wire.until(b"see.")

    wire.reset()

    await eventually(lambda: model.open_calls == 0)
    await eventually(lambda: [record.left for record in served.observer.records] == [True])


@pytest.mark.external("sdks")
async def test_every_event_and_answer_is_of_the_vendor_s_own_types(start: Serve, tmp_path: Path) -> None:
    streams = {name: frames.decode() for name, frames in (await every_ending(start)).items()}
    served = await start(ScriptedChatModel(stopped_clock(), SCRIPTS["tools"]))
    given: dict[str, Any] = {
        "streams": streams,
        "response": (await served.client.post(URL, json=body())).text,
        "count": (await served.client.post(f"{URL}/input_tokens", json={"model": "ollama", "input": "Hello"})).text,
        "error": (await served.client.post(URL, json={})).text,
    }
    file = tmp_path / "given.json"
    file.write_bytes(json.encode(given))

    program = HERE / "sdks" / "openai_types.py"
    done = await run("sdks", "python", program, file, home=tmp_path, cwd=tmp_path, environ={})

    assert done.code == 0, done.said
    assert json.decode(done.output) == {name: len(sent_of(frames.encode())) for name, frames in streams.items()}
