"""Has the sandbox's keepers die in the middle of every answer; imported by its server."""

import os
import socket
import sys
from typing import Final, NoReturn

FUNCTIONS: Final[dict[str, object]] = {"echo": print}


def _die_in_between(_call: object, _options: object, caller: socket.socket) -> NoReturn:
    caller.sendall(b'{"result": "hal')
    os._exit(1)


vars(sys.modules["__main__"])["_keep"] = _die_in_between
