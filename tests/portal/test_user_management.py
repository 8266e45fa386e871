"""User Management: finding, seeing why, unlocking, and being told what became of it; nothing of anybody else's."""

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ims.errors import StoreUnusable
from ims.people import Profile, Revision, TenantId, User, UserId, new_user_id
from ims.ports import Batch, UserChange
from ims.sessions import session_id_of
from lockstep.wsgi import application
from portal.app import ROUTES, _fail
from portal.listing import PAGE
from tests.support.clock import NOON
from tests.support.installation import Installation
from tests.support.portal_house import House, form_key, house, send
from tests.support.slapd import Slapd

pytestmark = pytest.mark.servers


def add(home: House, name: str, tenant: str = "acme", *, display_name: str = "") -> UserId:
    """Put a user into the store."""
    user = User(
        id=new_user_id(),
        tenant=TenantId(tenant),
        profile=Profile(user_name=name, display_name=display_name),
        created=NOON,
        modified=NOON,
    )
    home.wiring.store.apply(Batch(changes=(UserChange(user=user, base=Revision(0)),)))
    return user.id


def confirm(browser: FlaskClient, *users: str, back: str = "/users") -> TestResponse:
    """Open the dialog's page for these users."""
    return browser.get(f"/unlock?{urlencode([('back', back), *(('user', user) for user in users)])}")


def shown(home: House, uid: str) -> list[str]:
    """Return the ids of somebody's locks, as a page has shown them."""
    return [lock.id for lock in home.user(uid).locks]


def test_the_story(home: House) -> None:
    """Search, see why, tick, unlock, confirm: and the directory lets the person in again."""
    home.lock("lena")
    lena, browser = home.person("lena"), home.signed_in("carla")
    assert "1 locked now" in browser.get("/").text
    page = browser.get(f"/users?q={lena.uid}").text
    assert f"{lena.uid} is locked" in page
    assert "Too many wrong passwords" in page
    assert home.name("olaf") not in page
    asked = confirm(browser, home.user("lena").id)
    assert f"Unlock {lena.uid}?" in asked.text
    assert "Goes: Too many wrong passwords" in asked.text
    assert "Will be written to: corp." in asked.text
    assert "will probably be locked again at once" in asked.text
    assert not home.corner.slapd.sign_in(lena.dn, lena.password), "nothing was done yet"
    done = send(browser, "/unlock", user=home.user("lena").id, shown=shown(home, "lena"), comment="called, was known")
    result = browser.get(done.headers["Location"])
    assert f"<strong>{lena.uid}</strong>: Unlocked and verified" in result.text
    assert home.corner.slapd.sign_in(lena.dn, lena.password)
    assert browser.get(done.headers["Location"]).text == result.text, "read again, nothing is done again"
    assert "called, was known" in browser.get(f"/users/{home.user('lena').id}").text


def test_a_newer_lock_than_the_one_shown_is_reported_and_stays(home: House) -> None:
    home.lock("lena")
    browser = home.signed_in("carla")
    done = send(browser, "/unlock", user=home.user("lena").id, shown=["another-lock"])
    assert "Changed meanwhile" in browser.get(done.headers["Location"]).text
    assert not home.corner.slapd.sign_in(home.person("lena").dn, home.person("lena").password)


def test_each_of_several_gets_an_answer_of_their_own(home: House) -> None:
    """Unlocked, not locked at all, oneself, and somebody who is not there."""
    home.lock("lena")
    browser = home.signed_in("carla")
    users = [home.user(uid).id for uid in ("lena", "olaf", "carla")]
    done = send(browser, "/unlock", user=[*users, "nobody"], shown=shown(home, "lena"))
    page = browser.get(done.headers["Location"]).text
    for line in (
        f"<strong>{home.name('lena')}</strong>: Unlocked and verified",
        f"<strong>{home.name('olaf')}</strong>: Was not locked any more",
        f"<strong>{home.name('carla')}</strong>: Refused",
        "<strong>nobody</strong>: Refused",
    ):
        assert line in page
    assert "Retry those that failed" not in page


def test_a_lock_that_an_unlock_cannot_end_is_named_before_and_after(home: House) -> None:
    home.corner.slapd.force(home.person("olaf").dn, pwdAccountLockedTime="000001010000Z")
    home.sync()
    browser = home.signed_in("carla")
    olaf = home.user("olaf").id
    assert "Stays: Disabled in the directory" in confirm(browser, olaf).text
    done = send(browser, "/unlock", user=olaf, shown=shown(home, "olaf"))
    page = browser.get(done.headers["Location"]).text
    assert "Still locked" in page
    assert "Retry those that failed" in page
    row = browser.get(f"/users?q={home.name('olaf')}").text
    assert "By: the directory&#39;s administrators" in row


