"""Renders the native answer: one JSON body, or `delta`s and then one `done` or one `error`."""

from msgspec import json
from typing_extensions import override

from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.records import CacheStatus
from llm_gateway.domain.chat import ChatReply
from llm_gateway.domain.events import Delta

from ..common.chat_replies import AnswerIdentity, ChatRenderer
from ..common.problems import encode_problem
from .answers import AnswerOut
from .translate import from_delta, from_reply

_encode = json.Encoder().encode


class NativeRenderer(ChatRenderer):
    def __init__(self, identity: AnswerIdentity) -> None:
        self._identity = identity

    @override
    def whole(self, reply: ChatReply, answer: Answer) -> bytes:
        return _encode(self._body(reply, answer, whole=True))

    @override
    def delta(self, delta: Delta, answer: Answer) -> bytes:
        return _frame(b"delta", _encode(from_delta(delta)))

    @override
    def done(self, reply: ChatReply, answer: Answer) -> bytes:
        return _frame(b"done", _encode(self._body(reply, answer, whole=False)))

    @override
    def failed(self, error: Exception, request_id: str) -> bytes:
        return _frame(b"error", encode_problem(error, request_id))

    def _body(self, reply: ChatReply, answer: Answer, *, whole: bool) -> AnswerOut:
        cached = answer.cache is CacheStatus.HIT
        return from_reply(reply, id=self._identity.id, cached=cached, created=self._identity.created, whole=whole)


def _frame(event: bytes, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event, data)
