"""From the vendor's answer, or its chunks, to events. Pure; what does not fit is `ProviderBroken`, never dropped."""

import json
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from llm_gateway.domain.chat import ChatRequest, FinishReason
from llm_gateway.domain.errors import FailureReason, ProviderBroken, ProviderError
from llm_gateway.domain.events import ChatEvent, Delta, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from llm_gateway.domain.routing import EndpointId

from .endings import BLOCKS, CLASSES, ENDINGS, WORTH_REPEATING, Ending
from .function_names import FunctionNames
from .signatures import carried, received
from .usage import UsageCount
from .wire import GenerateContentResponse, WireCall, WirePart

UNCARRIED: Final = (
    *("inline_data", "file_data", "executable_code", "code_execution_result", "function_response"),
    *("tool_call", "tool_response", "audio_transcription"),
)
"""Content that an answer has no place for. What else stands beside text and calls tells of them, or of input."""
_uncarried: Final = attrgetter(*UNCARRIED)
_NOTHING: Final = (None,) * len(UNCARRIED)
_beside_text: Final = attrgetter("thought_signature", "function_call", *UNCARRIED)
_TEXT_ALONE: Final = (None, None, *_NOTHING)


class GeminiReplyReader:
    """Reads one answer, chunk by chunk. `ending`: the vendor's terminal mark, while it was the last thing said.

    `failure`: what is to be raised once the events before it are given.

    `continuation`: the vendor's own limit for one request cut the answer, and this token asks for what follows.
    `model` is the model that the vendor says answers. `incomplete`, which whoever asks sets: the rest did not come.
    """

    def __init__(self, to: EndpointId, request: ChatRequest, names: FunctionNames) -> None:
        self.continuation: str | None = None
        self.ending: FinishReason | None = None
        self.model: str | None = None
        self.incomplete = False
        self.failure: ProviderError | None = None
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

    def events(self, chunks: Iterable[GenerateContentResponse]) -> list[ChatEvent]:
        """Of chunks that came together."""
        events: list[ChatEvent] = []
        try:
            for chunk in chunks:
                plain = self._plain(chunk)
                if plain is not None:
                    events.append(plain)
                    continue
                for delta in self.read(chunk):
                    events.append(delta)
        except ProviderError as error:
            if not events:
                raise
            self.failure = error
        return events

    def _plain(self, chunk: GenerateContentResponse) -> Delta | None:
        """Of what almost every chunk is, as `read` has it: one part of the text, in ASCII, and the counts so far."""
        if not chunk.candidates or chunk.prompt_feedback is not None:
            return None
        candidate = chunk.candidates[0]
        parts = None if candidate.content is None else candidate.content.parts
        if candidate.finish_reason is not None or not parts or len(parts) != 1:
            return None
        part, text = parts[0], parts[0].text
        if not text or not text.isascii() or _beside_text(part) != _TEXT_ALONE:
            return None
        self.continuation = self.ending = None
        self.model = chunk.model_version or self.model
        self.usage.told(chunk.usage_metadata, len(text))
        return ReasoningDelta(text=text) if part.thought else TextDelta(text=text)

    def read(self, chunk: GenerateContentResponse) -> Iterator[Delta]:
        """What a chunk says comes before the failure that it may tell of."""
        if chunk.usage_metadata is not None:
            self.usage.told(chunk.usage_metadata)
        self.model = chunk.model_version or self.model
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self.ending = self._meaning(feedback.block_reason, BLOCKS) or self.ending
        if not chunk.candidates:
            return
        candidate = chunk.candidates[0]
        if candidate.content is not None and candidate.content.parts:
            self.continuation = self.ending = None  # what goes on after a terminal mark has not ended by it
            for part in candidate.content.parts:
                delta = self._part(part, chunk.response_id)
                if delta is not None:
                    yield delta
        reason = candidate.finish_reason
        if reason is not None:
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
            requests=self.usage.requests,
        )

    def _part(self, part: WirePart, response_id: str | None) -> Delta | None:
        if (others := _uncarried(part)) != _NOTHING:
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
        self.usage.made(self._sound(text))
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
        self.usage.made(call.name + arguments)
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
