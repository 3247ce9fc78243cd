"""The conversation as the vendor takes it: turns of the user and the model, in the order of the messages."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Final

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.chat import (
    AssistantMessage,
    Message,
    SystemMessage,
    Text,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from llm_gateway.domain.errors import ProviderRejected

from .function_calls import ToolStep
from .function_names import FunctionNames
from .media import Json, part_of
from .signatures import UNSIGNED, returned

_MARKED: Final = "<system>\n{}\n</system>"
"""A late system message, or any to a model that takes none: it shall be told from the user's own words."""


class Contents:
    """`system` are the parts of the leading system messages, `turns` what follows, later system messages included.

    The vendor takes neither a content without parts nor an empty text, unless it bears a signature. An empty answer is
    left out; an empty question stays one, as what follows rests on it. Raises `ProviderRejected`, naming the field.
    """

    def __init__(self, provider: str, messages: Sequence[Message], names: FunctionNames, facts: ModelFacts) -> None:
        self.system: list[Json] = []
        self.turns: list[Json] = []
        self._provider = provider
        self._names = names
        self._facts = facts
        asked = (index for index, message in enumerate(messages) if isinstance(message, UserMessage))
        # the vendor checks the first call of each step since the last question, and no other
        self._signed_from = max(asked, default=-1) if facts.signatures else len(messages)
        self._parts: list[Json] = []
        """Of the model's turn, where that is the last."""
        self._begin_step()
        for index, message in enumerate(messages):
            self._add(index, message, f"messages[{index}]")
        self._end_step()
        self.turns = self.turns or [_silence()]

    def _add(self, index: int, message: Message, path: str) -> None:
        match message:
            case ToolMessage():
                self._step.answered(message, path)
            case AssistantMessage():
                self._answer(index, message, path)
            case UserMessage():
                self._end_step()
                self.turns.append(_question(message, self._facts))
            case SystemMessage():
                texts = [part.text for part in message.content if part.text]
                if not self.turns and self._facts.system is not False:
                    self.system += [{"text": text} for text in texts]
                elif texts:
                    self._late("\n".join(texts))

    def _late(self, text: str) -> None:
        marked = _MARKED.format(text)
        if self._step:
            self._step.remarked(marked)
        else:
            self.turns.append({"role": "user", "parts": [{"text": marked}]})

    def _answer(self, index: int, message: AssistantMessage, path: str) -> None:
        """Neighbours are one turn: parallel calls may come in an answer each, and their results together."""
        texts = list(self._texts(message, path))
        if not texts and not message.tool_calls:
            return
        if self._step.begun:
            self._end_step()
        if not self.turns or self.turns[-1]["role"] != "model":
            self._parts = []
            self.turns.append({"role": "model", "parts": self._parts})
        if len(self.turns) == 1 and message.tool_calls:
            self.turns.insert(0, _silence())  # a turn that calls has to follow one of the user's
        self._parts += texts
        for number, call in enumerate(message.tool_calls):
            self._call(index, call, f"{path}.tool_calls[{number}]")

    def _texts(self, message: AssistantMessage, path: str) -> Iterator[Json]:
        signature = self._signature(message, path)
        texts = [part.text for part in message.content]
        if signature and not texts:
            texts = [""]  # as the vendor sends a signature that belongs to no text
        for number, text in enumerate(texts, start=1):
            signed = signature if number == len(texts) else None
            if text or signed:
                yield _signed({"text": text}, signed)

    def _call(self, index: int, call: ToolCall, path: str) -> None:
        signature = self._signature(call, path)
        first = not self._step
        part = self._step.called(call, self._names.sent(call.name), path)
        if signature is not None and signature != UNSIGNED:
            self._ours = True
        elif first and index > self._signed_from:
            signature = UNSIGNED
        self._parts.append(_signed(part, signature))

    def _begin_step(self) -> None:
        self._step = ToolStep(self._provider, self._facts)
        self._ours = False
        """Whether a call of the step bears a signature: then this vendor made it, and gave it its id."""

    def _end_step(self) -> None:
        if self._step:
            self.turns.append(self._step.results(ids=bool(self._facts.call_ids) and self._ours))
            self._begin_step()

    def _signature(self, of: AssistantMessage | ToolCall, path: str) -> bytes | None:
        given, signature = returned(of.extra_content)
        if given and signature is None:
            field = f"{path}.extra_content.google.thought_signature"
            raise ProviderRejected(self._provider, "must be base64, as it was given", path=field)
        return signature


def _signed(part: Json, signature: bytes | None) -> Json:
    if signature is not None:
        part["thoughtSignature"] = urlsafe_b64encode(signature).decode()
    return part


def _question(message: UserMessage, facts: ModelFacts) -> Json:
    parts = [part_of(part, facts) for part in message.content if not isinstance(part, Text) or part.text]
    return {"role": "user", "parts": parts} if parts else _silence()


def _silence() -> Json:
    """The shortest question that the vendor takes."""
    return {"role": "user", "parts": [{"text": " "}]}
