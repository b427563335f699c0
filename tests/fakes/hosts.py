"""A module with the names of a file before those of the system's resolver, as /etc/hosts has them.

    HOSTS_FILE=names.json python -m tests.fakes.hosts chat_service.asgi:application

starts uvicorn. The file says `{"name": ["address", …]}`, is read at each question, and may change.
An empty list: there is no such name now.
"""

import json
import os
import runpy
import socket
from pathlib import Path
from typing import Any

_asked = socket.getaddrinfo


def _answer(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the resolver's own
    names = json.loads(Path(os.environ["HOSTS_FILE"]).read_text())
    if host not in names:
        return _asked(host, port, *args, **kwargs)
    if not names[host]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [found for address in names[host] for found in _asked(address, port, *args, **kwargs)]


if __name__ == "__main__":
    socket.getaddrinfo = _answer
    runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)
