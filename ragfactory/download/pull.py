"""Getting a model: what is missing is fetched beside its place, checked, and put there in one step.

    models/.pull/<name>/            one writer at a time, by its lock
      <digest>.part                 a file on its way: stopped at any byte, it goes on from there
      ready/                        files that are whole and have the hash that they should

Nothing looks for models in `.pull`, so a half one is never found.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ragfactory.download.choice import Chosen, choose_files, choose_gguf
from ragfactory.download.hub import Hub, hub_errors
from ragfactory.download.pickled import PICKLED, convert, require_converter
from ragfactory.download.place import install_folder, make_staging
from ragfactory.download.room import is_full, no_room, require_room
from ragfactory.download.transfer import RemoteFile, fetch
from ragfactory.download.wanted import RepoGguf, UrlGguf, file_name, wanted
from ragfactory.embedding.catalog import ModelSpec, ResolvedModel
from ragfactory.embedding.locate import find_model
from ragfactory.embedding.weights import WEIGHTS
from ragfactory.endpoint import Endpoint
from ragfactory.errors import ModelUnavailableError, UsageError
from ragfactory.hashes import remembered_sha256
from ragfactory.store.durable import sync_dir, sync_file
from ragfactory.store.lock import writer_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Watcher(Protocol):
    """Who is told how far it is."""

    def received(self, name: str, done: int, total: int | None) -> None:
        """So many bytes of a file are here; `total` is None where nobody knows it."""
        ...

    def note(self, message: str) -> None:
        """Something is worth a line."""
        ...


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is here now. `fetched` tells whether it had to be fetched, `source` from where, and `hashes` is the SHA-256 of
    each of its files by name, as they lie here.
    """

    name: str
    role: str
    path: Path
    fetched: bool
    source: str | None = None
    revision: str | None = None
    size: int = 0
    hashes: Mapping[str, str] | None = None


def pull(name: str, models: Path, hub: Hub, watcher: Watcher, *, force: bool = False) -> Pulled:
    """Have the model of that name in the folder `models`. One that is on the machine is left alone, unless `force` says otherwise.

    Raises UsageError for a name that means nothing, ModelUnavailableError where the model cannot be had or is not what it should
    be, MissingExtraError where pickled weights cannot be converted, LockedError while another process gets the same model.
    """
    try:
        asked = wanted(name, hub.address)
        if isinstance(asked, ModelSpec):
            return _pull_encoder(asked, models, hub, watcher, force=force)
        return _pull_gguf(asked, models, hub, watcher, force=force)
    except OSError as error:
        if is_full(error):
            raise no_room(models, "it is full") from error
        raise ModelUnavailableError(
            f"{models} cannot be written: {error}", hint="mend that, then run this again", path=str(models)
        ) from error


def _pull_encoder(spec: ModelSpec, models: Path, hub: Hub, watcher: Watcher, *, force: bool) -> Pulled:
    from ragfactory.embedding.transformer import load_transformer

    here = find_model(spec, models)
    if here and not force:
        return Pulled(spec.name, spec.role, here, fetched=False)
    staging = make_staging(models, spec.name)
    with writer_lock(staging / "lock"):
        listing = hub.list_files(spec.repo)
        chosen = choose_files(spec, listing, hub.name)
        if chosen.pickled:
            require_converter()
            watcher.note(
                f"{spec.repo} has its weights as a pickle only: {PICKLED} is fetched, compared with the SHA-256 that is known of"
                f" it, read as weights alone and kept as {WEIGHTS}"
            )
        ready = staging / "ready"
        ready.mkdir(mode=0o700, exist_ok=True)
        _forget_others(staging, chosen)
        require_room(models, _missing_bytes(staging, chosen))
        size = 0
        for file in chosen.first:
            size += _bring(file, staging, ready / file.name, watcher, hub)
        shards = chosen.shards(ready)
        require_room(models, _missing_in(staging, shards))
        for file in shards:
            size += _bring(file, staging, ready / file.name, watcher, hub)
        if chosen.pickled:
            size += _convert(chosen.pickled, staging, ready, watcher, hub)
        load_transformer(ResolvedModel(spec, ready, spec.name, models / "weights.json"))  # is it of the right shape?
        names, target = sorted(file.name for file in ready.iterdir()), models / spec.name
        install_folder(ready, target)
        hashes = {name: remembered_sha256(target / name, models / "weights.json") for name in names}
    return Pulled(spec.name, spec.role, target, True, f"{hub.name}/{spec.repo}", listing.commit, size, hashes)


def _pull_gguf(asked: RepoGguf | UrlGguf, models: Path, hub: Hub, watcher: Watcher, *, force: bool) -> Pulled:
    from ragfactory.context.gguf_file import find_damage

    here = models / file_name(asked.path) if isinstance(asked, RepoGguf) and asked.path else None
    try:
        file, revision, source = _gguf_of(asked, hub)
    except ModelUnavailableError as error:
        if force or here is None or not here.is_file() or not _is_whole(here, watcher):
            raise
        watcher.note(f"whether the {here.name} that is here is the one that is meant is not known: {error.message}")
        return Pulled(here.name, "writer", here, fetched=False)
    name = file_name(file.name)
    target = models / name
    if target.is_file() and not force and _is_whole(target, watcher):
        _require_same(target, file, source, models, watcher)
        return Pulled(name, "writer", target, fetched=False)
    staging = make_staging(models, f"{name}.files")  # no folder may end as the files do that are looked for
    with writer_lock(staging / "lock"):
        ready = staging / f"{file.key}.whole"
        for stale in (path for path in staging.iterdir() if path.stem not in {file.key, "lock"}):
            stale.unlink()
        require_room(models, _missing_in(staging, [file]))
        size = _bring(file, staging, ready, watcher, hub)
        if damage := find_damage(ready):
            ready.unlink()
            raise ModelUnavailableError(f"what came from {source} is no model: {damage}", hint="choose another file")
        ready.replace(target)
        sync_dir(models)
        digest = remembered_sha256(target, models / "hashes.json")
    return Pulled(name, "writer", target, True, source, revision, size, {name: digest})


