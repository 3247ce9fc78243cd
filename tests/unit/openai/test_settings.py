"""`[[providers]]`: what an operator may say of a server of OpenAI's API, and what is told where it is wrong."""

from pathlib import Path

import pytest

from llm_gateway.bootstrap.described import described
from llm_gateway.bootstrap.loading import SettingsError, load_settings
from llm_gateway.bootstrap.providers import order_of
from llm_gateway.bootstrap.settings import Secret, Settings
from llm_gateway.domain.routing import Hint

ROW = '[[providers]]\nname = "near"\nkind = "openai"\nmodel = "m"\n'
AT = 'base_url = "http://10.0.0.6:8000/v1"\n'


def load(folder: Path, toml: str, **variables: str) -> Settings:
    file = folder / "llm-gateway.toml"
    file.write_text(toml)
    return load_settings(config=file, environ=variables, dotenv=None)


def faults(folder: Path, toml: str, **variables: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(folder, toml, **variables)
    return refused.value.faults


def test_a_row_makes_an_order_with_the_key_of_its_variable(tmp_path: Path) -> None:
    more = 'api_key_variable = "NEAR_KEY"\ndialect = "vllm"\nmodels = ["a", "b"]\noutside = true\n'
    more += "idle_timeout_seconds = 7.0\n"
    facts = '[[models]]\nprovider = "near"\nnames = ["m"]\ntools = false\n'
    settings = load(tmp_path, ROW + AT + more + facts, NEAR_KEY="sk-near")
    (row,) = settings.rows
    order = order_of(row, settings)
    assert (order.name, order.model, order.base_url) == ("near", "m", "http://10.0.0.6:8000/v1")
    assert (order.api_key, order.dialect, order.models, order.outside) == ("sk-near", "vllm", ("a", "b"), True)
    assert (order.idle_seconds, order.tool_silence_seconds) == (7.0, settings.provider_tool_silence_seconds)
    assert [facts.tools for facts in order.facts] == [False]


def test_a_key_is_neither_stated_nor_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, ROW + AT + 'api_key_variable = "NEAR_KEY"\n', NEAR_KEY="sk-near")
    assert settings.providers[0].api_key == Secret("sk-near")
    assert "sk-near" not in "\n".join(described(settings, {})) + repr(settings)
    assert faults(tmp_path, ROW + AT + 'api_key = "sk-near"\n') == ["providers[0].api_key: is not a setting"]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (ROW + AT + 'api_key_variable = "NEAR_KEY"\n', "providers[0].api_key_variable: NEAR_KEY is not set"),
        (ROW, "providers[0].base_url: is required, as this dialect has no address of its own"),
        (
            ROW + AT + 'dialect = "klingon"\n',
            "providers[0].dialect: must be one of generic, openai, vllm, llamacpp, lmstudio, groq, mistral, deepseek, "
            "openrouter",
        ),
        (
            ROW.replace('"openai"', '"ollama"') + AT + 'dialect = "vllm"\n',
            "providers[0].dialect: has no meaning for this kind",
        ),
        (ROW + AT + ROW + AT, "providers: the name near is taken"),
        (ROW.replace('"near"', '"gemini"') + AT, "providers: the name gemini is taken"),
        (
            ROW + 'base_url = "10.0.0.6:8000"\n',
            "providers[0].base_url: must be an address such as http://localhost:8000/v1",
        ),
    ],
)
def test_each_fault_is_told(tmp_path: Path, row: str, fault: str) -> None:
    assert fault in faults(tmp_path, row)


def test_a_dialect_brings_its_address_and_routes_name_the_provider(tmp_path: Path) -> None:
    rows = ROW.replace('"near"', '"openai"') + 'dialect = "groq"\n[routes]\nfast = ["openai", "gemini"]\n'
    settings = load(tmp_path, rows)
    assert settings.rows[0].base_url is None
    assert settings.routes[Hint.FAST] == ("openai", "gemini")


def test_a_provider_may_be_of_a_kind_that_the_variables_name_too(tmp_path: Path) -> None:
    row = ROW.replace('"openai"', '"gemini"') + 'api_key_variable = "SECOND_KEY"\n'
    assert load(tmp_path, row, SECOND_KEY="second").rows[0].api_key == Secret("second")
