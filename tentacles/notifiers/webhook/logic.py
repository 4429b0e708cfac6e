"""Posts messages as JSON, signed as Standard Webhooks has it, so that any library of theirs can tell they are ours.

    webhook-id         the same for the same message, however often it is sent
    webhook-timestamp  seconds since 1970, when it was sent
    webhook-signature  v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"))

What must hold: nothing leaves unsigned. 2xx is taken; 408, 425, 429, 5xx and silence are tried again; all else never
will be. Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from loligo.api import SECOND_NS, Clock, ConfigError, MakeContext, Message
from loligo.api.notify import Courier, Page, Refused, RetryLater, Told

from .settings import Settings

_AGAIN = frozenset({408, 425, 429})


class Webhook(Courier):
    """The notifier. ConfigError without a secret; `clock` is that of the world but in tests."""

    def __init__(self, settings: Settings, context: MakeContext, clock: Clock | None = None) -> None:
        self._settings = settings
        self._key = key_of(_secret(settings, os.environ))
        self._session: aiohttp.ClientSession | None = None
        told = Told(settings.outbox, settings.rules, _dressed)
        super().__init__("webhook", context.home, [told], most=settings.waiting, clock=clock)

    async def send(self, name: str, page: Page) -> None:
        """Post one page. RetryLater or Refused."""
        body = _body(page)
        sent_s = str(self._clock.now_ns() // SECOND_NS)
        headers = {
            "content-type": "application/json",
            "webhook-id": f"msg_{page.nonce}",
            "webhook-timestamp": sent_s,
            "webhook-signature": signature(self._key, f"msg_{page.nonce}", sent_s, body),
        }
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=self._settings.timeout_s)
            self._session = aiohttp.ClientSession(timeout=limit, trust_env=True)
        try:
            async with self._session.post(
                self._settings.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                _judge(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            is_unsure = not isinstance(exc, aiohttp.ClientConnectorError)
            raise RetryLater(f"{type(exc).__name__}: {exc}".rstrip(": "), is_unsure=is_unsure) from exc

    async def close(self) -> None:
        await super().close()
        if self._session is not None:
            await self._session.close()


def key_of(secret: str) -> bytes:
    """Return the bytes to sign with. ConfigError when what follows whsec_ is no base64."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as exc:
        raise ConfigError("secret of the webhook: expected base64 after whsec_") from exc


def signature(key: bytes, ident: str, sent_s: str, body: bytes) -> str:
    signed = hmac.new(key, f"{ident}.{sent_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _secret(settings: Settings, environment: Mapping[str, str]) -> str:
    given = settings.secret.get_secret_value() if settings.secret else environment.get(settings.secret_env, "")
    if not given.strip():
        raise ConfigError(
            f"there is no secret to sign with; give it as the setting `secret` or in the environment variable "
            f"{settings.secret_env}"
        )
    return given.strip()


def _dressed(message: Message, words: str) -> list[Page]:
    data = {
        "kind": message.kind,
        "level": message.level,
        "seq": message.seq,
        "desk": message.desk,
        "text": words,
        "fields": dict(message.fields),
    }
    return [Page(text=json.dumps(data, separators=(",", ":")), level=message.level)]


def _body(page: Page) -> bytes:
    """Return what is posted: one message, or all that wait together."""
    parts: Sequence[Page] = page.parts or (page,)
    messages: list[dict[str, Any]] = [json.loads(part.text) for part in parts]
    kind = messages[0]["kind"] or "message"
    if not page.parts:
        whole: dict[str, Any] = {"type": f"loligo.{kind}", "data": messages[0]}
    else:
        whole = {"type": "loligo.bundle", "data": {"messages": messages}}
    at = messages[0]["fields"].get("time", "")
    return json.dumps({"type": whole["type"], "timestamp": at, "data": whole["data"]}, separators=(",", ":")).encode()


def _judge(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    if status in _AGAIN or status >= 500:
        raise RetryLater(f"the other side answers {status}", after_s=_after_s(response.headers.get("Retry-After", "")))
    raise Refused(f"the other side answers {status}")


def _after_s(text: str) -> float | None:
    """Return what a Retry-After says, seconds or a date; None: nothing that makes sense."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass  # a date, or nonsense
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
