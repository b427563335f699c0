"""Each test has its own folder of files; an embedding server is at hand."""

from tests.fakes.scripted_server import scripted_process, scripted_server
from tests.stored_files import stored

__all__ = ["scripted_process", "scripted_server", "stored"]
