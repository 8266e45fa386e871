"""Signing in and out, and what a locked person is told."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import flask

from ims.audit import Action, Result, entry_by
from ims.locks import Lock, LockReason
from ims.people import Actor, Channel, Role, TenantId, User
from ims.pleas import LONGEST, plead
from ims.sessions import Session, device_id_of, new_key, new_session_secret
from ims.signing_in import Outcome, SignedIn
from portal.languages import N_, gettext
from portal.pages import away, local, page
from portal.services import LockedMessage, PortalServices
from portal.visits import Visit, cookie_name, same_key

FORM_COOKIE = "lockstep-form"
DEVICE_COOKIE = "lockstep-device"
_DEVICE_LASTS_S = 365 * 86_400
_WRONG = N_("The user name or the password is wrong.")
_WRONG_OR_LOCKED = N_("The user name or the password is wrong, or the account is locked; ask your Co-Administrator.")
_TEXTS = {
    Outcome.MUST_CHANGE: N_(
        "Your password is right, but it must be changed first: change it where you change your directory password, "
        "then sign in here again."
    ),
    Outcome.PASSWORD_EXPIRED: N_(
        "Your password has expired: change it where you change your directory password, then sign in here again."
    ),
    Outcome.BUSY: N_("Another sign-in with this name is just being checked. Try again in a moment."),
    Outcome.UNREACHABLE: N_(
        "The directory gives no answer at the moment, so your password was not checked. Try again in a minute."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a person at the locked door is told of one lock."""

    reason: str
    since: datetime
    until: datetime | None = None


def show(services: PortalServices) -> flask.Response:
    """Show the form."""
    return _form(services, next_page=local(flask.request.args.get("next")))


def submit(services: PortalServices) -> flask.Response:
    """Try a user name and a password."""
    form = flask.request.form
    next_page = local(form.get("next"))
    if not same_key(flask.request.cookies.get(FORM_COOKIE, ""), form.get("form_key")):
        return _form(services, N_("This page was open for too long. Please sign in again."), next_page=next_page)
    user_name = form.get("user_name", "").strip().replace("\0", "")
    signed_in = services.signing_in.sign_in(user_name, form.get("password", ""))
    if signed_in.outcome is Outcome.WELCOME and signed_in.user is not None:
        return _welcome(services, signed_in.user, signed_in.locks, next_page)
    if signed_in.outcome in {Outcome.LOCKED, Outcome.WAIT}:
        return _locked(services, signed_in, user_name)
    text = _TEXTS.get(signed_in.outcome) or _wrong(services)
    later = signed_in.outcome in {Outcome.UNREACHABLE, Outcome.BUSY}
    status = HTTPStatus.SERVICE_UNAVAILABLE if later else HTTPStatus.UNAUTHORIZED
    return _form(services, text, status, user_name, next_page)


def ask(services: PortalServices) -> flask.Response:
    """Pass on a plea of whoever met a locked account. The answer is the same for every name."""
    form = flask.request.form
    if not same_key(flask.request.cookies.get(FORM_COOKIE, ""), form.get("form_key")):
        return _form(services, N_("This page was open for too long. Please sign in again."))
    if services.locked_message is not LockedMessage.SILENT:
        user_name = form.get("user_name", "").strip().replace("\0", "")
        plead(services.people.store, services.people.clock, user_name, form.get("words", "").replace("\0", ""))
    return page("asked")


def sign_out(visit: Visit) -> flask.Response:
    """End this session, or all sessions of the person."""
    if flask.request.form.get("everywhere"):
        visit.services.store.end_sessions(visit.user.id)
    visit.services.store.end_session(visit.session.id)
    answer = away("/sign-in")
    answer.delete_cookie(cookie_name(visit.services), path="/", secure=visit.services.secure, httponly=True)
    return answer


def me(visit: Visit) -> flask.Response:
    """Show people their own account: all that somebody without a role can see here."""
    return page("me", visit, told=_told(visit.own.locks), contact=contact_of(visit.services, visit.session.tenant))


def contact_of(services: PortalServices, tenant: TenantId | None) -> str:
    """Say whom a locked person asks. Of nobody in particular it is known where there is one company account only."""
    if tenant is None and len(services.contacts) == 1:
        return next(iter(services.contacts.values()))
    return services.contacts.get(tenant, "") if tenant else ""


# ---------------------------------------------------------------------------------------------------------------------


