"""F24, F25: names that only look alike, and entries that hold anything at all. Nobody is merged, nothing is a crash."""

# ruff: noqa: RUF001 - characters that look alike are what this is about
import os
import random
import string
import unicodedata
import uuid
from collections.abc import Iterator

import pytest

from ims.locks import LockReason
from ims.people import User
from tests.support.bulk import load, record
from tests.support.fault_proxy import Forge, fault_proxy
from tests.support.oracle import everybody
from tests.support.people import ACME
from tests.support.sync_world import SyncWorld

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("no_secret_shown")]
LONG = os.environ.get("LOCKSTEP_FAULTS") == "long"
BY_ATTRIBUTE = {"staff": {"tenant": ACME, "attribute": "employeeType", "value": "staff"}}


# --- F24 -------------------------------------------------------------------------------------------------------------


def _one_name() -> Iterator[tuple[str, str]]:
    """Yield two spellings of one user name: composition, case and width make no difference (RFC 8265 section 3.3)."""
    composed = [
        chr(code) for code in (*range(0xC0, 0xD6), *range(0x100, 0x130), *range(0x1E00, 0x1E10), 0xAC00, 0xD55C)
    ]
    yield from (
        (one, unicodedata.normalize("NFD", one)) for one in composed if unicodedata.normalize("NFD", one) != one
    )
    yield from ((one.upper(), one) for one in "abcxyzäéñøþžβδωжщяճբჱ" if len(one.upper()) == 1)
    yield from ((chr(ord(one) + 0xFEE0), one) for one in string.ascii_letters[:20] + string.digits)
    yield from (("\N{KELVIN SIGN}", "k"), ("\N{ANGSTROM SIGN}", "å"), ("\N{OHM SIGN}", "ω"), ("ẞ", "ß"), ("Ĳ", "ĳ"))
    yield from (("ｶﾞ", "ガ"), ("ａ\u0301", "á"), ("Σ", "ς"), ("σ", "ς"), ("e\u0323\u0302", "ệ"))


def _two_names() -> Iterator[tuple[str, str]]:
    """Yield names that look alike, or that some comparisons take for one: two people all the same."""
    yield from zip("асеорхуіјѕԁһԛԝ", "aceopxyijsdhqw", strict=True)
    yield from zip("АВЕКМНОРСТХ", "ABEKMHOPCTX", strict=True)
    yield from zip("αοιυν", "aoiuv", strict=True)
    invisible = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\u2061\u200e\u200f\u202a\u2066\u3164\u115f\ufe0f"
    yield from ((f"x{one}y", "xy") for one in invisible)
    yield from (("ß", "ss"), ("ı", "i"), ("İ", "i"), ("ﬁ", "fi"), ("ﬀ", "ff"), ("²", "2"), ("①", "1"), ("™", "tm"))
    yield from (("ſ", "s"), ("æ", "ae"), ("ø", "o"), ("đ", "d"), ("ł", "l"), ("ŉ", "ʼn"), ("½", "1\u20442"), ("ª", "a"))
    yield from (("٣", "3"), ("३", "3"), ("O", "0"), ("l", "1"), ("rn", "m"), ("ℓ", "l"), ("Ⅷ", "VIII"), ("ﷺ", "صلى"))
    yield from (("a\u00a0b", "a b"), ("a\u2003b", "a b"), ("‐", "-"), ("−", "-"), ("’", "'"), ("․", "."), ("／x", "∕x"))


ONE, TWO = tuple(dict.fromkeys(_one_name())), tuple(dict.fromkeys(_two_names()))


def test_f24_pairs_of_names(world: SyncWorld) -> None:
    """What is one name is a conflict, and both wait; what is not is two people, however much they look alike."""
    assert len(ONE) + len(TWO) >= 200
    world.configure(rules=BY_ATTRIBUTE)
    pairs = [
        (f"{number:03}-{world.mark}-{pair[0]}", f"{number:03}-{world.mark}-{pair[1]}")
        for number, pair in enumerate((*ONE, *TWO))
    ]
    load(
        world.slapd,
        (_named(world, f"{number}-{side}", pair[side]) for number, pair in enumerate(pairs) for side in (0, 1)),
    )
    report = world.reconcile().report
    assert (report.complete, report.quarantined) == (True, 2 * len(ONE))
    users = {user.profile.user_name: user for user in everybody(world.store)}
    for one, other in pairs[: len(ONE)]:
        assert one not in users, one
        assert other not in users, other
    for one, other in pairs[len(ONE) :]:
        assert users[one].id != users[other].id
        assert users[one].entries[0].entry_id != users[other].entries[0].entry_id
    before = world.versions()
    world.reconcile()
    assert world.versions() == before


