"""A Gemini that refuses what the vendor refuses, and else does what a test says."""

import asyncio
import ssl
from typing import Any

from typing_extensions import override

from ..scripted_vendor import Asked, Reaction, Script, ScriptedVendor, whole
from .rules.verdict import Vendor, refused


class GeminiServer(ScriptedVendor):
    """What the vendor would refuse of a request, by its model, is refused, whatever the script says.

    `ignored` are the paths of all that was asked and that the vendor would have taken without effect. `judges`: False
    where the names are of no models of the vendor's, or where its work would count as the gateway's. The rest is
    `Vendor`'s.
    """

    def __init__(
        self, *scripts: Reaction, tls: ssl.SSLContext | None = None, judges: bool = True, **vendor: Any
    ) -> None:
        super().__init__(*scripts, tls=tls)
        self.vendor = Vendor(**vendor)
        self.judges = judges
        self.ignored: set[str] = set()

    @override
    def forget(self) -> None:
        super().forget()
        self.ignored.clear()

    @override
    async def answer_to(self, asked: Asked, reader: asyncio.StreamReader) -> Script:
        script = self.scripted(asked)
        if not self.judges:
            return script
        verdict = self.vendor.verdict(asked.path, asked.content)
        self.ignored |= verdict.ignored
        if not verdict.objections:
            return script
        return whole(refused(verdict.objections), verdict.objections[0].code)
