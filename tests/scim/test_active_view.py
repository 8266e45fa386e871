"""A connection that sees its own lock only in `active`: in answers and in filters; the truth is in the extension."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ims.credentials import ActiveView
from ims.query import EVERYTHING, NOTHING, And, Attribute, Compare, Not, Operator, Or
from scim.urns import LOCKSTEP_URN
from scim.views import query_of
from tests.support.people import HR, IDP
from tests.support.scim_world import CONNECTIONS, ScimWorld


@pytest.fixture
def scim(make_scim: Callable[..., ScimWorld]) -> ScimWorld:
    """Return a service provider where the identity provider has that view, and another connection has not."""
    own = replace(CONNECTIONS[IDP], active_view=ActiveView.PROVISIONED)
    return make_scim(connections={**CONNECTIONS, IDP: own})


def test_a_lock_of_somebody_else_leaves_it_active(scim: ScimWorld) -> None:
    """Held by a Co-Administrator: to this connection still active, to every other caller not."""
    ada = scim.idp.post("ada").body["id"]
    assert scim.carol.set_active(ada, value=False).status == 200
    seen, other = scim.idp.get(f"/Users/{ada}").body, scim.connection(HR).get(f"/Users/{ada}").body
    assert (seen["active"], seen[LOCKSTEP_URN]["locked"]) == (True, True)
    assert (other["active"], other[LOCKSTEP_URN]["locked"]) == (False, True)
    assert "ada" in scim.idp.find("active eq true").names
    assert "ada" not in scim.idp.find("active eq false").names
    assert "ada" not in scim.connection(HR).find("active eq true").names
    assert "ada" in scim.idp.find(f"{LOCKSTEP_URN}:locked eq true").names


def test_its_own_lock_is_what_it_sees(scim: ScimWorld) -> None:
    ada = scim.idp.post("ada").body["id"]
    answer = scim.idp.set_active(ada, value=False)
    assert (answer.status, answer.body["active"]) == (200, False)
    assert scim.idp.find("active eq false").names == ["ada"]
    assert scim.idp.find("not (active eq true)").names == ["ada"]
    assert scim.idp.find('active ne true and userName eq "ada"').names == ["ada"]
    assert "ada" not in scim.idp.find('active eq true or userName eq "nobody"').names
    assert scim.idp.set_active(ada, value=True).body["active"] is True


def test_the_rewritten_query_is_the_same_but_for_active() -> None:
    """Wherever it stands; and for everybody else it is the very same."""
    active = Compare(Attribute.ACTIVE, Operator.EQ, value=True)
    name = Compare(Attribute.USER_NAME, Operator.EQ, "ada")
    whole = And((Or((active, name)), Not(Compare(Attribute.ACTIVE, Operator.NE, value=True)), EVERYTHING, NOTHING))
    assert query_of(None, whole) is whole
    own = query_of(IDP, active)
    assert isinstance(own, Not)
    assert query_of(IDP, whole) == And((Or((own, name)), Not(own.part), EVERYTHING, NOTHING))
