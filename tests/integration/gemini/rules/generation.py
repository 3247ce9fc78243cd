"""What a model takes of the fields beside its contents, and what it takes without effect."""

from collections.abc import Iterator

from .call import Call, Objection
from .shape import OWN_TOOLS

MAX_STOPS = 5


def penalties(call: Call) -> Iterator[Objection]:
    for field in ("presencePenalty", "frequencyPenalty"):
        if call.config.get(field):
            yield Objection("G4", f"Penalty is not enabled for models/{call.name}")


def candidates(call: Call) -> Iterator[Objection]:
    wanted = call.config.get("candidateCount", 1)
    if wanted > 1 and (call.method == "streamGenerateContent" or call.model.candidates == 1):
        yield Objection("G5", "Multiple candidates is not enabled for this model")
    if wanted not in range(1, max(call.model.candidates, 1) + 1):
        yield Objection("G5", "Only 8 candidates can be specified.", "generation_config.candidate_count")


def logprobs(call: Call) -> Iterator[Objection]:
    if call.config.get("responseLogprobs") or "logprobs" in call.config:
        yield Objection("G6", f"Logprobs is not enabled for models/{call.name}")


def json_and_tools(call: Call) -> Iterator[Objection]:
    structured = call.config.get("responseMimeType") == "application/json"
    own = [name for tool in call.body.get("tools", ()) for name in OWN_TOOLS if name in tool]
    if not call.model.tools:
        if call.declarations:
            yield Objection("G8", "Function calling is not enabled for this model")
        if structured:
            yield Objection("G8", "JSON mode is not enabled for this model")
    if structured and (call.declarations or own) and (not call.model.json_with_tools or call.mode == "ANY"):
        yield Objection("G8", "Function calling with a response mime type: 'application/json' is unsupported")
    if call.declarations and own and not call.model.own_tools:
        yield Objection("G8", "Built-in tools and Function Calling cannot be combined in the same request.")


def stops(call: Call) -> Iterator[Objection]:
    if len(call.config.get("stopSequences", ())) > MAX_STOPS:
        yield Objection("G18", "The number of stop sequences must be 5 or less.", "generation_config.stop_sequences")


def cached(call: Call) -> Iterator[Objection]:
    if "cachedContent" not in call.body:
        return
    if not call.model.cache:
        yield Objection("G27", "CachedContent is not supported for this model.")
    if {"systemInstruction", "tools", "toolConfig"} & call.body.keys():
        yield Objection(
            "G27", "CachedContent can not be used with GenerateContent request setting system_instruction, tools"
        )


def without_effect(call: Call) -> Iterator[str]:
    """What the vendor takes and does not do."""
    if not call.model.sampling:
        yield from (f"generationConfig.{field}" for field in ("temperature", "topP", "topK") if field in call.config)
    if "continuationToken" in call.body and not call.model.continues:
        yield "continuationToken"
    if not call.model.part_resolution:
        for one, content in enumerate(call.contents):
            for two, part in enumerate(content["parts"]):
                if "mediaResolution" in part:
                    yield f"contents[{one}].parts[{two}].mediaResolution"
