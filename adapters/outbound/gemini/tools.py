"""Tools, the choice among them, and the schema of a JSON answer, as the vendor takes them."""

from collections.abc import Mapping
from typing import Final

from llm_gateway.domain.chat import ChatRequest, JsonSchemaFormat, NamedTool, Tool, ToolMode
from llm_gateway.domain.errors import ProviderRejected

from .function_names import FunctionNames
from .schema_keywords import Json
from .schema_references import SchemaError
from .schemas import MAX_SCHEMAS, vendor_schema

_ANSWER: Final = "response_format.json_schema.schema"


class Schemas:
    """The schemas of one request. `ignored` has the paths of those of which something was left out."""

    def __init__(self, provider: str, request: ChatRequest, names: FunctionNames) -> None:
        """Raises `ProviderRejected`, naming the field."""
        self._provider = provider
        self._names = names
        self.ignored: tuple[str, ...] = ()
        self._left = MAX_SCHEMAS
        self.declarations = [self._declaration(tool, f"tools[{at}].function") for at, tool in enumerate(request.tools)]
        wanted = request.response_format
        self.answer = self._answer(wanted) if isinstance(wanted, JsonSchemaFormat) else None

    def _declaration(self, tool: Tool, path: str) -> Json:
        made: Json = {"name": self._names.sent(tool.name)}
        if tool.description is not None:
            made["description"] = tool.description
        if tool.parameters and (schema := self._schema(tool.parameters, f"{path}.parameters")):
            made["parametersJsonSchema"] = schema
        return made

    def _answer(self, wanted: JsonSchemaFormat) -> Json:
        """What it is for stands within a schema here, where the schema does not say so itself."""
        told = {} if wanted.description is None else {"description": wanted.description}
        return self._schema({**told, **wanted.schema}, _ANSWER)

    def _schema(self, schema: Mapping[str, object], path: str) -> Json:
        try:
            made = vendor_schema(schema, self._left)
        except SchemaError as error:
            raise ProviderRejected(self._provider, str(error), path=path) from None
        self._left = made.left
        if not made.exact:
            self.ignored += (path,)
        return made.schema


def tool_config(request: ChatRequest, names: FunctionNames) -> Json | None:
    """Which of the tools may, or must, be called; None leaves it to the vendor's default, which is AUTO.

    VALIDATED is text or a call that is true to the schema; calls that must be made always are.
    """
    allowed: Json = {}
    match request.tool_choice:
        case None | ToolMode.AUTO if any(tool.strict for tool in request.tools):
            mode = "VALIDATED"
        case None:
            return None
        case ToolMode.AUTO:
            mode = "AUTO"
        case ToolMode.NONE:
            mode = "NONE"
        case ToolMode.REQUIRED:
            mode = "ANY"
        case NamedTool(name=name):
            mode = "ANY"
            allowed = {"allowedFunctionNames": [names.sent(name)]}
    return {"functionCallingConfig": {"mode": mode} | allowed}
