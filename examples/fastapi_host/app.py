"""A FastAPI application that has its own `domain` package, and answers questions through an embedded gateway.

In this folder: `../../.venv/bin/uvicorn app:app`, and then `curl 'http://127.0.0.1:8000/ask?question=Hello'`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain import GREETING
from fastapi import FastAPI, Request

from llm_gateway import ChatCall, ChatRequest, Client, ClientId, Quota, Settings, UserMessage, open_gateway

ASKING = Client(id=ClientId("host"), namespace="host", quota=Quota())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with open_gateway(Settings(demo=True)) as gateway:
        app.state.gateway = gateway
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/ask")
async def ask(question: str, request: Request) -> dict[str, str]:
    call = ChatCall(request=ChatRequest(messages=(UserMessage(content=GREETING + question),), max_tokens=32))
    async with request.app.state.gateway.answer_chat(call, ASKING) as answer:
        reply = await answer.reply()
    return {"answer": reply.content, "model": reply.model}
