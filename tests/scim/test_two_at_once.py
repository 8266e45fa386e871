"""Two clients write the same user at the same time."""

from concurrent.futures import ThreadPoolExecutor

from ims.audit import Action
from tests.support.people import IDP
from tests.support.scim_world import Caller, ScimWorld

TIMES = 15


def test_neither_edit_is_lost_nor_refused(scim: ScimWorld) -> None:
    """Each edit is made on the user as the other left them; without If-Match nobody is told of a conflict."""
    ada = scim.provisioned()

    def edit(caller: Caller, path: str) -> list[int]:
        changes = ({"op": "add", "path": path, "value": f"{number}"} for number in range(TIMES))
        return [caller.patch(ada.id, change).status for change in changes]

    with ThreadPoolExecutor(2) as pool:
        callers = (scim.connection(IDP), scim.connection(IDP))
        statuses = list(pool.map(edit, callers, ("title", "nickName")))
    assert statuses == [[204] * TIMES] * 2
    profile = scim.stored(ada.id).profile
    assert (profile.title, profile.nick_name) == (f"{TIMES - 1}", f"{TIMES - 1}")
    changes = [row for row in scim.world.store.audit(user=ada.id, limit=1000) if row.action is Action.USER_CHANGED]
    assert len(changes) == 2 * TIMES


def test_with_if_match_one_of_two_wins(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    version = scim.idp.get(f"/Users/{ada.id}").raw.headers["ETag"]

    def edit(caller: Caller, value: str) -> int:
        change = {"op": "add", "path": "title", "value": value}
        return caller.patch(ada.id, change, headers={"If-Match": version}).status

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(edit, [scim.connection(IDP) for _ in range(4)], "1234"))
    assert sorted(statuses) == [204, 412, 412, 412]


def test_one_name_is_created_once(scim: ScimWorld) -> None:
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda caller: caller.post("ada").status, [scim.connection(IDP) for _ in range(4)]))
    assert sorted(statuses) == [201, 409, 409, 409]
    assert scim.idp.get("/Users").body["totalResults"] == 1
