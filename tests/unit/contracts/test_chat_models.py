"""The scripted model keeps the contract of every chat model."""

from typing_extensions import override

from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.domain.events import TextDelta
from llm_gateway.testing import ChatModelContract, Cut, Script, ScriptedChatModel, Vendor, Wait, answer

FOR_EVER = Wait(1e9)
PART = TextDelta(text="Once upon")
SCRIPTS: dict[Vendor, Script] = {
    Vendor.ANSWERS: answer("Once upon a time."),
    Vendor.CUTS_OFF: [PART, Cut()],
    Vendor.FAILS: [ProviderUnavailable("mine", "answered 503")],
    Vendor.STAYS_SILENT: [FOR_EVER],
    Vendor.STALLS: [PART, FOR_EVER],
}


class TestScripted(ChatModelContract):
    @override
    def make(self, vendor: Vendor) -> ScriptedChatModel:
        self.model = ScriptedChatModel(self.clock, SCRIPTS[vendor])
        return self.model

    @override
    async def open_calls(self) -> int:
        return self.model.open_calls