def _named(world: SyncWorld, cn: str, uid: str) -> str:
    attributes = {"objectClass": ["inetOrgPerson"], "cn": [cn], "sn": ["x"], "uid": [uid], "employeeType": ["staff"]}
    return record(f"cn={cn},{world.unit}", attributes)


# --- F25 -------------------------------------------------------------------------------------------------------------


def test_f25_odd_names_and_values(world: SyncWorld) -> None:
    """Each entry is stored as it is or waits in quarantine with a reason; everybody else goes on."""
    dice = random.Random(20261125)
    ada = world.person("ada", staff=False, employeeType="staff")
    world.slapd.lock(ada)
    forged = [_odd(dice, world, number) for number in range(5000 if LONG else 300)]
    forged.append(_odd(dice, world, -1, displayName=[b"x" * 1_000_000], mail=[b"m%d@x" % n for n in range(1000)]))
    ids = {attributes["entryUUID"][0].decode() for _, attributes in forged}
    with fault_proxy(world.slapd.port) as proxy:
        world.configure(servers=[proxy.url], rules=BY_ATTRIBUTE, attributes={"nickName": "displayName"})
        proxy.disturb(lambda: Forge(world.unit, forged))
        assert world.reconcile().report.complete
        stored, waiting = {user.entries[0].entry_id: user for user in everybody(world.store)}, world.quarantine()
        assert (stored.keys() | waiting.keys()) == ids | {ada.entry_id}
        assert not stored.keys() & waiting.keys()
        assert min(len(stored), len(waiting)) > len(ids) / 10
        assert all(waiting.values())
        assert all(_is_clean(user) for user in stored.values())
        before = world.versions()
        world.reconcile()
        assert (world.versions(), world.quarantine()) == (before, waiting)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


ODD_NAMES = (
    *("cn=n\\2c{n}", "cn=\\23{n}", "cn=\\20{n}\\20", "cn=a\\+b{n}", 'cn=\\"{n}\\"', "cn=<{n}\\>", "cn=x\\0ay{n}"),
    *(
        "cn=\\00{n}",
        "cn={n}+sn=x",
        "sn=x+cn={n}",
        "cn=#04024869{n:04x}",
        "2.5.4.3={n}",
        "OID.2.5.4.3={n}",
        " cn = {n} ",
    ),
    *("cn=\\c3\\a4{n}", "cn=\\ff{n}", "cn={n}\\", "{n}", "={n}", "cn", "cn=(*)\\28{n}", "cn=é{n}", "cn=\u202e{n}"),
)
ODD_VALUES = (
    *(b"", b"\x00", b"a\x00b", b"a\nb", b"a\r\nSet-Cookie: x", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *(b"\xc0\xaf", b" ", b"  lead", b"trail  ", b"'; DROP TABLE users; --", b"<script>alert(1)</script>", b"%s%n"),
    *(
        b"*)(uid=*",
        b"\\2a",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
        "\U0001f469\u200d\U0001f4bb".encode(),
        b"A" * 5000,
        b"-1",
    ),
)


def _odd(dice: random.Random, world: SyncWorld, number: int, **more: list[bytes]) -> tuple[str, dict[str, list[bytes]]]:
    """Return an entry of which one or two things are odd: its name, its user name, its values."""
    name = dice.choice(ODD_NAMES).format(n=number) if dice.random() < 0.4 else f"cn=n{number}"
    uid = f"odd{number}-{world.mark}".encode()
    attributes = {
        "entryUUID": [str(uuid.UUID(int=dice.getrandbits(128))).encode()],
        "entryCSN": [b"20261123000000.000000Z#000000#000#000000"],
        "uid": [uid + dice.choice(ODD_VALUES) if dice.random() < 0.4 else uid],
        "displayName": [dice.choice(ODD_VALUES)],
        "mail": [dice.choice(ODD_VALUES), b"x@example.test"],
        "employeeType": [b"staff"],
        **more,
    }
    return f"{name},{world.unit}", attributes


def _is_clean(user: User) -> bool:
    """Return whether what is stored is text that every reader takes."""
    texts = (user.profile.user_name, user.profile.nick_name, *(mail.value for mail in user.profile.emails))
    return all("\0" not in text and text == text.encode().decode() for text in texts)
