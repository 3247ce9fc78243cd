"""State that several gateways share, in Redis or Valkey: one server, or a Cluster."""