def _form(
    services: PortalServices,
    problem: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    user_name: str = "",
    next_page: str = "/",
) -> flask.Response:
    key = flask.request.cookies.get(FORM_COOKIE) or new_key()
    answer = page(
        "sign_in",
        status=status,
        form_key=key,
        problem=gettext(problem) if problem else "",
        user_name=user_name,
        next_page=next_page,
    )
    answer.set_cookie(FORM_COOKIE, key, path="/sign-in", secure=services.secure, httponly=True, samesite="Strict")
    return answer


def _wrong(services: PortalServices) -> str:
    return _WRONG_OR_LOCKED if services.locked_message is LockedMessage.SAFE else _WRONG


def _locked(services: PortalServices, signed_in: SignedIn, user_name: str) -> flask.Response:
    """Tell that the account is locked, as far as settings let us tell it to whoever asks."""
    user = signed_in.user
    if not _may_tell(services, user):
        return _form(services, _wrong(services), HTTPStatus.UNAUTHORIZED, user_name)
    if signed_in.outcome is Outcome.WAIT and signed_in.since is not None:
        told = [Told(reason=reason(LockReason.PASSWORD_ATTEMPTS), since=signed_in.since, until=signed_in.until)]
    else:
        told = _told(signed_in.locks)
    return page(
        "locked",
        status=HTTPStatus.FORBIDDEN,
        told=told,
        contact=contact_of(services, user.tenant if user else None),
        user_name=user_name,
        form_key=flask.request.cookies.get(FORM_COOKIE, ""),
        longest=LONGEST,
    )


def _may_tell(services: PortalServices, user: User | None) -> bool:
    if services.locked_message is LockedMessage.FULL:
        return True
    device = flask.request.cookies.get(DEVICE_COOKIE, "")
    known = bool(user and device and services.store.knows_device(device_id_of(device), user.id))
    return known and services.locked_message is LockedMessage.SAFE


def _told(locks: tuple[Lock, ...]) -> list[Told]:
    return [Told(reason=reason(lock.reason), since=lock.since, until=lock.until) for lock in locks]


def reason(of: LockReason) -> str:
    """Say a reason to the person whom it concerns: no directory, no server, nobody else's name."""
    texts = {
        LockReason.PASSWORD_ATTEMPTS: N_("Too many wrong passwords were given."),
        LockReason.UNAFFILIATED: N_("You were unaffiliated from the company account."),
        LockReason.DISABLED: N_("The account was disabled by the directory's administrators."),
        LockReason.EXPIRED: N_("The account is outside its validity dates."),
        LockReason.IDLE: N_("The account was not used for too long."),
        LockReason.ABSENT: N_("The account is no longer in the directory."),
        LockReason.DEPROVISIONED: N_("Your identity provider deactivated the account."),
        LockReason.HELD: N_("A Co-Administrator locked the account."),
    }
    return gettext(texts[of])


def _welcome(services: PortalServices, user: User, locks: tuple[Lock, ...], next_page: str) -> flask.Response:
    now = services.people.clock.now()
    role = None if locks else user.role
    session_id, secret = new_session_secret()
    session = Session(
        id=session_id,
        user=user.id,
        tenant=user.tenant,
        role=role,
        form_key=new_key(),
        opened=now,
        seen=now,
        expires=now + services.longest,
    )
    services.store.open_session(session, [entry_by(_actor(user, role), Action.SIGNED_IN, Result.DONE, now, user)])
    answer = away(next_page if role else "/me")
    answer.set_cookie(cookie_name(services), secret, path="/", secure=services.secure, httponly=True, samesite="Lax")
    _remember(services, answer, user, now)
    return answer


def _remember(services: PortalServices, answer: flask.Response, user: User, now: datetime) -> None:
    """Have this device known to the person, so that `safe` may tell them here why they are locked."""
    device = flask.request.cookies.get(DEVICE_COOKIE) or new_key()
    services.store.remember_device(device_id_of(device), user.id, now)
    answer.set_cookie(
        DEVICE_COOKIE,
        device,
        max_age=_DEVICE_LASTS_S,
        path="/sign-in",
        secure=services.secure,
        httponly=True,
        samesite="Strict",
    )


def _actor(user: User, role: Role | None) -> Actor:
    """Return who signs in; somebody without a role reads their own account, and so counts as a reader of it."""
    return Actor(
        name=user.profile.user_name,
        role=role or Role.READER,
        channel=Channel.PORTAL,
        tenant=user.tenant,
        user=user.id,
    )
