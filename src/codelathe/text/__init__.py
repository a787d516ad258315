"""Text in, text out: examples, chat templates, prompts, extraction. No model runs here."""
