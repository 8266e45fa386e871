"""/Users and /Me (RFC 7644 section 3): what each method does, for whoever the permits let through."""

from collections.abc import Sequence
from http import HTTPStatus

from ims import permits
from ims.errors import Forbidden, NotFound
from ims.locks import locks_in_force
from ims.people import User, UserId
from ims.permits import Permission
from ims.provisioning import Edit
from ims.query import Page, Query
from scim import patch, user_patch
from scim.attributes import Document
from scim.calls import Answer, Call
from scim.listing import Found, Listing, listed
from scim.parameters import Parameters, parameters_in
from scim.profiles import wanted_user
from scim.resources import etag, location, rendered
from scim.schemas import USERS
from scim.tries import repeated
from scim.views import query_of

_ID_CHARACTERS_MAX = 64


def list_users(call: Call) -> Answer:
    """GET /Users: those of the caller's tenant that satisfy the filter, by pages."""
    return Answer(document=listed(call, call.parameters, (listing(call, call.parameters),)))


def search_users(call: Call) -> Answer:
    """POST /Users/.search: the same, asked in the body (RFC 7644 section 3.4.3)."""
    parameters = parameters_in(call.body())
    return Answer(document=listed(call, parameters, (listing(call, parameters),)))


def listing(call: Call, parameters: Parameters) -> Listing:
    """Return users as a part of a list."""
    view, projection = call.view, parameters.projection(USERS)

    def find(query: Query, page: Page) -> Found:
        found = view.find(query_of(call.own, query), page)
        return Found(documents=_documents(call, found.users, parameters), total=found.total)

    return Listing(of=projection.of, find=find)


def get_user(call: Call, user_id: str) -> Answer:
    """GET /Users/{id}: 304 if the caller has this version already."""
    user = call.view.user(UserId(id_asked(user_id, "user")))
    version = etag(user, call.view.now())
    if call.conditions.unchanged(version):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": version})
    return _shown(call, user)


def get_me(call: Call) -> Answer:
    """GET /Me: the person behind the token (RFC 7644 section 3.11). A connection is nobody."""
    if call.actor.user is None:
        raise NotFound("Behind this token there is no user, but a connection")
    return get_user(call, call.actor.user)


def create_user(call: Call) -> Answer:
    """POST /Users: create a user, or adopt the one of that name that no other connection owns."""
    wanted = wanted_user(call.body())
    user = call.view.create(wanted.profile, active=wanted.active is not False)
    return _shown(call, user, HTTPStatus.CREATED)


def replace_user(call: Call, user_id: str) -> Answer:
    """PUT /Users/{id}: what the client leaves out is unassigned, but for `active`, which then stays as it is."""
    wanted = wanted_user(call.body())
    asked = UserId(id_asked(user_id, "user"))

    def act() -> User:
        user = call.user(asked)
        edit = Edit(profile=wanted.profile, active=wanted.active)
        return call.view.edit(user.id, edit, user.version)

    return _shown(call, repeated(call, act))


def patch_user(call: Call, user_id: str) -> Answer:
    """PATCH /Users/{id}: a connection edits; a person locks or unlocks, and nothing else in the same request."""
    operations = patch.parse(call.body(), USERS)
    acts = _edited if permits.allows(call.actor, Permission.PROVISION) else _decided
    changed = acts(call, UserId(id_asked(user_id, "user")), operations)
    if user_patch.touches_active(operations) or call.parameters.projection(USERS):
        return _shown(call, changed)
    return Answer(status=HTTPStatus.NO_CONTENT, headers={"ETag": etag(changed, call.view.now())})


def delete_user(call: Call, user_id: str) -> Answer:
    """DELETE /Users/{id}: the user is gone for the tenant's connections."""
    user = call.user(UserId(id_asked(user_id, "user")))
    call.view.delete(user.id, user.version if call.conditions.names_version else None)
    return Answer(status=HTTPStatus.NO_CONTENT)


def id_asked(asked: str, what: str) -> str:
    """Return an id that can be looked up. Raises NotFound, worded like that of a missing one, for what cannot be.

    No id of ours is longer or holds anything but printable ASCII, and PostgreSQL refuses NUL with an error of its own.
    """
    if len(asked) > _ID_CHARACTERS_MAX or not (asked.isascii() and asked.isprintable()):
        raise NotFound(f"There is no {what} {asked}")
    return asked


def _edited(call: Call, user_id: UserId, operations: tuple[patch.Operation, ...]) -> User:
    """Edit a user, as a connection wants."""

    def act() -> User:
        user = call.user(user_id)
        return call.view.edit(user.id, user_patch.edit_of(operations, user, creates=True), user.version)

    return repeated(call, act)


def _decided(call: Call, user_id: UserId, operations: tuple[patch.Operation, ...]) -> User:
    """Lock or unlock, as a person wants. An If-Match names the version, and with it the locks, that they looked at."""
    user = call.user(user_id)
    active = user_patch.wanted_active(operations, user_id)
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


def _documents(call: Call, users: Sequence[User], parameters: Parameters) -> list[Document]:
    """Return users as they are shown; their groups are read only where somebody wants to see them."""
    lens, projection = call.lens(), parameters.projection(USERS)
    groups = call.view.memberships(users) if users and projection.shows("groups") else {}
    return [projection.of_resource(rendered(user, lens, groups.get(user.id, ()))) for user in users]


def _shown(call: Call, user: User, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    lens = call.lens()
    headers = {"ETag": etag(user, lens.now), "Location": location(user, lens.base_url)}
    (document,) = _documents(call, (user,), call.parameters)
    return Answer(status=status, document=document, headers=headers)
