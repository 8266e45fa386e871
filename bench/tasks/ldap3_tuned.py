"""The same reading with ldap3 alone, as fast as it can be told to be: no schema, no checks of names, its fast decoder.

Each page is asked for by itself: ldap3's generator does the same and formats more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import ldap3

from bench.errors import BenchProblem
from bench.measuring import Done, Task, Work
from bench.people import AGENT_DN, AGENT_PASSWORD, USERS

_PAGED_RESULTS = "1.2.840.113556.1.4.319"
_QUIET = {"check_names": False, "auto_referrals": False, "return_empty_attributes": False, "fast_decoder": True}


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the reading of everybody below the task's base, with its attributes."""

    def read() -> Done:
        server = ldap3.Server(task.url, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, AGENT_DN, AGENT_PASSWORD, client_strategy=ldap3.SYNC, **_QUIET)
        if not connection.bind():
            raise BenchProblem(f"ldap3 cannot sign in: {connection.result['description']}")
        done = _everything(connection, task)
        connection.unbind()
        return done

    yield read


def _everything(connection: ldap3.Connection, task: Task) -> Done:
    entries = values = 0
    cookie: bytes | None = b""
    while cookie is not None:
        connection.search(
            task.base, USERS, attributes=list(task.attributes), paged_size=1000, paged_cookie=cookie or None
        )
        for entry in connection.response:
            entries += 1
            values += len(entry["raw_attributes"])
        cookie = connection.result["controls"][_PAGED_RESULTS]["value"]["cookie"] or None
    return Done(entries, values)
