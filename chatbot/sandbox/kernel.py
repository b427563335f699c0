"""The kernel's calls that Python has no function for; each raises OSError if it is refused."""

import ctypes
import os
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
_CAPABILITY_VERSION_3: Final = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("process", ctypes.c_int)]


def prctl(option: int, *values: object) -> None:
    """`prctl(2)`; values that are not given are 0."""
    whole = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in (*values, 0, 0, 0, 0)]
    _check(_libc.prctl(option, *whole[:4]))


def unshare(flags: int) -> None:
    """Leaves namespaces that are shared with others for new ones of its own."""
    _check(_libc.unshare(flags))


def syscall(number: int, *values: object) -> int:
    """`syscall(2)`: numbers are passed as longs, addresses by `ctypes.byref`."""
    return _check(
        _libc.syscall(*(ctypes.c_long(v) if isinstance(v, int) else v for v in (number, *values)))
    )


def drop_capabilities() -> None:
    """Gives up every privilege of root, also those of root in a namespace of its own."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
