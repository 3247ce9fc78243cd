"""The HTTP client of all vendors' adapters: bounded, guarded, closable; it knows no vendor."""
