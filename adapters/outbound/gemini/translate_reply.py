"""From the vendor's answer, or its chunks, to events. Pure; what does not fit is `ProviderBroken`, never dropped."""

import json
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from llm_gateway.domain.chat import ChatRequest, FinishReason
from llm_gateway.domain.errors import FailureReason, ProviderBroken
from llm_gateway.domain.events import Delta, Finished, ReasoningDelta, TextDelta, ToolCallDelta, text_bytes
from llm_gateway.domain.routing import EndpointId

from .endings import BLOCKS, CLASSES, ENDINGS, WORTH_REPEATING, Ending
from .function_names import FunctionNames
from .signatures import carried, received
from .usage import UsageCount
from .wire import Candidate, GenerateContentResponse, PromptFeedback, WireCall, WirePart

UNCARRIED: Final = (
    *("inline_data", "file_data", "executable_code", "code_execution_result", "function_response"),
    *("tool_call", "tool_response", "audio_transcription"),
)
"""Content that an answer has no place for. What else stands beside text and calls tells of them, or of input."""
_others: Final = attrgetter(*UNCARRIED)
_NOTHING: Final = (None,) * len(UNCARRIED)


class GeminiReplyReader:
    """Reads one answer, chunk by chunk. `ending` is the vendor's terminal mark, where that was the last thing said.

    `continuation`: the vendor's own limit for one request cut the answer, and this token asks for what follows.
    `model` is the model that the vendor says answers. `incomplete`, which whoever asks sets: the rest did not come.
    """

    def __init__(self, to: EndpointId, request: ChatRequest, names: FunctionNames) -> None:
        self.ending: FinishReason | None = None
        self.continuation: str | None = None
        self.model: str | None = None
        self.incomplete = False
        self.usage = UsageCount(request)
        self._to = to
        self._names = names
        self._signature: bytes | None = None
        self._ids: set[str] = set()
        self._spare = 0

    def resume(self) -> None:
        """What is read from here on answers a request for the rest."""
        self.usage.next()
        self.continuation = self.ending = None

    def read(self, chunks: Iterable[GenerateContentResponse]) -> Iterator[Delta]:
        """What a chunk says comes before the failure that it may tell of."""
        size = 0
        try:
            for chunk in chunks:
                if chunk.prompt_feedback is not None:
                    self._block(chunk.prompt_feedback)
                candidate = chunk.candidates[0] if chunk.candidates else None
                content = None if candidate is None else candidate.content
                parts = None if content is None else content.parts
                if parts:
                    self.continuation = self.ending = None  # what goes on after a terminal mark has not ended by it
                    for part in parts:
                        text = part.text
                        if (
                            text
                            and part.function_call is None
                            and part.thought_signature is None
                            and _others(part) == _NOTHING
                        ):
                            size += len(text) if text.isascii() else text_bytes(self._sound(text))
                            yield ReasoningDelta(text=text) if part.thought else TextDelta(text=text)
                        elif (delta := self._part(part, chunk.response_id)) is not None:
                            yield delta
                if chunk.usage_metadata is not None:
                    self.usage.told(chunk.usage_metadata)
                if chunk.model_version is not None:
                    self.model = chunk.model_version
                if candidate is not None and candidate.finish_reason is not None:
                    self._end(candidate, candidate.finish_reason)
        finally:
            self.usage.made(size)

    def _block(self, feedback: PromptFeedback) -> None:
        if feedback.block_reason is not None:
            self.ending = self._meaning(feedback.block_reason, BLOCKS) or self.ending

    def _end(self, candidate: Candidate, reason: str) -> None:
        self.ending = self._meaning(reason, ENDINGS)
        self.continuation = candidate.continuation_token if reason.upper() == "CONTINUATION" else None

    def finished(self) -> Finished:
        """Raises `ProviderBroken` where the terminal mark is missing."""
        if self.ending is None:
            raise ProviderBroken(self._to.provider, "the answer broke off before its end")
        reason = self.ending
        if reason is FinishReason.STOP and self._ids:
            reason = FinishReason.TOOL_CALLS
        return Finished(
            reason=reason,
            usage=self.usage.total(),
            model=self._sound(self.model or self._to.model),
            extra_content=carried(self._signature),
            incomplete=self.incomplete,
        )

    def _part(self, part: WirePart, response_id: str | None) -> Delta | None:
        if (others := _others(part)) != _NOTHING:
            kind = next(kind for kind, other in zip(UNCARRIED, others, strict=True) if other is not None)
            raise self._unusable(f"the answer holds a part of the kind {kind}, which has no place here")
        text, signature = part.text, None
        if part.thought_signature is not None:
            signature = self._received(part.thought_signature)
        if part.function_call is not None:
            return self._call(part.function_call, signature, response_id)
        if text is None and signature is None:
            raise self._unusable("the answer holds a part of an unknown kind")
        self._signature = signature or self._signature
        if not text:
            return None
        self.usage.made(text_bytes(self._sound(text)))
        return ReasoningDelta(text=text) if part.thought else TextDelta(text=text)

    def _received(self, signature: str) -> bytes:
        try:
            return received(signature)
        except ValueError:
            raise ProviderBroken(self._to.provider, "the answer is malformed") from None

    def _call(self, call: WireCall, signature: bytes | None, response_id: str | None) -> ToolCallDelta:
        index = len(self._ids)
        if not call.name:
            raise self._unusable("the answer holds a tool call without a name")
        arguments = _json_text(call.args or {})
        if arguments is None:
            raise self._unusable("a tool call's arguments are no JSON")
        self.usage.made(text_bytes(call.name + arguments))
        return ToolCallDelta(
            index=index,
            id=self._id(call.id, response_id),
            name=self._names.said(self._sound(call.name)),
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

    def _meaning(self, reason: str, meanings: Mapping[str, Ending]) -> FinishReason | None:
        reason = reason.upper()
        ending = meanings.get(reason, ProviderBroken)
        if isinstance(ending, type):
            known = reason.lower() if reason in meanings else "of an unknown kind"
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
