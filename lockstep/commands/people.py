"""`lockstep users` and `explain`: people, as the operator of the machine may see them. Every look is recorded."""

from dataclasses import asdict

import click

from ims.audit import Action, AuditEntry, Result
from ims.locks import locks_in_force
from ims.people import TenantId, User, UserId
from ims.permits import Permission, require
from ims.query import And, Attribute, Collection, Compare, Member, Operator, Or, Page, Query, Some
from lockstep.exits import ExitCode
from lockstep.explaining import Explanation, explain
from lockstep.invocation import (
    Invocation,
    json_option,
    one_user,
    operator,
    pass_invocation,
    tenant_of,
    tenant_option,
)
from lockstep.output import Cell, say, show_json, show_lines, show_record, show_table, working
from lockstep.wiring import Wiring

_COLUMNS = ("user_name", "tenant", "display_name", "active", "locks", "until", "affiliation", "id")
_LOCK_COLUMNS = ("reason", "source", "server", "since", "until", "clearable_by", "unlock")
_CHUNK = 500


@click.command
@click.option("--locked", is_flag=True, help="Only users who are locked now.")
@tenant_option
@click.option("--search", metavar="TEXT", help="Only users with this text in their name or e-mail.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many users.")
@json_option
@pass_invocation
def users(
    invocation: Invocation,
    tenant: str | None,
    search: str | None,
    limit: int,
    *,
    locked: bool,
    as_json: bool,
) -> None:
    """List users and why they are locked.

    As they were last read (`explain` reads the directory now). Every look is recorded.
    """
    query = _query(search, locked=locked)
    with invocation.wired() as wiring:
        of_tenant = tenant_of(wiring.settings, tenant)
        record_look(wiring, "users", _asked(search, locked=locked), of_tenant)
        found, total = _found(wiring, of_tenant, query, limit)
        rows = [_row(wiring, user) for user in found]
    show_table(_COLUMNS, rows, as_json=as_json, empty="No user is like that.")
    if total > len(rows):
        say(f"{total - len(rows)} more are not shown: narrow it down with --search, or raise --limit.")


def _asked(search: str | None, *, locked: bool) -> str:
    """Return what was asked for, as the audit keeps it."""
    who = "those who are locked" if locked else "everybody"
    return f"{who} with {search!r} in their name or e-mail" if search else who


def record_look(wiring: Wiring, what: str, detail: str, tenant: TenantId | None, user: User | None = None) -> None:
    """Record that the operator looks at people, before anything is shown. Raises StoreUnusable: then nothing is."""
    actor = operator()
    require(actor, Permission.READ_ON_THE_BOX)
    entry = AuditEntry(
        at=wiring.clock.now(),
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.READ_ON_THE_BOX,
        result=Result.DONE,
        subject=what,
        tenant=user.tenant if user else tenant,
        user=user.id if user else None,
        detail=detail,
    )
    wiring.store.record([entry])


def _query(search: str | None, *, locked: bool) -> Query:
    parts: list[Query] = []
    if locked:
        parts.append(Compare(Attribute.LOCKED, Operator.EQ, True))
    if search:
        names = (Attribute.USER_NAME, Attribute.DISPLAY_NAME)
        by_name = tuple(Compare(name, Operator.CO, search) for name in names)
        parts.append(Or((*by_name, Some(Collection.EMAILS, Compare(Member.VALUE, Operator.CO, search)))))
    return And(tuple(parts))


def _found(wiring: Wiring, tenant: TenantId | None, query: Query, limit: int) -> tuple[list[User], int]:
    """Return the users and how many there are in all, read in chunks, so that a large answer needs little memory."""
    found: list[User] = []
    after: UserId | None = None
    total = 0
    while len(found) < limit:
        page = Page(limit=min(_CHUNK, limit - len(found)), after=after)
        answer = wiring.store.find(tenant, query, page, wiring.clock.now())
        found += answer.users
        total = max(total, answer.total)
        if len(answer.users) < page.limit:
            break
        after = answer.users[-1].id
    return found, total


def _row(wiring: Wiring, user: User) -> tuple[Cell, ...]:
    locks = locks_in_force(user.locks, wiring.clock.now())
    ends = [lock.until for lock in locks]
    until = max((end for end in ends if end is not None), default=None) if None not in ends else None
    return (
        user.profile.user_name,
        user.tenant,
        user.profile.display_name,
        not locks,
        tuple(f"{lock.reason.value} ({lock.source})" for lock in locks),
        until,
        user.affiliation.status.value if user.affiliation else None,
        user.id,
    )


@click.command("explain")
@click.argument("user", metavar="USER")
@tenant_option
@json_option
@pass_invocation
def explain_user(invocation: Invocation, user: str, tenant: str | None, *, as_json: bool) -> None:
    """Explain why a user is locked, or not.

    USER is a user name or an id. Shown are, as their directory has them now, the raw lock attributes, the policy and
    where it came from, the arithmetic, who may clear each lock, and the exact write an unlock would do. Every look is
    recorded.
    """
    with invocation.wired() as wiring:
        found = one_user(wiring, user, tenant_of(wiring.settings, tenant))
        record_look(wiring, found.profile.user_name, "explain", found.tenant, found)
        with working(f"Reading the directories of {found.profile.user_name}"):
            explanation = explain(wiring, found)
    if as_json:
        show_json(_document(explanation))
    else:
        _show(explanation)
    if any(not view.answered for view in explanation.servers):
        say("Not every server answered; what is shown may be incomplete.")
        click.get_current_context().exit(ExitCode.UNREACHABLE.value)


def _head(explanation: Explanation) -> list[tuple[str, Cell]]:
    user = explanation.user
    return [
        ("user_name", user.profile.user_name),
        ("id", user.id),
        ("tenant", user.tenant),
        ("affiliation", f"{user.affiliation.status.value} by {user.affiliation.rule}" if user.affiliation else None),
        ("active", not explanation.locks),
        ("at", explanation.at),
        ("protected", explanation.protected),
        ("only_observed", explanation.only_observed),
        ("kept_back", explanation.kept_back),
        ("hints", tuple(link.hint for link in user.entries if link.hint)),
    ]


def _document(explanation: Explanation) -> dict[str, object]:
    return {
        **dict(_head(explanation)),
        "servers": [asdict(view) for view in explanation.servers],
        "locks": [asdict(lock) for lock in explanation.locks],
        "writes": explanation.writes,
    }


def _show(explanation: Explanation) -> None:
    show_record(_head(explanation), as_json=False)
    for view in explanation.servers:
        show_lines(f"{view.directory} {view.server}".rstrip(), view.lines)
    rows = [
        (lock.reason, lock.source, lock.server, lock.since, lock.until, lock.clearable_by, lock.unlock)
        for lock in explanation.locks
    ]
    click.echo()
    show_table(_LOCK_COLUMNS, rows, as_json=False, empty="No lock is in force.")
    if explanation.writes:
        show_lines("an unlock would send", explanation.writes)
