"""A tokenizer and a small model made from nothing but one's own data."""
