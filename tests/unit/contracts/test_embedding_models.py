"""The scripted model keeps the contract of every embedding model."""

from math import nan

from typing_extensions import override

from llm_gateway.domain.embedding import Vector
from llm_gateway.domain.errors import ProviderUnavailable
from llm_gateway.testing import EmbeddingModelContract, EmbeddingVendor, ScriptedEmbeddingModel, Wait

STEPS: dict[EmbeddingVendor, Wait | Exception] = {
    EmbeddingVendor.FAILS: ProviderUnavailable("mine", "answered 503"),
    EmbeddingVendor.STAYS_SILENT: Wait(1e9),
}
VECTORS: dict[EmbeddingVendor, tuple[Vector, ...]] = {
    EmbeddingVendor.MISSES_ONE: ((0.1, 0.2, 0.3),),
    EmbeddingVendor.IS_UNEVEN: ((0.1, 0.2), (0.1, 0.2, 0.3)),
    EmbeddingVendor.MAKES_NO_NUMBERS: ((0.1, 0.2, 0.3), (0.1, nan, 0.3)),
    EmbeddingVendor.IGNORES_DIMENSIONS: ((0.1, 0.2, 0.3), (0.2, 0.3, 0.1)),
}


class TestScripted(EmbeddingModelContract):
    @override
    def make(self, vendor: EmbeddingVendor) -> ScriptedEmbeddingModel:
        self.model = ScriptedEmbeddingModel(self.clock, STEPS.get(vendor), vectors=VECTORS.get(vendor))
        return self.model

    @override
    async def open_calls(self) -> int:
        return self.model.open_calls
