"""Too many requests are asked to wait, each client by itself, and told for how long in whole seconds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ims.people import Role
from scim.errors import HttpProblem
from scim.rates import BURST_SECONDS, Rates
from tests.support.people import ACME, GLOBEX, HR, IDP, actor
from tests.support.scim_world import GLOBEX_IDP, ScimWorld


@dataclass
class Seconds:
    """A clock that a test moves."""

    at: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


def test_a_burst_is_answered_and_a_flood_waits(make_scim: Callable[..., ScimWorld]) -> None:
    """Other connections, and other tenants, are not concerned."""
    clock = Seconds()
    scim = make_scim(rates=Rates(per_second=3, clock=clock))
    idp = scim.idp
    statuses = [idp.get("/Users").status for _ in range(3 * BURST_SECONDS + 2)]
    assert statuses == [200] * (3 * BURST_SECONDS) + [429, 429]
    refused = idp.get("/Users")
    assert (refused.problem, refused.raw.headers["Retry-After"]) == ((429, None), "1")
    assert scim.connection(HR).get("/Users").status == 200
    assert scim.connection(GLOBEX_IDP).get("/Users").status == 200
    clock.at += 1
    assert [idp.get("/Users").status for _ in range(4)] == [200, 200, 200, 429]


def test_two_tokens_of_a_connection_share_its_rate(make_scim: Callable[..., ScimWorld]) -> None:
    """Else rotating tokens would double it."""
    scim = make_scim(rates=Rates(per_second=1, clock=Seconds()))
    assert [scim.idp.get("/Users").status for _ in range(BURST_SECONDS + 1)] == [200] * BURST_SECONDS + [429]


def test_threads_take_no_more_than_there_is() -> None:
    rates = Rates(per_second=50, clock=Seconds())
    callers = [actor(Role.PROVISIONER, connection=IDP, tenant=tenant) for tenant in (ACME, GLOBEX)] * 150

    def taken(one: object) -> bool:
        try:
            rates.take(one)  # type: ignore[arg-type]  # an actor
        except HttpProblem:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(taken, callers)) == 2 * 50 * BURST_SECONDS


def test_buckets_do_not_pile_up() -> None:
    """Whoever invents names gains nothing: they are those of tokens."""
    rates = Rates(per_second=1, clock=Seconds())
    for number in range(10_001):
        rates.take(actor(Role.AUDITOR, name=f"person {number}"))
    assert len(rates._buckets) <= 10_000
