"""Holds what the gateway sent of responses against the types of OpenAI's own client, strictly: nothing is converted.

Prints how many events each stream has.
"""

import json
import sys
from pathlib import Path
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.input_token_count_response import InputTokenCountResponse
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter

EVENT = TypeAdapter[Any](ResponseStreamEvent)


def held(kind: Any, text: str) -> None:
    TypeAdapter(kind).validate_json(text, strict=True)


def count(stream: str) -> int:
    events = [event for event in stream.removesuffix("\n\n").split("\n\n") if not event.startswith(":")]
    for event in events:
        name, _, data = event.partition("\ndata: ")
        assert EVENT.validate_json(data, strict=True).type == name.removeprefix("event: ")
    return len(events)


given = json.loads(Path(sys.argv[1]).read_text())
held(Response, given["response"])
held(InputTokenCountResponse, given["count"])
held(ErrorObject, json.dumps(json.loads(given["error"])["error"]))
print(json.dumps({name: count(stream) for name, stream in given["streams"].items()}))
