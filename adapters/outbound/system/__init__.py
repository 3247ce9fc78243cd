"""The machine's own time and chance."""
