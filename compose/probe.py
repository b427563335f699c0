"""`python -ISE compose/probe.py PORT PATH`: ends well if 200 is answered within two seconds.

Without a library: it runs every few seconds in every container.
"""

import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2) as server:
    server.sendall(f"GET {sys.argv[2]} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    with server.makefile("rb") as answer:
        status = answer.readline().split(b" ", 2)[1:2]
        # To the end: who hangs up in the middle leaves an error in the other's log.
        answer.read()
sys.exit(status != [b"200"])
