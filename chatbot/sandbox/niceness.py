"""The niceness of a session.

Where the kernel groups processes by session (autogroup, sched(7)), cores are shared among sessions,
and how nice a process is counts among those of its own session alone.
"""

import os
import time
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")
_TRIES: Final = 5
_WAIT_SECONDS: Final = 0.15
"""The kernel takes ten changes a second, of all processes that aren't root's."""


def share_by_niceness() -> None:
    """Makes the session that this process leads as nice as the process.

    Others' sessions stay as they are, and so does everything where the kernel doesn't group.
    """
    if os.getsid(0) != os.getpid():
        return
    for _ in range(_TRIES):
        try:
            _AUTOGROUP.write_text(str(os.nice(0)))
        except BlockingIOError:
            time.sleep(_WAIT_SECONDS)
        except OSError:
            return
        else:
            return
