"""Pydantic AI's names for both APIs against a gateway: `with_pydantic_ai.py URL KEY MODEL...`."""

import asyncio
import os
from typing import Any

from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from pydantic_ai import Agent

os.environ |= {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": key}
os.environ |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key}


async def streamed(agent: Any) -> Any:
    async with agent.run_stream(PLACES) as run:
        return await run.get_output()


async def seen_by(model: str) -> dict[str, Any]:
    looks = Agent(model, tools=[get_weather])
    typed: Any = Agent(model, output_type=Thing)
    return {
        "loop": (await looks.run(PLACES)).output,
        "streamed": await streamed(looks),
        "typed": (await typed.run(THING)).output.model_dump(mode="json"),
    }


async def seen(model: str) -> dict[str, Any]:
    return {family: await seen_by(f"{family}:{model}") for family in ("openai", "anthropic")}


told(lambda model: asyncio.run(seen(model)))
