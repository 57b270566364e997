"""A hub that speaks Hugging Face's HTTP interface: what a repository holds, and where its files are."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ragfactory import __version__
from ragfactory.download.transfer import Digest, RemoteFile
from ragfactory.endpoint import Endpoint, bearer
from ragfactory.errors import ModelUnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 30.0
_DENIED = frozenset({401, 403})
_DIGESTS = {"sha256": re.compile(r"[0-9a-f]{64}"), "git": re.compile(r"[0-9a-f]{40}")}


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository at one commit, by their path."""

    repo: str
    commit: str
    files: Mapping[str, RemoteFile]


class Hub:
    """The hub at an address. `token`, where it has one, is sent to that host alone."""

    def __init__(self, address: str, token: str | None) -> None:
        """Raises UsageError for an address that cannot be used."""
        self.address = address.rstrip("/")
        try:
            self.name = Endpoint.parse(self.address).name
        except ValueError as error:
            raise UsageError(
                f"the hub's address cannot be used: {error}", hint="give one such as https://host"
            ) from error
        try:
            bearer(token)
        except ValueError as error:
            raise UsageError(
                f"HF_TOKEN cannot be used: {error}", hint="copy it again from where it was made"
            ) from error
        self._token = token

    def list_files(self, repo: str, revision: str = "main") -> Listing:
        """What a repository holds. Raises ModelUnavailableError where the hub cannot be asked or does not tell."""
        # Without a token, None would have the library look for one, whatever the host.
        token = self._token or False
        api = HfApi(endpoint=self.address, token=token, library_name="ragfactory", library_version=__version__)
        with hub_errors(f"{repo} on {self.name}", self.address, repo):
            try:
                info = api.model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT_S)
                found, commit = info.siblings or [], str(info.sha or revision)
                files = {
                    entry.rfilename: (entry.size, _digest(entry.lfs.sha256 if entry.lfs else None, entry.blob_id))
                    for entry in found
                }
            except HfHubHTTPError:  # one of which is a ValueError too
                raise
            except HFValidationError as error:
                raise UsageError(f"{repo!r} is no name of a repository: {error}", hint="OWNER/REPO is one") from error
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ModelUnavailableError(
                    f"{self.name} does not answer as a hub of models does",
                    hint="HF_ENDPOINT or --from names a server that speaks the Hugging Face Hub's interface",
                ) from error
        headers = {"User-Agent": f"ragfactory/{__version__}", **bearer(self._token)}
        return Listing(
            repo,
            commit,
            {
                path: RemoteFile(
                    path,
                    f"{self.address}/{repo}/resolve/{commit}/{quote(path)}",
                    headers,
                    size,
                    digest,
                )
                for path, (size, digest) in files.items()
            },
        )


def _digest(sha256: str | None, blob: str | None) -> Digest | None:
    """What a hub says that a file comes to. Raises ValueError or TypeError for what is no digest: files here are named by it."""
    digest = Digest("sha256", sha256) if sha256 else Digest("git", blob) if blob else None
    if digest and not _DIGESTS[digest.kind].fullmatch(digest.value):
        raise ValueError(f"no digest of kind {digest.kind}")
    return digest


@contextmanager
def hub_errors(what: str, address: str, repo: str | None = None, *, is_hub: bool = True) -> Iterator[None]:
    """What can go wrong on the way to `what` is a ModelUnavailableError: nothing there, no leave, no connection. A server that is
    no hub has no terms to accept, and gets no token.

    It repeats no address that an answer held: those can be signed.
    """
    try:
        yield
    except (httpx2.HTTPError, OfflineModeIsEnabled) as error:
        message, hint = _told(error, address, repo, is_hub=is_hub)
        raise ModelUnavailableError(f"{what}: {message}", hint=hint) from error


def _told(error: Exception, address: str, repo: str | None, *, is_hub: bool) -> tuple[str, str]:
    """What went wrong, and what to do about it."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    page = f"{address}/{repo}" if repo else address
    if status in _DENIED and not is_hub:
        return (
            f"access is refused ({status})",
            f"{address} may want a log-in, or the address was for a while: get the file in a browser, and put it there by hand",
        )
    if isinstance(error, GatedRepoError) or (status in _DENIED and not isinstance(error, RepositoryNotFoundError)):
        return (
            f"access is refused ({status})",
            f"accept the terms at {page}, make a token that may read it, and put it in HF_TOKEN",
        )
    if isinstance(error, (RevisionNotFoundError, EntryNotFoundError)):
        return f"there is no such file or revision ({status})", "look at what the repository holds"
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        private = "; a private one wants a token in HF_TOKEN" if repo else ""
        return f"there is nothing of that name ({status})", f"look at how it is written{private}"
    if status:
        return f"the server answers {status}", "try again later; what came so far is kept"
    return _unreachable(error, page)


def _unreachable(error: Exception, page: str) -> tuple[str, str]:
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so no hub is asked", "unset it, or copy the files here by hand"
    said = str(error) or type(error).__name__
    if isinstance(error, httpx2.TimeoutException):
        said = "no answer in time"
    hint = "try again later: what came so far is kept; or get the files on another machine and put them there by hand"
    return f"cannot be reached: {said}", f"{hint}: {page}"
