"""The tiny model, trained once a session, and other GGUF files that have a vocabulary and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.context.llama.gguf_files import Dimensions, train_tokenizer, write_gguf
from tests.context.llama.tiny_gguf import INSTRUCTIONS, shared_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tokenizers import Tokenizer


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tiny_gguf(tmp_path_factory)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer([INSTRUCTIONS], 300)


@pytest.fixture
def write_vocabulary(tmp_path: Path, tokenizer: Tokenizer) -> Callable[..., Path]:
    """Writes a GGUF without weights; takes what `write_gguf` takes by keyword."""

    def write(**options: str | None) -> Path:
        path = tmp_path / "vocabulary.gguf"
        write_gguf(path, Dimensions(vocabulary=300), tokenizer, (), **options)
        return path

    return write
