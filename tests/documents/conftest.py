"""Each test has its own folder of files."""

from tests.stored_files import stored

__all__ = ["stored"]
