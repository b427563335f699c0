from tests.stored_files import stored

__all__ = ["stored"]
