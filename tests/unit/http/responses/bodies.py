"""Bodies of requests for responses, and what becomes of them."""

from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from llm_gateway.adapters.inbound.http.responses.renderer import ResponsesOptions, responses_options_of
from llm_gateway.adapters.inbound.http.responses.translate import to_call
from llm_gateway.adapters.inbound.http.responses.wire import LABELS, ResponseBody
from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.errors import InvalidRequest

PLAIN: dict[str, Any] = {"model": "local", "input": [{"role": "user", "content": "Hello"}]}
TOOL: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}}
CUSTOM: dict[str, Any] = {"type": "custom", "name": "patch"}
SPACE: dict[str, Any] = {"type": "namespace", "name": "agents", "description": "Others.", "tools": [TOOL]}
CALL: dict[str, Any] = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "c1", "output": "A cat."}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
PDF = {"type": "input_file", "file_data": "data:application/pdf;base64,YQ==", "filename": "a.pdf"}
CARRIER = "gw1.eyJnIjp7fX0"


def text(of: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "input_text", "text": of, **more}


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {**PLAIN, "input": [{"role": "user", "content": list(parts)}]}


def items(*more: dict[str, Any]) -> dict[str, Any]:
    """With these in the history."""
    return {**PLAIN, "input": [*PLAIN["input"], *more]}


def answered(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return items({"type": "message", "role": "assistant", "content": list(parts), **more})


def read(body: dict[str, Any]) -> tuple[ChatCall, ResponsesOptions]:
    """What becomes of a body: its call, and how it is answered."""
    decoded, labels = LABELS.decode(json.Decoder(ResponseBody), json.encode(body))
    call = to_call(decoded, decoded.model_hint, None)
    return replace(call, ignored=(*call.ignored, *labels)), responses_options_of(decoded)


def told(body: dict[str, Any]) -> tuple[Any, ...]:
    """The same, so that two of them can be compared."""
    call, options = read(body)
    output = options
    return call, output.thoughts, output.signed, output.one_call, dict(output.origins()), json.encode(options.echo)


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(body)
    return caught.value.faults[0].path
