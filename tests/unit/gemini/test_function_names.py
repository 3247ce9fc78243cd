"""Names of functions on their way to Gemini and back: aliases for what its grammar does not take."""

import re

import pytest

from llm_gateway.adapters.outbound.gemini.function_names import MAX_LENGTH, FunctionNames, names_of
from llm_gateway.domain.chat import AssistantMessage, ChatRequest, Tool, ToolCall, ToolMessage, UserMessage

GRAMMAR = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
LONG = "a" * (MAX_LENGTH + 1)


@pytest.mark.parametrize("name", ["f", "_", "mcp__server__tool", "a.b:c-d", "F1", "a" * MAX_LENGTH])
def test_a_name_that_fits_is_sent_as_it_is(name: str) -> None:
    assert FunctionNames([name]).sent(name) == name


@pytest.mark.parametrize("name", ["1c_probe", "two words", "a/b", "naïve", "-f", ".f", "", "名", "f\n", LONG, "\ud800"])
def test_a_name_that_does_not_fit_has_an_alias_that_does_and_that_is_undone(name: str) -> None:
    names = FunctionNames(["f", name])
    alias = names.sent(name)
    assert GRAMMAR.fullmatch(alias)
    assert names.said(alias) == name


def test_an_alias_is_the_same_in_every_request_and_tells_what_it_stands_for() -> None:
    assert FunctionNames(["two words"]).sent("two words") == FunctionNames(["f", "two words"]).sent("two words")
    assert FunctionNames(["two words"]).sent("two words").startswith("two_words_")


def test_names_that_look_alike_have_different_aliases() -> None:
    alike = ["a b", "a/b", "a?b", f"{LONG}1", f"{LONG}2"]
    names = FunctionNames(alike)
    assert len({names.sent(name) for name in alike}) == len(alike)


def test_a_name_that_is_just_another_ones_alias_keeps_it() -> None:
    alias = FunctionNames(["a b"]).sent("a b")
    names = FunctionNames(["a b", alias])
    assert names.sent(alias) == alias
    assert names.sent("a b") != alias
    assert names.said(alias) == alias


def test_what_is_no_alias_comes_as_it_is() -> None:
    names = FunctionNames(["a b"])
    assert [names.said(name) for name in ("a b", "other", "")] == ["a b", "other", ""]


def test_names_of_tools_that_only_the_history_knows_have_aliases_too() -> None:
    call = ToolCall(id="1", name="an old one", arguments="{}")
    messages = (
        UserMessage(content="hello"),
        AssistantMessage(tool_calls=(call,)),
        ToolMessage(content="1", tool_call_id="1"),
    )
    names = names_of(ChatRequest(messages=messages, tools=(Tool(name="a new one"),)))
    assert GRAMMAR.fullmatch(names.sent("an old one"))
    assert GRAMMAR.fullmatch(names.sent("a new one"))
