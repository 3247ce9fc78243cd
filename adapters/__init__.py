"""Everything that touches the outside: doors that let requests in, and what the ports reach."""
