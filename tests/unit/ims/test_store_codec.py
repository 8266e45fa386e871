"""What the store keeps as JSON: any frozen type of ours, and a profile as the SCIM object that it is."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ims.locks import Lock, LockFact
from ims.passes import Circuit, DirectoryState, PassReport, Quarantined
from ims.people import Actor, Affiliation, Contact, EntryLink, LastUnlock, Profile
from ims.ports import Intent
from ims.store.codec import decode, encode
from ims.store.profiles import document_of, profile_of
from tests.support import first_looks
from tests.support.clock import NOON
from tests.support.repository import ROOT

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
ours = st.one_of(
    *(
        st.from_type(kind)
        for kind in (
            Actor,
            Affiliation,
            Circuit,
            DirectoryState,
            EntryLink,
            Intent,
            LastUnlock,
            Lock,
            LockFact,
            PassReport,
            Quarantined,
        )
    ),
)


@given(ours)
def test_every_value_comes_back(value: object) -> None:
    """Nested types, optional ones, enums, times to the microsecond, any text."""
    assert decode(type(value), encode(value)) == value


@given(st.from_type(Profile))
def test_every_profile_comes_back(profile: Profile) -> None:
    """Whatever is in it."""
    assert profile_of(document_of(profile)) == profile


def test_a_profile_is_kept_as_the_scim_object_that_it_is() -> None:
    """RFC 7643 section 8.1's names; what is unassigned is left out, and nothing in it depends on the clock."""
    profile = Profile(
        user_name="ada",
        external_id="E1",
        display_name="Ada \U0001f600",
        formatted_name="Ada Lovelace",
        given_name="Ada",
        honorific_prefix="Lady",
        profile_url="https://example.com",
        preferred_language="en",
        emails=(Contact(value="a@b", type="work", primary=True), Contact(value="c@d", display="C")),
        phone_numbers=(Contact(value="+1"),),
    )
    assert json.loads(document_of(profile)) == {
        "userName": "ada",
        "externalId": "E1",
        "displayName": "Ada \U0001f600",
        "name": {"formatted": "Ada Lovelace", "givenName": "Ada", "honorificPrefix": "Lady"},
        "profileUrl": "https://example.com",
        "preferredLanguage": "en",
        "emails": [{"value": "a@b", "type": "work", "primary": True}, {"value": "c@d", "display": "C"}],
        "phoneNumbers": [{"value": "+1"}],
    }
    assert json.loads(document_of(Profile(user_name="bo"))) == {"userName": "bo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    name: str
    count: int = 3
    moments: tuple[tuple[str, int], ...] = ()


def test_a_field_with_a_default_can_be_added_without_a_migration() -> None:
    """What was written before it existed has the default."""
    assert decode(_After, encode(_Before(name="x"))) == _After(name="x")


def test_what_equals_its_default_takes_no_room() -> None:
    """Most users have no lock, no doubt and no hint."""
    assert encode(_After(name="x")) == '{"name":"x"}'
    assert encode(_After(name="x", moments=(("a", 1),))) == '{"name":"x","moments":[["a",1]]}'
    assert encode(LastUnlock(at=NOON + timedelta(microseconds=1))) == '{"at":"2026-11-23T12:00:00.000001Z"}'


def test_threads_that_read_a_type_for_the_first_time_at_one_moment_do_not_end_the_process() -> None:
    """A web worker's first requests, an agent's first directories: msgspec alone ends in a segmentation fault."""
    done = subprocess.run(
        [sys.executable, "-m", first_looks.__name__], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
