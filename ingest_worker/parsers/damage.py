"""What libraries raise when a file is damaged, whatever its type."""

import contextlib
import errno
import struct
import zlib
from collections.abc import Iterator
from typing import Final
from zipfile import BadZipFile

from chatbot.contracts.errors import DocumentFault

_DAMAGE: Final = (
    *(zlib.error, BadZipFile, struct.error, EOFError),
    NotImplementedError,  # `zipfile`: a way of packing that nobody has used for decades
    RecursionError,  # parts in parts, deeper than any document is
)


@contextlib.contextmanager
def naming_damage() -> Iterator[None]:
    """Raises DocumentFault (`file-broken`) in the place of what says the same in other words.

    Errors that the system raised stay what they are, but for a seek to before the beginning.
    """
    try:
        yield
    except _DAMAGE as error:
        raise DocumentFault("The file is damaged.", code="file-broken") from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):
            raise DocumentFault("The file is damaged.", code="file-broken") from error
        raise
