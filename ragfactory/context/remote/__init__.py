"""Contexts from language models behind HTTP: any OpenAI-compatible or Ollama server, several at once."""
