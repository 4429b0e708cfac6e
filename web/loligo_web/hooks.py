"""Webhooks in: what others say of a market, to the verb signal.publish.

    POST /hooks/tv/TOKEN    as TradingView sends alerts: JSON or text; the token in the address is the key
    POST /hooks/in/NAME     signed as Standard Webhooks has it: webhook-id, webhook-timestamp, webhook-signature

    1 is there such a hook ─► 2 may that address ─► 3 not too often ─► 4 not too large ─► 5 is it signed, or holds the
    secret ─► 6 not too old ─► 7 for the first time ─► 8 in line: 200 with the seq, or 202 when the engine is busy

What must hold: without a hook nothing is here (404); an answer comes within three seconds; the same is published once,
and what was not published can be sent again.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

import structlog
from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotRunning, Role

from .access.gate import KEEPER, address_of, is_open
from .access.passwords import hash_secret
from .hooks_body import LONGEST_ID, Said, said_in
from .hooks_line import Allowance, Line
from .hooks_store import Hook, HookStore

LARGEST = 8 * 1024
ANSWER_S = 2.5  # after its head came a call is answered, body or engine or not: TradingView gives up after 3
TOLERANCE_S = 300.0  # of a signed hook's time
AHEAD_S = 60.0  # by which the clock of a sender may be fast
ID_KEPT_S = 86_400.0
STRANGERS_PER_MINUTE = 60  # wrong tokens of one address
# https://www.tradingview.com/support/solutions/43000529348
TRADINGVIEW = frozenset({"52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7"})
_log = structlog.get_logger("web.hooks")


@dataclass(kw_only=True)
class Hooks:
    """What the routes work with."""

    store: HookStore
    line: Line
    allowance: Allowance
    window_s: float
    oldest_s: float
    tradingview_only: bool
    strangers: Allowance
    now_s: Callable[[], float] = monotonic  # of allowances


HOOKS = web.AppKey("hooks", Hooks)
_UNTIL = web.RequestKey("hook_until", float)  # a call is to be answered, by the clock of the loop


def routes() -> list[web.RouteDef]:
    return [web.post("/hooks/tv/{token}", _tradingview), web.post("/hooks/in/{name}", _signed)]


class _Refused(Exception):
    """A request that nothing follows from."""

    def __init__(self, status: int, said: str, retry_after_s: float = 0.0) -> None:
        super().__init__(said)
        self.status, self.said, self.retry_after_s = status, said, retry_after_s


@is_open
async def _tradingview(request: web.Request) -> web.Response:
    hooks = request.app[HOOKS]
    hook = _living(request, hooks.store.tradingview(hash_secret(request.match_info["token"])))
    if hook is None:
        return _stranger(request, hooks)
    return await _answered(request, hook, lambda: _from_tradingview(request, hooks, hook))


async def _from_tradingview(request: web.Request, hooks: Hooks, hook: Hook) -> web.Response:
    if hooks.tradingview_only and address_of(request) not in TRADINGVIEW:
        raise _Refused(403, f"{address_of(request)} is none of TradingView's addresses (setting tradingview_only)")
    body = await _read(request, hooks, hook)
    said = said_in(body)
    if hook.secret_hash is not None and not hmac.compare_digest(hash_secret(said.secret), hook.secret_hash):
        raise _Refused(401, "the secret in the body is missing or wrong")
    _check_time(said, request, hooks)
    return await _published(request, hooks, hook, said, body)


@is_open
async def _signed(request: web.Request) -> web.Response:
    hooks = request.app[HOOKS]
    hook = _living(request, hooks.store.signed(request.match_info["name"]))
    if hook is None:
        return _stranger(request, hooks)
    return await _answered(request, hook, lambda: _from_signer(request, hooks, hook))


async def _from_signer(request: web.Request, hooks: Hooks, hook: Hook) -> web.Response:
    body = await _read(request, hooks, hook)
    ident, sent = (request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
    if not is_signed(hooks.store.secret_of(hook.hash), ident, sent, request.headers.get("webhook-signature", ""), body):
        raise _Refused(401, "webhook-id, webhook-timestamp or webhook-signature is missing or wrong")
    if abs(request.app[KEEPER].now_s - int(sent)) > TOLERANCE_S:
        raise _Refused(401, f"webhook-timestamp is more than {TOLERANCE_S:g} s from now; are both clocks right?")
    return await _published(request, hooks, hook, replace(said_in(body), id=ident), body)


def is_signed(key: bytes, ident: str, sent: str, signatures: str, body: bytes) -> bool:
    """Say whether one of the signatures, parted by spaces, is that of the key."""
    if not ident or len(ident) > LONGEST_ID or not (sent.isascii() and sent.isdecimal() and len(sent) <= 12):
        return False
    right = hmac.new(key, f"{ident}.{sent}.".encode() + body, hashlib.sha256).digest()
    is_right = False
    for one in signatures.split()[:10]:
        version, _, text = one.partition(",")
        try:
            given = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        is_right |= version == "v1" and hmac.compare_digest(given, right)
    return is_right


def _living(request: web.Request, hook: Hook | None) -> Hook | None:
    """Return a hook whose maker may still trade."""
    person = request.app[KEEPER].store.person(hook.person) if hook is not None else None
    return hook if person is not None and person.role >= Role.TRADE else None


def _stranger(request: web.Request, hooks: Hooks) -> web.Response:
    address = address_of(request)
    if hooks.strangers.wait_s(address, hooks.now_s()) == 0.0:
        _log.warning("somebody called a hook that is not there", address=address)
    return _told(404, "there is no such hook")


async def _answered(request: web.Request, hook: Hook, work: Callable[[], Awaitable[web.Response]]) -> web.Response:
    """Return what comes of a call, and write it down."""
    request[_UNTIL] = asyncio.get_running_loop().time() + ANSWER_S
    try:
        answer = await work()
    except _Refused as exc:
        answer = _told(exc.status, exc.said, exc.retry_after_s)
    except BadArguments as exc:
        answer = _told(422, str(exc))
    if answer.status != 429:  # one that comes too often shall not push out what others did
        told, now_s = json.loads(answer.text or "{}"), request.app[KEEPER].now_s
        said, seq = str(told.get("detail")), told.get("seq")
        request.app[HOOKS].store.note(hook, now_s, address_of(request), answer.status, said, seq)
    _log.info("a hook was called", hook=hook.name, status=answer.status, address=address_of(request))
    return answer


async def _read(request: web.Request, hooks: Hooks, hook: Hook) -> bytes:
    """Return the body. It is not read of one that comes too often or is said to be too large."""
    if wait_s := hooks.allowance.wait_s(str(hook.id), hooks.now_s()):
        raise _Refused(429, "this hook is called too often", wait_s)
    body = bytearray()
    if (request.content_length or 0) <= LARGEST:
        try:
            async with asyncio.timeout_at(request[_UNTIL]):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > LARGEST:
                        break
                else:
                    return bytes(body)
        except TimeoutError as exc:
            raise _Refused(408, f"the body did not come within {ANSWER_S:g} s") from exc
    raise _Refused(413, f"the body is larger than {LARGEST} bytes")


def _check_time(said: Said, request: web.Request, hooks: Hooks) -> None:
    if said.sent_s is None:
        return
    age_s = request.app[KEEPER].now_s - said.sent_s
    if not -AHEAD_S <= age_s <= hooks.oldest_s:
        raise _Refused(422, f"the alert is {age_s:.0f} s old by its own time; expected at most {hooks.oldest_s:g} s")


async def _published(request: web.Request, hooks: Hooks, hook: Hook, said: Said, body: bytes) -> web.Response:
    ident = f"id {said.id}" if said.id else hashlib.sha256(body).hexdigest()
    now_s = request.app[KEEPER].now_s
    made = hash_secret(f"{hook.id} {hook.made_s} {ident}" + ("" if said.id else f" {now_s}"))
    key = hooks.store.claim(hook.id, ident, made, now_s, now_s + (ID_KEPT_S if said.id else hooks.window_s))
    if key is None:
        return _known(is_told=hooks.store.is_told(hook.id, ident))
    arguments = {**said.arguments, "source": hook.source, "among": list(hook.instruments)}
    if hook.ttl_s is not None:
        arguments.setdefault("ttl_s", hook.ttl_s)
    told, failed = (partial(note, hook.id, ident, key) for note in (hooks.store.confirm, hooks.store.release))
    answer = hooks.line.put(hook.name, arguments, key, told=told, failed=failed)
    if answer is None:
        failed()
        raise _Refused(429, "too much waits for the engine", 5.0)
    outcome = await hooks.line.wait(answer, request[_UNTIL])
    if outcome is None:
        return web.json_response({"status": "accepted", "detail": "the engine is busy; it is told next"}, status=202)
    if isinstance(outcome, LoligoError):
        status = 422 if isinstance(outcome, BadArguments) else 503 if isinstance(outcome, NotRunning) else 409
        raise _Refused(status, str(outcome))
    detail = outcome.lines()[0]
    return web.json_response({"status": "published", "detail": detail, **outcome.model_dump(mode="json")})


def _known(*, is_told: bool) -> web.Response:
    detail = "it came before and is not published twice" if is_told else "it came before and waits for the engine"
    return web.json_response({"status": "known", "detail": detail}, status=200 if is_told else 202)


def _told(status: int, said: str, retry_after_s: float = 0.0) -> web.Response:
    headers = {"Retry-After": str(max(1, round(retry_after_s)))} if retry_after_s else {}
    return web.json_response({"status": "refused", "detail": said}, status=status, headers=headers)
