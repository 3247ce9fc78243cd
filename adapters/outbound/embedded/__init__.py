"""A small model inside the process, over xllamacpp: the first answer with no account and no server."""
