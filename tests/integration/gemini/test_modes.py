"""What the scripted Gemini does beside refusing: redirects, what it ignores, limits, pieces, endings and quotas."""

import asyncio
import json
from datetime import date
from math import hypot
from typing import Any

import pytest

from ..scripted_vendor import Asked
from .endings import ENDINGS
from .modes import SOFT_FLOOR, Pieces, Redirected, Thinking
from .payloads import embedded
from .quotas import OVERLOADED, QUOTAS, REFUSED
from .rules.verdict import Vendor, refused
from .server import GeminiServer
from .test_rules import FLASH, LITE, OLD, PRO, config, image, schema, thinking, tools, turns, user, verdict

NOVEMBER, DECEMBER = date(2026, 11, 28), date(2026, 12, 1)
MANY = [{"model": "models/gemini-embedding-2", "content": {"parts": [{"text": "a"}]}}] * 101


def asked(body: Any, model: str = FLASH, method: str = "generateContent") -> Asked:
    return Asked("POST", f"/v1beta/models/{model}:{method}", {}, json.dumps(body).encode())


def said(answer: Any) -> Any:
    """The body of a whole answer."""
    (step,) = answer.steps
    return json.loads(step)


@pytest.mark.parametrize(
    ("name", "target", "today"),
    [
        ("gemini-3.5-flash", "gemini-3.6-flash", NOVEMBER),
        ("gemini-3.7-flash", FLASH, NOVEMBER),
        (OLD, OLD, NOVEMBER),
        (OLD, LITE, DECEMBER),
        (PRO, FLASH, DECEMBER),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash-lite", DECEMBER),
    ],
)
def test_a_redirected_name_has_the_rules_of_its_target_and_tells_it(name: str, target: str, today: date) -> None:
    vendor = Vendor(today=today)
    assert said(Redirected(vendor)(asked({}, name)))["modelVersion"] == target
    for body in (thinking(thinkingLevel="MINIMAL"), thinking(thinkingBudget=0), config(candidateCount=2)):
        assert vendor.verdict(asked(body, name).path, asked({"contents": [user({"text": "a"})]} | body).content) == (
            verdict(target, body)
        )


@pytest.mark.parametrize(
    ("name", "method", "vendor", "words"),
    [
        ("gemini-2.0-flash", "generateContent", {}, "is not found for API version v1beta, or is not supported"),
        ("gemini-3-pro-preview", "streamGenerateContent", {}, "is not supported for streamGenerateContent"),
        ("gemini-embedding-001", "generateContent", {}, "is not found"),
        (FLASH, "batchEmbedContents", {}, "is not supported for batchEmbedContents"),
        ("text-embedding-004", "batchEmbedContents", {}, "is not found"),
        (OLD, "generateContent", {"new_key": True}, "is no longer available to new users"),
    ],
)
def test_what_is_gone_is_not_found(name: str, method: str, vendor: dict[str, Any], words: str) -> None:
    (objection,) = verdict(name, {}, method=method, **vendor).objections
    assert (objection.rule, objection.code, objection.status) == ("G21", 404, "NOT_FOUND")
    assert words in objection.words


