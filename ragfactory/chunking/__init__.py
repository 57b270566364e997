"""Documents to chunks: strategies, and the packing they share."""
