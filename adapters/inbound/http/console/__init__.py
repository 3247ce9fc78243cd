"""The console: one page at `/`, and its files."""