SAMPLED = config(temperature=1, topP=1, topK=1)
PARTS = turns(user({"inlineData": {"mimeType": "image/png", "data": "aGk="}, "mediaResolution": {"level": "A"}}))
TASK = {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"}


@pytest.mark.parametrize(
    ("name", "body", "ignored"),
    [
        *((name, SAMPLED, {f"generationConfig.{field}" for field in ("temperature", "topP", "topK")})
            for name in (LITE, "gemini-3.6-flash", FLASH, "gemini-4-argon", "gemini-flash-latest")),
        *((name, SAMPLED, set()) for name in (OLD, "gemini-3-flash-preview", "gemini-3.1-flash-lite")),
        (FLASH, thinking(thinkingBudget=0), {"generationConfig.thinkingConfig.thinkingBudget"}),
        ("gemini-3.6-flash", thinking(thinkingBudget=0), set()),
        (FLASH, {"continuationToken": "YQ=="}, {"continuationToken"}),
        ("gemini-4-neon", {"continuationToken": "YQ=="}, set()),
        (OLD, PARTS, {"contents[0].parts[0].mediaResolution"}),
        (FLASH, PARTS, set()),
        (FLASH, schema(properties={"a": {"pattern": "b"}}),
            {"generationConfig.responseJsonSchema.properties.a.pattern"}),
        (FLASH, tools("f", parametersJsonSchema={"items": {"allOf": []}, "title": "a"}),
            {"tools[0].functionDeclarations[0].parametersJsonSchema.items.allOf"}),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_told_to_the_test(name: str, body: dict[str, Any], ignored: set[str]) -> None:
    told = verdict(name, body)
    assert told.objections == ()
    assert told.ignored == ignored


def test_embeddings_are_batches_of_a_hundred_with_a_model_each() -> None:
    def judged(*requests: Any, name: str = "gemini-embedding-2", **body: Any) -> Any:
        return verdict(name, {"requests": requests} | body, method="batchEmbedContents")

    assert {one.rule for one in judged(*MANY).objections} == {"G19"}
    assert judged(*MANY[1:]).objections == ()
    assert {one.rule for one in judged(MANY[0], name="gemini-embedding-001").objections} == {"G19"}
    assert {one.rule for one in judged({**MANY[0], "content": {"parts": []}}).objections} == {"G19"}
    assert verdict("gemini-embedding-2", TASK, method="embedContent").ignored == {"requests[0].taskType"}
    assert verdict("gemini-embedding-001", TASK, method="embedContent").ignored == set()


def test_parts_of_one_content_fuse_and_a_shortened_vector_has_no_unit_length() -> None:
    contents = [{"parts": [{"text": "a"}, {"text": "b"}]}, {"parts": [{"text": "c"}]}]
    body = {"requests": [{"content": one, "outputDimensionality": 2} for one in contents]}
    vectors = [one["values"] for one in said(embedded(asked(body)))["embeddings"]]
    assert [len(vector) for vector in vectors] == [2, 2]
    assert all(hypot(*vector) != pytest.approx(1) for vector in vectors)


@pytest.mark.parametrize(
    ("body", "thoughts", "text", "finish"),
    [
        (thinking(thinkingLevel="LOW"), 300, "Hello", "STOP"),
        (config(maxOutputTokens=301, thinkingConfig={"thinkingLevel": "low"}), 300, "Hel", "MAX_TOKENS"),
        (config(maxOutputTokens=300, thinkingConfig={"thinkingLevel": "LOW"}), 300, None, "MAX_TOKENS"),
        (config(maxOutputTokens=64), 64, None, "MAX_TOKENS"),
        (thinking(thinkingBudget=0), SOFT_FLOOR, "Hello", "STOP"),
    ],
)
def test_thoughts_eat_the_limit(body: dict[str, Any], thoughts: int, text: str | None, finish: str) -> None:
    answer = said(Thinking("Hel", "lo")(asked(body)))
    (candidate,) = answer["candidates"]
    assert candidate["finishReason"] == finish
    assert answer["usageMetadata"]["thoughtsTokenCount"] == thoughts
    if text is None:
        assert "content" not in candidate
        assert "candidatesTokenCount" not in answer["usageMetadata"]
    else:
        assert candidate["content"]["parts"] == [{"text": text}]


def test_a_continuation_is_for_the_same_body_and_the_last_token() -> None:
    vendor, body = Pieces([{"text": "One "}], [{"text": "two "}], [{"text": "three."}]), thinking(thinkingLevel="LOW")
    (first,) = said(vendor(asked(body)))["candidates"]
    assert (first["finishReason"], first["content"]["parts"]) == ("CONTINUATION", [{"text": "One "}])
    token = {"continuationToken": first["continuationToken"]}
    assert vendor(asked(body | token | {"contents": []})).status == 400
    assert vendor(asked(body | {"continuationToken": "YQ=="})).status == 400
    (second,) = said(vendor(asked(body | token)))["candidates"]
    assert vendor(asked(body | token)).status == 400
    (third,) = said(vendor(asked(body | {"continuationToken": second["continuationToken"]})))["candidates"]
    assert (third["finishReason"], third["content"]["parts"]) == ("STOP", [{"text": "three."}])
    assert "continuationToken" not in third


@pytest.mark.parametrize("name", QUOTAS)
def test_a_quota_is_told_by_its_period_whatever_the_delay(name: str) -> None:
    error = said(QUOTAS[name])["error"]
    assert (QUOTAS[name].status, error["code"], error["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    ids = [one["quotaId"] for detail in error["details"] for one in detail.get("violations", ())]
    assert any("PerDay" in one for one in ids) is ("day" in name or "tier" in name)
    assert any("PerMinute" in one for one in ids) is ("minute" in name)
    assert ("limit: 0" in error["message"]) is ("tier" in name)


def test_faults_of_the_account_have_the_vendors_codes() -> None:
    codes = {name: (answer.status, said(answer)["error"]["status"]) for name, answer in REFUSED.items()}
    assert codes["key"] == (400, "INVALID_ARGUMENT")
    assert codes["location"] == (400, "FAILED_PRECONDITION")
    assert OVERLOADED.status == 503


def test_a_broken_stream_has_no_reason_and_a_whole_one_has() -> None:
    for ending in ENDINGS.values():
        wire = b"".join(step for step in ending.script if isinstance(step, bytes))
        assert (b'"finishReason"' in wire or b'"blockReason"' in wire) is (ending.finish is not None)
        assert (b'"error"' in wire) is (ending.status is not None)


def test_every_fault_of_a_field_names_it() -> None:
    body = config(top_q=1, other=2)
    error = refused(verdict(FLASH, body).objections)["error"]
    (details,) = error["details"]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [one["field"] for one in details["fieldViolations"]] == ["generation_config"] * 2
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert "details" not in refused(verdict(FLASH, image("image/gif") | config(presencePenalty=1)).objections)["error"]


async def test_the_server_says_it_over_a_socket_and_gathers_what_it_ignored() -> None:
    async with GeminiServer(Thinking("Hello")).running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        for body, status in ((SAMPLED, b" 200 "), (config(presencePenalty=1), b" 400 ")):
            sent = json.dumps({"contents": [user({"text": "a"})]} | body).encode()
            head = f"POST /v1beta/models/{FLASH}:generateContent HTTP/1.1\r\nContent-Length: {len(sent)}\r\n\r\n"
            writer.write(head.encode() + sent)
            assert status in await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        assert len(server.ignored) == 3
        server.forget()
        assert server.ignored == set()
