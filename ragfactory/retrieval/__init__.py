"""The asking job: from a question to ranked passages."""
