"""Whether a request is meant by whoever uses the browser: its host is ours, and what changes something comes from us.

A name that resolves to this machine (DNS rebinding) and a page of somebody else that posts to us are refused before
anybody asks who it is. Browsers say where a request comes from by `Sec-Fetch-Site`, older ones by `Origin`; programs
say neither and are let on: they have no cookie, but a token.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import hdrs, web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def fault_of_host(request: web.Request, public_host: str) -> str:
    """Return why the Host header is not ours, "" when it is: an address, localhost, or the public name."""
    name = urlsplit(f"//{request.host}").hostname or ""
    if name == "localhost" or request.host == public_host or _is_address(name):
        return ""
    return f'the name "{name}" is not known here; set public_url of the page to the address that people use'


def fault_of_origin(request: web.Request, own_origins: frozenset[str]) -> str:
    """Return why a change is not let through, "" when it comes from our own page or from no browser at all."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return "" if site == "same-origin" else f"a page of another site sent this (Sec-Fetch-Site: {site})"
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or origin in own_origins:
        return ""
    return f"a page of another site sent this (Origin: {origin[:100]})"


def is_from_browser(request: web.Request) -> bool:
    return "Sec-Fetch-Site" in request.headers or hdrs.ORIGIN in request.headers


def own_origins(request: web.Request, public_url: str) -> frozenset[str]:
    """Return how a browser may call us: the address under which it reached us, and the public one."""
    return frozenset({f"{request.scheme}://{request.host}", public_url} - {""})


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches that address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks; an address is one of its own. ValueError for what is neither."""
    return tuple(ipaddress.ip_network(one) for one in texts)


def is_among(host: str, known: Sequence[Network]) -> bool:
    """Say whether an address lies in one of the networks, one of IPv4 also where it is written as IPv6."""
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host)
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in one for one in known)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
