"""The Redis client: one connection a server, pipelined, for one server or a Cluster."""