def _gguf_of(asked: RepoGguf | UrlGguf, hub: Hub) -> tuple[RemoteFile, str | None, str]:
    """The file that is asked for, its revision where it has one, and where it is, without what could be a secret."""
    if isinstance(asked, UrlGguf):
        return RemoteFile(asked.name, asked.url, {}), None, asked.shown
    listing = hub.list_files(asked.repo, asked.revision)
    return choose_gguf(asked, listing, hub.name), listing.commit, f"{hub.name}/{asked.repo}"


def _require_same(gguf: Path, file: RemoteFile, source: str, models: Path, watcher: Watcher) -> None:
    """Raise UsageError where the file of that name that is here is another than the one that is asked for."""
    if file.digest is None:
        watcher.note(
            f"a file of that name is here, and whether it is that of {source} is not known; --force replaces it"
        )
        return
    is_large = file.digest.kind == "sha256"
    came = remembered_sha256(gguf, models / "hashes.json") if is_large else file.digest.of(gguf)
    if came != file.digest.value:
        raise UsageError(
            f"a {gguf.name} is here already, and it is not that of {source}",
            hint="--force replaces it; to keep both, give the one that is here another name first",
        )


def _is_whole(gguf: Path, watcher: Watcher) -> bool:
    from ragfactory.context.gguf_file import find_damage

    if damage := find_damage(gguf):
        watcher.note(f"{gguf} is fetched again: {damage}")
    return not damage


def _bring(file: RemoteFile, staging: Path, target: Path, watcher: Watcher, hub: Hub) -> int:
    """Have a whole file, with the hash that it should have, at `target`. The bytes of it."""
    if not (target.is_file() and file.digest and file.digest.of(target) == file.digest.value):
        part = staging / f"{file.key}.part"
        is_hub = bool(file.headers)
        with hub_errors(file.name, hub.address if is_hub else Endpoint.parse(file.url).name, is_hub=is_hub):
            fetch(file, part, lambda done, total: watcher.received(file.name, done, total))
        _require_digest(file, part)
        sync_file(part)
        part.replace(target)
        part.with_suffix(".version").unlink(missing_ok=True)
    return target.stat().st_size


def _require_digest(file: RemoteFile, part: Path) -> None:
    """Raise ModelUnavailableError, and do away with the part, where it is not what it should be."""
    if file.digest is None or (came := file.digest.of(part)) == file.digest.value:
        return
    part.unlink()
    kind = "SHA-256" if file.digest.kind == "sha256" else "git hash"
    raise ModelUnavailableError(
        f"{file.name}: expected {kind} {file.digest.value}, and what came has {came}",
        hint="what came was thrown away; run this again. Should it stay so, something between here and the hub changes files",
    )


def _convert(pickled: RemoteFile, staging: Path, ready: Path, watcher: Watcher, hub: Hub) -> int:
    if (ready / WEIGHTS).is_file():
        return 0
    fetched = staging / PICKLED
    size = _bring(pickled, staging, fetched, watcher, hub)
    watcher.note(f"writing {WEIGHTS}")
    made = staging / f"{WEIGHTS}.part"
    convert(fetched, made)
    sync_file(made)
    made.replace(ready / WEIGHTS)
    fetched.unlink()
    return size


def _here(staging: Path, file: RemoteFile) -> int:
    """The bytes that are here of a file."""
    places = (staging / f"{file.key}.part", staging / "ready" / file.name, staging / file.name)
    return max((place.stat().st_size for place in places if place.is_file()), default=0)


def _missing_bytes(staging: Path, chosen: Chosen) -> int:
    """What the disk still has to take, shards excepted; weights that are converted lie there twice for a while."""
    missing = _missing_in(staging, chosen.first)
    if chosen.pickled and not (staging / "ready" / WEIGHTS).is_file():
        missing += 2 * (chosen.pickled.size or 0) - _here(staging, chosen.pickled)
    return missing


def _missing_in(staging: Path, files: Iterable[RemoteFile]) -> int:
    return sum(max(0, (file.size or 0) - _here(staging, file)) for file in files)


def _forget_others(staging: Path, chosen: Chosen) -> None:
    """Do away with what an attempt at another revision left."""
    parts = {
        f"{file.key}.part"
        for file in (*chosen.first, *chosen.listed_shards, *([chosen.pickled] if chosen.pickled else []))
    }
    for path in staging.glob("*.part"):
        if path.name not in parts:
            path.unlink()
    names = {file.name for file in (*chosen.first, *chosen.listed_shards)} | ({WEIGHTS} if chosen.pickled else set())
    for path in (staging / "ready").iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
