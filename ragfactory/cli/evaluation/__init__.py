"""What `ragfactory eval` does: measuring, fitting and drafting."""