def test_a_directory_that_gives_no_answer_is_said_to(tmp_path: Path, slapd: Slapd) -> None:
    with house(tmp_path, slapd, more="[unlock]\ndeadline = '2s'\n") as home:
        home.lock("lena")
        browser = home.signed_in("carla")
        with slapd.frozen():
            asked = confirm(browser, home.user("lena").id)
            done = send(browser, "/unlock", user=home.user("lena").id, shown=shown(home, "lena"))
        assert asked.status_code == 200
        assert "Too many wrong passwords" in asked.text
        page = browser.get(done.headers["Location"]).text
    assert "Not done: no answer from the directory" in page
    assert "Retry those that failed" in page


def test_more_than_a_few_are_shown_from_memory(home: House) -> None:
    """The dialog must not take as long as reading fifty people anew."""
    home.lock("lena")
    browser = home.signed_in("carla")
    many = [add(home, f"many-{number:02}") for number in range(11)]
    page = confirm(browser, home.user("lena").id, *many).text
    assert "Unlock 12 users?" in page
    assert "Goes: Too many wrong passwords" in page
    assert "Will be written to" not in page


def test_nobody_ticked_is_told_what_to_do(home: House) -> None:
    browser = home.signed_in("carla")
    for answer in (confirm(browser), send(browser, "/unlock")):
        assert answer.headers["Location"] == "/users?nobody=1"
    assert "Nobody was ticked" in browser.get("/users?nobody=1").text


def test_a_comment_may_be_required(tmp_path: Path, slapd: Slapd) -> None:
    """By the server, whatever the page let through."""
    with house(tmp_path, slapd, portal="comment_required = true") as home:
        browser = home.signed_in("carla")
        assert "required" in confirm(browser, home.user("olaf").id).text
        refused = send(browser, "/unlock", user=home.user("olaf").id, comment=" ")
        assert (refused.status_code, "Say why" in refused.text) == (400, True)
        assert send(browser, "/unlock", user=home.user("olaf").id, comment="called").status_code == 303


def test_too_many_ticked_and_too_long_a_comment_do_nothing(home: House) -> None:
    browser = home.signed_in("carla")
    many = [f"user-{number}" for number in range(PAGE + 1)]
    assert confirm(browser, *many).status_code == 400
    assert send(browser, "/unlock", user=many).status_code == 400
    assert send(browser, "/unlock", user="one", comment="x" * 501).status_code == 400


def test_the_list_is_searched_filtered_and_paged(home: House) -> None:
    """By any part of name, user name or mail; each page says where the next one is, until the last."""
    for number in range(PAGE + 5):
        add(home, f"page-{number:03}", display_name=f"Paged Person{number:03}")
    home.lock("lena")
    browser = home.signed_in("carla")
    first = browser.get("/users?q=paged").text
    assert f"{PAGE + 5} users" in first
    assert "page-000" in first
    assert f"page-{PAGE:03}" not in first
    second = browser.get(f"/users?q=paged&after=page-{PAGE - 1:03}").text
    assert f"page-{PAGE:03}" in second
    assert "Next page" not in second
    assert "To the beginning" in second
    assert f"page-{PAGE:03}" in browser.get("/users?q=PERSON050+paged").text
    locked = browser.get("/users?show=locked").text
    assert home.name("lena") in locked
    assert home.name("olaf") not in locked
    assert home.name("lena") in browser.get("/users?show=password_attempts").text
    assert home.name("lena") not in browser.get("/users?show=active").text
    assert "Nobody is found" in browser.get("/users?q=%00no%20such%20person").text
    assert browser.get("/users?show=nonsense").status_code == 200


def test_an_auditor_sees_everything_and_changes_nothing(home: House) -> None:
    home.lock("lena")
    browser = home.signed_in("ida")
    lena = home.user("lena").id
    page = browser.get("/users").text
    assert f"{home.name('lena')} is locked" in page
    assert 'type="checkbox"' not in page
    assert "Lock this user" not in browser.get(f"/users/{lena}").text
    assert confirm(browser, lena).status_code == 403
    assert send(browser, "/unlock", user=lena).status_code == 403
    assert send(browser, f"/users/{lena}/lock", note="no").status_code == 403


def test_nothing_of_another_company_account_is_anywhere(home: House) -> None:
    """In no list, count, file, page or result; asking for it is asking for what is not there."""
    foreign = add(home, "foreign.person", "globex")
    admin = home.signed_in("carla")
    done = send(admin, "/unlock", user=foreign)
    for address in ("/", "/users", "/users?q=foreign", "/audit", "/audit.csv", "/status"):
        page = admin.get(address)
        assert "foreign.person" not in page.text
    assert "foreign.person" not in admin.get(done.headers["Location"]).text
    missing, theirs = admin.get("/users/none"), admin.get(f"/users/{foreign}")
    assert missing.status_code == theirs.status_code == 404
    assert missing.text.replace("none", foreign) == theirs.text
    assert confirm(admin, foreign).status_code == 404
    assert admin.get("/unlocks/none").status_code == 404


