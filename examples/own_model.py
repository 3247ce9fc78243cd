"""A provider of one's own, in twenty lines, and a gateway that routes to it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from typing_extensions import override

from llm_gateway import (
    ChatEvent,
    ChatModel,
    ChatRequest,
    Deadline,
    Endpoint,
    EndpointId,
    EndpointState,
    Finished,
    FinishReason,
    FixedEndpoints,
    Grain,
    Locality,
    Started,
    Text,
    TextDelta,
    Usage,
    open_gateway,
)


class EchoModel(ChatModel):
    """Says what it was told."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        said = [part.text for part in request.messages[-1].content if isinstance(part, Text)]
        yield [Started(endpoint=to.id)]
        for text in ["".join(said)] if grain is Grain.WHOLE else said:
            yield [TextDelta(text=text)]
        usage = Usage(prompt_tokens=len(said), completion_tokens=len(said))
        yield [Finished(reason=FinishReason.STOP, usage=usage, model=to.id.model)]


async def main() -> None:
    echo = Endpoint(id=EndpointId(provider="echo", model="echo-1"), locality=Locality.ON_PREMISES)
    async with open_gateway(
        chat_models={"echo": EchoModel()},
        endpoints=FixedEndpoints([EndpointState(endpoint=echo, features=frozenset())]),
    ) as gateway:
        print(await gateway.ask("Is anybody there?"))


if __name__ == "__main__":
    asyncio.run(main())
