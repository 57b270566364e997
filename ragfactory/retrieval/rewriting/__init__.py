"""Having a language model put a query in other words."""
