"""What stands below the prefix, however it is spelled: SCIM errors, and authentication first."""

from collections.abc import Callable

import pytest

from scim.app import PREFIX
from scim.errors import STORE_RETRY_AFTER
from scim.services import Limits
from tests.support.scim_world import ScimWorld

USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}

SPELLINGS = [
    "/scim/v2/Users/user-ada",
    "/%73cim/v2/Users/user-ada",
    "/scim/v2/%55sers/user-ada",
    "/scim/v2/Users%2fuser-ada",
    "/scim%2fv2%2fUsers%2fuser-ada",
    "/scim/v2//Users/user-ada",
    "/scim/v2/Users//user-ada",
    "/scim/v2/./Users/user-ada",
    "/scim/v2/x/../Users/user-ada",
    "/scim/v2/Users/user-ada/",
    "/scim/v2/Users/user-ada//",
    "/scim/v2/Users/user-ada/.",
    "/scim/v2/Users/user-ada;x=1",
    "/scim/v2/Users/user-ada%00",
    "/scim/v2/Users/user-ada%0d%0a",
    "/scim/v2/Users/user-ada%ff",
    "/scim/v2/Users/user-ada%20",
    "/scim/v2/Users/%2e%2e/Users/user-ada",
    "/scim/v2/users/user-ada",
    "/scim/v2/Users.json",
    "/scim/v2/",
    "/scim/v2",
    "/scim/v2/%00",
    "/scim/v2/%",
    "/scim/v2/\\Users",
    "/scim/v2/" + "a" * 5000,
    "/scim/v2/" + "/" * 500,
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_a_path_gets_past_the_token(scim: ScimWorld, path: str) -> None:
    scim.provisioned()
    for method in ("GET", "POST", "PATCH", "DELETE"):
        response = scim.app.test_client().open(path, method=method, data=b"{}")
        assert response.status_code == 401
        assert response.mimetype == "application/scim+json"
        assert b"ada" not in response.data
    assert scim.stored("user-ada").version == 1


@pytest.mark.parametrize("path", SPELLINGS)
def test_every_spelling_is_answered_as_scim(scim: ScimWorld, path: str) -> None:
    reply = scim.idp.client.get(path, headers={"Authorization": f"Bearer {scim.idp.token}"})
    assert reply.mimetype == "application/scim+json"
    assert reply.status_code == (200 if path == "/scim/v2" else 404)


@pytest.mark.parametrize("path", ["/nothing", "/Users/a/-", "/Schemas/a/b", "/ServiceProviderConfig/x", "/metrics"])
def test_an_unknown_path_is_a_scim_404(scim: ScimWorld, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert scim.idp.call(method, path).problem == (404, None)


def test_a_trailing_slash_is_forgiven(scim: ScimWorld) -> None:
    assert scim.idp.get("/Users/").status == 200
    assert scim.idp.get("/Schemas/").status == 200


def test_a_method_that_is_not_offered_says_which_are(scim: ScimWorld) -> None:
    created = scim.idp.call("POST", "/Users/user-ada", USER)
    assert (created.status, created.raw.headers["Allow"]) == (405, "GET, HEAD, PUT, PATCH, DELETE")
    delete = scim.idp.call("DELETE", "/Users")
    assert (delete.status, delete.raw.headers["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("kind", ["application/scim+json", "Application/JSON; charset=utf-8", "application/json", None])
def test_media_types_that_are_taken(scim: ScimWorld, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    data = b'{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}'
    assert scim.idp.call("POST", "/Users", data=data, headers=headers).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/scim+json", "Content-Encoding": "gzip"},
    ],
)
def test_media_types_that_are_not(scim: ScimWorld, headers: dict[str, str]) -> None:
    assert scim.idp.call("POST", "/Users", data=b"{}", headers=headers).problem == (415, None)


def test_without_a_media_type_it_must_be_json(scim: ScimWorld) -> None:
    assert scim.idp.call("POST", "/Users", data=b"userName=ada").problem == (415, None)
    assert scim.idp.call("POST", "/Users").problem == (400, "invalidSyntax")


def test_a_body_has_a_size_and_a_depth(make_scim: Callable[..., ScimWorld]) -> None:
    scim = make_scim(limits=Limits(body_bytes=1_000, body_depth=4))
    json = {"Content-Type": "application/json"}
    assert scim.idp.post("x" * 1_000).problem == (413, None)
    assert scim.idp.post("ada", unknown=[[[[]]]]).problem == (400, "invalidSyntax")
    assert scim.idp.call("PATCH", "/Users/user-ada", data=b"[" * 999, headers=json).problem == (400, "invalidSyntax")
    assert scim.idp.post("ada", unknown=[[[]]]).status == 201


def test_a_body_without_a_length_has_a_size_too(make_scim: Callable[..., ScimWorld]) -> None:
    """Chunked: the server says where the input ends, and nobody said how long it would be."""
    scim = make_scim(limits=Limits(body_bytes=1_000))
    response = scim.app.test_client().open(
        f"{PREFIX}/Users",
        method="POST",
        headers={"Authorization": f"Bearer {scim.idp.token}", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": _Endless(), "wsgi.input_terminated": True},
    )
    assert response.status_code == 413


def test_a_request_id_is_kept_if_it_is_harmless(scim: ScimWorld) -> None:
    assert (
        scim.idp.call("GET", "/Users", headers={"X-Request-Id": "abc-1.2_3"}).raw.headers["X-Request-Id"] == "abc-1.2_3"
    )
    for strange in ("", "a b", "x" * 65, "<script>", "é"):
        assert scim.idp.call("GET", "/Users", headers={"X-Request-Id": strange}).raw.headers["X-Request-Id"] != strange


def test_a_store_that_is_gone_is_503_with_whole_seconds(scim: ScimWorld) -> None:
    idp = scim.idp
    scim.world.store.close()
    with scim.world.store._database._engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME TO elsewhere")
        connection.commit()
    reply = idp.get("/Users")
    assert reply.status == 503
    assert reply.raw.headers["Retry-After"] == str(STORE_RETRY_AFTER)


class _Endless:
    """An input that never ends."""

    def read(self, size: int = -1) -> bytes:
        return b" " * max(size, 1)

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)
