"""Values and pure rules: what a chat is, where it may go, what it costs. No clock, no input or output."""
