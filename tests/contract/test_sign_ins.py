"""Passwords that the portal tries, on every vendor's server: judged rightly, and never the ones that lock somebody."""

from agent.signing_in import DirectorySignIns
from ims.signing_in import PasswordAnswer
from tests.support.dialect_server import DialectServer
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld


def sign_ins(world: SyncWorld) -> DirectorySignIns:
    return DirectorySignIns({world.directory.name: world.directory}, world.clock)


def known(world: SyncWorld) -> tuple[Person, str]:
    """Return somebody who was read in, and their user name."""
    ada = world.person("ada")
    world.reconcile()
    return ada, world.user(ada).profile.user_name


def test_a_person_is_found_by_name_and_let_in(world: SyncWorld) -> None:
    """One hit, whatever the case; nobody for a name that nobody has, nor for what would be a pattern."""
    ada, name = known(world)
    tried = sign_ins(world)
    (link,) = tried.find(name.upper())
    assert link.entry_id == ada.entry_id
    assert tried.judge(link, ada.password) is PasswordAnswer.WELCOME
    assert tried.find("nobody-has-this-name") == ()
    assert tried.find(f"{name[:4]}*") == ()


def test_however_many_wrong_passwords_lock_nobody(world: SyncWorld, vendor: DialectServer) -> None:
    """Two are let through where three lock; the right one is welcome again once the server has forgotten them."""
    ada, name = known(world)
    tried = sign_ins(world)
    (link,) = tried.find(name)
    answers = [tried.judge(link, f"wrong {number}") for number in range(6)]
    if vendor.refuses:
        assert answers == [PasswordAnswer.WRONG] * 2 + [PasswordAnswer.NOT_ASKED] * 4
    assert world.slapd.sign_in(ada.dn, ada.password)
    world.tick()
    assert world.reasons(ada) == []
    if vendor.refuses:
        assert tried.judge(link, ada.password) is PasswordAnswer.WELCOME


def test_nobody_is_never_welcome(world: SyncWorld) -> None:
    """And waits at the latest when somebody would."""
    known(world)
    tried = sign_ins(world)
    assert tried.pretend("whatever", 0) is PasswordAnswer.WRONG
    assert tried.pretend("whatever", 50) is PasswordAnswer.NOT_ASKED