def test_a_lock_by_hand_has_a_reason_and_perhaps_an_end(home: House) -> None:
    browser, olaf = home.signed_in("carla"), home.user("olaf").id
    for note, until in ((" ", ""), ("x" * 501, ""), ("x", "soon"), ("x", "2001-01-01T00:00")):
        assert send(browser, f"/users/{olaf}/lock", note=note, until=until).status_code == 400
    assert home.user("olaf").locks == ()
    assert send(browser, f"/users/{olaf}/lock", note="laptop lost", until="2099-01-31T18:00").status_code == 303
    page = browser.get(f"/users/{olaf}").text
    assert "Locked by a Co-Administrator" in page
    assert "laptop lost" in page
    assert "31 Jan 2099, 18:00 UTC" in page
    assert "padlock-clock" in browser.get(f"/users?q={home.name('olaf')}").text


def test_those_who_are_ticked_are_locked_for_one_reason(home: House) -> None:
    """Asked first; whoever cannot be locked is named, and the others are."""
    one, other, browser = add(home, "held.one"), add(home, "held.other"), home.signed_in("carla")
    assert browser.get("/lock").headers["Location"] == "/users?nobody=1"
    asked = browser.get(f"/lock?{urlencode([('user', one), ('user', other), ('back', '/users?q=held')])}").text
    assert "Lock 2 users?" in asked
    assert "held.one" in asked
    assert "Lock held.one?" in browser.get(f"/lock?user={one}").text
    assert send(browser, "/lock", user=one, note=" ").status_code == 400
    done = send(browser, "/lock", user=[one, other], note="laptops lost", back="/users?q=held")
    assert (done.status_code, done.headers["Location"]) == (303, "/users?q=held")
    assert browser.get("/users?q=held").text.count("laptops lost") == 2
    viktor, foreign = home.user("viktor").id, add(home, "held.foreign", tenant="globex")
    partly = send(browser, "/lock", user=[viktor, foreign, one], note="again", back="//evil.example.com")
    assert partly.status_code == 200
    assert "2 users were not locked" in partly.text
    assert "1 other user is locked now." in partly.text
    assert "held.foreign" not in partly.text
    assert "evil" not in partly.text
    many = browser.get(f"/lock?{urlencode([('user', str(number)) for number in range(PAGE + 1)])}")
    assert many.status_code == 400


def test_who_may_not_lock_gets_no_button(home: House) -> None:
    """An auditor reads and exports."""
    page = home.signed_in("ida").get("/users").text
    assert 'id="lock"' not in page
    assert 'id="export"' in page


