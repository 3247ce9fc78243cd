"""What holds for every `EndpointDirectory`."""

from abc import ABC, abstractmethod

from llm_gateway.application.ports.models import EndpointDirectory


class EndpointDirectoryContract(ABC):
    @abstractmethod
    def make(self) -> EndpointDirectory:
        """A directory with one endpoint or more."""
        ...

    def test_there_are_endpoints_and_each_is_named_once(self) -> None:
        names = [state.endpoint.name for state in self.make().snapshot()]

        assert names
        assert len(names) == len(set(names))
        assert all(provider and model for provider, _, model in (name.partition("/") for name in names))

    def test_the_order_is_stable(self) -> None:
        directory = self.make()

        first, second = directory.snapshot(), directory.snapshot()

        assert [state.endpoint for state in first] == [state.endpoint for state in second]

    def test_what_is_not_configured_or_has_no_word_about_it_is_never_an_empty_reason(self) -> None:
        assert all(state.unusable != "" for state in self.make().snapshot())

    def test_limits_are_counts_where_they_are_known(self) -> None:
        for state in self.make().snapshot():
            assert state.context_length is None or state.context_length > 0
            assert state.output_limit is None or state.output_limit > 0
