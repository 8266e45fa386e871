"""/Users (RFC 7644 section 3): what each method does, for whoever the permits let through."""

from http import HTTPStatus

from ims import permits
from ims.errors import Forbidden, NotFound, StaleVersion
from ims.locks import locks_in_force
from ims.people import User, UserId
from ims.permits import Permission
from ims.query import EVERYTHING
from scim import filters, patch
from scim.calls import Answer, Call
from scim.paging import list_response, page_of
from scim.resources import etag, location, new_user, rendered

EDIT_TRIES = 40
"""How often an edit without If-Match is computed anew because somebody else wrote the user first.

Two clients on a busy machine can lose to each other ten times in a row; forty times is a tenth of a second.
"""
_ID_CHARACTERS_MAX = 64


def list_users(call: Call) -> Answer:
    """GET /Users: those of the caller's tenant that satisfy the filter, by pages."""
    lens = call.lens()
    text = call.parameters.filter
    query = EVERYTHING if text is None else filters.compiled(text, evidence=lens.evidence)
    page = call.view.find(query, page_of(call.parameters, call.services.limits))
    shown = [call.parameters.projection.of_resource(rendered(user, lens)) for user in page.users]
    return Answer(document=list_response(shown, page.total, call.parameters.start_index))


def get_user(call: Call, user_id: str) -> Answer:
    """GET /Users/{id}: 304 if the caller has this version already."""
    user = call.view.user(_id(user_id))
    version = etag(user, call.view.now())
    if call.conditions.unchanged(version):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": version})
    return _shown(call, user)


def create_user(call: Call) -> Answer:
    """POST /Users: create a user, or adopt the one of that name that no other connection owns."""
    wanted = new_user(call.body())
    user = call.view.create(wanted.profile, active=wanted.active)
    return _shown(call, user, HTTPStatus.CREATED)


def patch_user(call: Call, user_id: str) -> Answer:
    """PATCH /Users/{id}: a connection edits; a person locks or unlocks, and nothing else in the same request."""
    operations = patch.parse(call.body())
    acts = _edited if permits.allows(call.actor, Permission.PROVISION) else _decided
    changed = acts(call, _id(user_id), operations)
    if patch.touches_active(operations) or call.parameters.projection:
        return _shown(call, changed)
    return Answer(status=HTTPStatus.NO_CONTENT, headers={"ETag": etag(changed, call.view.now())})


def delete_user(call: Call, user_id: str) -> Answer:
    """DELETE /Users/{id}: the user is gone for the tenant's connections."""
    user = call.user(_id(user_id))
    call.view.delete(user.id, user.version if call.conditions.names_version else None)
    return Answer(status=HTTPStatus.NO_CONTENT)


def _edited(call: Call, user_id: UserId, operations: tuple[patch.Operation, ...]) -> User:
    """Edit a user, as a connection wants. Without If-Match, somebody else's write in between is no conflict."""
    for _ in range(EDIT_TRIES - 1):
        try:
            return _edited_once(call, user_id, operations)
        except StaleVersion:
            if call.conditions.names_version:
                raise
    return _edited_once(call, user_id, operations)


def _edited_once(call: Call, user_id: UserId, operations: tuple[patch.Operation, ...]) -> User:
    user = call.user(user_id)
    return call.view.edit(user.id, patch.edit_of(operations, user), user.version)


def _decided(call: Call, user_id: UserId, operations: tuple[patch.Operation, ...]) -> User:
    """Lock or unlock, as a person wants. An If-Match names the version, and with it the locks, that they looked at."""
    user = call.user(user_id)
    active = patch.wanted_active(operations, user_id)
    if active is None:
        raise Forbidden(
            f"The role {call.actor.role.value} may lock (active: false) or unlock (active: true) a user, and nothing "
            "else in the same request",
        )
    if not active:
        return call.view.hold(user_id, note="")
    in_force = locks_in_force(user.locks, call.view.now())
    shown = frozenset(lock.id for lock in in_force) if call.conditions.names_version else None
    return call.view.unlock(user_id, shown)


def _shown(call: Call, user: User, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    lens = call.lens()
    headers = {"ETag": etag(user, lens.now)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = location(user, lens.base_url)
    return Answer(status=status, document=call.parameters.projection.of_resource(rendered(user, lens)), headers=headers)


def _id(asked: str) -> UserId:
    """Return an id that can be looked up. Raises NotFound, worded like that of a missing user, for one that cannot be.

    No id of ours is longer or holds anything but printable ASCII, and PostgreSQL refuses NUL with an error of its own.
    """
    if len(asked) > _ID_CHARACTERS_MAX or not (asked.isascii() and asked.isprintable()):
        raise NotFound(f"There is no user {asked}")
    return UserId(asked)
