"""A portal on a real slapd: a corner of it with administrators, and a browser of the test's own that keeps cookies."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ims.people import TenantId, User
from lockstep.wiring import Wiring
from lockstep.wsgi import application
from tests.support.installation import Corner, Installation, corner
from tests.support.slapd import Person, Slapd

UIDS = ("lena", "olaf", "carla", "ida", "viktor")
_KEY = re.compile(r'name="form_key" value="([^"]+)"')
_ROLES = {"co_administrator": "carla", "auditor": "ida", "account_administrator": "viktor"}


@dataclass(kw_only=True)
class House:
    """An installation with a portal: lena and olaf are users, carla a Co-Administrator, ida an auditor."""

    installation: Installation
    corner: Corner
    wiring: Wiring
    app: flask.Flask = field(init=False)

    def __post_init__(self) -> None:
        """Put the application together."""
        self.app = application(self.wiring)

    def browser(self) -> FlaskClient:
        """Return a browser without any cookie."""
        return self.app.test_client()

    def person(self, uid: str) -> Person:
        """Return somebody's entry."""
        return self.corner.person(uid)

    def name(self, uid: str) -> str:
        """Return somebody's user name."""
        return self.person(uid).uid

    def user(self, uid: str) -> User:
        """Return somebody as the store has them."""
        return self.wiring.store.named(TenantId("acme"), [self.name(uid)])[self.name(uid)]

    def sync(self) -> None:
        """Read the directory."""
        self.installation.ok("sync", "corp")

    def lock(self, uid: str) -> None:
        """Lock somebody by wrong passwords, and read that in."""
        self.corner.slapd.lock(self.person(uid))
        self.sync()

    def colleagues(self, count: int) -> list[Person]:
        """Add people to the staff, and read them in."""
        unit = self.person("lena").dn.partition(",")[2]
        names = [f"p{number:02}-{self.corner.name}" for number in range(count)]
        people = [self.corner.slapd.add_person(name, parent=unit) for name in names]
        self.corner.join(*people)
        self.sync()
        return people

    def failures(self, uid: str) -> int:
        """Return how many wrong passwords the directory remembers of somebody."""
        return sum(map(len, self.corner.slapd.read(self.person(uid).dn, "pwdFailureTime").values()))

    def signed_in(self, uid: str) -> FlaskClient:
        """Return a browser in which somebody has signed in."""
        browser = self.browser()
        answer = sign_in(browser, self.name(uid), self.person(uid).password)
        assert answer.status_code == 303, answer.text
        return browser


@contextmanager
def house(folder: Path, slapd: Slapd, portal: str = "", more: str = "", contact: str = "") -> Iterator[House]:
    """Build a house whose people were read in once."""
    where = corner(slapd, UIDS)
    groups = {role: slapd.add_group(f"{role}-{where.name}", [where.person(uid).dn]) for role, uid in _ROLES.items()}
    roles = "\n".join(f'{role} = {{ directory = "corp", group = "{dn}" }}' for role, dn in groups.items())
    made = Installation(
        folder=folder,
        directories=where.settings(),
        more=f"[tenants.acme.roles]\n{roles}\n[portal]\n{portal}\n{more}",
    )
    made.ok("sync", "corp")
    if contact:
        written = made.config.read_text(encoding="utf-8")
        told = f'contact = "{contact}"\n[tenants.globex]'
        made.config.write_text(written.replace("[tenants.globex]", told), encoding="utf-8")
    with made.wired() as wiring:
        yield House(installation=made, corner=where, wiring=wiring)
    for dn in (where.group, *groups.values()):
        slapd.delete(dn)


def form_key(page: TestResponse) -> str:
    """Return the key that a page's forms carry."""
    found = _KEY.search(page.text)
    assert found, page.text
    return found.group(1)


def sign_in(browser: FlaskClient, user_name: str, password: str, next_page: str = "") -> TestResponse:
    """Fill in the sign-in's form and send it."""
    shown = browser.get(f"/sign-in?next={next_page}" if next_page else "/sign-in")
    fields = {"form_key": form_key(shown), "user_name": user_name, "password": password, "next": next_page}
    return browser.post("/sign-in", data=fields)


def send(browser: FlaskClient, address: str, **fields: str | Sequence[str]) -> TestResponse:
    """Send a form from a page of a signed-in person's."""
    return browser.post(address, data={"form_key": form_key(browser.get("/me")), **fields})
