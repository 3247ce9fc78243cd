"""What holds for every implementation of a port, as suites to subclass: one module a port."""
