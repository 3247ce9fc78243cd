"""The HTTP adapter: Litestar serves the routes of `routes.py`, each surface stands in a folder of its own."""
