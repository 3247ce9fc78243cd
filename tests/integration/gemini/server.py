"""A Gemini that refuses what the vendor refuses, and else does what a test says."""

import asyncio

from typing_extensions import override

from ..scripted_vendor import Asked, Script, ScriptedVendor, whole
from .rules import objection


class GeminiServer(ScriptedVendor):
    """What the vendor would refuse of a request, by its model, is refused, whatever the script says."""

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        script = self.scripted(asked)
        words = objection(asked.path, asked.content)
        if words is None:
            return script
        return whole({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}, 400)
