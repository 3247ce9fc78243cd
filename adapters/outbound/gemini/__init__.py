"""Google Gemini, over the vendor's SDK: translation, one connection, the chat model and the list of models."""
