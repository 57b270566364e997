"""Telling the outside world what a run does: a webhook, metrics and an event log."""
