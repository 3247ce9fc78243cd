"""LlamaIndex against a gateway: `with_llama_index.py URL KEY MODEL...`."""

import asyncio
from typing import Any

from asked_for import PLACES, THING, Thing, get_weather, key, told, url
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


async def loops(llm: Any) -> dict[str, str]:
    kinds = {"loop": False, "streamed": True}
    agents = {kind: FunctionAgent(tools=[get_weather], llm=llm, streaming=streams) for kind, streams in kinds.items()}
    return {kind: str(await agent.run(user_msg=PLACES)) for kind, agent in agents.items()}


def see(name: str) -> dict[str, Any]:
    llm = OpenAILike(
        model=name, api_base=url, api_key=key, max_retries=0, is_chat_model=True, is_function_calling_model=True
    )
    structured = llm.as_structured_llm(Thing).chat([ChatMessage(role="user", content=THING)])
    return {
        "predict": llm.structured_predict(Thing, PromptTemplate(THING)).model_dump(mode="json"),
        "structured": structured.raw.model_dump(mode="json"),
        **asyncio.run(loops(llm)),
    }


told(see)
