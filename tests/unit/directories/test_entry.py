"""What is taken out of an entry, and what sends it to quarantine."""

from datetime import UTC, datetime

import pytest

from agent.directories.entry import Entry, entry_of
from agent.directories.errors import BadEntry
from agent.directories.times import Moment, Permanent


def made(**attributes: bytes | list[bytes]) -> Entry:
    """Make an entry as a server would send it."""
    return entry_of("uid=x", {k: [v] if isinstance(v, bytes) else v for k, v in attributes.items()})


def test_names_have_no_case() -> None:
    """Whatever the server and the caller write; two spellings are one attribute."""
    entry = entry_of("uid=x", {"CN": [b"a"], "cn": [b"b"], "cn;lang-DE": [b"c"]})
    assert entry.values("Cn") == (b"a", b"b")
    assert entry.values("cn;lang-de") == (b"c",)


def test_absence_is_an_attribute_without_values() -> None:
    """A server may send one with none."""
    entry = made(mail=[])
    assert "mail" not in entry.attributes
    assert (entry.values("mail"), entry.text("mail"), entry.single("mail"), entry.time("mail")) == ((), "", None, None)


def test_texts_times_and_flags() -> None:
    """The good cases."""
    entry = made(
        cn="Zoë".encode(), mail=[b"a@x", b"b@x"], t=b"20261123120000Z", p=b"000001010000Z", f=b"true", g=b"FALSE"
    )
    assert entry.text("cn") == "Zoë"
    assert entry.texts("mail") == ("a@x", "b@x")
    assert entry.time("t") == Moment(datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert entry.time("p") == Permanent()
    assert (entry.flag("f"), entry.flag("g"), entry.flag("h")) == (True, False, False)


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\0b"])
def test_no_text(value: bytes) -> None:
    """Binary and NUL: said, with attribute and entry."""
    with pytest.raises(BadEntry, match="uid=x: cn "):
        made(cn=value).texts("cn")


def test_several_where_one_is_allowed() -> None:
    """Nobody picks the first."""
    with pytest.raises(BadEntry, match="2 values"):
        made(cn=[b"a", b"b"]).text("cn")


def test_no_time() -> None:
    """The text is shown, cut short."""
    with pytest.raises(BadEntry, match="t: 'soon' is no generalizedTime"):
        made(t=b"soon").time("t")
