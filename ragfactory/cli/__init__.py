"""The command line: one module a command, `output` the only one that prints."""
