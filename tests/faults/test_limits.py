"""F01, F02: a server that gives out only so many entries. What was seen is true, what is missing means nothing."""

import pytest

from ims.people import EntryLink
from tests.support.office import Office

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("limits", ["size=3 size.prtotal=3", "size=3 size.prtotal=disabled"])
def test_f01_a_size_limit_in_one_answer(own_office: Office, limits: str) -> None:
    """The one page that holds everybody is cut short, or pages are refused altogether."""
    assert_nobody_is_missing(own_office, limits, page_size=1000)


@pytest.mark.parametrize("limits", ["size=unlimited size.prtotal=5", "size=unlimited size.prtotal=4"])
@pytest.mark.parametrize("page_size", [1, 2, 4])
def test_f02_a_size_limit_between_pages(own_office: Office, limits: str, page_size: int) -> None:
    """The cookie of the last good page is not gone on from, and the watermark stays."""
    assert_nobody_is_missing(own_office, limits, page_size)


def assert_nobody_is_missing(office: Office, limits: str, page_size: int) -> None:
    office.world.configure(page_size=page_size)
    before = office.world.state()
    office.world.slapd.restart(limits=limits)
    office.happen()
    office.endure()
    after = office.world.state()
    assert after.last_reconcile == before.last_reconcile
    assert after.error
    assert not any(link.missing_since for link in _links(office))
    office.world.slapd.restart(limits="size=unlimited")
    office.assert_heals()


def _links(office: Office) -> list[EntryLink]:
    return [office.world.user(office[name]).entries[0] for name in ("ada", "bob", "cyd", "fay")]
