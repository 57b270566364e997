"""A document's analysis by a language model: the shape of the answer that is asked for, and what is taken from one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, get_args

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ragfactory.context.analysis import MOST_ENTITIES, MOST_TOPICS, Analysis, Domain, distinct, plain, plain_entities
from ragfactory.context.answers import Refusal
from ragfactory.context.entities import Entity, EntityKind
from ragfactory.profiles import StrategyName

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ragfactory.context.prompt import Prompt

MAX_TOKENS = 400

# The most that is asked for, in characters where it is a text; all of it together is about as many tokens.
_ENTITIES, _TOPICS = 6, 6
_NAME, _TOPIC = 60, 48

_KINDS: tuple[EntityKind, ...] = ("company", "person", "place", "product")  # the others are found by rule, and surer
_LANGUAGES = ("nl", "de", "fr", "en", "es", "it", "pt", "da", "sv", "no", "fi", "pl", "cs")
_SEARCHED = 400_000
_MARKUP = re.compile(r"</?[A-Za-z!|｜][^<>]*>?|!?\[([^\]]*)\]\([^)]*\)|\*\*|__|`+")

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Named(_Shape):
    kind: EntityKind
    text: _Text


class _Answer(_Shape):
    entities: list[_Named] = []
    topics: list[_Text] = []
    domain: Domain | None = None
    period: _Text | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None
    strategy: StrategyName | None = None
    type: _Text | None = None


def analysis_schema(types: Sequence[str] = ()) -> str:
    """The JSON schema, as JSON, of the answer that `read_analysis` takes; `types` are the document types that it may suggest.

    It uses only what llama.cpp, Ollama and the servers with OpenAI's interface all make grammars of, and bounds every list and
    text: under a grammar a model cannot write for ever.
    """
    name, topic = ({"type": "string", "minLength": 1, "maxLength": most} for most in (_NAME, _TOPIC))
    named = {"kind": {"type": "string", "enum": list(_KINDS)}, "text": name}
    fields = {
        "entities": {"type": "array", "items": _object(named), "maxItems": _ENTITIES},
        "topics": {"type": "array", "items": topic, "maxItems": _TOPICS},
        "domain": _one_of(get_args(Domain)),
        "period": {"anyOf": [name, {"type": "null"}]},
        "language": _one_of(_LANGUAGES),
        "strategy": _one_of(get_args(StrategyName)),
    }
    if types:
        fields["type"] = _one_of(types)
    return orjson.dumps(_object(fields)).decode()


def check_analysis(answer: str, _prompt: Prompt | None = None) -> str | Refusal:
    """What is kept of a model's answer: its JSON as far as it is read, with capped lists; or why it is no analysis."""
    said = _read(answer)
    return Refusal("no analysis as JSON") if said is None else said.model_dump_json(exclude_none=True)


def read_analysis(answer: str, text: str, *, types: Collection[str] = ()) -> Analysis | None:
    """What a model answered about a document of this text; None where it is not JSON of the shape that was asked.

    Lists and texts are capped, links and markup dropped. An entity, or a period, that does not stand in the text is left out, and
    so is a type that is none of `types`: a model may choose, but not invent. It has no say in the type where nothing else that it
    said has a word of the text: it has not read it.
    """
    said = _read(answer)
    if said is None:
        return None
    words = " ".join(text[:_SEARCHED].casefold().split())
    entities = [Entity(e.kind, _bare(e.text)) for e in said.entities if _stands_in(words, e.text)]
    return Analysis(
        entities=tuple(plain_entities(entities)),
        topics=tuple(distinct(map(_bare, said.topics))[:MOST_TOPICS]),
        domain=said.domain,
        period=(plain(_bare(said.period)) or None) if said.period and _stands_in(words, said.period) else None,
        language=said.language,
        strategy=said.strategy,
        type=said.type if said.type in types and _has_read(words, said) else None,
        by="model",
    )


def _read(answer: str) -> _Answer | None:
    try:
        said = _Answer.model_validate_json(answer)
    except ValidationError:
        return None
    return said.model_copy(update={"entities": said.entities[:MOST_ENTITIES], "topics": said.topics[:MOST_ENTITIES]})


def _has_read(words: str, said: _Answer) -> bool:
    names = (*(entity.text for entity in said.entities), *([said.period] if said.period else []))
    of_topics = (word for topic in said.topics for word in re.findall(r"\w{4,}", topic))
    return any(_stands_in(words, text) for text in (*names, *of_topics))


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    """A shape with all of its fields and no others, as some servers require."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string", "enum": list(values)}, {"type": "null"}]}


def _stands_in(words: str, text: str) -> bool:
    """Whether a text stands in `words` as whole words; both are held against each other without case and line ends."""
    wanted = " ".join(text.casefold().split())
    return wanted in words and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", words) is not None


def _bare(text: str) -> str:
    """The text without markup; of a link, its words."""
    return _MARKUP.sub(lambda found: found[1] or "", text)
