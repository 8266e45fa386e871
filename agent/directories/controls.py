"""The small controls that come with answers, decoded by hand with every length checked.

Most come from ldap3 as they are. A malformed one is a ProtocolFault: an identity server has died of such a control.
"""

from dataclasses import dataclass

from agent.directories import ber
from agent.directories.errors import ProtocolFault

PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - the OID of a control (draft-behera-ldap-password-policy)
ACCOUNT_USABILITY = "1.3.6.1.4.1.42.2.27.9.5.8"
ASSERTION = "1.3.6.1.1.12"
"""RFC 4528: the operation is done only if the entry satisfies a filter."""
EFFECTIVE_RIGHTS = "1.3.6.1.4.1.42.2.27.9.5.2"
"""draft-ietf-ldapext-acl-model: what somebody may do with an entry, as 389 Directory Server says it."""
PAGED_RESULTS = "1.2.840.113556.1.4.319"
"""RFC 2696: a search in pages."""
NO_OPERATION = "1.3.6.1.4.1.4203.666.5.2"
"""slapd's: the operation is gone through, rights and all, and not done. Critical: who does not know it refuses."""

_WARNING, _ERROR = 0xA0, 0x81
_AVAILABLE, _NOT_AVAILABLE = 0x80, 0xA1
_INACTIVE, _SECONDS = 0x80, 0x84


@dataclass(frozen=True, slots=True)
class PolicyResponse:
    """What the password policy control says about a bind; `error` is None where it says nothing.

    0 passwordExpired, 1 accountLocked, 2 changeAfterReset; others concern changes of passwords.
    """

    error: int | None = None


@dataclass(frozen=True, slots=True)
class Usability:
    """What the server itself thinks of an account, by the Account Usability control.

    `seconds_to_unlock` is known only where a lock ends by itself. "Not usable" may also mean an expired password:
    slapd 2.5 does not tell them apart; 389 Directory Server calls only the locked `inactive`.
    """

    usable: bool
    seconds_to_unlock: int | None = None
    inactive: bool = False


def policy_response(value: bytes) -> PolicyResponse:
    """Decode the answer to the password policy request control. Raises ProtocolFault."""
    if not value:
        return PolicyResponse()
    for tag, start, stop in ber.elements(value, *_sequence(value)):
        if tag == _ERROR:
            return PolicyResponse(ber.integer(value, start, stop))
        if tag != _WARNING:
            raise ProtocolFault(f"a password policy control holds an element of type {tag:#04x}")
    return PolicyResponse()


def usability(value: bytes) -> Usability:
    """Decode the answer to the Account Usability control. Raises ProtocolFault."""
    (tag, start, stop), *more = list(ber.elements(value, 0, len(value))) or [(0, 0, 0)]
    if more or tag not in {_AVAILABLE, _NOT_AVAILABLE}:
        raise ProtocolFault("an account usability control is neither of its two forms")
    if tag == _AVAILABLE:
        return Usability(usable=True)
    parts = {part: ends for part, *ends in ber.elements(value, start, stop)}
    seconds = ber.integer(value, *parts[_SECONDS]) if _SECONDS in parts else -1
    inactive = _INACTIVE in parts and any(value[slice(*parts[_INACTIVE])])
    return Usability(usable=False, seconds_to_unlock=seconds if seconds > 0 else None, inactive=inactive)


def paging_cookie(value: bytes) -> bytes:
    """Return where the next page begins, as the server's paging control says it; empty = that was all.

    Raises ProtocolFault. The server's estimate of the size of it all is of no use to anybody.
    """
    at, end = _sequence(value)
    size_at, size_end = ber.expect(ber.Tag.INTEGER, value, at, end)
    ber.integer(value, size_at, size_end)
    start, stop = ber.expect(ber.Tag.OCTETS, value, size_end, end)
    ber.ignore(value, stop, end)
    return value[start:stop]


def _sequence(value: bytes) -> tuple[int, int]:
    """Return the bounds of the contents of a control whose value is one sequence."""
    start, stop = ber.expect(ber.Tag.SEQUENCE, value, 0, len(value))
    if stop != len(value):
        raise ProtocolFault("a control's value is more than what its standard says")
    return start, stop
