"""HTML as blocks and tables, for HTML itself and for what is rendered to it."""
