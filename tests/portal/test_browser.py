"""The portal as people use it: a real browser before a real web server and a real slapd.

The story word for word, with the mouse and again with the keyboard alone; without scripts; and what axe finds.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.portal_house import House, house
from tests.support.slapd import Slapd, program

pytestmark = pytest.mark.servers

PICTURES = Path("build/screenshots")
"""Where every run leaves what it saw; those of the documents are copies."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> Iterator[House]:
    """Return a portal that its web server serves."""
    with (
        house(tmp_path_factory.mktemp("house"), slapd, contact="extension 4711") as built,
        built.installation.serving(),
    ):
        yield built


@contextmanager
def window(browser: Browser, home: House, **options: Any) -> Iterator[Page]:
    """Open a window with cookies of its own. Whatever a page complains of in the console is a fault."""
    context = browser.new_context(base_url=home.installation.url, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def sign_in(page: Page, home: House, uid: str) -> None:
    """Sign in with the mouse."""
    page.goto("/sign-in")
    page.get_by_label("User name").fill(home.name(uid))
    page.get_by_label("Directory password").fill(home.person(uid).password)
    page.get_by_role("button", name="Sign in").click()


def signs_in(home: House, uid: str) -> bool:
    """Return whether the directory lets somebody in."""
    return home.corner.slapd.sign_in(home.person(uid).dn, home.person(uid).password)


def picture(page: Page, name: str) -> None:
    """Keep what there is to see."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_the_story_word_for_word(browser: Browser, home: House) -> None:
    """A locked user is told so; the Co-Administrator finds them, sees why, unlocks; the user is in."""
    home.lock("lena")
    with window(browser, home) as page:
        sign_in(page, home, "lena")
        expect(page.get_by_role("heading", name="This account is locked")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("Too many wrong passwords were given.")
        expect(page.get_by_role("main")).to_contain_text("extension 4711")
        picture(page, "locked")
    with window(browser, home) as page:
        sign_in(page, home, "carla")
        picture(page, "home")
        page.get_by_role("list", name="Resources").get_by_role("link", name="User Management").click()
        page.get_by_role("searchbox").fill(home.name("lena"))
        page.get_by_role("button", name="Search").click()
        padlock = page.get_by_role("button", name=f"{home.name('lena')} is locked")
        expect(page.get_by_role("tooltip")).to_be_hidden()
        padlock.hover()
        expect(page.get_by_role("tooltip")).to_contain_text("Too many wrong passwords")
        picture(page, "users")
        page.get_by_role("checkbox", name=f"Select {home.name('lena')}").check()
        expect(page.get_by_text("1 selected")).to_be_visible()
        page.get_by_role("button", name="Unlock").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"Unlock {home.name('lena')}?")
        picture(page, "confirm")
        assert not signs_in(home, "lena")
        dialog.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status")).to_contain_text(f"{home.name('lena')}: Unlocked and verified")
        picture(page, "result")
    assert signs_in(home, "lena")
    with window(browser, home) as page:
        sign_in(page, home, "lena")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_the_story_with_the_keyboard_alone(browser: Browser, home: House) -> None:
    """Tab, Space, Enter and Escape reach everything; the dialog keeps the focus, and gives it back."""
    home.lock("olaf")
    with window(browser, home) as page:
        page.goto("/sign-in?next=/users")
        page.get_by_label("User name").focus()
        page.keyboard.type(home.name("carla"))
        page.keyboard.press("Tab")
        page.keyboard.type(home.person("carla").password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/users")
        page.get_by_role("searchbox").focus()
        page.keyboard.type(home.name("olaf"))
        page.keyboard.press("Enter")
        page.wait_for_url("**/users?q=*")
        tab_to(page, f"{home.name('olaf')} is locked")
        expect(page.get_by_role("tooltip")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("tooltip")).to_be_hidden()
        tab_to(page, f"Select {home.name('olaf')}", "Shift+Tab")
        page.keyboard.press("Space")
        tab_to(page, "Unlock", "Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert focused(page) == "Confirm"
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert focused(page) == "Unlock"
        assert not signs_in(home, "olaf")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Unlocked and verified")
    assert signs_in(home, "olaf")


def test_the_story_without_scripts(browser: Browser, home: House) -> None:
    """The dialog is a page of its own then."""
    home.lock("lena")
    with window(browser, home, java_script_enabled=False) as page:
        sign_in(page, home, "carla")
        page.goto(f"/users?q={home.name('lena')}")
        page.get_by_role("checkbox", name=f"Select {home.name('lena')}").check()
        page.get_by_role("button", name="Unlock").click()
        expect(page.get_by_role("heading", name=f"Unlock {home.name('lena')}?")).to_be_visible()
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status")).to_contain_text("Unlocked and verified")
    assert signs_in(home, "lena")


WORDS = {
    "de": ("Anmelden", "Ressourcen", "Benutzerverwaltung", "Zu viele falsche Passwörter", "Entsperren", "Bestätigen"),
    "it": ("Accedi", "Risorse", "Gestione utenti", "Troppe password errate", "Sblocca", "Conferma"),
    "es": (
        "Iniciar sesión",
        "Recursos",
        "Gestión de usuarios",
        "Demasiadas contraseñas incorrectas",
        "Desbloquear",
        "Confirmar",
    ),
}
DONE = {"de": "Entsperrt und überprüft", "it": "Sbloccato e verificato", "es": "Desbloqueado y verificado"}


@pytest.mark.parametrize("language", sorted(WORDS))
def test_the_story_in_every_language(browser: Browser, home: House, language: str) -> None:
    """The browser says which one; every step is found by the words of that language."""
    enter, resources_, management, reason, unlock, confirm = WORDS[language]
    home.lock("olaf")
    with window(browser, home, locale=language) as page:
        page.goto("/sign-in")
        page.locator("#user_name").fill(home.name("carla"))
        page.locator("#password").fill(home.person("carla").password)
        page.get_by_role("button", name=enter).click()
        assert page.locator("html").get_attribute("lang") == language
        page.get_by_role("list", name=resources_).get_by_role("link", name=management).click()
        page.get_by_role("searchbox").fill(home.name("olaf"))
        page.keyboard.press("Enter")
        page.locator("button.padlock").hover()
        expect(page.get_by_role("tooltip")).to_contain_text(reason)
        page.locator('input[name="user"]').check()
        page.get_by_role("button", name=unlock, exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name=confirm).click()
        expect(page.get_by_role("status")).to_contain_text(DONE[language])
        picture(page, f"result-{language}")
    assert signs_in(home, "olaf")


def test_another_language_is_chosen_and_kept(browser: Browser, home: House) -> None:
    """By a link on every page, which stays where it is."""
    with window(browser, home) as page:
        page.goto("/sign-in?next=/users")
        page.get_by_role("link", name="Deutsch").click()
        assert page.get_by_role("button", name="Anmelden").is_visible()
        page.goto("/sign-in")
        assert page.get_by_role("button", name="Anmelden").is_visible()


def test_cancel_does_nothing(browser: Browser, home: House) -> None:
    home.lock("lena")
    with window(browser, home) as page:
        sign_in(page, home, "carla")
        page.goto(f"/users?q={home.name('lena')}")
        page.get_by_role("button", name="Unlock").click()
        expect(page.get_by_text("Nobody was ticked")).to_be_visible()
        page.get_by_role("checkbox", name="Select all on this page").check()
        page.get_by_role("button", name="Unlock").click()
        page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
    assert not signs_in(home, "lena")
    home.corner.slapd.force(home.person("lena").dn, pwdAccountLockedTime=[])
    home.sync()


def test_the_ticked_are_locked_in_a_dialog(browser: Browser, home: House) -> None:
    """The reason is asked for there; closing it gives the button back that was pressed."""
    with window(browser, home) as page:
        sign_in(page, home, "carla")
        page.goto(f"/users?q={home.name('olaf')}")
        page.get_by_role("checkbox", name=f"Select {home.name('olaf')}").check()
        button = page.get_by_role("button", name="Lock", exact=True)
        button.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"Lock {home.name('olaf')}?")
        dialog.get_by_role("link", name="Cancel").click()
        expect(button).to_be_focused()
        assert home.user("olaf").locks == ()
        button.click()
        dialog.get_by_label("Why").fill("laptop lost")
        dialog.get_by_role("button", name="Confirm").click()
        page.get_by_role("button", name=f"{home.name('olaf')} is locked").hover()
        expect(page.get_by_role("tooltip")).to_contain_text("laptop lost")
        page.get_by_role("checkbox", name=f"Select {home.name('olaf')}").check()
        page.get_by_role("button", name="Unlock").click()
        page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status")).to_contain_text("Unlocked and verified")


def test_a_tooltip_stays_while_the_pointer_is_on_it(browser: Browser, home: House) -> None:
    """WCAG 1.4.13: it can be read, selected, and sent away."""
    home.lock("lena")
    with window(browser, home) as page:
        sign_in(page, home, "carla")
        page.goto(f"/users?q={home.name('lena')}")
        page.get_by_role("button", name=f"{home.name('lena')} is locked").hover()
        tip = page.get_by_role("tooltip")
        tip.hover()
        assert tip.is_visible()
        page.keyboard.press("Escape")
        assert not tip.is_visible()
    home.corner.slapd.force(home.person("lena").dn, pwdAccountLockedTime=[])
    home.sync()


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (320, "dark"), (768, "light"), (1440, "light"), (1440, "dark")]
)
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    browser: Browser, home: House, width: int, scheme: str
) -> None:
    """On every page, narrow and wide, light and dark."""
    home.lock("viktor")
    viktor = home.user("viktor").id
    pages = {
        "users": "/users",
        "user": f"/users/{viktor}",
        "confirm": f"/unlock?user={viktor}",
        "lock": f"/lock?user={viktor}",
        "home": "/",
        "audit": "/audit",
        "status": "/status",
        "requests": "/requests",
        "me": "/me",
        "error": "/users/none",
    }
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with window(browser, home, **options) as page:
        page.goto("/sign-in")
        expect_no_fault(page, f"sign_in-{width}-{scheme}")
        sign_in(page, home, "viktor")
        expect_no_fault(page, f"locked-{width}-{scheme}")
        sign_in(page, home, "carla")
        page.wait_for_url("**/")
        for name, address in pages.items():
            page.goto(address)
            expect_no_fault(page, f"{name}-{width}-{scheme}")
    home.corner.slapd.force(home.person("viktor").dn, pwdAccountLockedTime=[])
    home.sync()


# ---------------------------------------------------------------------------------------------------------------------


def expect_no_fault(page: Page, name: str) -> None:
    """Have axe look at a page, and see that it fits its window."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(axe)
    found = page.evaluate("() => axe.run().then(result => result.violations)")
    told = [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found for node in one["nodes"]]
    assert told == [], name
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, name
    picture(page, name)


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press a key until what has this name has the focus."""
    for _ in range(40):
        if focused(page) == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{name} is not reached by {key}; the focus is on {focused(page)}")


def focused(page: Page) -> str:
    """Return the name of what has the focus."""
    script = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
    return re.sub(r"\s+", " ", str(page.evaluate(script))).strip()
