"""The formats: a module each that defines PARSER. Every module here is found by the registry."""
