"""A gateway as its host holds it."""

from collections.abc import AsyncGenerator, Sequence

from typing_extensions import Unpack

from llm_gateway.application.gateway_services import GatewayServices
from llm_gateway.application.single_flight import Flights
from llm_gateway.domain.chat import Grain, Part
from llm_gateway.domain.events import Finished, Started, TextDelta

from .asking import HOST, AskOptions, chat_call, check_whole
from .settings import Settings
from .telemetry import Telemetry


class Gateway(GatewayServices, frozen=True, kw_only=True):
    """The use cases, and the ports that a server needs beside them. Good in the event loop that opened it.

    `ask` and `stream` are the short way to an answer's text; `answer_chat` gives all of it: tool calls, usage, finish
    reason, reasoning, and where it came from. `Container` has an entry for each field, by the field's name.
    """

    settings: Settings
    telemetry: Telemetry
    flights: Flights

    async def ask(self, prompt: str | Sequence[Part], **options: Unpack[AskOptions]) -> str:
        """The answer's text. One that reaches `max_tokens` ends there.

        `prompt` is the user's message: a text, or `Text`s and `Image`s. Raises `GatewayError`, `ProviderRejected` also
        where the provider's content filter withheld a part of the text; `TypeError` for what is no prompt or no option.
        """
        call = chat_call(prompt, Grain.WHOLE, options)
        async with self.answer_chat(call, options.get("client", HOST)) as answer:
            reply = await answer.reply()
        check_whole(reply.endpoint, reply.finish_reason)
        return reply.content

    async def stream(self, prompt: str | Sequence[Part], **options: Unpack[AskOptions]) -> AsyncGenerator[str, None]:
        """The answer's text in pieces, as the model makes them. Takes and raises what `ask` does.

        To be closed, with `contextlib.aclosing`, where it is left before its end: that ends the call to the provider.
        """
        call = chat_call(prompt, Grain.STREAM, options)
        async with self.answer_chat(call, options.get("client", HOST)) as answer:
            async for event in answer:
                match event:
                    case Started(endpoint=endpoint):
                        source = endpoint
                    case TextDelta(text=text):
                        yield text
                    case Finished(reason=reason):
                        check_whole(source, reason)
