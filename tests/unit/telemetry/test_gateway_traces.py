"""The spans of a whole gateway: one for a request, one for each call to a provider, and what the provider is told."""

from llm_gateway import (
    ChatCall,
    ChatRequest,
    Client,
    ClientId,
    Endpoint,
    EndpointId,
    EndpointState,
    FixedEndpoints,
    Hint,
    Locality,
    Quota,
    Settings,
    Text,
    UserMessage,
    open_gateway,
)
from llm_gateway.domain.errors import ProviderRefused
from llm_gateway.testing import ScriptedChatModel, ScriptedClock, answer
from llm_gateway.testing.contracts.observer import TRACE

from .collector import attributes, collecting

CANARY = "canary-7f3a"


def state(provider: str, locality: Locality) -> EndpointState:
    id = EndpointId(provider=provider, model=f"{provider}-1")
    return EndpointState(endpoint=Endpoint(id=id, locality=locality), features=frozenset())


async def test_each_call_to_a_provider_has_a_span_under_the_requests_own_and_the_provider_is_told_it() -> None:
    models = {
        "gemini": ScriptedChatModel(ScriptedClock(), [ProviderRefused("gemini", "no connection")]),
        "ollama": ScriptedChatModel(ScriptedClock(), answer(CANARY)),
    }
    endpoints = FixedEndpoints([state("gemini", Locality.CLOUD), state("ollama", Locality.ON_PREMISES)])
    question = ChatRequest(messages=(UserMessage(content=(Text(text=CANARY),)),))
    me = Client(id=ClientId("me"), namespace="me", quota=Quota())
    with collecting() as collector:
        settings = Settings(otel_exporter_otlp_endpoint=collector.url)
        async with (
            open_gateway(settings, chat_models=models, endpoints=endpoints) as gateway,
            gateway.answer_chat(ChatCall(request=question, hint=Hint.FAST), me, headers=TRACE) as asked,
        ):
            await asked.reply()
    spans = {span.name: span for span in collector.spans}
    assert len(collector.spans) == len(spans) == 3
    request, failed, whole = spans["chat"], spans["chat gemini-1"], spans["chat ollama-1"]
    _, trace, parent, _ = TRACE["traceparent"].split("-")
    assert {span.trace_id.hex() for span in collector.spans} == {trace}
    assert request.parent_span_id.hex() == parent
    assert failed.parent_span_id == whole.parent_span_id == request.span_id
    assert attributes(failed)["error.type"] == "ProviderRefused"
    for name, span in (("gemini", failed), ("ollama", whole)):
        (call,) = models[name].calls
        assert call.headers["traceparent"] == f"00-{trace}-{span.span_id.hex()}-01"
    assert CANARY not in str(collector.requests)
