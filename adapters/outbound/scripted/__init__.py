"""Stand-ins that do what a script says: models, time and chance, for tests of the gateway and of its hosts."""
