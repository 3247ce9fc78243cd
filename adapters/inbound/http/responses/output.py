"""An answer's content as OpenAI's items. Pure."""

from collections.abc import Callable, Mapping

from msgspec import UNSET, Struct

from llm_gateway.domain.chat import ChatReply, JsonObject, Usage

from ..common.carriers import carrier_of
from . import answers as wire
from .tools import NO_ARGUMENTS, ToolOrigin, custom_input


def usage_out(usage: Usage) -> wire.ResponseUsage:
    return wire.ResponseUsage(
        input_tokens=usage.prompt_tokens,
        input_tokens_details=wire.InputTokensDetails(cached_tokens=usage.cached_tokens or 0),
        output_tokens=usage.completion_tokens,
        output_tokens_details=wire.OutputTokensDetails(reasoning_tokens=usage.reasoning_tokens or 0),
        total_tokens=usage.total_tokens,
        estimated=True if usage.estimated else UNSET,
    )


class OutputOptions(Struct, frozen=True, kw_only=True):
    """What of an answer becomes an item. `thoughts`: reasoning does. `signed`: and carries what is to be sent back.

    `one_call`: of several calls the first. `origins`: what each tool was in the request, by the name that was called.
    """

    thoughts: bool = False
    signed: bool = False
    one_call: bool = False
    origins: Callable[[], Mapping[str, ToolOrigin]] = dict


class ItemPlace(Struct, frozen=True, kw_only=True):
    """Where an item stands: in which answer, and at which place of its output."""

    answer: str
    output_index: int

    def id(self, prefix: str) -> str:
        return f"{prefix}_{self.answer}_{self.output_index}"


def message_item(at: ItemPlace, text: str, status: wire.ItemStatus = "completed") -> wire.MessageItem:
    return wire.MessageItem(id=at.id("msg"), status=status, content=[wire.OutputText(text=text)])


def reasoning_item(
    at: ItemPlace, text: str, extra: JsonObject | None, status: wire.ItemStatus = "completed"
) -> wire.ReasoningItem:
    return wire.ReasoningItem(
        id=at.id("rs"),
        status=status,
        summary=[wire.SummaryText(text=text)] if text else [],
        encrypted_content=UNSET if extra is None else carrier_of(extra),
    )


def call_item(
    at: ItemPlace, call_id: str, origin: ToolOrigin, arguments: str, status: wire.ItemStatus = "completed"
) -> wire.FunctionCallItem | wire.CustomCallItem:
    namespace = origin.namespace or UNSET
    if origin.custom:
        given = custom_input(arguments) if arguments else ""
        return wire.CustomCallItem(id=at.id("ctc"), call_id=call_id, name=origin.name, namespace=namespace, input=given)
    return wire.FunctionCallItem(
        id=at.id("fc"),
        call_id=call_id,
        name=origin.name,
        namespace=namespace,
        arguments=arguments,
        status=status,
    )


def items_of(reply: ChatReply, options: OutputOptions, answer: str, status: wire.ItemStatus) -> list[wire.OutputItem]:
    """The items of a whole answer. Where it is not, the last has that status."""
    items: list[wire.OutputItem] = []
    calls = reply.tool_calls[:1] if options.one_call else reply.tool_calls
    origins = options.origins() if calls else {}
    thoughts = reply.reasoning if options.thoughts else ""

    def place() -> ItemPlace:
        return ItemPlace(answer=answer, output_index=len(items))

    if thoughts and (reply.content or not (options.signed and calls and calls[0].extra_content is not None)):
        items.append(reasoning_item(place(), thoughts, None, "completed" if reply.content or calls else status))
        thoughts = ""
    if reply.content:
        items.append(message_item(place(), reply.content, "completed" if calls else status))
    for number, call in enumerate(calls):
        if options.signed and call.extra_content is not None:
            items.append(reasoning_item(place(), thoughts, call.extra_content))
            thoughts = ""
        origin = origins.get(call.name) or ToolOrigin(name=call.name)
        last = status if number == len(calls) - 1 else "completed"
        items.append(call_item(place(), call.id, origin, call.arguments or NO_ARGUMENTS, last))
    if options.signed and reply.extra_content is not None:
        items.append(reasoning_item(place(), "", reply.extra_content))
    return items
