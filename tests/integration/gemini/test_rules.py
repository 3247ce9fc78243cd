"""The scripted Gemini refuses what the vendor refuses, and takes what stands beside it."""

import json
from base64 import b64encode
from typing import Any, TypeAlias

import pytest

from .rules.verdict import Vendor, Verdict

Body: TypeAlias = dict[str, Any]

FLASH, LITE, OLD, PRO, PREVIEW = (
    "gemini-3.8-flash",
    "gemini-3.5-flash-lite",
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "gemini-3-flash-preview",
)
ASKED = {"role": "user", "parts": [{"text": "Go."}]}
SIGNED = b64encode(b"signed").decode()


def verdict(model: str, body: Body, *, method: str = "generateContent", **vendor: Any) -> Verdict:
    whole = {"contents": [ASKED]} | body if "enerate" in method else body
    return Vendor(**vendor).verdict(f"/v1beta/models/{model}:{method}?alt=sse", json.dumps(whole).encode())


def config(**fields: Any) -> Body:
    return {"generationConfig": fields}


def thinking(**fields: Any) -> Body:
    return config(thinkingConfig=fields)


def turns(*contents: Body) -> Body:
    return {"contents": list(contents)}


def user(*parts: Body) -> Body:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Body) -> Body:
    return {"role": "model", "parts": list(parts)}


def call(name: str = "add", signed: str | None = None, **fields: Any) -> Body:
    return {"functionCall": {"name": name, "args": {}} | fields} | ({"thoughtSignature": signed} if signed else {})


def result(name: str = "add", response: Any = None, **fields: Any) -> Body:
    return {"functionResponse": {"name": name, "response": {} if response is None else response} | fields}


def tools(*names: str, choice: Body | None = None, **fields: Any) -> Body:
    declared = {"tools": [{"functionDeclarations": [{"name": name} | fields for name in names]}]}
    return declared | ({"toolConfig": {"functionCallingConfig": choice}} if choice else {})


def schema(**keywords: Any) -> Body:
    return config(responseMimeType="application/json", responseJsonSchema={"type": "object"} | keywords)


def image(mime_type: str) -> Body:
    return turns(user({"inlineData": {"mimeType": mime_type, "data": "aGk="}}))


JSON = config(responseMimeType="application/json")
PREFILL = turns(ASKED, model({"text": "So"}))
LOOP = turns(
    ASKED, model(call(signed=SIGNED, id="1"), call("now", id="2")), user(result(id="1"), result("now", id="2"))
)
TREE = {"properties": {"next": {"$ref": "#"}}}

