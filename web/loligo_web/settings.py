"""The settings of the page."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator

from loligo.api import TentacleSettings


class WebSettings(TentacleSettings):
    """Where the page listens and for how long a session lasts."""

    host: str = Field(
        default="127.0.0.1", description="address to listen on; another than this machine's own needs an owner first"
    )
    port: int = Field(default=8321, ge=0, le=65535, description="TCP port; 0: any that is free")
    public_url: str = Field(
        default="", description="address under which a reverse proxy shows the page, such as https://bot.example.org"
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.0/8", "::1"),
        description="addresses and networks of reverse proxies; what others say of a client in X-Forwarded-For is not "
        "read, and what these say only with public_url",
    )
    session_hours: float = Field(default=168, gt=0, le=8760, description="hours without use after which one signs in")
    lock_after: int = Field(default=5, ge=1, le=100, description="wrong passwords in a row before one has to wait")
    max_streams: int = Field(default=500, ge=1, le=10_000, description="event streams open at once, of all clients")

    open_metrics: bool = Field(
        default=False, description="programs on this machine read /metrics without a token; not behind a reverse proxy"
    )

    hook_per_minute: int = Field(
        default=30, ge=1, le=6_000, description="calls of one webhook in a minute; more are told to come later"
    )
    hook_window_s: float = Field(
        default=60, ge=0, le=86_400, description="seconds in which the same body of a webhook without an id counts once"
    )
    hook_oldest_s: float = Field(
        default=300, gt=0, le=86_400, description="seconds after which an alert is too old, by the time that it holds"
    )
    tradingview_only: bool = Field(
        default=False, description="TradingView hooks answer to TradingView's own four addresses only"
    )

    open_browser: bool = Field(
        default=False, description="show the page in a browser of this machine once it listens; for one with a screen"
    )
    private_network: bool = Field(
        default=False,
        description="who reaches host is this machine alone, as in a container whose port is published to it; then it "
        "listens there before there is an owner, too",
    )

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        plain = url.rstrip("/")
        scheme, _, host = plain.partition("://")
        if url and (scheme not in ("http", "https") or not host or "/" in host):
            raise ValueError(f'{url!r}: expected scheme and host, such as "https://bot.example.org"')
        return plain

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for one in proxies:
            try:
                ipaddress.ip_network(one)
            except ValueError as exc:
                expected = 'an address or a network, such as "172.18.0.1" or "172.18.0.0/16"'
                raise ValueError(f"{one!r}: expected {expected}: {exc}") from exc
        return proxies