def test_the_list_leaves_as_a_file_with_all_its_pages(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was asked for, and nobody else; what a spreadsheet would run is harmless."""
    monkeypatch.setattr("portal.listing._AT_ONCE", 2)
    for number in range(5):
        add(home, f"export.{number}", display_name="=1+1")
    add(home, "export.foreign", tenant="globex")
    browser = home.signed_in("carla")
    send(browser, f"/users/{add(home, 'export.9')}/lock", note="x", until="2099-01-31T18:00")
    assert "/users.csv?q=export" in browser.get("/users?q=export&after=export.2").text
    answer = browser.get("/users.csv?q=export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lockstep-users.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["user_name"] for row in rows] == [*(f"export.{number}" for number in range(5)), "export.9"]
    assert {row["name"] for row in rows[:5]} == {"'=1+1"}
    assert (rows[-1]["reasons"], rows[-1]["until"]) == ("held", "2099-01-31T18:00:00+00:00")
    assert rows[0]["since"] == ""
    locked = list(csv.DictReader(io.StringIO(browser.get("/users.csv?q=export&show=locked").text)))
    assert [row["user_name"] for row in locked] == ["export.9"]
    lena = list(csv.DictReader(io.StringIO(browser.get(f"/users.csv?q={home.name('lena')}").text)))
    assert lena[0]["directories"] == "corp"


def test_what_a_person_wrote_never_becomes_part_of_the_page(home: House) -> None:
    """Names, notes and comments are text, in a page and in a spreadsheet."""
    add(home, "evil", display_name='<script>alert(1)</script>"onload="x')
    browser, olaf = home.signed_in("carla"), home.user("olaf").id
    send(browser, f"/users/{olaf}/lock", note='=cmd|"/c calc"!A1<img src=x>')
    for address in ("/users", f"/users/{olaf}", "/audit", "/users?q=<script>"):
        page = browser.get(address).text
        assert "<script>alert" not in page
        assert "<img" not in page
    rows = list(csv.DictReader(io.StringIO(browser.get("/audit.csv").text)))
    assert rows
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())


def test_the_audit_leaves_as_csv_and_as_json_lines(home: House) -> None:
    browser = home.signed_in("ida")
    lines = [json.loads(line) for line in browser.get("/audit.jsonl").text.splitlines()]
    assert lines[0]["action"] == "signed_in"
    answer = browser.get("/audit.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert next(csv.DictReader(io.StringIO(answer.text)))["subject"] == home.name("ida")
    assert browser.get("/audit.xml").status_code == 404


def test_how_well_directories_are_read(home: House) -> None:
    browser = home.signed_in("ida")
    assert "Read well" in browser.get("/status").text


def test_every_page_needs_a_session(home: House) -> None:
    """A route that forgot to ask would show here."""
    browser = home.browser()
    for route in ROUTES:
        address = (
            re.sub(r"<any\((\w+)[^>]*>", r"\1", route.path)
            .replace("<user_id>", "x")
            .replace("<operation_id>", "x")
            .replace("<plea_id>", "x")
        )
        answer = browser.open(address, method=route.method)
        assert answer.status_code == 303, route
        assert answer.headers["Location"].startswith("/sign-in")


def test_a_form_is_good_for_its_own_session_only(home: House) -> None:
    ida, carla = home.signed_in("ida"), home.signed_in("carla")
    answer = carla.post("/sign-out", data={"form_key": form_key(ida.get("/me"))})
    assert answer.status_code == 403


def test_the_portal_can_be_left_out(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path, more="[portal]\nenabled = false\n")
    with installation.wired() as wiring:
        browser = application(wiring).test_client()
        assert browser.get("/sign-in").status_code == 404
        assert browser.get("/scim/v2/Users").status_code == 401


def test_what_went_wrong_is_told_as_little_as_possible(home: House) -> None:
    """A store that is gone, and a mistake of ours: a page, a status, and nothing of how it looks in here."""
    for error, status in ((StoreUnusable("/var/lib/secret is locked"), 503), (RuntimeError("secret"), 500)):
        with home.app.test_request_context("/users"):
            answer = _fail(error)
        assert answer.status_code == status
        assert "secret" not in answer.get_data(as_text=True)


def test_a_session_that_was_left_alone_is_over(home: House) -> None:
    """And one whose company account is no longer in the settings, or whose person is gone."""
    browser = home.signed_in("carla")
    cookie = browser.get_cookie("lockstep")
    assert cookie is not None
    session_id = session_id_of(cookie.value)
    long_ago = home.wiring.clock.now() - timedelta(minutes=16)
    home.wiring.store.touch_session(session_id, long_ago)
    assert browser.get("/users").status_code == 303
    assert home.wiring.store.session(session_id) is None


def test_a_session_that_is_used_lasts(home: House) -> None:
    browser = home.signed_in("carla")
    cookie = browser.get_cookie("lockstep")
    assert cookie is not None
    session_id = session_id_of(cookie.value)
    a_while_ago = home.wiring.clock.now() - timedelta(minutes=10)
    home.wiring.store.touch_session(session_id, a_while_ago)
    assert browser.get("/users").status_code == 200
    session = home.wiring.store.session(session_id)
    assert session is not None
    assert session.seen > a_while_ago


def test_a_person_who_is_gone_has_no_session(home: House) -> None:
    browser = home.signed_in("ida")
    home.wiring.store.apply(Batch(removed=(home.user("ida").id,)))
    assert browser.get("/audit").status_code == 303


def test_one_user_is_not_unlocked_without_end(tmp_path: Path, slapd: Slapd) -> None:
    """Nor one actor's session used for everybody: each limit is said, with what to do; another user is free to go."""
    with house(tmp_path, slapd, more="[unlock]\ntarget_per_day = 1\nactor_per_10_minutes = 2\n") as home:
        browser = home.signed_in("carla")

        def unlocked(uid: str) -> str:
            home.lock(uid)
            done = send(browser, "/unlock", user=home.user(uid).id, shown=shown(home, uid))
            return browser.get(done.headers["Location"]).text

        assert "Unlocked and verified" in unlocked("lena")
        assert "was unlocked 1 times within a day" in unlocked("lena")
        assert not home.corner.slapd.sign_in(home.person("lena").dn, home.person("lena").password)
        for _ in range(3):
            free = send(browser, "/unlock", user=home.user("ida").id)
            assert "Was not locked any more" in browser.get(free.headers["Location"]).text, "that counts for nothing"
        assert "Unlocked and verified" in unlocked("olaf")
        assert "has unlocked 2 users within 10 minutes" in unlocked("ida")
        assert (
            home.installation.run("unlock", home.name("lena"), "--break-glass", "--reason", "on the phone").exit_code
            == 0
        )
