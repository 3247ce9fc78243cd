"""Everything that touches the outside: inbound adapters take requests, outbound ones implement the ports."""
