#!/bin/sh
# The main job on the example company: take its folder in, ask three questions in two languages, show the index.
set -eu
ragfactory() { "${BIN:-.venv/bin}/ragfactory" "$@"; }
RAGFACTORY_HOME="${HOME_DIR:-.demo}"
export RAGFACTORY_HOME

say() { printf '\n$ ragfactory %s\n' "$*"; ragfactory "$@"; }

say ingest examples/documents
say search 'Wat is de waarde van de gebouwen?' --type jaarrekening --top-k 3
say search 'Wat moet ik doen als de slagboom vastzit?' --top-k 2
say search 'Ab wann ist Nachtruhe?' --top-k 2
say index list
say index show --limit 5
