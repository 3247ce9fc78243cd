"""smolagents against a gateway: `with_smolagents.py URL KEY MODEL...`."""

from typing import Any

from asked_for import PLACES, THING, get_weather, key, told, url
from smolagents import CodeAgent, LogLevel, OpenAIModel, ToolCallingAgent, tool

weather = tool(get_weather)


def see(name: str) -> dict[str, Any]:
    model = OpenAIModel(model_id=name, api_base=url, api_key=key, client_kwargs={"max_retries": 0})
    quiet: Any = {"model": model, "verbosity_level": LogLevel.OFF}
    calling = ToolCallingAgent(tools=[weather], **quiet)
    streaming = ToolCallingAgent(tools=[weather], stream_outputs=True, **quiet)
    return {
        "tools": [calling.run(PLACES), len(calling.memory.steps)],
        "streamed": [streaming.run(PLACES), len(streaming.memory.steps)],
        "code": CodeAgent(tools=[], **quiet).run(THING),
        "structured": CodeAgent(tools=[], use_structured_outputs_internally=True, **quiet).run(THING),
    }


told(see)
