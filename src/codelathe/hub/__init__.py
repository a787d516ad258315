"""The Hugging Face Hub beyond fetching: cards, previews, pushing."""
