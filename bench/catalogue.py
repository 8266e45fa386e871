"""Every figure that a run takes, in the order of the table."""

from bench.figures import (
    Figure,
    Target,
    above_idle,
    cpu,
    peak,
    per_user_us,
    plain,
    ratio,
    ratio_without_start,
    rows,
    server_cpu,
    wall,
)

_PEER = "ldapsearch -E pr=1000/noprompt -LLL, 13 attributes"
_SAME = "ldapsearch -E pr=1000/noprompt -LLL, the same attributes"
_LOCKED = "ldapsearch for the locked users, the same attributes"

READING = (
    Figure(
        name="read_wall",
        contest="reading",
        unit="ratio",
        what="read and decode everybody: wall time",
        against=_PEER,
        target=Target(most=2),
        formula=ratio("ours", "ldapsearch", wall),
    ),
    Figure(
        name="read_cpu",
        contest="reading",
        unit="ratio",
        what="read and decode everybody: CPU",
        against=_PEER,
        target=Target(most=2.5),
        formula=ratio("ours", "ldapsearch", cpu),
    ),
    Figure(
        name="ldap3_cpu",
        contest="reading",
        unit="ratio",
        what="CPU of ldap3 for the same reading, divided by ours",
        against="ldap3 tuned (no schema, no name checks, fast decoder)",
        target=Target(least=8),
        formula=ratio("ldap3", "ours", cpu),
    ),
    Figure(
        name="ldap3_wall",
        contest="reading",
        unit="ratio",
        what="wall time of ldap3 for the same reading, divided by ours",
        against="ldap3 tuned (no schema, no name checks, fast decoder)",
        formula=ratio("ldap3", "ours", wall),
    ),
    Figure(
        name="read_peak",
        contest="reading",
        unit="MiB",
        what="peak memory of the reading process, interpreter and imports included",
        target=Target(most=40),
        formula=plain("ours", peak),
    ),
    Figure(
        name="read_peak_above_idle",
        contest="reading",
        unit="MiB",
        what="of which the reading itself",
        formula=plain("ours", above_idle),
    ),
    Figure(
        name="read_server_cpu",
        contest="reading",
        unit="s",
        what="CPU of slapd during our reading",
        formula=plain("ours", server_cpu),
    ),
    Figure(
        name="ldapsearch_wall", contest="reading", unit="s", what="the peer itself", formula=plain("ldapsearch", wall)
    ),
    Figure(
        name="ldapsearch_cpu",
        contest="reading",
        unit="s",
        what="the peer itself: CPU",
        formula=plain("ldapsearch", cpu),
    ),
    Figure(
        name="ldapsearch_start",
        contest="reading",
        unit="s",
        what="wall time of an ldapsearch that finds nobody: what its start is worth",
        formula=plain("ldapsearch_start", wall),
    ),
)

SYNCING = (
    Figure(
        name="unchanged_reconcile_wall",
        contest="syncing",
        unit="ratio",
        what="reconcile when nothing changed: wall time",
        against=_SAME,
        target=Target(most=1.5),
        formula=ratio("unchanged", "ldapsearch_again", wall),
    ),
    Figure(
        name="unchanged_reconcile_cpu",
        contest="syncing",
        unit="ratio",
        what="reconcile when nothing changed: CPU",
        against=_SAME,
        formula=ratio("unchanged", "ldapsearch_again", cpu),
    ),
    Figure(
        name="unchanged_reconcile_rows",
        contest="syncing",
        unit="rows",
        what="rows of users, locks, entries, affiliations, audit that it wrote",
        target=Target(most=0),
        formula=plain("unchanged", rows),
    ),
    Figure(
        name="unchanged_reconcile_peak",
        contest="syncing",
        unit="MiB",
        what="peak memory of its process, interpreter and imports included",
        target=Target(most=100),
        formula=plain("unchanged", peak),
    ),
    Figure(
        name="unchanged_reconcile_peak_above_idle",
        contest="syncing",
        unit="MiB",
        what="of which the pass itself",
        formula=plain("unchanged", above_idle),
    ),
    Figure(
        name="first_reconcile_wall",
        contest="syncing",
        unit="ratio",
        what="first reconcile, with audit and documents: wall time",
        against=_SAME,
        target=Target(most=7),
        formula=ratio("first", "ldapsearch", wall),
    ),
    Figure(
        name="first_reconcile_cpu",
        contest="syncing",
        unit="ratio",
        what="first reconcile: CPU",
        against=_SAME,
        formula=ratio("first", "ldapsearch", cpu),
    ),
    Figure(
        name="first_reconcile_per_user",
        contest="syncing",
        unit="us",
        what="first reconcile: wall time per user",
        formula=plain("first", per_user_us),
    ),
    Figure(
        name="first_reconcile_peak",
        contest="syncing",
        unit="MiB",
        what="first reconcile: peak memory of its process",
        formula=plain("first", peak),
    ),
)

TICKING = (
    Figure(
        name="tick_wall",
        contest="ticking",
        unit="ratio",
        what="a tick with one user in a hundred locked: wall time",
        against=_LOCKED,
        target=Target(most=5),
        formula=ratio("tick", "ldapsearch", wall),
    ),
    Figure(
        name="tick_wall_without_start",
        contest="ticking",
        unit="ratio",
        what="the same, without what it takes to start ldapsearch",
        against=_LOCKED,
        formula=ratio_without_start("tick", "ldapsearch", "ldapsearch_start"),
    ),
    Figure(
        name="tick_seconds",
        contest="ticking",
        unit="s",
        what="the same tick",
        formula=plain("tick", wall),
    ),
    Figure(
        name="tick_rows",
        contest="ticking",
        unit="rows",
        what="rows that it wrote",
        formula=plain("tick", rows),
    ),
    Figure(
        name="unchanged_reconcile_locked_wall",
        contest="ticking",
        unit="ratio",
        what="reconcile when nothing changed and one user in a hundred is locked: wall time",
        against=_SAME,
        formula=ratio("unchanged", "ldapsearch_all", wall),
    ),
)

REST = (
    Figure(
        name="one_entry_wall",
        contest="one_entry",
        unit="ratio",
        what="one entry of 32 MB (764,000 members) divided by one of 8 MB: wall time",
        against="the reader itself",
        target=Target(most=6),
        formula=ratio("large", "small", wall),
    ),
    Figure(
        name="one_entry_seconds",
        contest="one_entry",
        unit="s",
        what="the entry of 32 MB",
        formula=plain("large", wall),
    ),
    Figure(
        name="one_entry_peak_above_idle",
        contest="one_entry",
        unit="MiB",
        what="the entry of 32 MB: memory, all its values kept",
        formula=plain("large", above_idle),
    ),
    Figure(
        name="store_load_per_user",
        contest="loading",
        unit="us",
        what="the store alone: a new user with entry and audit row, in batches of 2,000",
        formula=plain("load", per_user_us),
    ),
)

FIGURES = (*READING, *SYNCING, *TICKING, *REST)
