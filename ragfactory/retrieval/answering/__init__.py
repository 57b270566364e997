"""Answers to questions: from the passages that a search finds, each sentence with its source."""
