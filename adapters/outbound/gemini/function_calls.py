"""One step of a tool loop as the vendor takes it: a turn's calls, and all their results in the calls' order."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import Text, ToolCall, ToolMessage
from llm_gateway.domain.errors import ProviderRejected
from llm_gateway.domain.json_values import json_fault
from llm_gateway.domain.media import PDF

from ..vendor_http.raw_arguments import RAW_ARGUMENTS
from .media import Json, part_of

MADE_ID: Final = "call_"
"""What ids begin with that this adapter makes for calls to which the vendor gave none."""
_KINDS_OF_RESULTS: Final = frozenset({"image/png", "image/jpeg", "image/webp", PDF})


class _Made(Struct):
    """A call, its own part, and the result that came for it."""

    call: ToolCall
    part: Json
    path: str
    result: ToolMessage | None = None


class ToolStep:
    """The calls of one turn of the model's, and what comes in answer to them. `begun` once a result is there."""

    def __init__(self, provider: str, facts: ModelFacts) -> None:
        self.begun = False
        self._provider = provider
        self._facts = facts
        self._made: list[_Made] = []
        self._open: dict[str, deque[_Made]] = {}
        """By their ids, of which one may stand for several: their results come in the order of the calls."""
        self._remarks: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._made)

    def called(self, call: ToolCall, name: str, path: str) -> Json:
        """The part of a further call; `name` is the function's as the vendor has it."""
        content: Json = {"name": name, "args": arguments_of(call.arguments)}
        made = _Made(call, content, path)
        self._made.append(made)
        self._open.setdefault(call.id, deque()).append(made)
        return {"functionCall": content}

    def answered(self, message: ToolMessage, path: str) -> None:
        """A result. Raises `ProviderRejected` for one that answers none of these calls, or one that has its result.

        So it does for media of a kind that no result may hold.
        """
        waiting = self._open.get(message.tool_call_id)
        if not waiting:
            why = (
                "answers no tool call of the answer before it" if waiting is None else "is a second result of its call"
            )
            raise ProviderRejected(self._provider, why, path=f"{path}.tool_call_id")
        for number, part in enumerate(message.content):
            if not isinstance(part, Text) and part.kind not in _KINDS_OF_RESULTS:
                why = f"a tool result takes {', '.join(sorted(_KINDS_OF_RESULTS))}, not {part.kind}"
                raise ProviderRejected(self._provider, why, path=f"{path}.content[{number}]")
        waiting.popleft().result = message
        self.begun = True

    def remarked(self, text: str) -> None:
        """What stands among the results, or right after them: some models refuse a text after a result."""
        self._remarks.append(text)

    def results(self, *, ids: bool) -> Json:
        """The turn that answers the calls. With `ids`, those that the vendor gave go back on both sides.

        Raises `ProviderRejected` at a call that has no result.
        """
        return {"role": "user", "parts": list(self._results(ids=ids))}

    def _results(self, *, ids: bool) -> Iterator[Json]:
        for made in self._made:
            if made.result is None:
                why = "has no result: a tool message for each call has to follow the answer that calls"
                raise ProviderRejected(self._provider, why, path=made.path)
            remarks = self._remarks if made is self._made[-1] else ()
            text = "".join(part.text for part in made.result.content if isinstance(part, Text))
            response = {"error": "\n\n".join((text, *remarks))} if made.result.error else response_of(text, *remarks)
            answer: Json = {"name": made.part["name"], "response": response}
            if media := [part_of(part, self._facts) for part in made.result.content if not isinstance(part, Text)]:
                answer["parts"] = media
            if ids and not made.call.id.startswith(MADE_ID):
                made.part["id"] = answer["id"] = made.call.id
            yield {"functionResponse": answer}


def arguments_of(text: str) -> Json:
    """The object that a call's arguments are; where they are none, as models write it at times, the text in one."""
    arguments = _json_object(text.strip() or "{}")
    return {RAW_ARGUMENTS: text} if arguments is None else arguments


def response_of(text: str, *remarks: str) -> Json:
    """The object that a result is. What is none goes as text, under the key that the vendor reads as the whole result.

    So does an object with keys such as `$ref`, which the vendor would look up, and one to which a remark is added.
    """
    value = None if remarks else _json_object(text)
    if value is None or _refers(value):
        return {"output": "\n\n".join((text, *remarks))}
    return value


def _refers(value: object) -> bool:
    match value:
        case dict():
            return any(key.startswith("$") or _refers(inner) for key, inner in value.items())
        case list():
            return any(map(_refers, value))
    return False


def _json_object(text: str) -> Json | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and json_fault(value) is None else None
