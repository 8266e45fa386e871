"""An independent implementation of the RFCs reads what we write, and patches as we patch."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Context, Error, Extension, ListResponse, PatchOp, Resource, Schema
from scim2_models import User as ModelUser

from ims.people import Contact, Profile
from scim.patch import parse
from scim.profiles import profile_document
from scim.schemas import USERS
from scim.urns import PATCH_URN, USER_URN
from scim.user_patch import edit_of
from tests.support.people import user
from tests.support.scim_world import ScimWorld

ANSWER = Context.RESOURCE_QUERY_RESPONSE


@pytest.fixture
def model(scim: ScimWorld) -> Any:
    """Return a model of our users, built from nothing but what /Schemas publishes; it forbids what is not there."""
    published = [Schema.model_validate(schema) for schema in scim.idp.get("/Schemas").body["Resources"]]
    core, enterprise, lockstep, _ = published
    resource: Any = Resource.from_schema(core)
    return resource[Extension.from_schema(enterprise) | Extension.from_schema(lockstep)]


def assigned(value: Any) -> Any:
    """Return a document without what is empty: the model leaves it out, we show it."""
    if isinstance(value, dict):
        return {name: assigned(member) for name, member in value.items() if member not in ([], None)}
    return [assigned(element) for element in value] if isinstance(value, list) else value


def test_the_published_schemas_describe_what_is_shown(scim: ScimWorld, model: Any) -> None:
    """The same document goes in and comes out: no attribute is unknown, none has another type, none is lost."""
    scim.world.locked("ada")
    scim.world.locked("bob", lab=True)
    scim.carol.set_active("user-ada", value=True)
    scim.idp.post(
        "grace",
        name={"givenName": "Grace", "familyName": "Hopper"},
        emails=[{"value": "grace@acme.example", "type": "work", "primary": True}],
        phoneNumbers=[{"value": "+1-201-555-0123", "type": "work"}],
        profileUrl="https://acme.example/grace",
        active=False,
    )
    for caller in (scim.aude, scim.idp):
        page = caller.get("/Users").body
        assert len(page["Resources"]) >= 4
        ListResponse[model].model_validate(page, scim_ctx=ANSWER)
        for resource in page["Resources"]:
            read = model.model_validate(resource, scim_ctx=ANSWER)
            assert assigned(read.model_dump(scim_ctx=ANSWER)) == assigned(resource)


def test_errors_are_errors(scim: ScimWorld) -> None:
    for reply in (
        scim.anybody.get("/Users"),
        scim.idp.get("/Users/nobody"),
        scim.idp.find("nonsense"),
        scim.idp.find('password eq "x"'),
        scim.idp.call("PUT", "/Users/nobody"),
        scim.idp.call("POST", "/Bulk"),
    ):
        assert Error.model_validate(reply.body).status == reply.status


# --- PATCH -----------------------------------------------------------------------------------------------------------

ADA = Profile(
    user_name="ada",
    display_name="Ada",
    given_name="Ada",
    family_name="Lovelace",
    emails=(
        Contact(value="ada@work.example", type="work", primary=True),
        Contact(value="ada@home.example", type="home"),
    ),
)

words = st.sampled_from(("Ada", "x y", "Zoë", "a@b.example"))
addresses = st.sampled_from(("one@acme.example", "two@acme.example"))
ops = st.sampled_from(("add", "replace", "Replace"))
texts = st.sampled_from(("title", "displayName", "NICKNAME", "name.givenName", f"{USER_URN}:name.familyName"))
names = st.dictionaries(st.sampled_from(("givenName", "familyName", "formatted")), words, min_size=1)
places = st.sampled_from(('emails[type eq "work"]', 'emails[type co "O" and value pr]', 'Emails[not (type ne "home")]'))


def operation(op: str, path: str, value: object) -> dict[str, object]:
    """Return one operation."""
    return {"op": op, "path": path, "value": value}


operations = st.one_of(
    st.builds(operation, ops, texts, words),
    st.builds(operation, ops, st.just("name"), names),
    st.builds(lambda value: {"op": "replace", "value": value}, st.dictionaries(texts, words, min_size=1, max_size=1)),
    st.builds(lambda value: {"op": "add", "value": {"name": value}}, names),
    st.builds(lambda path: {"op": "remove", "path": path}, texts),
    st.builds(lambda where, value: operation("replace", f"{where}.value", value), places, addresses),
    st.builds(lambda where, value: operation("replace", f"{where}.display", value), places, words),
    st.builds(lambda where, value: operation("replace", where, {"display": value}), places, words),
    st.just(operation("replace", 'emails[type eq "home"].primary', value=True)),
    st.just(operation("replace", "active", value=False)),
)


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(operations, min_size=1, max_size=6))
def test_a_patch_comes_to_the_same(changes: list[dict[str, object]]) -> None:
    body = {"schemas": [PATCH_URN], "Operations": changes}
    one = replace(user("ada"), profile=ADA)
    theirs: ModelUser[Any] = ModelUser.model_validate({"schemas": [USER_URN], **profile_document(ADA)})
    PatchOp[ModelUser[Any]].model_validate(body).patch(theirs)
    edit = edit_of(parse(body, USERS), one, creates=False)
    ours = profile_document(edit.profile or ADA)
    expected = theirs.model_dump(exclude={"schemas", "active"})
    assert _comparable(ours) == _comparable(expected)
    assert edit.active is (False if theirs.active is False else None)


def _comparable(document: dict[str, Any]) -> Any:
    emails = [{"primary": False} | assigned(email) for email in document.get("emails") or []]
    return assigned(document | {"emails": emails, "name": assigned(document.get("name") or {}) or None})
