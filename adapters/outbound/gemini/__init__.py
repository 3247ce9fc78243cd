"""Google Gemini, over the vendor's SDK: translation, one connection, the models and the list of them."""
