"""Holds what the gateway sent against the types of Anthropic's own client, strictly: nothing is converted.

Prints how many events each stream has.
"""

import json
import sys
from pathlib import Path
from typing import Any

from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.shared import ErrorResponse
from pydantic import TypeAdapter

EVENTS = [TypeAdapter[Any](kind) for kind in (RawMessageStreamEvent, BetaRawMessageStreamEvent)]


def held(kind: Any, text: str) -> None:
    TypeAdapter(kind).validate_json(text, strict=True)


def count(stream: str) -> int:
    events = stream.removesuffix("\n\n").split("\n\n")
    for event in events:
        name, _, data = event.partition("\ndata: ")
        match name.removeprefix("event: "):
            case "ping":
                assert json.loads(data) == {"type": "ping"}
            case "error":
                held(ErrorResponse, data)
            case _:
                for kind in EVENTS:
                    kind.validate_json(data, strict=True)
    return len(events)


given = json.loads(Path(sys.argv[1]).read_text())
for kind in (Message, BetaMessage):
    held(kind, given["message"])
held(MessageTokensCount, given["count"])
held(ErrorResponse, given["error"])
for model in json.loads(given["models"])["data"]:
    held(ModelInfo, json.dumps(model))
print(json.dumps({name: count(stream) for name, stream in given["streams"].items()}))
