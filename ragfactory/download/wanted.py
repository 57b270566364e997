"""What a name asks for: an embedder or reranker of the catalogue, a GGUF of a repository, or a GGUF at an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ragfactory.embedding.catalog import BGE_RERANKER_V2_M3, EMBEDDERS
from ragfactory.endpoint import Endpoint
from ragfactory.errors import UsageError

if TYPE_CHECKING:
    from ragfactory.embedding.catalog import ModelSpec

ENCODERS = (*EMBEDDERS.values(), BGE_RERANKER_V2_M3)

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,199}\.gguf")
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf")
_HUB_PAGE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/(?:resolve|blob)/(?P<revision>[^/]+)/(?P<path>.+)")
_FORMS = "OWNER/REPO:FILE.gguf or the address of a GGUF is a language model"


@dataclass(frozen=True, slots=True)
class RepoGguf:
    """A GGUF of a repository, and the revision that it is wanted of. `path` is None where the name does not say which file."""

    repo: str
    path: str | None
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class UrlGguf:
    """A GGUF at an address that is no hub's. `name` is the file's, `shown` the address without what could be a secret."""

    url: str
    name: str
    shown: str


def wanted(name: str, hub: str) -> ModelSpec | RepoGguf | UrlGguf:
    """What a name asks for. A page of a file on the hub at address `hub` is that file of its repository.

    Raises UsageError for a name that means nothing, and for a GGUF in several parts.
    """
    if "://" in name:
        return _at_address(name, hub)
    for spec in ENCODERS:
        if name.lower() in {spec.name, spec.repo.lower()}:
            return spec
    repo, colon, path = name.partition(":")
    if not _REPO.fullmatch(repo) or (colon and not path):
        raise UsageError(
            f"no model named {name!r}",
            hint=f"there are: {', '.join(spec.name for spec in ENCODERS)}; {_FORMS}",
        )
    if colon:
        file_name(path)
    return RepoGguf(repo, path or None)


def file_name(path: str) -> str:
    """The name that a GGUF gets here. Raises UsageError for one that is none, and for a part of one."""
    name = PurePosixPath(path).name
    if not _FILE.fullmatch(name) or ".." in PurePosixPath(path).parts:
        raise UsageError(f"a GGUF file expected, got {path!r}", hint=_FORMS)
    if _PART.search(name):
        raise UsageError(
            f"{name} is a part of a model, and models in several files are not supported",
            hint="choose a quantisation that is one file, or join the parts with llama-gguf-split --merge",
        )
    return name


def _at_address(url: str, hub: str) -> RepoGguf | UrlGguf:
    try:
        endpoint = Endpoint.parse(url)
    except ValueError as error:
        raise UsageError(
            f"the address cannot be used: {error}", hint="give one such as https://host/model.gguf"
        ) from error
    path = unquote(urlsplit(url).path)
    page = _HUB_PAGE.fullmatch(path)
    if page and url.startswith(f"{hub}/") and _REPO.fullmatch(page["repo"]):
        file_name(page["path"])
        return RepoGguf(page["repo"], page["path"], page["revision"])
    return UrlGguf(url, file_name(path), endpoint.name + urlsplit(url).path)
