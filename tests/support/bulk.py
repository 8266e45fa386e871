"""Many entries at once, by the server's own programs: a thousand people in about a second."""

import subprocess
from base64 import b64encode
from collections.abc import Iterable, Mapping

from tests.support.slapd import Slapd, program
from tests.support.slapd_config import ADMIN_DN, ADMIN_PASSWORD


def record(dn: str, attributes: Mapping[str, Iterable[str | bytes]], change: str = "add") -> str:
    """Return one LDIF record (RFC 2849), every value in base 64, so that it may hold anything."""
    lines = [f"dn:: {_text(dn)}", f"changetype: {change}"]
    if change == "add":
        lines += [f"{name}:: {_text(value)}" for name, values in attributes.items() for value in values]
    for name, values in attributes.items() if change == "modify" else ():
        lines += [f"replace: {name}", *(f"{name}:: {_text(value)}" for value in values), "-"]
    return "\n".join([*lines, ""])


def load(slapd: Slapd, records: Iterable[str]) -> None:
    """Have the administrator write them all, operational attributes too. Every refusal fails the test."""
    who = ("-x", "-H", slapd.url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD)
    done = subprocess.run(
        [program("ldapmodify"), *who, "-e", "!relax"],
        input="\n".join(records).encode(),
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]


def people(unit: str, names: Iterable[str], **attributes: str) -> list[str]:
    """Return records of people in a unit, each with a right password of their own."""
    return [
        record(
            f"uid={name},{unit}",
            {
                "objectClass": ["inetOrgPerson"],
                "uid": [name],
                "cn": [name],
                "sn": [name],
                "mail": [f"{name}@example.test"],
                **{key: [value] for key, value in attributes.items()},
            },
        )
        for name in names
    ]


def _text(value: str | bytes) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode()
