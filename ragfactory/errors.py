"""Every error a user can meet: what was expected, what came, what to do, and the exit status it leads to."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells the shell. Scripts depend on these numbers."""

    OK = 0
    BUG = 1
    USAGE = 2
    PARTIAL = 3
    NOT_PUBLISHED = 4
    NO_INDEX = 5
    LOCKED = 6
    UNAVAILABLE = 7
    INTERRUPTED = 130


class RagfactoryError(Exception):
    """Base of all errors shown to a user.

    `message` says what was expected and what came, `hint` what to do about it, `path` the file it is about.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path

    @property
    def on_one_line(self) -> str:
        """The message, and the hint in brackets where there is one."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(RagfactoryError):
    """An option or argument that cannot be honoured."""

    code = "usage"
    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A configuration file that does not validate."""

    code = "config"


class ProfileError(UsageError):
    """A profile that is unknown or does not validate."""

    code = "profile"


class QuestionsError(UsageError):
    """A file of questions that cannot be read, or that asks nothing."""

    code = "questions"


class DocumentError(RagfactoryError):
    """One source file that cannot become a Document. It fails alone, by name; the run goes on."""

    code = "unreadable"
    exit_code = ExitCode.PARTIAL


class EncryptedDocumentError(DocumentError):
    """The file asks for a password."""

    code = "encrypted"


class EmptyDocumentError(DocumentError):
    """The file holds no text."""

    code = "empty"


class DocumentTooLargeError(DocumentError):
    """The file is over the size, page or memory limit."""

    code = "too_large"


class UnsupportedFormatError(DocumentError):
    """No parser reads this kind of file."""

    code = "unsupported"


class ParserTimeoutError(DocumentError):
    """The parser was still busy when its time was up, and was stopped."""

    code = "timeout"


class ParserCrashedError(DocumentError):
    """The parser's process died."""

    code = "parser_crashed"


class EmbeddingFailedError(DocumentError):
    """No device can embed one of the file's texts."""

    code = "not_embedded"


class VanishedFolderError(RagfactoryError):
    """A folder that an index was built from is not there. Its documents are kept."""

    code = "vanished"
    exit_code = ExitCode.PARTIAL


class ShrunkFolderError(RagfactoryError):
    """A folder lost more than half of its documents. They are kept."""

    code = "shrunk"
    exit_code = ExitCode.PARTIAL


class FailedBeforeError(RagfactoryError):
    """Files that failed in a run before are not tried again, since nothing changed."""

    code = "failed_before"
    exit_code = ExitCode.PARTIAL


class SandboxError(RagfactoryError):
    """The processes that read files cannot start: something is wrong with the installation, not with a file."""

    code = "sandbox"
    exit_code = ExitCode.UNAVAILABLE


class NothingPublishedError(RagfactoryError):
    """The run could not publish; the previous version, if there is one, still serves."""

    code = "nothing_published"
    exit_code = ExitCode.NOT_PUBLISHED


class GateError(NothingPublishedError):
    """A new version answers the profile's questions worse than its gate allows. It is built, and the one before still serves."""

    code = "gate"


class PartlyPublishedError(RagfactoryError):
    """The run could not publish all that it was to publish; what it did publish serves."""

    code = "partly_published"
    exit_code = ExitCode.PARTIAL


class IndexNotFoundError(RagfactoryError):
    """There is no such index or version."""

    code = "no_index"
    exit_code = ExitCode.NO_INDEX


class DamagedIndexError(RagfactoryError):
    """A file of a version is missing or is not what the manifest says."""

    code = "damaged"
    exit_code = ExitCode.NO_INDEX


class ContextCacheError(RagfactoryError):
    """The cache of contexts cannot be used. It is never emptied or replaced by itself: what is in it cost hours to make."""

    code = "context_cache"
    exit_code = ExitCode.NO_INDEX


class LockedError(RagfactoryError):
    """Another run is writing this index."""

    code = "locked"
    exit_code = ExitCode.LOCKED


class ModelUnavailableError(RagfactoryError):
    """A model that was asked for is not on this machine, or is not what it should be."""

    code = "model_unavailable"
    exit_code = ExitCode.UNAVAILABLE


class DeviceUnavailableError(RagfactoryError):
    """A card that was asked for is not in this machine, or cannot be claimed."""

    code = "no_device"
    exit_code = ExitCode.UNAVAILABLE


class MissingExtraError(ModelUnavailableError):
    """A package of an optional extra is not installed."""

    code = "missing_extra"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"the package {package} is not installed",
            hint=f"pip install 'ragfactory[{extra}]'",
        )
