"""Contexts by a language model in this process: a GGUF under llama.cpp, many chunks of a document at a time."""
