"""Runs a command under what a unit file asks for, as far as that goes without systemd: `sandbox.py UNIT COMMAND...`.

`SEALED` comes before it, in a mount namespace of its own. The filter of system calls kills, as systemd's does.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_SET_NO_NEW_PRIVS, _SET_MDWE = 38, 65  # linux/prctl.h
_KILL_PROCESS, _ALLOW = 0x80000000, 0x7FFF0000  # linux/seccomp.h
_ABSENT = -1  # __NR_SCMP_ERROR; below it are calls of other processors


SEALED = """
mount --options remount,bind,ro / && mount --types proc --options "$1" proc /proc && shift &&
exec setpriv --bounding-set=-all --inh-caps=-all "$@"
"""
"""For `sh -c`: a read-only root, `/proc` by the options of the first argument, and no capabilities."""


def options(unit: Path) -> dict[str, list[str]]:
    """Every line of a unit by its name; those of one name in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def allowed_calls(filters: list[str]) -> set[str]:
    """The system calls that `SystemCallFilter=` leaves: the first line allows, those with a tilde take away."""
    allowed: set[str] = set()
    for line in filters:
        named = set().union(*(_members(name) for name in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    told = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    words = [line.strip() for line in told.stdout.splitlines()[1:]]
    return set().union(*(_members(word) for word in words if word and not word.startswith("#")))


def _confine(stated: dict[str, list[str]]) -> None:
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_KILL_PROCESS)))
    numbers = (
        seccomp.seccomp_syscall_resolve_name(name.encode()) for name in allowed_calls(stated["SystemCallFilter"])
    )
    for number in numbers:
        if number > _ABSENT:
            assert seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(_ALLOW), number, 0, None) == 0
    for wanted, call in (("NoNewPrivileges", _SET_NO_NEW_PRIVS), ("MemoryDenyWriteExecute", _SET_MDWE)):
        assert stated[wanted] == ["yes"]
        assert libc.prctl(call, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    assert seccomp.seccomp_load(context) == 0


def main(unit: str, *command: str) -> None:
    _confine(options(Path(unit)))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
