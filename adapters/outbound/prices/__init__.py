"""What models cost: a dated excerpt of genai-prices, before which an operator's own prices count."""
