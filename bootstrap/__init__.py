"""Puts the gateway together: settings, container, and the entry point of the command."""
