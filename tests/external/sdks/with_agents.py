"""OpenAI's agents against a gateway, by their default API: `with_agents.py URL KEY MODEL...`."""

import asyncio
from typing import Any

from agents import Agent, Runner, function_tool, set_default_openai_client, set_tracing_disabled
from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from openai import AsyncOpenAI

set_tracing_disabled(True)
tool = function_tool(get_weather)


async def streamed(agent: Any) -> Any:
    run = Runner.run_streamed(agent, PLACES)
    kinds = {event.type async for event in run.stream_events()}
    return [run.final_output, "raw_response_event" in kinds]


async def seen(model: str) -> dict[str, Any]:
    set_default_openai_client(AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0))
    looks: Any = Agent(name="Weather", instructions="Look first.", model=model, tools=[tool])
    typed: Any = Agent(name="Namer", model=model, output_type=Thing)
    return {
        "loop": (await Runner.run(looks, PLACES)).final_output,
        "streamed": await streamed(looks),
        "typed": (await Runner.run(typed, THING)).final_output.model_dump(mode="json"),
    }


told(lambda model: asyncio.run(seen(model)))
