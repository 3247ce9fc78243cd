"""Prints the members of each part of a request, read from Anthropic's own types, stable and beta."""

import json
from typing import Any

from anthropic import types
from anthropic.types import beta
from typing_extensions import get_type_hints

PARTS = {
    "MessagesBody": ("MessageCreateParamsBase", "MessageCreateParamsBase"),
    "CountBody": ("MessageCountTokensParams", "MessageCountTokensParams"),
    "TextBlockIn": ("TextBlockParam", "BetaTextBlockParam"),
    "ImageBlockIn": ("ImageBlockParam", "BetaImageBlockParam"),
    "Base64Image": ("Base64ImageSourceParam", "BetaBase64ImageSourceParam"),
    "UrlImage": ("URLImageSourceParam", "BetaURLImageSourceParam"),
    "DocumentBlockIn": ("DocumentBlockParam", "BetaRequestDocumentBlockParam"),
    "Base64Pdf": ("Base64PDFSourceParam", "BetaBase64PDFSourceParam"),
    "ToolUseIn": ("ToolUseBlockParam", "BetaToolUseBlockParam"),
    "ToolResultIn": ("ToolResultBlockParam", "BetaToolResultBlockParam"),
    "ToolReferenceIn": ("ToolReferenceBlockParam", "BetaToolReferenceBlockParam"),
    "ThinkingIn": ("ThinkingBlockParam", "BetaThinkingBlockParam"),
    "RedactedThinkingIn": ("RedactedThinkingBlockParam", "BetaRedactedThinkingBlockParam"),
    "UserTurn": ("UserMessageParam", "BetaUserMessageParam"),
    "AssistantTurn": ("AssistantMessageParam", "BetaAssistantMessageParam"),
    "SystemTurn": ("SystemMessageParam", "BetaSystemMessageParam"),
    "ClientTool": ("ToolParam", "BetaToolParam"),
    "AutoChoice": ("ToolChoiceAutoParam", "BetaToolChoiceAutoParam"),
    "AnyChoice": ("ToolChoiceAnyParam", "BetaToolChoiceAnyParam"),
    "OneTool": ("ToolChoiceToolParam", "BetaToolChoiceToolParam"),
    "NoneChoice": ("ToolChoiceNoneParam", "BetaToolChoiceNoneParam"),
    "ThinkingAdaptive": ("ThinkingConfigAdaptiveParam", "BetaThinkingConfigAdaptiveParam"),
    "ThinkingBetweenTools": ("ThinkingConfigBetweenToolsParam", "BetaThinkingConfigBetweenToolsParam"),
    "ThinkingEnabled": ("ThinkingConfigEnabledParam", "BetaThinkingConfigEnabledParam"),
    "ThinkingDisabled": ("ThinkingConfigDisabledParam", "BetaThinkingConfigDisabledParam"),
    "OutputConfig": ("OutputConfigParam", "BetaOutputConfigParam"),
    "SchemaFormat": ("JSONOutputFormatParam", "BetaJSONOutputFormatParam"),
}
HEADERS = {"betas", "user_profile_id"}
"""What the client sends as headers, though its types have it among the fields."""
MODULES: dict[str, tuple[Any, Any]] = {
    "MessagesBody": (types.message_create_params, beta.message_create_params),
    "CountBody": (types.message_count_tokens_params, beta.message_count_tokens_params),
}


def members(module: Any, name: str) -> set[str]:
    return set(get_type_hints(getattr(module, name))) - HEADERS


print(
    json.dumps(
        {
            part: sorted(members(stable, first) | members(newer, second))
            for part, (first, second) in PARTS.items()
            for stable, newer in [MODULES.get(part, (types, beta))]
        }
    )
)
