"""The inbound adapters: HTTP and the command line."""
