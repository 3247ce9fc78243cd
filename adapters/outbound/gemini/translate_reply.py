"""From the vendor's answer, or its chunks, to events. Pure; what does not fit is `ProviderBroken`, never dropped."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from google.genai import types

from llm_gateway.domain.chat import ChatRequest, FinishReason
from llm_gateway.domain.errors import FailureReason, ProviderBroken
from llm_gateway.domain.events import Delta, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import EndpointId

from .endings import BLOCKS, CLASSES, ENDINGS, WORTH_REPEATING, Ending
from .signatures import carried
from .usage import UsageCount

UNCARRIED: Final = (
    *("inline_data", "file_data", "executable_code", "code_execution_result", "function_response"),
    *("tool_call", "tool_response", "audio_transcription"),
)
"""Content that an answer has no place for. What else stands beside text and calls tells of them, or of input."""
CARRIED: Final = frozenset({"text", "function_call", "thought_signature"})
"""Of a part there is one of these. The SDK drops what it does not know: a part of an unknown kind has none."""


class GeminiReplyReader:
    """Reads one answer, chunk by chunk. `ended` once the vendor's terminal mark was the last thing said.

    `continuation`: the vendor's own limit for one request cut the answer, and this token asks for what follows.
    `model` is the model that the vendor says answers. `incomplete`, which whoever asks sets: the rest did not come.
    """

    def __init__(self, to: EndpointId, request: ChatRequest) -> None:
        self.continuation: bytes | None = None
        self.model: str | None = None
        self.incomplete = False
        self.usage = UsageCount(request)
        self._to = to
        self._ending: FinishReason | None = None
        self._signature: bytes | None = None
        self._ids: set[str] = set()
        self._spare = 0

    @property
    def ended(self) -> bool:
        return self._ending is not None

    def resume(self) -> None:
        """What is read from here on answers a request for the rest."""
        self.usage.next()
        self.continuation = self._ending = None

    def read(self, chunk: types.GenerateContentResponse) -> Iterator[Delta]:
        self.usage.told(chunk.usage_metadata)
        self.model = chunk.model_version or self.model
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self._ending = self._meaning(feedback.block_reason, BLOCKS) or self._ending
        candidate = chunk.candidates[0] if chunk.candidates else None
        if candidate is None:
            return
        parts = (candidate.content and candidate.content.parts) or []
        if parts:
            self.continuation = self._ending = None  # what goes on after a terminal mark has not ended by it
        for part in parts:
            yield from self._part(part, chunk.response_id)
        if candidate.finish_reason is not None:
            self._ending = self._meaning(candidate.finish_reason, ENDINGS)
            cut = candidate.finish_reason is types.FinishReason.CONTINUATION
            self.continuation = candidate.continuation_token if cut else None

    def finished(self) -> Finished:
        """Raises `ProviderBroken` where the terminal mark is missing."""
        if self._ending is None:
            raise ProviderBroken(self._to.provider, "the answer broke off before its end")
        reason = self._ending
        if reason is FinishReason.STOP and self._ids:
            reason = FinishReason.TOOL_CALLS
        return Finished(
            reason=reason,
            usage=self.usage.total(),
            model=self._sound(self.model or self._to.model),
            extra_content=carried(self._signature),
            incomplete=self.incomplete,
        )

    def _part(self, part: types.Part, response_id: str | None) -> Iterator[Delta]:
        kind = next((kind for kind in UNCARRIED if getattr(part, kind) is not None), None)
        if kind is not None:
            raise self._unusable(f"the answer holds a part of the kind {kind}, which has no place here")
        if not part.model_fields_set & CARRIED:
            raise self._unusable("the answer holds a part of an unknown kind")
        if part.function_call is not None:
            yield self._call(part.function_call, part.thought_signature, response_id)
            return
        self._signature = part.thought_signature or self._signature
        if part.text:
            text = self._sound(part.text)
            self.usage.made(text)
            yield ReasoningDelta(text=text) if part.thought else TextDelta(text=text)

    def _call(self, call: types.FunctionCall, signature: bytes | None, response_id: str | None) -> ToolCallDelta:
        index = len(self._ids)
        if not call.name:
            raise self._unusable("the answer holds a tool call without a name")
        arguments = _json_text(call.args or {})
        if arguments is None:
            raise self._unusable("a tool call's arguments are no JSON")
        self.usage.made(call.name + arguments)
        return ToolCallDelta(
            index=index,
            id=self._id(call.id, response_id),
            name=self._sound(call.name),
            arguments=self._sound(arguments),
            extra_content=carried(signature),
        )

    def _id(self, id: str | None, response_id: str | None) -> str:
        """Unique within the conversation where the vendor names the call or the answer, and always in the answer."""
        self._spare = max(self._spare, len(self._ids))
        while not id or id in self._ids:
            id = "_".join(("call", *filter(None, (response_id,)), str(self._spare)))
            self._spare += 1
        self._ids.add(id)
        return self._sound(id)

    def _meaning(
        self, reason: types.FinishReason | types.BlockedReason, meanings: Mapping[str, Ending]
    ) -> FinishReason | None:
        ending = meanings.get(reason, ProviderBroken)
        if isinstance(ending, type):
            known = reason.name.lower() if reason in meanings else "of an unknown kind"
            why = f"the answer ended without a result: {known}"
            if ending is ProviderBroken:
                raise self._unusable(why, repeats=1 if reason in WORTH_REPEATING else 0)
            raise ending(self._to.provider, why, reason=CLASSES.get(reason))
        return ending

    def _sound(self, text: str) -> str:
        if not _is_unicode(text):
            raise self._unusable("the answer holds text that is no Unicode")
        return text

    def _unusable(self, why: str, *, repeats: int = 0) -> ProviderBroken:
        """What the model made of this request: the vendor is well, and other clients' answers are sound."""
        return ProviderBroken(self._to.provider, why, doubtful=True, repeats=repeats, reason=FailureReason.UNUSABLE)


def _is_unicode(text: str) -> bool:
    """JSON can escape half a surrogate pair, which can't be sent on."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _json_text(value: Mapping[str, object]) -> str | None:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return None


def joined(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Each kind of content in one delta, as a whole answer is given."""
    said = list(deltas)
    if reasoning := "".join(delta.text for delta in said if isinstance(delta, ReasoningDelta)):
        yield ReasoningDelta(text=reasoning)
    if text := "".join(delta.text for delta in said if isinstance(delta, TextDelta)):
        yield TextDelta(text=text)
    yield from (delta for delta in said if isinstance(delta, ToolCallDelta))
