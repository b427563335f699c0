"""The family of errors that reach people: a stable code, a sentence, and the way out.

AppError
├── InvalidInput             the request can't be understood or breaks a rule
├── NotAuthenticated         nobody is signed in, or the credentials are wrong
├── NotAllowed               signed in, can see it, lacks the role
├── NotFound                 absent, or somebody else's: the two can't be told apart
├── MethodNotAllowed         the address exists and takes other methods
├── Conflict                 the state doesn't allow it
├── Gone                     it was there, and has expired
├── PreconditionFailed       the client speaks a version that isn't spoken here
├── Locked                   somebody else is writing to it right now
├── KeyReused                an idempotency key that came with other content before
├── ChecksumDiffers          what arrived isn't what was sent
├── TooLarge                 over a limit in bytes, pages or tokens
├── UnsupportedType          the content is of a type that can't be read
├── LimitReached             rate, quota or queue bound; carries `retry_after_seconds`
├── Unavailable              a component is away for now; carries `retry_after_seconds`
└── DocumentFault            the document itself can't be read; ends its ingestion

HTTP statuses are decided in `chatbot.contracts.problems`, once.
"""

from typing import ClassVar


class AppError(Exception):
    """An error with a stable kebab-case code, a sentence for people, and what to do next."""

    code: ClassVar[str] = "internal-error"

    def __init__(self, sentence: str, *, code: str | None = None, way_out: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.way_out = way_out
        self.error_code = code or type(self).code


class InvalidInput(AppError):
    code = "invalid-input"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        way_out: str = "",
        fields: dict[str, list[str]] | None = None,
    ) -> None:
        super().__init__(sentence, code=code, way_out=way_out)
        self.fields = fields or {}


class NotAuthenticated(AppError):
    code = "not-authenticated"


class NotAllowed(AppError):
    code = "not-allowed"


class NotFound(AppError):
    code = "not-found"


class MethodNotAllowed(AppError):
    code = "method-not-allowed"


class Conflict(AppError):
    code = "conflict"


class Gone(AppError):
    code = "gone"


class PreconditionFailed(AppError):
    code = "precondition-failed"


class Locked(AppError):
    code = "locked"


class KeyReused(AppError):
    code = "idempotency-key-reused"


class ChecksumDiffers(AppError):
    code = "checksum-differs"


class TooLarge(AppError):
    code = "too-large"


class UnsupportedType(AppError):
    code = "type-unsupported"


class LimitReached(AppError):
    code = "limit-reached"

    def __init__(
        self,
        sentence: str,
        *,
        retry_after_seconds: int,
        code: str | None = None,
        way_out: str = "",
    ) -> None:
        super().__init__(sentence, code=code, way_out=way_out)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(AppError):
    code = "unavailable"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        way_out: str = "",
        retry_after_seconds: int = 5,
    ) -> None:
        super().__init__(sentence, code=code, way_out=way_out)
        self.retry_after_seconds = retry_after_seconds


class DocumentFault(AppError):
    """The document can't be read, and trying again won't help unless the document changes."""

    code = "file-broken"

    def __init__(
        self, sentence: str, *, code: str | None = None, way_out: str = "", detail: str = ""
    ) -> None:
        super().__init__(sentence, code=code, way_out=way_out)
        self.detail = detail
        """For administrators, and never of what the document says."""


DOCUMENT_FAULTS: dict[str, str] = {
    "type-unsupported": "This type of file can't be read. Save it as PDF, DOCX or text.",
    "type-outdated": "Office files of before 2007 can't be read. Save it as DOCX, PPTX or XLSX.",
    "file-empty": "The file is empty.",
    "file-broken": "The file is damaged. Save it again and upload the new copy.",
    "file-encrypted": "The file needs a password. Remove the protection and upload it again.",
    "no-text": "No text was found in the file.",
    "too-many-pages": "The file has more pages than the limit. Split it and upload the parts.",
    "page-too-large": "A page is too large to be rendered.",
    "too-much-memory": "Reading the file needed more memory than the limit.",
    "too-much-cpu": "Reading the file took more computing time than the limit.",
    "too-much-output": "The file unpacks to more than the limit.",
    "parser-timeout": "Reading the file took longer than the limit.",
    "parser-crashed": "The reader crashed on this file.",
    "parser-stopped": "The reader was stopped: this file made it try what no reader may do.",
    "worker-crashed": "The worker crashed twice over this file. Save it in another format.",
    "malware-found": "The virus scanner found something in the file. Upload a clean copy.",
    "scan-too-large": "The file is larger than the virus scanner takes. Split it, or raise "
    "StreamMaxLength of ClamAV.",
    "worker-died": "The worker died several times while it read this file.",
    "file-missing": "The stored file is gone. Upload it again.",
    "file-too-large": "The file is larger than the limit. Split it and upload the parts.",
    "url-refused": "The address leads to nothing that is on the public web. Give another one.",
    "url-failed": "The server did not give a file. Check that the address opens without a sign-in.",
    "url-unanswered": "The server of the address did not answer for some minutes. Try again later.",
    "same-file-present": "The same file is in the brain already, as another document.",
    "ocr-refused": "The server that reads scans refuses a page of this file. Read it with another "
    "engine.",
    "embedding-refused": "The embedding server refuses the text of this file.",
}
"""What `error_code` of a failed document can be, with the sentence that people read."""
