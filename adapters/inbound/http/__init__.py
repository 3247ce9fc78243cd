"""The REST door: Litestar for the routes, one module a surface."""
