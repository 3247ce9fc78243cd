"""What the surfaces share: how a request is read and refused, and how an answer goes out."""
