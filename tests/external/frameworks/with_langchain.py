"""LangChain's function calling against a gateway: `with_langchain.py URL KEY MODEL...`."""

from typing import Any

from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

weather = tool(get_weather)


def loop(bound: Any) -> Any:
    messages: list[Any] = [HumanMessage(PLACES)]
    rounds = []
    while (answer := bound.invoke(messages)).tool_calls:
        rounds.append([call["args"]["place"] for call in answer.tool_calls])
        results = [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]
        messages += [answer, *results]
    return [rounds, answer.content]


def see(name: str) -> dict[str, Any]:
    model = ChatOpenAI(base_url=url, api_key=key, model=name, max_retries=0)
    return {
        "default": model.with_structured_output(Thing).invoke(THING).model_dump(mode="json"),
        "function_calling": model.with_structured_output(Thing, method="function_calling")
        .invoke(THING)
        .model_dump(mode="json"),
        "streamed": list(model.with_structured_output(Thing).stream(THING))[-1].model_dump(mode="json"),
        "loop": loop(model.bind_tools([weather])),
    }


told(see)
