"""How the work signs in: as the agent of the benchmark's directory, in the clear, on loopback."""

from dataclasses import dataclass
from datetime import UTC, datetime

from agent.directories.access import Access, Tls
from agent.directories.client import Client
from bench.people import AGENT_DN, AGENT_PASSWORD
from ims.passes import Circuit
from ims.people import DirectoryName

CORP = DirectoryName("corp")


class MachineClock:
    """The time as this machine has it."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Password:
    text: str

    def read(self) -> str:
        return self.text

    def fingerprint(self, salt: str = "") -> str:
        return f"the benchmark's {salt}"


class NoCircuits:
    """Nothing is remembered: whoever is refused here has a wrong benchmark."""

    def circuit(self, secret: str) -> Circuit | None:  # noqa: ARG002 - the protocol's signature
        """Return nothing."""
        return None

    def open_circuit(self, circuit: Circuit) -> None:
        """Stop the benchmark."""
        raise AssertionError(circuit.why)


def client_of(url: str) -> Client:
    """Return a client, not yet connected."""
    access = Access(
        directory=CORP,
        servers=(url,),
        dn=AGENT_DN,
        secret=_Password(AGENT_PASSWORD),
        tls=Tls.PLAINTEXT,
        receive_timeout_s=120,
    )
    return Client(access, NoCircuits(), MachineClock())
