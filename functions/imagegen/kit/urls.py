"""Owns the static checks of webhook URLs and IP addresses, against SSRF.

Pure. Must not know what a host name resolves to; `webhooks/sender.py` checks that at each delivery.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Some interpreters report these as global: protocol assignments, 6to4 relays, documentation. The last is Azure's
# metadata address.
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "168.63.129.16/32")))


def check(url: str) -> SplitResult:
    """Return the parts of a webhook URL: http or https, with a host, without credentials and fragment.

    The addresses of its host are checked at delivery.

    Raises:
        ValueError: it is not such a URL.
    """
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        raise ValueError("not a URL")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be http or https, with a host and without credentials")
    if parts.port == 0 or parts.fragment:
        raise ValueError("must have no fragment, and no port 0")
    return parts


def may_be_called(parts: SplitResult, *, allow_loopback: bool) -> bool:
    """Return whether a webhook may be sent to a URL: https and a public host, or loopback if that is allowed."""
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A host name is resolved, and its addresses are checked, at delivery.
        return allow_loopback or parts.scheme == "https"
    return (allow_loopback and is_loopback(host)) or (parts.scheme == "https" and is_public(host))


def is_public(address: str) -> bool:
    """Return whether an IP address is public: not loopback, private, link-local, reserved or cloud metadata."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        # Outside of 2000::/3, and in 6to4, an address can embed an IPv4 address that is not checked here.
        return ip in _GLOBAL_UNICAST and ip.is_global and ip.sixtofour is None
    return ip.is_global and not ip.is_multicast


def is_loopback(address: str) -> bool:
    """Return whether an IP address is a loopback address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
