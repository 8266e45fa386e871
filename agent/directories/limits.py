"""How much one server may make us hold: whatever it sends, the agent of all other directories lives on."""

from dataclasses import dataclass

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is taken at most; more is a ProtocolFault. A group of 750,000 members takes 32 MB.

    `message` and `page` are octets of one message and of all messages of one answer. `entries` and `values` (with
    attributes and controls) are those of one answer, `attributes` those of one entry, `controls` those of one message:
    what decoding could blow up, as an empty value takes two octets on the wire.
    """

    message: int = 64 * _MEBIBYTE
    page: int = 128 * _MEBIBYTE
    entries: int = 100_000
    values: int = 4_000_000
    attributes: int = 10_000
    controls: int = 100


LIMITS = Limits()
