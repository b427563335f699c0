"""Landlock: a process gives up every file but those it names, and TCP (kernel 5.13 and later).

What a kernel can restrict grows with its "ABI"; what it doesn't know is left out:
1 files, 2 moves between folders, 3 truncation, 4 TCP, 5 devices' ioctl, 6 signals and abstract
sockets, 7 logging. Source: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from chatbot.sandbox import kernel

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_FOLDER: Final = 1 << 3
_TRUNCATE: Final = 1 << 14
_FILE_RIGHTS_BITS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights an ABI knows; from 5 on there are `_LATEST_FILE_RIGHTS_BITS`."""
_LATEST_FILE_RIGHTS_BITS: Final = 16
_TCP_BIND_AND_CONNECT: Final = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11
_TCP_SINCE: Final = 4
_SCOPES_SINCE: Final = 6


class _RulesetAttributes(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("tcp", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("descriptor", ctypes.c_int32)]


def abi() -> int:
    """What this kernel can restrict; 0: nothing."""
    try:
        return kernel.syscall(_CREATE_RULESET, 0, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(*, readable: Iterable[Path], descriptors: Iterable[int], version: int) -> None:
    """Leaves this process reading of `readable` and below, and of what is open already.

    The caller has given up new privileges. Files that don't exist are left out.

    Args:
        readable: files and folders.
        descriptors: open files that may be opened again, through `/proc/self/fd`.
        version: at most `abi()`; what later ones restrict stays allowed.

    Raises:
        OSError: the kernel refuses.
    """
    rights = (1 << _FILE_RIGHTS_BITS.get(version, _LATEST_FILE_RIGHTS_BITS)) - 1
    ruleset = _create(rights, version)
    try:
        for descriptor in descriptors:
            _allow(ruleset, descriptor, _READ_FILE)
        for path in readable:
            _allow_path(ruleset, path)
        nowhere = _WRITE_FILE | (_TRUNCATE & rights)
        _allow_path(ruleset, Path(os.devnull), and_also=nowhere)
        kernel.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _create(rights: int, version: int) -> int:
    attributes = _RulesetAttributes(rights, 0, 0)
    if version >= _TCP_SINCE:
        attributes.tcp = _TCP_BIND_AND_CONNECT
    if version >= _SCOPES_SINCE:
        attributes.scopes = _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS
    # Older kernels accept a longer structure as long as what they don't know is zero.
    return kernel.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)


def _allow_path(ruleset: int, path: Path, *, and_also: int = 0) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        _allow(ruleset, descriptor, _READ_FILE | and_also | (_READ_FOLDER if is_folder else 0))
    finally:
        os.close(descriptor)


def _allow(ruleset: int, descriptor: int, rights: int) -> None:
    rule = _PathBeneath(rights, descriptor)
    kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
