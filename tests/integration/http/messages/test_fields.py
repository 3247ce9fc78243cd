"""The table knows every field that Anthropic's own client does."""

from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct, inspect, json

from llm_gateway.adapters.inbound.http.messages import wire

from ....external.environments import HERE
from ...clients.programs import run

REFUSED: Final = {("DocumentBlockIn", "context"), ("SystemTurn", "output_config")}


def members_of(kind: type[Struct]) -> set[str]:
    told: Any = inspect.type_info(kind)
    return {field.encode_name for field in told.fields} | ({told.tag_field} if told.tag_field else set())


@pytest.mark.external("sdks")
async def test_each_member_that_the_client_knows_is_taken_or_refused_by_name(tmp_path: Path) -> None:
    program = HERE / "sdks" / "anthropic_fields.py"
    done = await run("sdks", "python", program, home=tmp_path, cwd=tmp_path, environ={})
    assert done.code == 0, done.said

    known = json.decode(done.output, type=dict[str, set[str]])

    unknown = {(part, name) for part, names in known.items() for name in names - members_of(getattr(wire, part))}
    assert unknown == REFUSED
