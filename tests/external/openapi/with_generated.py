"""Calls a gateway by a client that was generated: its maker's name, the folder that it is in, the URL and the key."""

import json
import sys
from typing import Any

MAKER, FOLDER, URL, KEY = sys.argv[1:]
sys.path.insert(0, FOLDER)
QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def openapi_python_client() -> list[object]:
    from made.api.chat import chat, explain  # type: ignore[import-not-found]
    from made.api.openai import chat_completions, models  # type: ignore[import-not-found]
    from made.api.operations import health  # type: ignore[import-not-found]
    from made.client import AuthenticatedClient, Client  # type: ignore[import-not-found]
    from made.models import ChatBody, CompletionBody  # type: ignore[import-not-found]

    client = AuthenticatedClient(base_url=URL, token=KEY)
    wrong = AuthenticatedClient(base_url=URL, token="wrong")
    return [
        health.sync(client=Client(base_url=URL)).status,
        chat.sync(client=client, body=ChatBody.from_dict(QUESTION)).content,
        explain.sync(client=client, body=ChatBody.from_dict(QUESTION)).endpoints[0].provider,
        chat_completions.sync(client=client, body=CompletionBody.from_dict({"model": "ollama", **QUESTION}))
        .choices[0]
        .message.content,
        models.sync(client=client).data[0].id,
        chat.sync(client=wrong, body=ChatBody.from_dict(QUESTION)).code,
    ]


def openapi_generator() -> list[object]:
    import openapi_client as made  # type: ignore[import-not-found]

    def api(kind: str, key: str) -> Any:
        settings = made.Configuration(host=URL, access_token=key, api_key={"api_key": key})
        return getattr(made, kind)(made.ApiClient(settings))

    told = [
        api("OperationsApi", KEY).health().status,
        api("ChatApi", KEY).chat(made.ChatBody.from_dict(QUESTION)).content,
        api("ChatApi", KEY).explain(made.ChatBody.from_dict(QUESTION)).endpoints[0].provider,
        api("OpenaiApi", KEY)
        .chat_completions(made.CompletionBody.from_dict({"model": "ollama", **QUESTION}))
        .choices[0]
        .message.content,
        api("OpenaiApi", KEY).models().data[0].id,
    ]
    try:
        api("ChatApi", "wrong").chat(made.ChatBody.from_dict(QUESTION))
    except made.ApiException as error:
        told.append(json.loads(error.body)["code"])
    return told


print(json.dumps({"openapi-python-client": openapi_python_client, "openapi-generator": openapi_generator}[MAKER]()))
