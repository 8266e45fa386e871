"""What the brake keeps back, decided on in the portal: by Account Administrators, of their company account alone."""

import re

import pytest
from flask.testing import FlaskClient

from lockstep.exits import ExitCode
from tests.support.portal_house import House, send

pytestmark = pytest.mark.servers

_APPROVE = re.compile(r'formaction="(/batches/[^"/]+)/approve"')


@pytest.fixture
def held(home: House) -> House:
    """Return a house where eleven colleagues were disabled at once, and that was read."""
    for person in home.colleagues(11):
        home.corner.slapd.force(person.dn, pwdAccountLockedTime="000001010000Z")
    assert home.installation.run("sync", "corp").exit_code == ExitCode.KEPT_BACK
    return home


def address(browser: FlaskClient) -> str:
    """Return where the only batch is decided on."""
    found = _APPROVE.search(browser.get("/batches").text)
    assert found
    return found.group(1)


def test_it_is_shown_with_before_and_after(held: House) -> None:
    browser = held.signed_in("viktor")
    assert "11 changes of your people wait for a decision." in browser.get("/").text
    page = browser.get("/batches").text
    assert "11 users in corp" in page
    assert "more people would lose their access at once than the limit lets" in page
    assert f"p03-{held.corner.name}" in page
    assert "disabled" in page


def test_some_are_rejected_and_the_rest_is_approved(held: House) -> None:
    """The next reading does what was approved, and nothing else."""
    browser = held.signed_in("viktor")
    where = address(browser)
    kept = f"p03-{held.corner.name}"
    assert send(browser, f"{where}/reject", name=kept).status_code == 303
    assert "rejected (" in browser.get("/batches").text
    assert send(browser, f"{where}/approve").status_code == 303
    held.installation.run("sync", "corp")
    locked = {str(user["user_name"]) for user in held.installation.json("users", "--locked")}
    assert locked == {f"p{number:02}-{held.corner.name}" for number in range(11)} - {kept}


def test_what_is_not_there_any_more_cannot_be_decided_on(held: House) -> None:
    browser = held.signed_in("viktor")
    assert send(browser, "/batches/none/approve").status_code == 404
    assert send(browser, "/batches/none/eat").status_code == 404
    assert send(browser, f"{address(browser)}/approve", name="somebody").status_code == 404


def test_nobody_else_decides(held: House) -> None:
    for uid in ("carla", "ida"):
        browser = held.signed_in(uid)
        assert browser.get("/batches").status_code == 403
        assert "/batches" not in browser.get("/").text
        assert send(browser, "/batches/none/approve").status_code == 403
