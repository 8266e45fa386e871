"""The program on a machine that lacks something: run in a forked child, which alone has to live with it."""

import ctypes
import errno
import os
import platform
import struct

from lockstep.__main__ import cli

_CAPABILITIES_VERSION, _DAC_OVERRIDE = 0x20080522, 1  # linux/capability.h
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/filter.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h
_GETRANDOM = {"x86_64": 318, "aarch64": 278}


def command(*, config: str, arguments: list[str], obeys: bool = False, entropy: bool = True) -> None:
    """Run a command of the program, and end with its exit code. `obeys`: even root may write only what it may."""
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    if obeys:
        _obey_permissions()
    if not entropy:
        _no_entropy()
    cli.main(["--config", config, *arguments], prog_name="lockstep")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _obey_permissions() -> None:
    """Give up the right to write whatever is there (capset(2)), which root has and nobody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", _CAPABILITIES_VERSION, 0)
    sets = ctypes.create_string_buffer(24)
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget failed")
    words = list(struct.unpack("6I", sets.raw))
    words[:3] = [word & ~(1 << _DAC_OVERRIDE) for word in words[:3]]
    if libc.capset(header, struct.pack("6I", *words)):
        raise OSError(ctypes.get_errno(), "capset failed")


def _no_entropy() -> None:
    """Have the kernel fail every getrandom(2) of this process with EIO (seccomp(2)); it needs no right."""
    instructions = (
        (_LOAD_WORD, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, 1, _GETRANDOM[platform.machine()]),
        (_RETURN, 0, 0, _ERRNO | errno.EIO),
        (_RETURN, 0, 0, _ALLOW),
    )
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    program = _Program(len(instructions), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl failed")
