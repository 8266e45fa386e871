"""The catalogues: every message of the pages in every language, with the same placeholders, and nothing besides."""

import re
from datetime import UTC, datetime, timedelta

import flask
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from portal import languages
from tests.support.repository import ROOT

MARKS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
CODES = [code for code in languages.LANGUAGES if code != "en"]
WORDS = re.compile(r">[^<>{}%]*[A-Za-z]{2}[^<>{}%]*<")
OURS = {"Lockstep", "CSV", "JSON Lines"}


def messages() -> set[object]:
    """Return every message of the code and the templates."""
    ways = [("**.py", "python"), ("**.html", "jinja2")]
    return {found[2] for found in extract_from_dir(ROOT / "portal", method_map=ways, keywords=MARKS)}


def catalogue(code: str) -> Catalog:
    """Return a catalogue as it is written."""
    with (ROOT / "portal" / "messages" / f"{code}.po").open("rb") as written:
        return read_po(written, locale=code)


@pytest.mark.parametrize("code", CODES)
def test_no_message_is_missing_and_none_is_left_over(code: str) -> None:
    """Mend them in portal/messages."""
    kept = {message.id for message in catalogue(code) if message.id}
    assert kept == messages()


@pytest.mark.parametrize("code", CODES)
def test_every_message_is_translated_with_its_placeholders(code: str) -> None:
    for message in catalogue(code):
        if not message.id:
            continue
        originals = (message.id,) if isinstance(message.id, str) else tuple(message.id)
        texts = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        wanted = set(re.findall(r"%\(\w+\)[sd]", "".join(originals)))
        assert all(set(re.findall(r"%\(\w+\)[sd]", text)) == wanted for text in texts), message.id


@pytest.mark.parametrize("code", CODES)
def test_the_role_keeps_its_name(code: str) -> None:
    """ "Co-Administrator" is a name, in every language."""
    for message in catalogue(code):
        if "Co-Administrator" in str(message.id):
            assert "Co-Administrator" in str(message.string)


def test_no_word_of_a_template_is_forgotten() -> None:
    """What stands between two tags is a message, or a name."""
    for file in sorted((ROOT / "portal" / "templates").rglob("*.html")):
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        found = {one.strip("<>").strip(" .,:·") for one in WORDS.findall(text)}
        assert found <= OURS, file.name


# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def app() -> flask.Flask:
    return flask.Flask("test")


@pytest.mark.parametrize(
    ("path", "header", "cookie", "language"),
    [
        ("/", "", "", "en"),
        ("/", "de-AT,de;q=0.9,en;q=0.5", "", "de"),
        ("/", "fr,it;q=0.3", "", "it"),
        ("/", "fr", "", "en"),
        ("/", "de", "es", "es"),
        ("/?language=it", "de", "es", "it"),
        ("/?language=klingon", "de", "nonsense", "de"),
    ],
)
def test_which_language_is_shown(app: flask.Flask, path: str, header: str, cookie: str, language: str) -> None:
    """A link's, else the one chosen before, else the browser's best, else English."""
    headers = {"Accept-Language": header, "Cookie": f"{languages.COOKIE}={cookie}"}
    with app.test_request_context(path, headers=headers):
        assert languages.chosen() == language


def test_plurals_dates_and_lengths(app: flask.Flask) -> None:
    at = datetime(2026, 3, 9, 17, 5, tzinfo=UTC)
    with app.test_request_context("/?language=it"):
        assert languages.ngettext("%(num)d user", "%(num)d users", 1) == "%(num)d utente"
        assert languages.ngettext("%(num)d user", "%(num)d users", 2) == "%(num)d utenti"
        assert "2026" in languages.moment(at)
        assert languages.gettext("no such message") == "no such message"
    with app.test_request_context("/?language=de"):
        assert languages.ago(timedelta(seconds=5)) == "vor 5 Sekunden"
        assert languages.moment(at) == "09.03.2026, 17:05 UTC"
    with app.test_request_context("/?language=en"):
        assert languages.moment(at) == "9 Mar 2026, 17:05 UTC"


def test_an_address_keeps_what_it_asked_for(app: flask.Flask) -> None:
    with app.test_request_context("/users?q=a+b&language=de&show=locked"):
        assert languages.address_in("es") == "/users?q=a+b&show=locked&language=es"
