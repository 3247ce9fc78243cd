"""The gateway's own surface, under `/api/v1`: chats, explanations and decision records."""
