"""Queries of the root: resources of every type, users first (RFC 7644 sections 3.4.2.1 and 3.4.3)."""

from scim import groups, users
from scim.calls import Answer, Call
from scim.listing import listed
from scim.parameters import Parameters, parameters_in


def query(call: Call) -> Answer:
    """GET the root."""
    return _answer(call, call.parameters)


def search(call: Call) -> Answer:
    """POST /.search: the same, asked in the body."""
    return _answer(call, parameters_in(call.body()))


def _answer(call: Call, parameters: Parameters) -> Answer:
    both = (users.listing(call, parameters), groups.listing(call, parameters))
    return Answer(document=listed(call, parameters, both))
