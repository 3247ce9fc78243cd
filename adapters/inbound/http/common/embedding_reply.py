"""An embedding on its way to the client as one JSON body."""

from collections.abc import Awaitable, Callable
from functools import partial

from litestar.types import Receive, Scope, Send
from msgspec import Struct

from llm_gateway.application.embed_texts import Embedded
from llm_gateway.application.long_work import off_the_loop, reply_weight
from llm_gateway.domain.embedding import EmbedReply
from llm_gateway.domain.quota import Decision

from .presence import WhilePresent
from .replies import json_reply
from .request_context import RequestContext
from .response_headers import COST, cost, provenance, queued


class EmbeddingReply(Struct, frozen=True):
    """The answer as one JSON body, which `render` makes; the call ends when the client leaves."""

    context: RequestContext
    ask: Callable[..., Awaitable[Embedded]]
    render: Callable[[EmbedReply], bytes]
    ignored: tuple[str, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with WhilePresent(self.context.presence, receive):
            embedded = await self.ask(on_admitted=self._admitted)
        self.context.headers.update(provenance(embedded.reply.endpoint, embedded.cache, self.ignored))
        self.context.headers[COST] = cost(embedded.microdollars)
        self.context.headers.update(queued(embedded.queued))
        body = await off_the_loop(reply_weight(embedded.reply), partial(self.render, embedded.reply))
        await json_reply(body)(scope, receive, send)

    def _admitted(self, decision: Decision) -> None:
        """An error after this has the quota's headers too."""
        self.context.headers.update(self.context.error_style.rate_headers(decision))
