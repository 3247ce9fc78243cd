"""The vendor's protocol: a field that it does not have is refused, at any depth, and so is a value of another kind."""

import re
from typing import Any, Final, TypeAlias

from msgspec import Struct


class Map(Struct, frozen=True):
    """By names that the caller gives."""

    of: Any


Kind: TypeAlias = Any
"""A message by its fields, a list of one kind, a `Map`, the types of a scalar, or `JSON` for whatever stands there."""

JSON: Final = None
STRING, BOOL, NUMBER, OBJECT = (str,), (bool,), (int, float, str), "a message of any fields"

BLOB: Final = {"mimeType": STRING, "data": STRING, "displayName": STRING}
FILE: Final = {"mimeType": STRING, "fileUri": STRING, "displayName": STRING}
RESOLUTION: Final = {"level": STRING, "numTokens": NUMBER}
VIDEO: Final = {"startOffset": STRING, "endOffset": STRING, "fps": NUMBER, "contentLayers": JSON}
PART: Final[dict[str, Kind]] = {
    "text": STRING,
    "inlineData": BLOB,
    "fileData": FILE,
    "functionCall": {"id": STRING, "name": STRING, "args": OBJECT},
    "functionResponse": {
        "id": STRING,
        "name": STRING,
        "response": OBJECT,
        "parts": [{"inlineData": BLOB, "fileData": FILE, "mediaResolution": RESOLUTION, "videoMetadata": VIDEO}],
        "willContinue": BOOL,
        "scheduling": STRING,
    },
    "executableCode": {"id": STRING, "code": STRING, "language": STRING},
    "codeExecutionResult": {"id": STRING, "outcome": STRING, "output": STRING},
    "toolCall": {"id": STRING, "toolType": STRING, "args": OBJECT},
    "toolResponse": {"id": STRING, "toolType": STRING, "response": OBJECT},
    "thought": BOOL,
    "thoughtSignature": STRING,
    "videoMetadata": VIDEO,
    "mediaResolution": RESOLUTION,
    "partMetadata": OBJECT,
}
CONTENT: Final = {"role": STRING, "parts": [PART]}
SCHEMA: Final[dict[str, Kind]] = {
    **dict.fromkeys(("type", "format", "title", "description", "pattern"), STRING),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), NUMBER),
    **dict.fromkeys(("minimum", "maximum"), NUMBER),
    "enum": [STRING],
    "required": [STRING],
    "propertyOrdering": [STRING],
    **dict.fromkeys(("default", "example"), JSON),
    "nullable": BOOL,
}
"""The old fields' subset of OpenAPI's. It has no `additionalProperties`, and one `type`."""
SCHEMA.update({"items": SCHEMA, "anyOf": [SCHEMA], "properties": Map(of=SCHEMA)})
FUNCTION: Final = {
    "name": STRING,
    "description": STRING,
    "parameters": SCHEMA,
    "parametersJsonSchema": JSON,
    "response": SCHEMA,
    "responseJsonSchema": JSON,
    "behavior": STRING,
}
OWN_TOOLS: Final = (
    *("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "computerUse"),
    *("fileSearch", "mcpServers"),
)
TOOL: Final = {"functionDeclarations": [FUNCTION], **dict.fromkeys(OWN_TOOLS, JSON)}
CONFIG: Final[dict[str, Kind]] = {
    **dict.fromkeys(("candidateCount", "maxOutputTokens", "seed", "logprobs"), NUMBER),
    **dict.fromkeys(("temperature", "topP", "topK", "presencePenalty", "frequencyPenalty"), NUMBER),
    "stopSequences": [STRING],
    "responseLogprobs": BOOL,
    "responseMimeType": STRING,
    "responseModalities": [STRING],
    "responseSchema": SCHEMA,
    "responseJsonSchema": JSON,
    "responseFormat": JSON,
    "thinkingConfig": {"includeThoughts": BOOL, "thinkingBudget": NUMBER, "thinkingLevel": STRING},
    "mediaResolution": STRING,
    "enableEnhancedCivicAnswers": BOOL,
    "imageConfig": {"aspectRatio": STRING, "imageSize": STRING},
    **dict.fromkeys(("speechConfig", "translationConfig", "audioTranscriptionConfig"), JSON),
}
GENERATE: Final = {
    "model": STRING,
    "contents": [CONTENT],
    "systemInstruction": CONTENT,
    "tools": [TOOL],
    "toolConfig": {
        "functionCallingConfig": {"mode": STRING, "allowedFunctionNames": [STRING]},
        "retrievalConfig": JSON,
        "includeServerSideToolInvocations": BOOL,
    },
    "safetySettings": [{"category": STRING, "threshold": STRING}],
    "generationConfig": CONFIG,
    "cachedContent": STRING,
    "serviceTier": STRING,
    "store": BOOL,
    "continuationToken": STRING,
}
EMBED: Final = {
    "model": STRING,
    "content": CONTENT,
    "taskType": STRING,
    "title": STRING,
    "outputDimensionality": NUMBER,
}
REQUESTS: Final = {
    "generateContent": GENERATE,
    "streamGenerateContent": GENERATE,
    "countTokens": {"contents": [CONTENT], "generateContentRequest": GENERATE},
    "embedContent": EMBED,
    "batchEmbedContents": {"requests": [EMBED]},
}


class Violation(Struct, frozen=True):
    field: str
    description: str


def read(kind: Kind, value: Any, at: str, faults: list[Violation]) -> Any:
    """The value with the names that JSON spells, as both spellings are taken. `faults` gets what is wrong in it."""
    if kind is JSON or value is None:
        return value
    if isinstance(kind, list | tuple) or kind == OBJECT:
        wanted: Any = list if isinstance(kind, list) else dict if kind == OBJECT else kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind != BOOL):
            faults.append(Violation(at, f"Invalid value at '{at}': {value!r:.40}"))
            return value
        if isinstance(kind, list):
            return [read(kind[0], one, f"{at}[{number}]", faults) for number, one in enumerate(value)]
        return value
    if not isinstance(value, dict):
        faults.append(Violation(at, f"Invalid value at '{at}': {value!r:.40}"))
        return value
    if isinstance(kind, Map):
        return {name: read(kind.of, one, f"{at}.{name}", faults) for name, one in value.items()}
    known = {}
    for name, one in value.items():
        spelled = _camel(name)
        if spelled not in kind:
            where = f" at '{at}'" if at else ""
            words = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            faults.append(Violation(at, words))
        elif one is not None:
            known[spelled] = read(kind[spelled], one, f"{at}.{snake(spelled)}".removeprefix("."), faults)
    return known


def _camel(name: str) -> str:
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def snake(name: str) -> str:
    """As the vendor's errors write paths."""
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)
