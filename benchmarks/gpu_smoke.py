"""Does it all work on the card of this machine? Runs each part once and prints what came of it; without a card, on the CPU.

    python -m benchmarks.gpu_smoke

The embedder has bge-m3's shape and random weights, so nothing is downloaded; on the CPU it is a small part of that shape. Its
vectors mean nothing, but they cost a card what real ones do. The steps: `gpu status`, an ingest of the example company, the
rate of a fleet, and a batch that the card has no memory for.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from ragfactory import events
from ragfactory.config import Config
from ragfactory.devices import RunDevices
from ragfactory.embedding.catalog import BGE_M3
from ragfactory.embedding.locate import resolve
from ragfactory.fleet.driver import open_driver
from ragfactory.pipeline.vectors import Text, VectorMaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ragfactory.embedding.catalog import ResolvedModel
    from ragfactory.events import Event
    from ragfactory.fleet.driver import Driver

HERE = Path(__file__)
EXAMPLES = HERE.parents[1] / "examples" / "documents"
TOO_MANY = 8  # texts for which the hook asks the card for more memory than it has
SWITCH = "GPU_SMOKE_FULL"


def fill_the_card(_device: str, payloads: list[bytes], _tokens: int) -> None:
    """The workers' hook: have torch itself run out of the card's memory, as long as the file that SWITCH names is there."""
    import torch

    if Path(os.environ[SWITCH]).exists() and len(payloads) > TOO_MANY:
        if torch.cuda.is_available():
            torch.empty(2**42, dtype=torch.uint8, device="cuda")
        raise torch.OutOfMemoryError("as a card would say")


def write_model(folder: Path, *, full: bool) -> None:
    """Random weights of bge-m3's shape, or of a small part of it, and a tokenizer that knows the words of the example company."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import XLMRobertaConfig, XLMRobertaModel
    from transformers.utils import logging

    folder.mkdir(parents=True)
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=4000, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train([str(file) for file in sorted(EXAMPLES.rglob("*.md"))], trainer)
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    logging.disable_progress_bar()
    torch.manual_seed(7)
    config = XLMRobertaConfig(
        vocab_size=250_002 if full else 30_522,
        hidden_size=BGE_M3.dimension,
        num_hidden_layers=24 if full else 1,
        num_attention_heads=16,
        intermediate_size=4096 if full else 256,
        max_position_embeddings=BGE_M3.max_tokens + 2,
        type_vocab_size=1,
        pad_token_id=1,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)


def command_line(home: Path, *arguments: str) -> bytes:
    """Run a command and return what it prints. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "ragfactory", *arguments, "--home", str(home)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def memory(driver: Driver, when: str) -> None:
    """Print what the cards hold."""
    box = driver.look()
    cards = [
        f"gpu{card.index} {card.used_mb:,} of {card.total_mb:,} MiB, {card.temperature_c} °C" for card in box.cards
    ]
    print(f"  memory {when}: {'; '.join(cards) or box.problem}")


def ingest(home: Path) -> None:
    """Take the example company in by the command line."""
    started = time.perf_counter()
    report = orjson.loads(command_line(home, "ingest", str(EXAMPLES), "--json"))["data"]
    embed = report["stages"]["embed"]
    seconds = time.perf_counter() - started
    print(
        f"  {report['chunks_made']} chunks, {embed['tokens']:,} tokens on {', '.join(report['devices'])} in {seconds:.1f} s"
    )


def texts(count: int) -> list[str]:
    """Texts of 20 to 300 words, the same in every run."""
    rng = random.Random(1)
    words = [
        "the",
        "building",
        "was",
        "valued",
        "at",
        "its",
        "market",
        "price",
        "while",
        "rent",
        "and",
        "costs",
        "rose",
    ]
    return [" ".join(rng.choices(words, k=rng.randint(20, 300))) for _ in range(count)]


def vectors(maker: VectorMaker, model: ResolvedModel, sample: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of the texts, in their order."""
    found = np.empty((len(sample), model.spec.dimension), dtype=np.float32)
    for made in maker.make(model, [Text(text, "sample") for text in sample]):
        assert not made.failed, made.failed
        found[list(made.positions)] = made.vectors
    return found


def embed(model: ResolvedModel, driver: Driver, home: Path, *, count: int) -> None:
    """Measure the rate, then take the memory away and see the vectors stay the same."""
    heard: list[Event] = []
    switch = home / "full"
    os.environ |= {
        "PYTHONPATH": str(HERE.parent),
        "RAGFACTORY_DEVICE_HOOK": f"{HERE.stem}:fill_the_card",
        SWITCH: str(switch),
    }
    with RunDevices(Config(home=home, config_dir=home), "gpu-smoke", heard.append) as devices:
        maker = VectorMaker(devices, heard.append)
        sample = texts(count)
        vectors(maker, model, sample[:TOO_MANY])  # loads the model
        heard.clear()
        started = time.perf_counter()
        first = vectors(maker, model, sample)
        seconds = time.perf_counter() - started
        tokens = sum(event.tokens for event in heard if isinstance(event, events.Embedded))
        print(f"  {count} texts, {tokens:,} tokens: {tokens / seconds:,.0f} tokens/s, {count / seconds:,.1f} texts/s")
        memory(driver, "during")
        print("out of memory")
        heard.clear()
        switch.touch()
        second = vectors(maker, model, sample)
        halved = [event for event in heard if isinstance(event, events.Retried)]
        print(
            f"  {len(halved)} times{f': {halved[0].reason.splitlines()[0]}' if halved else ', the CPU has no such limit'}"
        )
        print(f"  largest difference of any number: {np.abs(first - second).max():.1e}")
        assert np.allclose(first, second, rtol=0, atol=1e-5)


def main() -> None:
    """Run every step."""
    with tempfile.TemporaryDirectory() as folder, open_driver() as driver:
        home = Path(folder) / "home"
        cards = driver.look().cards
        print(f"=== on {', '.join(card.name for card in cards) if cards else 'the CPU: this machine has no card'}")
        print("gpu status")
        print(command_line(home, "gpu", "status").decode())
        memory(driver, "before")
        write_model(home / "models" / BGE_M3.name, full=bool(cards))
        print("ingest of the example company")
        ingest(home)
        print("embedding")
        embed(resolve(BGE_M3.name, home / "models"), driver, home, count=2000 if cards else 60)
        memory(driver, "after")


if __name__ == "__main__":
    main()
