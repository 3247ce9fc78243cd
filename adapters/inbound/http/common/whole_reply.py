"""An answer on its way to the client as one JSON body."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from litestar.types import Receive, Scope, Send
from msgspec import Struct

from llm_gateway.application.answer_chat import Answer
from llm_gateway.application.long_work import AT_ONCE_BYTES, off_the_loop, reply_weight

from .presence import WhilePresent
from .renderer import ChatRenderer
from .request_context import RequestContext
from .response_headers import COST, Headers, cost, provenance, queued

Ask = Callable[[], AbstractAsyncContextManager[Answer]]


class WholeReply(Struct, frozen=True):
    """The answer as one JSON body. Asking ends when the client leaves; a stored answer waits for nothing."""

    context: RequestContext
    ask: Ask
    renderer: ChatRenderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = self.context
        async with self.ask() as answer:
            headers = context.headers
            headers.update(context.error_style.rate_headers(answer.decision))
            if answer.ready:
                reply = await answer.reply()
            else:
                try:
                    with WhilePresent(context.presence, receive):
                        reply = await answer.reply()
                finally:  # an error after it has waited tells of it too
                    headers.update(queued(answer.queued))
            headers.update(provenance(answer.endpoint, answer.cache, context.own_paths(answer.ignored)))
            headers[COST] = cost(answer.microdollars)
            weight = reply_weight(reply)
            if weight <= AT_ONCE_BYTES:
                body = self.renderer.whole(reply, answer)
            else:
                body = await off_the_loop(weight, partial(self.renderer.whole, reply, answer))
        head: Headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})
