"""The machine's chance."""

import os
import random

from typing_extensions import override

from llm_gateway.application.ports.system import Entropy


class SystemEntropy(Entropy):
    """The machine's random numbers; ids are 32 hexadecimal digits."""

    @override
    def fraction(self) -> float:
        return random.random()

    @override
    def new_id(self) -> str:
        return os.urandom(16).hex()
