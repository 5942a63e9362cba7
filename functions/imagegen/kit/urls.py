"""Owns which URLs a webhook may have, as far as their text tells.

Pure; knows nothing of what their names resolve to.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# What older interpreters take for public: protocol assignments, relays of 6to4, documentation; and Azure's own address.
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "168.63.129.16/32")))


def check(url: str) -> SplitResult:
    """Return the parts of a URL that a webhook may have: http or https, with a host, and without credentials.

    Where its name leads is looked at when it is called.

    Raises:
        ValueError: it is none.
    """
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        raise ValueError("not a URL")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("not a URL of a web server")
    if parts.port == 0 or parts.fragment:
        raise ValueError("not a URL to call")
    return parts


def may_be_called(parts: SplitResult, *, allow_loopback: bool) -> bool:
    """Tell whether a webhook could ever be sent there: to the internet over https, or where allowed to this machine."""
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A name says nothing of where it leads.
        return allow_loopback or parts.scheme == "https"
    return (allow_loopback and is_loopback(host)) or (parts.scheme == "https" and is_public(host))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the internet, and not of a machine, a network or a cloud's own."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        # What else is given out leads, by way of a translation, to an IPv4 address that one cannot see.
        return ip in _GLOBAL_UNICAST and ip.is_global and ip.sixtofour is None
    return ip.is_global and not ip.is_multicast


def is_loopback(address: str) -> bool:
    """Tell whether an IP address is of this machine."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
