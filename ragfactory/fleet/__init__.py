"""The machine's devices: what the driver says of them, which may work, and the workers that do."""
