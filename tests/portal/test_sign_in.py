"""Signing in: who gets in, what a locked person is told, and what a stranger cannot find out or break."""

import re
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from ims.audit import Action
from ims.locks import LockReason
from ims.people import TenantId
from lockstep.wsgi import application
from portal import sign_in as pages
from portal import wording
from tests.support.installation import Installation
from tests.support.portal_house import House, house, send, sign_in
from tests.support.slapd import Slapd

pytestmark = pytest.mark.servers


def text_of(page: TestResponse, name: str) -> str:
    """Return a page without what differs for everybody: the form's key and the name that was typed."""
    return re.sub(r'name="form_key" value="[^"]+"', "", page.text).replace(name, "NAME")


def test_a_co_administrator_comes_in_and_is_recorded(home: House) -> None:
    browser = home.browser()
    answer = sign_in(browser, home.name("carla"), home.person("carla").password)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("lockstep="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    shown = browser.get("/")
    assert "User Management" in shown.text
    assert "0 locked now" in shown.text
    rows = home.wiring.store.audit(tenant=TenantId("acme"), user=home.user("carla").id)
    assert rows[0].action is Action.SIGNED_IN
    assert home.person("carla").password not in repr(rows)


def test_a_name_may_be_typed_in_capitals(home: House) -> None:
    assert sign_in(home.browser(), home.name("carla").upper(), home.person("carla").password).status_code == 303


def test_wrong_and_unknown_are_answered_alike(home: House) -> None:
    """The same status, the same words, the same headers: names cannot be collected."""
    wrong = sign_in(home.browser(), home.name("olaf"), "wrong")
    unknown = sign_in(home.browser(), "nobody.at.all", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert text_of(wrong, home.name("olaf")) == text_of(unknown, "nobody.at.all")
    assert {name for name, _ in wrong.headers} == {name for name, _ in unknown.headers}


def test_an_empty_password_is_refused_before_anything_is_sent(home: House) -> None:
    """A bind with a name and no password is anonymous (RFC 4513 section 5.1.2), and would succeed."""
    assert sign_in(home.browser(), home.name("carla"), "").status_code == 401
    for name in ("", "\0", "x" * 100_000, "*", "a)(uid=*"):
        assert sign_in(home.browser(), name, "something").status_code == 401


def test_a_locked_person_is_told_why_and_whom_to_ask(tmp_path: Path, slapd: Slapd) -> None:
    """And no password reaches the directory while it is locked there, not even the right one."""
    with house(tmp_path, slapd, contact="extension 4711") as home:
        home.corner.slapd.lock(home.person("lena"))
        failures = home.failures("lena")
        for password in ("wrong", home.person("lena").password):
            told = sign_in(home.browser(), home.name("lena"), password)
            assert told.status_code == 403
            assert "This account is locked" in told.text
            assert "Too many wrong passwords were given." in told.text
            assert "until somebody unlocks it" in told.text
            assert "A Co-Administrator of your company account can unlock it" in told.text
            assert "extension 4711" in told.text
            assert home.person("lena").dn not in told.text
        assert home.failures("lena") == failures


def test_a_hundred_wrong_passwords_lock_nobody_in_the_directory(home: House) -> None:
    """After a few the portal says that the name has to wait, in the words of a lock, and asks the directory no more."""
    answers = [sign_in(home.browser(), home.name("olaf"), f"wrong {number}") for number in range(100)]
    assert home.failures("olaf") == 2
    assert home.corner.slapd.sign_in(home.person("olaf").dn, home.person("olaf").password)
    assert answers[0].status_code == 401
    assert {answer.status_code for answer in answers[2:]} == {403}
    assert "Too many wrong passwords were given." in answers[-1].text
    assert home.user("olaf").locks == ()


def test_an_unknown_name_has_to_wait_like_a_known_one(home: House) -> None:
    """After as many tries, with the same words: who is told to wait has learned nothing about who exists."""

    def answers(name: str) -> list[int]:
        return [sign_in(home.browser(), name, f"wrong {number}").status_code for number in range(7)]

    known, unknown = answers(home.name("olaf")), answers("nobody.at.all")
    assert known == unknown == [401, 401, 403, 403, 403, 403, 403]
    last = [sign_in(home.browser(), name, "wrong") for name in (home.name("olaf"), "nobody.at.all")]
    assert "This account is locked" in last[0].text
    assert text_of(last[0], home.name("olaf")) == text_of(last[1], "nobody.at.all")


def test_the_right_password_begins_the_count_anew(home: House) -> None:
    for _ in range(4):
        assert sign_in(home.browser(), home.name("carla"), home.person("carla").password).status_code == 303
        assert sign_in(home.browser(), home.name("carla"), "").status_code == 401
    for _ in range(6):
        assert sign_in(home.browser(), home.name("carla"), home.person("carla").password).status_code == 303


@pytest.mark.parametrize("mode", ["safe", "silent"])
def test_where_strangers_come_a_lock_is_not_told(tmp_path: Path, slapd: Slapd, mode: str) -> None:
    """One text for wrong, unknown and locked; in `safe`, the reason on a device that signed in before."""
    with house(tmp_path, slapd, portal=f'locked_message = "{mode}"') as home:
        known = home.signed_in("lena")
        home.corner.slapd.lock(home.person("lena"))
        strange = sign_in(home.browser(), home.name("lena"), "wrong")
        unknown = sign_in(home.browser(), "nobody.at.all", "wrong")
        assert strange.status_code == unknown.status_code == 401
        assert text_of(strange, home.name("lena")) == text_of(unknown, "nobody.at.all")
        assert ("or the account is locked" in strange.text) is (mode == "safe")
        told = sign_in(known, home.name("lena"), "wrong")
        assert told.status_code == (403 if mode == "safe" else 401)
        assert ("This account is locked" in told.text) is (mode == "safe")


def test_a_directory_that_is_down_is_never_a_wrong_password(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path, more="[unlock]\ndeadline = '2s'\n")
    with installation.wired() as wiring:
        answer = sign_in(application(wiring).test_client(), "carla", "secret")
    assert answer.status_code == 503
    assert "your password was not checked" in answer.text
    assert "wrong" not in answer.text


def test_a_password_that_must_be_changed_is_told_as_such(home: House) -> None:
    home.corner.slapd.force(home.person("olaf").dn, pwdReset="TRUE")
    answer = sign_in(home.browser(), home.name("olaf"), home.person("olaf").password)
    assert answer.status_code == 401
    assert "it must be changed first" in answer.text


def test_a_lock_that_only_lockstep_holds_is_shown_to_whoever_proves_who_they_are(home: House) -> None:
    """The directory judges the password; then the person's own page says what is the matter, and nothing else opens."""
    admin = home.signed_in("carla")
    held = send(admin, f"/users/{home.user('viktor').id}/lock", note="left the laptop in a train")
    assert held.status_code == 403, "an Account Administrator is not a Co-Administrator's to lock"
    assert send(admin, f"/users/{home.user('lena').id}/lock", note="laptop lost").status_code == 303
    assert sign_in(home.browser(), home.name("lena"), "wrong").status_code == 401
    browser = home.browser()
    assert sign_in(browser, home.name("lena"), home.person("lena").password).headers["Location"] == "/me"
    mine = browser.get("/me").text
    assert "A Co-Administrator locked the account." in mine
    assert "laptop lost" not in mine
    assert browser.get("/").headers["Location"] == "/me"
    for address in ("/users", "/audit", "/status", "/unlock", f"/users/{home.user('olaf').id}"):
        assert browser.get(address).status_code == 403


def test_a_session_ends_when_its_person_is_locked(home: House) -> None:
    """With the next click, whatever page it is, and it does not come back with the unlock."""
    browser, admin = home.signed_in("ida"), home.signed_in("carla")
    assert browser.get("/audit").status_code == 200
    assert send(admin, f"/users/{home.user('ida').id}/lock", note="under investigation").status_code == 303
    assert browser.get("/audit").headers["Location"] == "/sign-in?next=/audit"
    locks = [lock.id for lock in home.user("ida").locks]
    assert send(admin, "/unlock", user=home.user("ida").id, shown=locks).status_code == 303
    assert home.user("ida").locks == ()
    assert browser.get("/audit").status_code == 303


def test_a_session_ends_with_its_persons_role(home: House) -> None:
    browser = home.signed_in("ida")
    role_group = f"cn=auditor-{home.corner.name},ou=groups,dc=example,dc=test"
    home.corner.slapd.modify(role_group, member=[home.person("olaf").dn])
    home.sync()
    assert browser.get("/audit").status_code == 303


def test_sign_out_and_sign_out_everywhere(home: House) -> None:
    here, there = home.signed_in("carla"), home.signed_in("carla")
    assert send(here, "/sign-out").status_code == 303
    assert here.get("/users").status_code == 303
    assert there.get("/users").status_code == 200
    third = home.signed_in("carla")
    assert send(there, "/sign-out", everywhere="1").status_code == 303
    assert third.get("/users").status_code == 303


def test_a_session_that_was_given_away_before_is_worth_nothing(home: House) -> None:
    """Session fixation: whatever cookie a browser brings along, the one after the sign-in is new."""
    browser = home.browser()
    browser.set_cookie("lockstep", "chosen-by-somebody-else")
    answer = sign_in(browser, home.name("carla"), home.person("carla").password)
    assert answer.status_code == 303
    given = browser.get_cookie("lockstep")
    assert given is not None
    assert given.value != "chosen-by-somebody-else"
    other = home.browser()
    other.set_cookie("lockstep", "chosen-by-somebody-else")
    assert other.get("/users").status_code == 303


@pytest.mark.parametrize("bad", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\nb"])
def test_nobody_is_sent_elsewhere(home: House, bad: str) -> None:
    answer = sign_in(home.browser(), home.name("carla"), home.person("carla").password, bad)
    assert answer.headers["Location"] == "/"


def test_whoever_wanted_a_page_gets_it_after_the_sign_in(home: House) -> None:
    browser = home.browser()
    sent = browser.get("/users?q=lena")
    assert sent.headers["Location"] == "/sign-in?next=/users%3Fq%3Dlena"
    answer = sign_in(browser, home.name("carla"), home.person("carla").password, "/users?q=lena")
    assert answer.headers["Location"] == "/users?q=lena"


def test_a_form_without_its_key_does_nothing(home: House) -> None:
    """Neither the sign-in's, nor one of somebody who has signed in, nor one that another site sends."""
    browser = home.browser()
    fields = {"user_name": home.name("carla"), "password": home.person("carla").password}
    assert "open for too long" in browser.post("/sign-in", data=fields).text
    admin = home.signed_in("carla")
    assert admin.post("/sign-out").status_code == 403
    assert admin.post("/sign-out", data={"form_key": "guessed"}).status_code == 403
    assert admin.get("/users").status_code == 200
    elsewhere = admin.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    assert "Another site sent this" in elsewhere.text
    assert admin.get("/users").status_code == 200


def test_every_answer_is_protected(home: House) -> None:
    admin = home.signed_in("carla")
    addresses = ["/sign-in", "/", "/me", "/users", "/audit", "/status", "/users/none"]
    for answer in map(admin.get, addresses):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer.headers["Cache-Control"]
        answer.close()


def test_a_lock_has_words_for_every_reason(home: House) -> None:
    """For the person, and for the Co-Administrator."""
    with home.app.test_request_context():
        assert all(pages.reason(reason) for reason in LockReason)
    assert set(wording.REASONS) == set(LockReason)
    assert home.browser().get("/").headers["Location"] == "/sign-in"
