"""The filter of both architectures, run by a small machine of the test's own."""

import errno
import os

import pytest

from chatbot.sandbox import seccomp, syscalls

ALLOWED = 0x7FFF0000
KILLED = 0x80000000
REFUSED = 0x00050000 | errno.EPERM
ABSENT = 0x00050000 | errno.ENOSYS
PROCESS = 4242
THREAD = 0x00010000 | 0x00000100
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
READ = {"x86_64": 0, "aarch64": 63}


def verdict(machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """What the kernel would do with a call."""
    padded = (*arguments, *[0] * 6)[:6]
    words = [number, architecture or MACHINES[machine][1], 0, 0]
    words += [half for value in padded for half in (value & 0xFFFFFFFF, value >> 32)]
    program = seccomp.program(machine=machine, process=PROCESS)
    place, loaded = 0, 0
    while True:
        operation, if_true, if_false, operand = program[place]
        if operation == 0x06:
            return operand
        if operation == 0x20:
            loaded, jump = words[operand // 4], 0
        else:
            is_met = {
                0x15: loaded == operand,
                0x35: loaded >= operand,
                0x45: bool(loaded & operand),
            }[operation]
            jump = if_true if is_met else if_false
        place += 1 + jump


@pytest.mark.parametrize("machine", list(MACHINES))
class TestProgram:
    def test_lets_a_reader_read(self, machine: str) -> None:
        assert verdict(machine, READ[machine], 4, 0, 100) == ALLOWED

    def test_fits_the_kernels_limit(self, machine: str) -> None:
        assert len(seccomp.program(machine=machine, process=PROCESS)) < 4096

    @pytest.mark.parametrize(
        ("table", "expected"),
        [
            pytest.param(syscalls.REFUSED, REFUSED, id="refused"),
            pytest.param(syscalls.DEADLY, KILLED, id="deadly"),
            pytest.param(syscalls.ABSENT, ABSENT, id="absent"),
        ],
    )
    def test_refuses_each_call_of_a_table(
        self, machine: str, table: syscalls.Table, expected: int
    ) -> None:
        numbers = [entry[MACHINES[machine][0]] for entry in table.values()]

        found = {verdict(machine, number) for number in numbers if number is not None}

        assert found == {expected}

    def test_ends_what_speaks_for_another_architecture(self, machine: str) -> None:
        assert verdict(machine, READ[machine], architecture=0x40000003) == KILLED

    def test_knows_nothing_of_later_kernels(self, machine: str) -> None:
        assert verdict(machine, syscalls.LAST_KNOWN + 1) == ABSENT

    def test_starts_threads_and_no_processes(self, machine: str) -> None:
        clone = syscalls.CLONE[MACHINES[machine][0]]

        assert verdict(machine, clone, THREAD) == ALLOWED
        assert verdict(machine, clone, 17) == REFUSED

    def test_opens_files_for_reading_only(self, machine: str) -> None:
        openat = syscalls.OPENAT[MACHINES[machine][0]]

        assert verdict(machine, openat, 0, 0, os.O_RDONLY | os.O_CLOEXEC) == ALLOWED
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
            assert verdict(machine, openat, 0, 0, flags) == REFUSED

    @pytest.mark.parametrize("name", list(syscalls.ABOUT_ONE_PROCESS))
    def test_touches_no_process_but_itself(self, machine: str, name: str) -> None:
        number = syscalls.ABOUT_ONE_PROCESS[name][MACHINES[machine][0]]
        assert number is not None

        found = [verdict(machine, number, process) for process in (PROCESS, 1, 0xFFFFFFFF)]

        assert found == [ALLOWED, REFUSED, REFUSED]


class TestX32:
    def test_is_refused(self) -> None:
        assert verdict("x86_64", 0x40000000) == KILLED
