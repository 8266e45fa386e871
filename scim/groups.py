"""/Groups (RFC 7644 section 3): what each method does, for whoever the permits let through."""

from collections.abc import Sequence
from http import HTTPStatus

from ims.groups import Group, GroupId, MemberEdit
from ims.query import Page, Query
from scim import group_patch, patch
from scim.attributes import Document
from scim.calls import Answer, Call
from scim.groups_document import etag, location, rendered, text_edit
from scim.listing import Found, Listing, listed
from scim.parameters import Parameters, parameters_in
from scim.profiles import accepted_members, demand_schema
from scim.schemas import GROUPS
from scim.tries import repeated
from scim.users import id_asked
from scim.values import elements_of


def list_groups(call: Call) -> Answer:
    """GET /Groups: those of the caller's tenant that satisfy the filter, by pages."""
    return Answer(document=listed(call, call.parameters, (listing(call, call.parameters),)))


def search_groups(call: Call) -> Answer:
    """POST /Groups/.search: the same, asked in the body (RFC 7644 section 3.4.3)."""
    parameters = parameters_in(call.body())
    return Answer(document=listed(call, parameters, (listing(call, parameters),)))


def listing(call: Call, parameters: Parameters) -> Listing:
    """Return groups as a part of a list."""
    view = call.view

    def find(query: Query, page: Page) -> Found:
        found = view.find_groups(query, page)
        return Found(documents=_documents(call, found.groups, parameters), total=found.total)

    return Listing(of=GROUPS, find=find)


def get_group(call: Call, group_id: str) -> Answer:
    """GET /Groups/{id}: 304 if the caller has this version already."""
    group = call.view.group(GroupId(id_asked(group_id, "group")))
    if call.conditions.unchanged(etag(group)):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag(group)})
    return _shown(call, group)


def create_group(call: Call) -> Answer:
    """POST /Groups: create a group with its members."""
    document, members = _wanted(call.body())
    edit = text_edit(document, MemberEdit(added=members or frozenset()))
    return _shown(call, call.view.create_group(edit), HTTPStatus.CREATED)


def replace_group(call: Call, group_id: str) -> Answer:
    """PUT /Groups/{id}: what the client leaves out is unassigned, members too (RFC 7644 section 3.5.1)."""
    document, members = _wanted(call.body())
    edit = text_edit(document, MemberEdit().then_replace(members or ()))
    return _shown(call, repeated(call, lambda: call.view.edit_group(_demanded(call, group_id), edit)))


def patch_group(call: Call, group_id: str) -> Answer:
    """PATCH /Groups/{id}: 204, since nobody who adds a member wants to be told of 100,000 others."""
    operations = patch.parse(call.body(), GROUPS)

    def act() -> Group:
        group = _demanded(call, group_id)
        edit = group_patch.edit_of(operations, group, lambda: call.view.members([group]).get(group.id, ()))
        return call.view.edit_group(group, edit)

    changed = repeated(call, act)
    if call.parameters.projection(GROUPS):
        return _shown(call, changed)
    return Answer(status=HTTPStatus.NO_CONTENT, headers={"ETag": etag(changed)})


def delete_group(call: Call, group_id: str) -> Answer:
    """DELETE /Groups/{id}: the group is gone; its members are not."""
    repeated(call, lambda: call.view.delete_group(_demanded(call, group_id)))
    return Answer(status=HTTPStatus.NO_CONTENT)


def _wanted(body: Document) -> tuple[Document, frozenset[str] | None]:
    """Return what a client may write of a group, and whom it names as members; None = it says nothing of members."""
    demand_schema(body, GROUPS)
    document = accepted_members(body, GROUPS)
    if "members" not in document:
        return document, None
    return document, group_patch.ids_in(elements_of(document.pop("members")))


def _demanded(call: Call, group_id: str) -> Group:
    """Return a group that is as the caller demands. Raises NotFound, and HttpProblem (412) if it is not."""
    group = call.view.group(GroupId(id_asked(group_id, "group")))
    call.conditions.demand(etag(group), "group")
    return group


def _documents(call: Call, groups: Sequence[Group], parameters: Parameters) -> list[Document]:
    """Return groups as they are shown; their members are read only where somebody wants to see them."""
    projection = parameters.projection(GROUPS)
    wanted = projection.shows("members")
    members = call.view.members(groups) if groups and wanted else {}
    base_url = call.services.base_url
    return [
        projection.of_resource(rendered(one, members.get(one.id, ()) if wanted else None, base_url)) for one in groups
    ]


def _shown(call: Call, group: Group, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    headers = {"ETag": etag(group), "Location": location(group, call.services.base_url)}
    (document,) = _documents(call, (group,), call.parameters)
    return Answer(status=status, document=document, headers=headers)