CASES: list[tuple[str, str, Body, Body]] = [
    ("G1", FLASH, thinking(thinkingLevel="MINIMAL"), thinking(thinkingLevel="low")),
    ("G1", "gemini-4-carbon", thinking(thinkingLevel="XHIGH"), thinking(thinkingLevel="HIGH")),
    ("G1", "gemini-flash-latest", thinking(thinkingLevel="MINIMAL"), thinking(thinkingLevel="LOW")),
    ("G2", "gemini-4-neon", thinking(thinkingBudget=1_024), thinking(thinkingLevel="XHIGH")),
    ("G2", OLD, thinking(thinkingLevel="LOW"), thinking(thinkingBudget=0)),
    ("G2", FLASH, thinking(thinkingLevel="LOW", thinkingBudget=9), thinking(thinkingBudget=9)),
    ("G2", "gemma-4-31b-it", thinking(includeThoughts=True), {}),
    ("G2", PRO, thinking(thinkingBudget=64), thinking(thinkingBudget=-1)),
    ("G3", PRO, thinking(thinkingBudget=0), thinking(thinkingBudget=128)),
    ("G3", LITE, thinking(thinkingBudget=0), thinking(thinkingLevel="MINIMAL")),
    ("G4", OLD, config(presencePenalty=0.1), config(presencePenalty=0.0)),
    ("G4", FLASH, config(frequencyPenalty=-1), config(frequencyPenalty=0)),
    ("G5", FLASH, config(candidateCount=2), config(candidateCount=1)),
    ("G5", OLD, config(candidateCount=9), config(candidateCount=8)),
    ("G6", OLD, config(responseLogprobs=True), config(responseLogprobs=False)),
    ("G6", FLASH, config(logprobs=1), {}),
    ("G7", FLASH, PREFILL, turns(*PREFILL["contents"], ASKED)),
    ("G7", LITE, PREFILL, {}),
    ("G7", OLD, turns(model({"text": "So"})), PREFILL),
    ("G7", PREVIEW, turns(*LOOP["contents"][:2], user(*LOOP["contents"][2]["parts"], {"text": "And?"})), LOOP),
    ("G8", OLD, JSON | tools("f"), JSON),
    ("G8", FLASH, JSON | tools("f", choice={"mode": "ANY"}), JSON | tools("f", choice={"mode": "AUTO"})),
    ("G8", OLD, {"tools": [{"googleSearch": {}}, *tools("f")["tools"]]}, {"tools": [{"googleSearch": {}}]}),
    ("G8", "gemini-3-pro-image", tools("f"), {}),
    ("G8", "gemini-3-pro-image", schema(), {}),
    ("G9", FLASH, turns(ASKED, model(call()), user(result())), turns(ASKED, model(call()), user(result()), ASKED)),
    ("G9", FLASH, turns(ASKED, model(call(signed="?")), user(result())), LOOP),
    (
        "G9",
        PREVIEW,
        turns(*LOOP["contents"], model(call()), user(result())),
        turns(*LOOP["contents"], model(call(signed="skip_thought_signature_validator")), user(result())),
    ),
    ("G10", FLASH, turns(ASKED, model(call(signed=SIGNED, id="1")), user(result(id="2"))), LOOP),
    ("G10", FLASH, turns(ASKED, model(call(signed=SIGNED, id="1")), user(result())), LOOP),
    ("G10", OLD, LOOP, turns(ASKED, model(call(), call("now")), user(result(), result("now")))),
    ("G11", FLASH, tools("1c_probe"), tools("c_probe.x:y-1")),
    ("G11", FLASH, tools("a b"), tools("_")),
    ("G11", FLASH, tools("n" * 65), tools("n" * 64)),
    ("G11", FLASH, tools("f", "g", "f"), tools("f", "g")),
    ("G11", FLASH, tools(*(f"f{number}" for number in range(513))), tools(*(f"f{number}" for number in range(512)))),
    (
        "G11",
        FLASH,
        tools("f", choice={"mode": "AUTO", "allowedFunctionNames": ["f"]}),
        tools("f", choice={"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ),
    (
        "G11",
        FLASH,
        tools("f", choice={"mode": "ANY", "allowedFunctionNames": ["g"]}),
        tools("f", choice={"mode": "any", "allowedFunctionNames": ["f"]}),
    ),
    ("G12", OLD, turns(ASKED, model(call(), call()), user(result())), turns(ASKED, model(call()), user(result()))),
    ("G12", OLD, turns(ASKED, model(call(), call()), user(result()), user(result())), {}),
    ("G12", OLD, turns(ASKED, model(call(), call("now")), user(result("now"), result())), {}),
    ("G12", OLD, turns(ASKED, model({"text": "I"}), model(call()), user(result())), {}),
    ("G12", OLD, turns(ASKED, user(result())), turns(ASKED, ASKED)),
    ("G12", OLD, turns(ASKED, model(call())), {}),
    ("G13", FLASH, turns(), {}),
    ("G13", FLASH, turns(user()), {}),
    ("G13", FLASH, turns(user({})), turns({"parts": [{"text": " "}]})),
    ("G13", FLASH, turns(user({"text": "a"} | call())), {}),
    ("G13", FLASH, turns(user({"text": ""})), turns(ASKED, model({"text": "", "thoughtSignature": SIGNED}), ASKED)),
    ("G13", FLASH, turns({"role": "system", "parts": [{"text": "a"}]}), {}),
    ("G13", FLASH, {"systemInstruction": {"parts": [call()]}}, {"systemInstruction": {"parts": [{"text": "Short."}]}}),
    ("G14", OLD, turns(ASKED, model(call()), user({"functionResponse": {"name": "add"}})), {}),
    ("G14", OLD, turns(ASKED, model(call()), user(result(parts=[{"inlineData": {"mimeType": "image/png"}}]))), {}),
    ("G15", FLASH, schema(anyOf=[{"$ref": "#", "description": "a"}]), schema(anyOf=[{"$ref": "#", "$id": "a"}])),
    ("G15", FLASH, schema(enum=["", "a"]), schema(enum=["a", 1])),
    ("G15", FLASH, schema(**TREE, required=["next"]), schema(**TREE)),
    ("G15", FLASH, schema(items={"$ref": "#/$defs/a"}), schema(items={"$ref": "#/$defs/a"}, **{"$defs": {"a": {}}})),
    ("G15", FLASH, config(responseJsonSchema={}), schema()),
    ("G15", FLASH, schema() | config(**schema()["generationConfig"], responseSchema={"type": "OBJECT"}), schema()),
    ("G15", FLASH, tools("f", parameters={"type": "OBJECT"}), tools("f", parametersJsonSchema={"type": "object"})),
    ("G15", FLASH, tools("f", parameters={"type": "STRING"}, parametersJsonSchema={}), tools("f", parameters={})),
    ("G17", FLASH, image("image/jpg"), image("image/jpeg")),
    ("G17", FLASH, image("image/gif"), image("image/heic")),
    ("G17", FLASH, image("png"), image("image/png")),
    ("G17", FLASH, turns(user({"fileData": {"fileUri": "https://host.example/a"}})), image("application/pdf")),
    ("G18", OLD, config(stopSequences=list("abcdef")), config(stopSequences=list("abcde"))),
    ("G27", FLASH, {"cachedContent": "c"} | tools("f"), {"cachedContent": "c"}),
    ("G27", OLD, {"cachedContent": "c", "systemInstruction": {"parts": [{"text": "a"}]}}, {"cachedContent": "c"}),
    ("G27", "gemini-4-argon", {"cachedContent": "c"}, {}),
]


@pytest.mark.parametrize(("rule", "name", "refused", "taken"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)])
def test_what_a_model_refuses_and_what_it_takes(rule: str, name: str, refused: Body, taken: Body) -> None:
    assert {one.rule for one in verdict(name, refused).objections} == {rule}
    assert verdict(name, refused, waived=frozenset({rule})).objections != verdict(name, refused).objections
    assert verdict(name, taken) == Verdict()


def test_several_candidates_are_for_answers_that_are_not_streamed() -> None:
    (objection,) = verdict(OLD, config(candidateCount=2), method="streamGenerateContent").objections
    assert objection.rule == "G5"


UNKNOWN = [
    ({"contens": []}, "", "contens"),
    (config(top_q=1), "generation_config", "top_q"),
    (thinking(thinkingBudgets=1), "generation_config.thinking_config", "thinkingBudgets"),
    (turns(user({"text": "a", "extra": 1})), "contents[0].parts[0]", "extra"),
    (turns(ASKED, model(call(index=0))), "contents[1].parts[0].function_call", "index"),
    (tools("f", strict=True), "tools[0].function_declarations[0]", "strict"),
    (tools("f", choice={"modes": "ANY"}), "tool_config.function_calling_config", "modes"),
    (tools("f", parameters={"additionalProperties": False}), "tools[0].function_declarations[0].parameters", None),
    (tools("f", parameters={"properties": {"a": {"$ref": "#"}}}),
        "tools[0].function_declarations[0].parameters.properties.a", "$ref"),
    (config(responseSchema={"type": ["string", "null"]}), "generation_config.response_schema.type", None),
    (turns(ASKED, model(call(args=[1])), user(result())), "contents[1].parts[0].function_call.args", None),
    (turns(ASKED, model(call()), user(result(response="2"))), "contents[2].parts[0].function_response.response", None),
    (config(temperature=True), "generation_config.temperature", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "name"), UNKNOWN)
def test_a_field_that_the_protocol_does_not_have_is_refused_at_any_depth(
    body: Body, field: str, name: str | None
) -> None:
    objections = verdict(OLD, body).objections
    assert [(one.rule, one.field) for one in objections] == [("G16", field)]
    assert name is None or f'Unknown name "{name}"' in objections[0].words


def test_both_spellings_of_a_field_are_read() -> None:
    sent = {"generation_config": {"thinking_config": {"thinking_level": "MINIMAL"}}}
    assert verdict(FLASH, sent).objections[0].rule == "G1"
    assert verdict(LITE, sent) == Verdict()
