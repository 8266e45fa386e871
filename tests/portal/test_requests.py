"""Asking for an unlock from the locked page: it reaches the right people, and tells the sender nothing."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ims.audit import Action
from ims.people import TenantId
from tests.support.portal_house import House, form_key, send, sign_in

pytestmark = pytest.mark.servers

_PLEA = re.compile(r'action="(/requests/[0-9a-f]+/dismiss)"')


def ask(browser: FlaskClient, user_name: str, words: str = "") -> TestResponse:
    """Send the form of the locked page."""
    key = form_key(browser.get("/sign-in"))
    return browser.post("/sign-in/ask", data={"form_key": key, "user_name": user_name, "words": words})


def test_a_locked_person_asks_and_the_co_administrator_sees_it(home: House) -> None:
    home.lock("lena")
    browser = home.browser()
    told = sign_in(browser, home.name("lena"), "whatever")
    fields = {"form_key": form_key(told), "user_name": home.name("lena"), "words": "back from <b>holidays</b>"}
    assert "Request sent" in browser.post("/sign-in/ask", data=fields).text
    admin = home.signed_in("carla")
    assert "1 person asks for an unlock" in admin.get("/").text
    page = admin.get("/requests").text
    assert home.name("lena") in page
    assert "back from &lt;b&gt;holidays" in page
    assert "Nobody has proved who sent these" in page
    assert home.wiring.store.audit(user=home.user("lena").id)[0].action is Action.UNLOCK_ASKED
    send(admin, "/unlock", user=home.user("lena").id, shown=[lock.id for lock in home.user("lena").locks])
    assert "Nobody is asking" in admin.get("/requests").text, "an unlock settles it"


def test_the_answer_is_the_same_for_every_name(home: House) -> None:
    home.lock("lena")
    answers = [ask(home.browser(), name) for name in (home.name("lena"), home.name("olaf"), "nobody", "", "\0")]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(home.wiring.store.pleas(TenantId("acme"))) == 1


def test_a_hundred_requests_are_one(home: House) -> None:
    home.lock("lena")
    for number in range(100):
        ask(home.browser(), home.name("lena"), f"{number} " + "x" * 1_000)
    kept = home.wiring.store.pleas(TenantId("acme"))
    assert len(kept) == 1
    assert len(kept[0].words) <= 300


def test_a_request_is_dismissed_on_record(home: House) -> None:
    home.lock("lena")
    ask(home.browser(), home.name("lena"))
    admin = home.signed_in("carla")
    found = _PLEA.search(admin.get("/requests").text)
    assert found
    assert send(admin, found.group(1)).status_code == 303
    assert send(admin, found.group(1)).status_code == 404
    assert "Nobody is asking" in admin.get("/requests").text
    assert home.wiring.store.audit(user=home.user("lena").id)[0].action is Action.UNLOCK_DECLINED
    assert not home.corner.slapd.sign_in(home.person("lena").dn, home.person("lena").password)


def test_an_auditor_does_not_decide(home: House) -> None:
    browser = home.signed_in("ida")
    assert browser.get("/requests").status_code == 403
    assert "/requests" not in browser.get("/").text


def test_without_its_key_nothing_is_asked(home: House) -> None:
    home.lock("lena")
    answer = home.browser().post("/sign-in/ask", data={"user_name": home.name("lena")})
    assert "open for too long" in answer.text
    assert home.wiring.store.pleas(TenantId("acme")) == ()
