"""What holds for every `Entropy`."""

import re
from abc import ABC, abstractmethod

from llm_gateway.application.ports.system import Entropy


class EntropyContract(ABC):
    @abstractmethod
    def make(self) -> Entropy: ...

    def test_a_fraction_is_from_zero_to_below_one_and_each_part_is_met(self) -> None:
        entropy = self.make()

        fractions = [entropy.fraction() for _ in range(2_000)]

        assert all(0.0 <= fraction < 1.0 for fraction in fractions)
        assert {int(fraction * 10) for fraction in fractions} == set(range(10))

    def test_ids_are_safe_in_a_header_and_a_url_and_never_the_same(self) -> None:
        entropy = self.make()

        ids = [entropy.new_id() for _ in range(2_000)]

        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9._~-]{32,36}", id) for id in ids)
