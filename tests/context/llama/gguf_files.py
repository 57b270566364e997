"""GGUF files of the llama architecture, written from scratch: a small vocabulary of byte pairs, a chat template, any weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

BEGIN, HEADER, HEADER_END, END = "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
CONTROL = (BEGIN, HEADER, HEADER_END, END)
USER_DEFINED = "<|note|>"  # which llama.cpp finds in any text, unlike control tokens

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    f"{HEADER}{{{{ message.role }}}}{HEADER_END}\n\n{{{{ message.content | trim }}}}{END}"
    "{% endfor %}{% if add_generation_prompt %}"
    f"{HEADER}assistant{HEADER_END}\n\n"
    "{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The sizes of a llama; `window` is the context it says it was trained with."""

    layers: int = 2
    embedding: int = 128
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 320
    vocabulary: int = 512
    window: int = 2048

    @property
    def head(self) -> int:
        """Numbers of one head's keys and values."""
        return self.embedding // self.heads

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor by its name in a GGUF, `(out, in)`; the output shares the embedding's weights."""
        size, kv = self.embedding, self.kv_heads * self.head
        block = {
            "attn_norm": (size,),
            "attn_q": (size, size),
            "attn_k": (kv, size),
            "attn_v": (kv, size),
            "attn_output": (size, size),
            "ffn_norm": (size,),
            "ffn_gate": (self.feed_forward, size),
            "ffn_up": (self.feed_forward, size),
            "ffn_down": (size, self.feed_forward),
        }
        shapes = {"token_embd.weight": (self.vocabulary, size), "output_norm.weight": (size,)}
        for layer in range(self.layers):
            shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
        return shapes


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Byte pairs of `texts`, split as llama.cpp's `gpt-2` splits, with the special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[*CONTROL, USER_DEFINED],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_gguf(
    path: Path,
    dimensions: Dimensions,
    tokenizer: Tokenizer,
    tensors: Iterable[tuple[str, NDArray[Any], gguf.GGMLQuantizationType | None]],
    *,
    template: str | None = CHAT_TEMPLATE,
    architecture: str = "llama",
) -> None:
    """Write a model. `tensors` are numbers, or bytes of the type that goes with them; unused token ids get names of their own."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(dimensions.layers)
    writer.add_context_length(dimensions.window)
    writer.add_embedding_length(dimensions.embedding)
    writer.add_feed_forward_length(dimensions.feed_forward)
    writer.add_head_count(dimensions.heads)
    writer.add_head_count_kv(dimensions.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(dimensions.head)
    _add_vocabulary(writer, tokenizer, dimensions.vocabulary)
    if template is not None:
        writer.add_chat_template(template)
    for name, data, kind in tensors:
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_unloadable_gguf(path: Path, how: str) -> Path:
    """Write a model that is `cut` off, or of a `strange` architecture, which is called mystery."""
    sizes = Dimensions(vocabulary=300)
    tensors = [(name, np.zeros(shape, np.float32), None) for name, shape in sizes.shapes().items()]
    tokenizer = train_tokenizer(["Say what it is about."], sizes.vocabulary)
    write_gguf(path, sizes, tokenizer, tensors, architecture="mystery" if how == "strange" else "llama")
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    return path


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer, size: int) -> None:
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    pieces += [f"\u0120unused{number}" for number in range(size - len(pieces))]
    kinds = {**dict.fromkeys(CONTROL, gguf.TokenType.CONTROL), USER_DEFINED: gguf.TokenType.USER_DEFINED}
    merges = [" ".join(pair) for pair in _merges(tokenizer)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces)
    writer.add_token_types([kinds.get(piece, gguf.TokenType.NORMAL) for piece in pieces])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(pieces.index(BEGIN))
    writer.add_eos_token_id(pieces.index(END))
    writer.add_eot_token_id(pieces.index(END))
    writer.add_add_bos_token(True)


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    import json

    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
