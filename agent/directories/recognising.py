"""Which product answers, by its root DSE (RFC 4512 section 5.1): what `lockstep init` looks at first."""

from dataclasses import dataclass
from enum import StrEnum

from agent.directories.entry import Entry

START_TLS = "1.3.6.1.4.1.1466.20037"
ROOT_ATTRIBUTES = (
    "objectClass",
    "vendorName",
    "vendorVersion",
    "namingContexts",
    "defaultNamingContext",
    "configContext",
    "supportedControl",
    "supportedExtension",
    "supportedCapabilities",
    "supportedSASLMechanisms",
    "rootDomainNamingContext",
    "ipaTopologyPluginVersion",
)
_ACTIVE_DIRECTORY, _LIGHTWEIGHT = "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851"
"""Capabilities that Active Directory and its lightweight edition name (MS-ADTS 3.1.1.3.4.3)."""


class Product(StrEnum):
    """A product that is recognised, in the words of its makers."""

    OPENLDAP = "OpenLDAP"
    DS389 = "389 Directory Server"
    FREEIPA = "FreeIPA"
    ACTIVE_DIRECTORY = "Active Directory"
    LIGHTWEIGHT = "Active Directory Lightweight Directory Services"
    SAMBA = "Samba (Active Directory)"
    EDIRECTORY = "eDirectory"
    OTHER = "another product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A product, and its own words for its version where it has any."""

    product: Product
    said: str = ""

    @property
    def name(self) -> str:
        """Return what to call it: the product, with what it says of itself."""
        if self.product is Product.OTHER:
            return self.said or "a directory that does not say what it is"
        return f"{self.product} ({self.said})" if self.said else self.product.value


def recognise(root: Entry) -> Recognised:
    """Return what a root DSE says. OpenLDAP names no vendor: its root has a class of its own."""
    said = " ".join(filter(None, (_first(root, "vendorName"), _first(root, "vendorVersion"))))
    return Recognised(product=_product(root, said.lower()), said=said)


def _product(root: Entry, said: str) -> Product:
    capabilities = set(root.texts("supportedCapabilities"))
    signs = {
        Product.OPENLDAP: "OpenLDAProotDSE" in root.texts("objectClass"),
        Product.SAMBA: "samba" in said,
        Product.LIGHTWEIGHT: _LIGHTWEIGHT in capabilities,
        Product.ACTIVE_DIRECTORY: _ACTIVE_DIRECTORY in capabilities or bool(root.values("rootDomainNamingContext")),
        Product.FREEIPA: bool(root.values("ipaTopologyPluginVersion")),
        Product.DS389: "389" in said,
        Product.EDIRECTORY: "edirectory" in said,
    }
    return next((product for product, there in signs.items() if there), Product.OTHER)


def _first(root: Entry, name: str) -> str:
    return next(iter(root.texts(name)), "")
