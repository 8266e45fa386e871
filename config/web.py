"""The settings of the web side: where it listens, what protects the way to it, and what it accepts."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from config.kinds import COMMAS, Network, PemFile, Switch, Table, Text, Whole, is_address, is_loopback, relation, wrong

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Web(Table):
    """Where the web side listens and what it accepts. Tokens never travel unprotected off this machine."""

    host: Text = Field(
        default="127.0.0.1",
        description="The address to listen on; 0.0.0.0 or :: is every address of the machine.",
    )
    port: Whole = Field(default=8080, description="The port to listen on.", ge=1, le=65535)
    certificate_file: PemFile | None = Field(
        default=None,
        description="The server's certificate with its chain (PEM).",
        examples=["tls/server.pem"],
    )
    key_file: PemFile | None = Field(
        default=None,
        description="The certificate's private key (PEM, without a passphrase).",
        validate_default=True,
        examples=["tls/server.key"],
    )
    behind_proxy: Switch = Field(
        default=False,
        description="Whether a reverse proxy stands before Lockstep and ends TLS there.",
        examples=[True],
    )
    trusted_proxies: Annotated[tuple[Network, ...], COMMAS] = Field(
        default=(),
        description="The proxies' addresses or networks: everybody else gets 403, but for /healthz and /readyz.",
        validate_default=True,
        examples=[["10.0.0.0/28"]],
    )
    public_url: Text | None = Field(
        default=None,
        description="The address by which others reach Lockstep, without a path. May be left out where only this "
        "machine does.",
        validate_default=True,
        examples=["https://lockstep.example.com"],
    )
    workers: Whole | None = Field(
        default=None,
        description="How many processes serve requests. Left out: one per processor core.",
        ge=1,
        le=256,
        examples=[4],
    )
    blocking_threads: Whole = Field(
        default=2,
        description="How many requests one process works on at a time.",
        ge=1,
        le=64,
    )
    max_body_bytes: Whole = Field(
        default=1024 * 1024,
        description="The longest request body that is read; a longer one is answered with 413.",
        ge=1024,
        le=64 * 1024 * 1024,
    )
    max_json_depth: Whole = Field(
        default=32,
        description="How deeply lists and objects in a request may be nested.",
        ge=8,
        le=200,
    )

    max_requests_per_second: Whole = Field(
        default=200,
        description="How many SCIM requests a second one connection or person may send to each process, for longer "
        "than two seconds; more are answered with 429.",
        ge=25,
        le=1_000_000,
    )

    @property
    def base_url(self) -> str:
        """The address by which others reach Lockstep, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate_file else 'http'}://{host}:{self.port}"

    @field_validator("host")
    @classmethod
    def _an_address(cls, host: str) -> str:
        if not _HOST_NAME.fullmatch(host) and not is_address(host):
            raise wrong('must be an address such as "127.0.0.1", or "0.0.0.0" or "::" for all; the port is its own key')
        return host

    @field_validator("key_file")
    @classmethod
    def _certificate_and_key(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if "certificate_file" in info.data and (key is None) != (info.data["certificate_file"] is None):
            raise relation("certificate_file and key_file go together: give both or neither")
        return key

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted(cls, networks: tuple[Network, ...], info: ValidationInfo) -> tuple[Network, ...]:
        behind_proxy = info.data.get("behind_proxy")
        if behind_proxy is True and not networks:
            raise wrong(
                "must name the proxy's address: without it anybody could send tokens past the proxy, unprotected"
            )
        if behind_proxy is False and networks:
            raise relation("trusted_proxies does nothing without behind_proxy = true")
        if any(network.prefixlen == 0 for network in networks):
            raise wrong("must not trust every address: anybody could send tokens past the proxy, unprotected")
        return networks

    @field_validator("trusted_proxies")
    @classmethod
    def _protected_off_loopback(cls, networks: tuple[Network, ...], info: ValidationInfo) -> tuple[Network, ...]:
        """Refuse what would send tokens readable over a network; checked on the last key that has a say in it."""
        known = info.data
        if not {"host", "certificate_file", "behind_proxy"} <= known.keys() or is_loopback(known["host"]):
            return networks
        if known["certificate_file"] is None and not known["behind_proxy"]:
            raise relation(
                f'host = "{known["host"]}" would send tokens readable over the network: give certificate_file and '
                "key_file, or behind_proxy = true where a proxy does TLS, or listen on 127.0.0.1",
            )
        return networks

    @field_validator("public_url")
    @classmethod
    def _an_address_without_a_path(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None and not is_loopback(info.data.get("host", "localhost")):
            raise wrong('is missing; for example public_url = "https://lockstep.example.com": it cannot be guessed')
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise wrong(f"is no URL: {str(error).lower()}") from None
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
            raise wrong('must be an address such as "https://lockstep.example.com"')
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise wrong("must end after the host and port: Lockstep serves the whole of it")
        if parts.scheme == "http" and not is_loopback(host):
            raise wrong("must begin with https://: bearer tokens are sent to it")
        return f"{parts.scheme}://{parts.netloc}"
