"""What runs the application: uvicorn within bounds, the middleware, and a graceful end."""
