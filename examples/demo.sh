#!/bin/sh
# The main job on the example company: take its folder in, ask three questions in two languages, show the index.
set -eu
ragfactory() { "${BIN:-.venv/bin}/ragfactory" "$@"; }
RAGFACTORY_HOME="${HOME_DIR:-.demo}"
export RAGFACTORY_HOME

say() { printf '\n$ ragfactory %s\n' "$*"; ragfactory "$@"; }

say ingest examples/documents
say search 'Wat is de waarde van de gebouwen?' --top-k 3
say search 'Hoe lang is de offerte geldig?' --top-k 2
say search 'What was decided about the solar panels?' --top-k 2
say index list
say index show --limit 5
