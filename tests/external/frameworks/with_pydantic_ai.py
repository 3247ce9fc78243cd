"""Pydantic AI's default mode against a gateway: `with_pydantic_ai.py URL KEY MODEL...`."""

import asyncio
from typing import Any

from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=url, api_key=key)


async def streamed(agent: Any) -> Any:
    async with agent.run_stream(THING) as run:
        return (await run.get_output()).model_dump(mode="json")


async def seen(name: str) -> dict[str, Any]:
    model = OpenAIChatModel(name, provider=provider)
    typed: Any = Agent(model, output_type=Thing)
    both: Any = Agent(model, output_type=Thing, tools=[get_weather])
    text = Agent(model, tools=[get_weather])
    return {
        "default": (await typed.run(THING)).output.model_dump(mode="json"),
        "streamed": await streamed(typed),
        "with_tools": (await both.run(PLACES)).output.model_dump(mode="json"),
        "loop": (await text.run(PLACES)).output,
    }


told(lambda name: asyncio.run(seen(name)))
