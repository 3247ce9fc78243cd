"""The ports in the process itself: the default, with nothing else installed."""
