"""The whole program behind HTTP: the story of an unlock, monitoring, and what is served while a directory is down."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import UIDS, Acme
from tests.support.installation import Installation, corner
from tests.support.slapd import Slapd
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers

EXTENSION = "urn:ietf:params:scim:schemas:extension:lockstep:2.0:User"


def users(installation: Installation, token: str) -> dict[str, dict[str, object]]:
    status, _, body = installation.get("/scim/v2/Users", token)
    assert status == 200, body
    return {user["userName"]: user for user in json.loads(body)["Resources"]}


def test_the_story_of_a_lock(acme: Acme) -> None:
    """Locked by wrong passwords, shown with the reason, not freed by the provisioner, freed by the Co-Administrator."""
    acme.installation.ok("sync")
    carla = acme.installation.token("--user", acme.name("carla"), "--role", "co_administrator")
    okta = acme.installation.token("--connection", "okta")
    with acme.installation.serving("run"):
        assert users(acme.installation, carla)[acme.name("lena")]["active"] is True
        acme.lock("lena")
        wait_until(lambda: not users(acme.installation, carla)[acme.name("lena")]["active"], "the lock is shown", 20)
        lena = users(acme.installation, carla)[acme.name("lena")]
        assert [lock["value"] for lock in lena[EXTENSION]["locks"]] == ["password_attempts"]  # type: ignore[index]  # parsed JSON
        status, _, body = acme.installation.patch_active(str(lena["id"]), okta)
        assert (status, json.loads(body)["active"]) == (200, False)
        assert not acme.signs_in("lena")
        status, _, body = acme.installation.patch_active(str(lena["id"]), carla)
        assert (status, json.loads(body)["active"]) == (200, True), body
        assert acme.signs_in("lena")


def test_while_the_directory_is_down_the_last_known_state_is_served(acme: Acme) -> None:
    """Started without it, too; only an unlock has to wait, and says for how long."""
    acme.lock("lena")
    acme.installation.ok("sync")
    carla = acme.installation.token("--user", acme.name("carla"), "--role", "co_administrator")
    settings = acme.installation
    settings.directories = settings.directories.replace(acme.corner.slapd.url, "ldap://127.0.0.1:9")
    settings.write()
    with settings.serving("run"):
        lena = users(settings, carla)[acme.name("lena")]
        assert lena["active"] is False
        status, headers, body = settings.patch_active(str(lena["id"]), carla)
        assert status == 503
        assert int(headers["retry-after"]) > 0
        assert json.loads(body)["status"] == "503"
        assert users(settings, carla)[acme.name("lena")]["active"] is False
        wait_until(lambda: settings.get("/readyz")[2] == "degraded\n", "the trouble is noticed", 20)
        assert settings.get("/readyz")[0] == 200
    assert not acme.signs_in("lena")


def test_reading_never_waits_for_a_directory_that_hangs(tmp_path: Path, start_slapd: Callable[..., Slapd]) -> None:
    """One unlock waits for a frozen server; the next is told at once, and everybody who reads is answered."""
    slapd = start_slapd()
    where = corner(slapd, UIDS)
    installation = Installation(folder=tmp_path, directories=where.settings())
    slapd.lock(where.person("lena"))
    installation.ok("sync")
    carla = installation.token("--user", where.person("carla").uid, "--role", "co_administrator")
    lena = str(next(user["id"] for user in installation.json("users", "--locked")))
    with installation.serving():
        answers: list[int] = []
        with slapd.frozen():
            first = threading.Thread(target=lambda: answers.append(installation.patch_active(lena, carla)[0]))
            first.start()
            wait_until(lambda: installation.json("status")["open_unlocks"] == 1, "the first unlock is under way")
            statuses = []
            for _ in range(3):
                began = time.monotonic()
                statuses.append(installation.patch_active(lena, carla)[0])
                assert users(installation, carla)[where.person("lena").uid]["active"] is False
                assert time.monotonic() - began < 2
            first.join(20)
            assert statuses == [503, 503, 503]
        assert answers == [503]
        assert installation.patch_active(lena, carla)[0] == 200
    assert slapd.sign_in(where.person("lena").dn, where.person("lena").password)


# --- monitoring ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> Iterator[Acme]:
    """Return a served installation with lena locked, read once."""
    where = corner(slapd, UIDS)
    acme = Acme(
        installation=Installation(folder=tmp_path_factory.mktemp("watched"), directories=where.settings()),
        corner=where,
    )
    acme.lock("lena")
    acme.installation.ok("sync")
    with acme.installation.serving():
        yield acme


def test_readiness_tells_details_to_operators_only(watched: Acme) -> None:
    """Everybody else gets one word, whatever token they bring."""
    installation = watched.installation
    status, headers, body = installation.get("/readyz", installation.token("--role", "operator"))
    details = json.loads(body)
    assert (status, headers["content-type"], details["verdict"]) == (200, "application/json", "ok")
    assert [one["name"] for one in details["directories"]] == ["corp"]
    for token in ("", "lsk_000000000000_wrong", installation.token("--connection", "okta")):
        assert installation.get("/readyz", token)[::2] == (200, "ok\n")


def test_metrics_are_for_operators_only(watched: Acme) -> None:
    """401 without a token, 403 with another one."""
    installation = watched.installation
    assert installation.get("/metrics")[0] == 401
    assert installation.get("/metrics", "lsk_000000000000_wrong")[0] == 401
    assert installation.get("/metrics", installation.token("--connection", "okta"))[0] == 403


def test_metrics_count_and_name_no_people(watched: Acme) -> None:
    """Locked users by company account and reason, how the reading stands, and the requests of this process."""
    installation = watched.installation
    operator = installation.token("--role", "operator")
    installation.get("/healthz")
    status, headers, body = installation.get("/metrics", operator)
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    lines = body.splitlines()
    assert 'lockstep_users{tenant="acme"} 4.0' in lines
    assert 'lockstep_locked_users{reason="password_attempts",tenant="acme"} 1.0' in lines
    assert 'lockstep_locked_users{reason="held",tenant="acme"} 0.0' in lines
    assert 'lockstep_locked_users{reason="password_attempts",tenant="globex"} 0.0' in lines
    assert 'lockstep_directory_error{directory="corp"} 0.0' in lines
    assert any(line.startswith('lockstep_last_reconcile_timestamp_seconds{directory="corp"} 1') for line in lines)
    assert any(line.startswith("lockstep_http_requests_total{") and 'route="/healthz"' in line for line in lines)
    assert watched.name("lena") not in body


def test_an_operator_sees_no_people(watched: Acme) -> None:
    """The token that reads every number reads nobody's name."""
    operator = watched.installation.token("--role", "operator")
    assert watched.installation.get("/scim/v2/Users", operator)[0] == 403


def test_a_store_that_cannot_be_used_makes_it_unready(tmp_path: Path) -> None:
    """503 without details: a load balancer sends requests elsewhere; the program stays alive."""
    installation = Installation(folder=tmp_path)
    with installation.serving():
        assert installation.get("/readyz")[0] == 200
        for part in tmp_path.glob("lockstep.db*"):
            part.write_bytes(b"this is no database" * 100)
        assert installation.get("/readyz")[::2] == (503, "unusable\n")
        assert installation.get("/healthz")[0] == 200
