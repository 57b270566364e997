"""The measuring job: how well the indexes of a project answer questions whose answers are known."""
