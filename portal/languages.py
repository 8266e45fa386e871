"""The languages of the pages: which one somebody reads, and how messages, dates and numbers look in it.

Catalogues are read as translators write them, so that none can be out of date. A message is its English text; what no
catalogue knows is shown in English, and fails the tests.
"""

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

import flask
from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "English", "de": "Deutsch", "it": "Italiano", "es": "español"},
)
"""The languages by their code, each by its own name."""

COOKIE = "lockstep-language"
_LASTS_S = 365 * 86_400
_LOCALES = {"en": "en_GB"}
_FOLDER = Path(__file__).parent / "messages"


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for this
    """Mark a message for translation where it is written down; it is translated where it is shown."""
    return message


def chosen() -> str:
    """Return the language of this request: chosen by a link or before, else the browser's best, else English."""
    if "portal_language" not in flask.g:
        wanted = (flask.request.args.get("language"), flask.request.cookies.get(COOKIE))
        known = next((one for one in wanted if one in LANGUAGES), None)
        flask.g.portal_language = known or flask.request.accept_languages.best_match(LANGUAGES) or "en"
    return str(flask.g.portal_language)


def keep(response: flask.Response, *, secure: bool) -> None:
    """Have the browser remember a language that a link has just chosen."""
    if flask.request.args.get("language") in LANGUAGES:
        response.set_cookie(COOKIE, chosen(), max_age=_LASTS_S, path="/", secure=secure, httponly=True, samesite="Lax")


def address_in(language: str) -> str:
    """Return the address of this page in another language."""
    arguments = [(name, value) for name, value in flask.request.args.items(multi=True) if name != "language"]
    return f"{flask.request.path}?{urlencode([*arguments, ('language', language)])}"


def gettext(message: str) -> str:
    """Return a message in the language of this request."""
    return _translations(chosen()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Return a message in the form that a number takes in the language of this request."""
    return _translations(chosen()).ngettext(one, many, number)


def moment(at: datetime) -> str:
    """Return a time, to the minute, in UTC, as the language of this request writes it."""
    there = at.astimezone(UTC)
    return f"{format_date(there, locale=_locale())}, {there:%H:%M} UTC"


def ago(length: timedelta) -> str:
    """Return how long ago something was, as the language of this request says it."""
    return format_timedelta(-length, add_direction=True, locale=_locale())


def install(state: flask.blueprints.BlueprintSetupState) -> None:
    """Teach the templates to translate."""
    environment = state.app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]


def _locale() -> str:
    language = chosen()
    return _LOCALES.get(language, language)


@lru_cache(maxsize=len(LANGUAGES))
def _translations(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    with (_FOLDER / f"{language}.po").open("rb") as written:
        catalogue = read_po(written, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
