"""What the server writes down: lines, which never make a request wait."""
