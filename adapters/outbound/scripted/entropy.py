"""Chance that is the same every time."""

from random import Random

from typing_extensions import override

from llm_gateway.application.ports.system import Entropy


class SeededEntropy(Entropy):
    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    @override
    def fraction(self) -> float:
        return self._random.random()

    @override
    def new_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"
