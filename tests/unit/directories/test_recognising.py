"""Which product a root DSE is of: those that Lockstep speaks to, and those that it names and does not."""

import pytest

from agent.directories.entry import entry_of
from agent.directories.recognising import Product, Recognised, recognise

ROOTS = {
    Product.OPENLDAP: {"objectClass": ["top", "OpenLDAProotDSE"], "namingContexts": ["dc=x"]},
    Product.DS389: {"vendorName": ["389 Project"], "vendorVersion": ["389-Directory/2.3.1 B2023.031.0916"]},
    Product.FREEIPA: {
        "vendorName": ["389 Project"],
        "vendorVersion": ["389-Directory/2.4.5 B2024.017.0000"],
        "ipaTopologyPluginVersion": ["1.0"],
    },
    Product.ACTIVE_DIRECTORY: {
        "rootDomainNamingContext": ["DC=corp,DC=example,DC=com"],
        "supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"],
    },
    Product.LIGHTWEIGHT: {"supportedCapabilities": ["1.2.840.113556.1.4.1851", "1.2.840.113556.1.4.1670"]},
    Product.SAMBA: {
        "vendorName": ["Samba Team (https://www.samba.org)"],
        "supportedCapabilities": ["1.2.840.113556.1.4.800"],
        "rootDomainNamingContext": ["DC=corp,DC=example,DC=com"],
    },
    Product.EDIRECTORY: {
        "vendorName": ["NetIQ Corporation"],
        "vendorVersion": ["LDAP Agent for NetIQ eDirectory 9.2.8 (40208.10)"],
    },
    Product.OTHER: {"vendorName": ["Apache Software Foundation"], "vendorVersion": ["2.0.0.AM27"]},
}
"""What each shows of itself to anybody."""


def recognised(root: dict[str, list[str]]) -> Recognised:
    """Return what a root DSE with these values is taken for."""
    return recognise(entry_of("", {name: [value.encode() for value in values] for name, values in root.items()}))


@pytest.mark.parametrize("product", ROOTS, ids=lambda product: product.name)
def test_each_product_is_recognised(product: Product) -> None:
    """By what its makers put there for it."""
    assert recognised(ROOTS[product]).product is product


def test_a_product_is_called_by_its_name_and_its_own_words() -> None:
    """So that nobody wonders which server it was."""
    assert recognised(ROOTS[Product.DS389]).name == (
        "389 Directory Server (389 Project 389-Directory/2.3.1 B2023.031.0916)"
    )
    assert recognised(ROOTS[Product.OPENLDAP]).name == "OpenLDAP"
    assert recognised(ROOTS[Product.OTHER]).name == "Apache Software Foundation 2.0.0.AM27"
    assert recognised({}).name == "a directory that does not say what it is"
