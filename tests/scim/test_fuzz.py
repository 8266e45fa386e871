"""Whatever anybody sends, the answer is never a 5xx, and never anything but SCIM."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.app import PREFIX
from scim.urns import LOCKSTEP_URN, PATCH_URN, USER_URN
from tests.support.scim_world import Reply, ScimWorld
from tests.support.unlock_world import open_world

NAMES = (
    "schemas", "id", "externalId", "userName", "name", "givenName", "displayName", "emails", "value", "type", "primary",
    "phoneNumbers", "active", "meta", "password", "locked", "locks", "Operations", "op", "path", "__class__", "$ref",
    USER_URN, LOCKSTEP_URN, f"{USER_URN}:userName", "name.givenName", 'emails[type eq "work"].value',
)  # fmt: skip
WORDS = (
    "",
    "ada",
    "True",
    "false",
    "work",
    "add",
    "Replace",
    "remove",
    "eq",
    "pr",
    USER_URN,
    PATCH_URN,
    "\0",
    "\ud800",
    "😀",
)
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=6))
texts = st.one_of(st.sampled_from((*WORDS, *NAMES)), st.text(max_size=8))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
paths = st.one_of(
    st.sampled_from(NAMES),
    st.builds("{}[{}].{}".format, names, texts, names),
    st.builds('{}[{} eq "{}"]'.format, names, names, texts),
    st.text(max_size=12),
)
operations = st.fixed_dictionaries(
    {},
    optional={
        "op": st.one_of(st.sampled_from(("add", "Replace", "REMOVE")), values),
        "path": st.one_of(paths, values),
        "value": values,
        "junk": values,
    },
)
words = st.one_of(
    st.sampled_from(
        (
            "(", ")", "[", "]", "and", "or", "not", "eq", "ne", "co", "sw", "ew", "gt", "le", "pr", "true", "null",
            "1e5", '"a"', '"2026-01-01T00:00:00Z"', '"', "\\", ".", "-1", ":", "userName", "emails", "type", "active",
            "locks", "meta.created", "name", "urn:x:y", LOCKSTEP_URN, "\0", "é", "\ud800",
        )
    ),
    st.text(max_size=4),
)  # fmt: skip
filters = st.lists(words, max_size=14).map(" ".join)


@pytest.fixture(scope="module")
def scim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScimWorld]:
    """Return one service provider for all examples: what they leave behind is part of the fuzz."""
    scim = ScimWorld(world=open_world(tmp_path_factory.mktemp("fuzz")))
    scim.world.locked("ada")
    scim.provisioned("bob")
    yield scim
    scim.world.store.close()


@pytest.fixture(scope="module")
def tokens(scim: ScimWorld) -> list[str]:
    """Return tokens of every kind of caller."""
    callers = (scim.idp, scim.carol, scim.aude, scim.operator)
    return [caller.token or "" for caller in callers]


def must_answer(scim: ScimWorld, token: str, method: str, path: str, **sent: object) -> Reply:
    """Send a request as it is, and return the answer, which is a client's own fault at worst."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    response = scim.app.test_client().open(PREFIX + path, method=method, headers=headers, **sent)  # type: ignore[arg-type]  # what Werkzeug's client takes
    reply = Reply(response)
    assert reply.status < 500 or reply.status == 501, (method, path, sent, reply.raw.text)
    return reply


def encoded(value: object) -> bytes:
    """Return JSON, with NaN and lone surrogates where the value has them."""
    return json.dumps(value).encode()


@settings(max_examples=300, deadline=None)
@given(who=st.integers(0, 3), body=values, raw=st.one_of(st.none(), st.binary(max_size=60)))
def test_a_post(scim: ScimWorld, tokens: list[str], who: int, body: object, raw: bytes | None) -> None:
    must_answer(scim, tokens[who], "POST", "/Users", data=encoded(body) if raw is None else raw)


@settings(max_examples=300, deadline=None)
@given(profile=st.dictionaries(names, values, max_size=6), user_name=st.one_of(texts, values))
def test_a_post_that_is_nearly_right(
    scim: ScimWorld, tokens: list[str], profile: dict[str, object], user_name: object
) -> None:
    body = {**profile, "schemas": [USER_URN], "userName": user_name}
    reply = must_answer(scim, tokens[0], "POST", "/Users", data=encoded(body))
    assert reply.status in (201, 400, 409)
    if reply.status == 201:
        assert must_answer(scim, tokens[0], "GET", f"/Users/{reply.body['id']}").body == reply.body


@settings(max_examples=500, deadline=None)
@given(
    who=st.integers(0, 3),
    target=st.sampled_from(("user-ada", "user-bob", "user-nobody")),
    changes=st.lists(operations, max_size=4),
)
def test_a_patch(scim: ScimWorld, tokens: list[str], who: int, target: str, changes: list[dict[str, object]]) -> None:
    body = {"schemas": [PATCH_URN], "Operations": changes}
    before = scim.world.store.user(scim.stored("user-bob").id)
    reply = must_answer(scim, tokens[who], "PATCH", f"/Users/{target}", data=encoded(body))
    assert reply.status in (200, 204, 400, 403, 404, 409)
    if reply.status >= 400:
        assert scim.world.store.user(scim.stored("user-bob").id) == before


@settings(max_examples=400, deadline=None)
@given(
    who=st.integers(0, 2),
    text=filters,
    extra=st.dictionaries(
        st.sampled_from(("startIndex", "count", "attributes", "excludedAttributes", "sortBy")),
        st.one_of(st.integers().map(str), texts, st.lists(names, max_size=3).map(",".join)),
        max_size=3,
    ),
)
def test_a_query(scim: ScimWorld, tokens: list[str], who: int, text: str, extra: dict[str, str]) -> None:
    pairs = {"filter": text, **extra}
    query = "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in pairs.items())
    reply = must_answer(scim, tokens[who], "GET", "/Users", query_string=query)
    assert reply.status in (200, 400, 403)


@settings(max_examples=300, deadline=None)
@given(
    who=st.integers(0, 3),
    method=st.sampled_from(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")),
    path=st.one_of(
        st.binary(max_size=20).map(quote),
        st.builds("Users/{}".format, st.binary(max_size=12).map(quote)),
        st.builds("Schemas/{}".format, st.text(max_size=12).map(lambda text: quote(text.encode("utf-8", "replace")))),
        st.sampled_from(("Users/%00", "Users/%ff", "Users/%0d%0aX-Evil:1", "Users/" + "9" * 4000, "Users/%ed%a0%80")),
    ),
    condition=st.one_of(st.none(), st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12)),
)
def test_a_path(scim: ScimWorld, tokens: list[str], who: int, method: str, path: str, condition: str | None) -> None:
    headers = {"Authorization": f"Bearer {tokens[who]}"}
    if condition is not None:
        headers |= {"If-Match": condition, "If-None-Match": condition, "X-Request-Id": condition}
    response = scim.app.test_client().open(f"{PREFIX}/{path}", method=method, headers=headers, data=b"{}")
    assert response.status_code < 500 or response.status_code == 501
    assert response.mimetype == "application/scim+json"
    assert "X-Evil" not in response.headers
