"""Seccomp: the kernel refuses system calls that no reader of documents needs.

The filter is a program for the kernel's classic BPF machine, put together here. It sees the number
of a call and its arguments, never what an argument points at, and runs at every call; the kernel
remembers which numbers always pass. Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
from typing import Final

from chatbot.sandbox import kernel
from chatbot.sandbox.syscalls import (
    ABOUT_ONE_PROCESS,
    ABSENT,
    CLONE,
    DEADLY,
    LAST_KNOWN,
    OPEN,
    OPENAT,
    REFUSED,
)

_MODE_FILTER: Final = 2

# Instructions: class, size and mode in one number; see `linux/bpf_common.h`.
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_JUMP_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

# Where `struct seccomp_data` has what: number, architecture, six arguments of eight bytes.
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16
_ARGUMENT_BYTES: Final = 8

_ALLOW: Final = 0x7FFF0000
_END: Final = 0x80000000
"""Of the whole process, by SIGSYS."""
_ERROR: Final = 0x00050000
_REFUSE: Final = _ERROR | errno.EPERM
_IS_ABSENT: Final = _ERROR | errno.ENOSYS

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column in the tables, and what the kernel calls it. Other byte orders and widths are refused."""
_X32_CALLS: Final = 0x40000000
"""On x86-64 the calls of programs with short addresses have numbers of their own from here."""
_CLONE_THREAD: Final = 0x00010000
_WRITES_OR_CREATES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

Instruction = tuple[int, int, int, int]
"""Operation, instructions to skip if true and if false, operand."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def is_known(machine: str) -> bool:
    """Whether there is a filter for this architecture, as `os.uname` calls it."""
    return machine in _ARCHITECTURES


def install() -> None:
    """Puts this process under the filter, for good. It has given up new privileges.

    Raises:
        OSError: the kernel has no filters, or refuses.
    """
    machine = os.uname().machine
    if not is_known(machine):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    code = encode(program(machine=machine, process=os.getpid()))
    filters = _Program(len(code) // 8, code)
    kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filters))


def program(*, machine: str, process: int) -> list[Instruction]:
    """The filter of the process with this number."""
    column, architecture = _ARCHITECTURES[machine]
    found = [(_LOAD, 0, 0, _ARCHITECTURE_AT), *_unless_equal(architecture, _END)]
    found.append((_LOAD, 0, 0, _NUMBER_AT))
    if machine == "x86_64":
        found += [(_JUMP_IF_AT_LEAST, 0, 1, _X32_CALLS), (_RETURN, 0, 0, _END)]
    found += [(_JUMP_IF_AT_LEAST, 0, 1, LAST_KNOWN + 1), (_RETURN, 0, 0, _IS_ABSENT)]
    for table, action in ((DEADLY, _END), (REFUSED, _REFUSE), (ABSENT, _IS_ABSENT)):
        for numbers in table.values():
            found += _when(numbers[column], [(_RETURN, 0, 0, action)])
    for name, numbers in ABOUT_ONE_PROCESS.items():
        allowed = (process, 0) if name == "prlimit64" else (process,)
        found += _when(numbers[column], _only_values(0, allowed))
    found += _when(CLONE[column], _by_bits(0, _CLONE_THREAD, any_bit=_ALLOW, none=_REFUSE))
    for numbers, argument in ((OPEN, 1), (OPENAT, 2)):
        flags = _by_bits(argument, _WRITES_OR_CREATES, any_bit=_REFUSE, none=_ALLOW)
        found += _when(numbers[column], flags)
    return [*found, (_RETURN, 0, 0, _ALLOW)]


def encode(instructions: list[Instruction]) -> bytes:
    """As the kernel reads them: 16, 8, 8 and 32 bits each."""
    return b"".join(
        operation.to_bytes(2, "little") + bytes((true, false)) + operand.to_bytes(4, "little")
        for operation, true, false, operand in instructions
    )


def _unless_equal(value: int, action: int) -> list[Instruction]:
    return [(_JUMP_IF_EQUAL, 1, 0, value), (_RETURN, 0, 0, action)]


def _when(number: int | None, then: list[Instruction]) -> list[Instruction]:
    """`then` for one call, which has to end in a return: it may overwrite the number."""
    return [] if number is None else [(_JUMP_IF_EQUAL, 0, len(then), number), *then]


def _only_values(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Of an argument that the kernel takes as 32 bits."""
    found = [(_LOAD, 0, 0, _ARGUMENTS_AT + argument * _ARGUMENT_BYTES)]
    for value in values:
        found += [(_JUMP_IF_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*found, (_RETURN, 0, 0, _REFUSE)]


def _by_bits(argument: int, bits: int, *, any_bit: int, none: int) -> list[Instruction]:
    return [
        (_LOAD, 0, 0, _ARGUMENTS_AT + argument * _ARGUMENT_BYTES),
        (_JUMP_IF_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, any_bit),
        (_RETURN, 0, 0, none),
    ]
