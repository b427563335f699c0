"""The escapes, in a server that reads the kernel's count of killed processes from a test's file."""

import os
from pathlib import Path

from chatbot.sandbox import oom
from tests.sandbox.escapes import FUNCTIONS

__all__ = ["FUNCTIONS"]

vars(oom)["own_counter_file"] = lambda: Path(os.environ["OOM_COUNTER"])
