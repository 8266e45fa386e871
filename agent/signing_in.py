"""How a person's password is tried in the directories, so that the trying itself never locks anybody out."""

import secrets
from collections.abc import Mapping

from agent.configured import ConfiguredDirectory
from agent.directories.dialect import Knowledge, Policy, SignIn
from agent.directories.entry import Entry
from agent.directories.errors import Refused
from agent.directories.filters import all_of, equal
from agent.directories.reader import attributes, find_one
from agent.directories.searches import Search
from agent.fresh import usable_answers
from ims.errors import DirectoryUnreachable
from ims.people import DirectoryName, EntryId, EntryLink
from ims.ports import Clock
from ims.signing_in import PasswordAnswer

MARGIN = 2
"""How far below the number of wrong passwords that locks an account we stop: others may be trying at the same time."""
MISTYPED = 2
"""So many wrong passwords are always let through where that does not lock: who mistypes once must be able to repeat."""

_ANSWERS = {
    SignIn.WELCOME: PasswordAnswer.WELCOME,
    SignIn.WRONG: PasswordAnswer.WRONG,
    SignIn.LOCKED: PasswordAnswer.LOCKED,
    SignIn.MUST_CHANGE: PasswordAnswer.MUST_CHANGE,
    SignIn.PASSWORD_EXPIRED: PasswordAnswer.PASSWORD_EXPIRED,
}


class DirectorySignIns:
    """`ims.signing_in.SignIns` over all configured directories; one instance serves all threads."""

    def __init__(self, directories: Mapping[DirectoryName, ConfiguredDirectory], clock: Clock) -> None:
        self._directories = directories
        self._clock = clock

    def find(self, user_name: str) -> tuple[EntryLink, ...]:
        """Return the entries with this user name. A name that a directory has twice is nobody in particular.

        Raises DirectoryUnreachable where nobody was found and a directory did not answer.
        """
        found: list[EntryLink] = []
        unanswered: list[DirectoryUnreachable] = []
        for directory in self._directories.values():
            try:
                found += self._in(directory, user_name)
            except DirectoryUnreachable as error:
                unanswered.append(error)
        if unanswered and not found:
            raise unanswered[0]
        return tuple(found)

    def judge(self, link: EntryLink, password: str) -> PasswordAnswer:
        """Try a password on the first server, unless that could lock the account. Raises DirectoryUnreachable."""
        directory = self._directories[link.directory]
        dialect, rules, now = directory.dialect, directory.reading, self._clock.now()
        with usable_answers(), directory.client() as client:
            entry = client.search_one(link.dn, attributes(dialect, rules))
            if entry is None:
                return PasswordAnswer.WRONG
            policy = dialect.policies(client, rules).of(entry, now)
            if not may_try(policy, dialect.failures(entry, policy, now)):
                return PasswordAnswer.NOT_ASKED
            said = dialect.sign_in_outcome(client.bind_as(entry.dn, password))
        if said is SignIn.UNDECIDED:
            raise DirectoryUnreachable(f"{directory.name} did not judge the password")
        return _ANSWERS[said]

    def pretend(self, password: str, failures: int) -> PasswordAnswer:
        """Try a password on an entry that nobody has, under the policy that a new entry would have.

        Whatever is answered, it takes about as long as on a real one, and waits as soon as a real one would.
        """
        for directory in self._directories.values():
            try:
                return self._pretend_in(directory, password, failures)
            except DirectoryUnreachable:
                continue
        return PasswordAnswer.WRONG

    def _pretend_in(self, directory: ConfiguredDirectory, password: str, failures: int) -> PasswordAnswer:
        rules, dialect = directory.reading, directory.dialect
        nobody = Entry(dn=f"cn={secrets.token_hex(8)},{rules.base}", attributes={})
        with usable_answers(), directory.client() as client:
            client.search_one(nobody.dn, attributes(dialect, rules))
            if not may_try(dialect.policies(client, rules).of(nobody, self._clock.now()), failures):
                return PasswordAnswer.NOT_ASKED
            client.bind_as(nobody.dn, password)
        return PasswordAnswer.WRONG

    def _in(self, directory: ConfiguredDirectory, user_name: str) -> tuple[EntryLink, ...]:
        rules, dialect = directory.reading, directory.dialect
        search = Search(
            base=rules.base,
            filter=all_of(rules.filter, equal(directory.settings.attributes.user_name, user_name)),
            scope=rules.scope,
            attributes=dialect.id_attributes(),
        )
        with usable_answers(), directory.client() as client:
            try:
                entry = find_one(client, search)
            except Refused as refused:
                if refused.result.ok:
                    return ()
                raise
            if entry is None:
                return ()
            return (self._link(directory, dialect.entry_id(entry), entry.dn),)

    def _link(self, directory: ConfiguredDirectory, entry_id: EntryId, dn: str) -> EntryLink:
        return EntryLink(directory=directory.name, entry_id=entry_id, dn=dn, seen_at=self._clock.now())


def may_try(policy: Policy, failures: int) -> bool:
    """Return whether one more wrong password is still far from locking the account.

    Of an unknown policy nobody knows how far: one try, where none has failed. A policy that locks at the first wrong
    password lets nobody try anything here.
    """
    if policy.knowledge is Knowledge.UNKNOWN:
        return failures == 0
    if not policy.lockout or not policy.max_failures:
        return True
    return failures < max(MISTYPED, policy.max_failures - MARGIN) and failures + 1 < policy.max_failures
