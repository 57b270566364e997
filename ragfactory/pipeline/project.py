"""A project's indexes as a run finds them: locked, read, and ready to be built upon."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from ragfactory.errors import DamagedIndexError
from ragfactory.store.durable import make_private_dirs, store_errors
from ragfactory.store.failures import load_failures, save_failures
from ragfactory.store.layout import IndexName, IndexPaths, ProjectPaths, find_indexes
from ragfactory.store.lock import writer_lock
from ragfactory.store.roots import join_roots, load_roots, save_roots
from ragfactory.store.version import read_contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragfactory.config import Config
    from ragfactory.store.documents import Identity
    from ragfactory.store.failures import FailureRecord
    from ragfactory.store.records import DocumentRecord, EmbedderEntry, Manifest, RootEntry


class Project:
    """The indexes of one tenant's project. With `lock`, no other run writes any of them until it is closed.

    `documents` are those of all its indexes, `failures` the files that failed, both by (root, path); `left_over` are documents
    that a killed run left in two indexes, and that are to be taken out of the older; `manifests` are by document type. `unreadable`
    says why the list of failures could not be read: they are tried again, and the next list takes its place.
    """

    def __init__(self, config: Config, *, lock: bool, wait: float = 0.0) -> None:
        """Raises LockedError when another run still has the project after `wait` seconds, DamagedIndexError,
        NothingPublishedError when the disk refuses.
        """
        self.config = config
        self.manifests: dict[str, Manifest] = {}
        self.documents: dict[Identity, DocumentRecord] = {}
        self.left_over: list[DocumentRecord] = []
        self.failures: dict[Identity, FailureRecord] = {}
        self.unreadable: DamagedIndexError | None = None
        self._deadline = time.monotonic() + wait
        self._paths = ProjectPaths.of(config.indexes, config.tenant, config.project)
        self._stack = ExitStack()
        with store_errors(), self._stack:
            if lock:
                make_private_dirs(self._paths.root)
                self._stack.enter_context(writer_lock(self._paths.lock, self._deadline))
                self._paths.sweep()
            for name in find_indexes(config.indexes, tenant=config.tenant, project=config.project):
                self._read(name, lock=lock)
            self._read_failures()
            self._listed_roots = load_roots(self._paths.roots)
            self._stack = self._stack.pop_all()

    def stored_embedder(self, document_type: str) -> EmbedderEntry | None:
        """The embedder that an index was built with; None when there is no such index."""
        manifest = self.manifests.get(document_type)
        return manifest.embedder if manifest else None

    def stored_context(self, document_type: str) -> str | None:
        """The context writer that was chosen for an index in place of its profile's."""
        manifest = self.manifests.get(document_type)
        return manifest.context if manifest else None

    def roots(self, document_type: str | None = None) -> dict[str, RootEntry]:
        """The folders of the project, as they were ingested last; with a type, those that its index was built from, or that are
        taken in under the profile of that name.
        """
        found: dict[str, RootEntry] = {}
        for manifest in sorted(self.manifests.values(), key=lambda manifest: manifest.created):
            found = join_roots(found, manifest.roots)
        found = join_roots(found, self._listed_roots)
        if document_type is None:
            return found
        own = (
            {entry.path for entry in self.manifests[document_type].roots} if document_type in self.manifests else set()
        )
        return {path: entry for path, entry in found.items() if path in own or entry.profile == document_type}

    def keep_roots(self, roots: Iterable[RootEntry]) -> None:
        """Replace the list of folders, when it is another. Raises OSError."""
        listed = sorted(roots, key=lambda entry: entry.path)
        if listed != self._listed_roots:
            save_roots(self._paths.roots, listed)
            self._listed_roots = listed

    def open_index(self, document_type: str) -> tuple[IndexName, IndexPaths]:
        """The name and places of an index, locked; one that is new gets its folder."""
        name = IndexName(self.config.tenant, self.config.project, document_type)
        paths = IndexPaths.of(self.config.indexes, name)
        if document_type not in self.manifests:
            make_private_dirs(paths.root)
            self._stack.enter_context(writer_lock(paths.lock, self._deadline))
        return name, paths

    def keep_failures(self, failures: Iterable[FailureRecord]) -> None:
        """Replace the list of files that failed, when it is another. Raises OSError."""
        listed = {record.identity: record for record in failures}
        if listed != self.failures or self.unreadable:
            save_failures(self._paths.failures, listed.values())
            self.failures, self.unreadable = listed, None

    def close(self) -> None:
        """Let go of the locks."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, name: IndexName, *, lock: bool) -> None:
        paths = IndexPaths.of(self.config.indexes, name)
        if lock:
            self._stack.enter_context(writer_lock(paths.lock, self._deadline))
        manifest, documents = read_contents(paths, name, read_all=True)
        self.manifests[name.document_type] = manifest
        for identity, record in documents.items():
            self._note(identity, record)

    def _read_failures(self) -> None:
        try:
            self.failures = load_failures(self._paths.failures)
        except DamagedIndexError as error:
            self.unreadable = error

    def _note(self, identity: Identity, record: DocumentRecord) -> None:
        """Take a document into account; of one that a killed run left in two indexes, the older is taken out."""
        other = self.documents.get(identity)
        if other is not None:
            created = [self.manifests[r.document_type].created for r in (record, other)]
            record, other = (record, other) if created[0] >= created[1] else (other, record)
            self.left_over.append(other)
        self.documents[identity] = record
