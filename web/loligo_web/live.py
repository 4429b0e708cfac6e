"""What happens, as it happens: the bot's records for programs (SSE and WebSocket), a word on what changed for pages.

    GET /events?topics=orders,risk     id: SEQ, event: record, data: JSON      resumes after Last-Event-ID or ?since=
    GET /api/v1/ws?topics=...          the same as text frames; {"id", "verb", "arguments", "key"} is answered
    GET /live                          event: changed, data: ["orders", "equity"]     at most four a second
    /events?topics=jobs, and the WebSocket                event: jobs, without an id: jobs are no records

What must hold: whoever reads slowly holds nobody up, the door reads on from the journal for them; nothing is left out
after a reconnect; when the page stops, every stream ends at once, and so does one, within seconds, whose reader is let
in no more. A question over a socket is asked by the rights of that moment. A record is made JSON once, however many
read it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from loligo.api import BadArguments, Denied, Door, JournalError, LoligoError, NotRunning, Record

from .access.gate import caller_now
from .live_jobs import JOBS, jobs_told
from .plain import plain_text, topics_of
from .rest import DOOR

HEARTBEAT_S = 15.0
LOOK_S = 5.0  # so often a stream sees whether its reader is still let in
NO_MORE = "you are let in no more: sign in again, or use another token"
CHANGES_PAUSE_S = 0.25
PASSED_S = 1.0  # so often a stream is told how far it is, while nothing of its topics comes
RETRY_MS = 1_000
LONGEST_QUESTION = 64 * 1024
KEPT_TEXTS = 4_096
KEPT_FRAMES = 64
TOPICS = (
    "orders",
    "positions",
    "decisions",
    "risk",
    "tentacles",
    "notes",
    "equity",
    "evaluations",
    "market",
    "time",
    JOBS,
)
_WANTED = frozenset(TOPICS) - {"equity", "evaluations", "market", "time", JOBS}  # when nobody says


class Live:
    """The open streams of one page; made on the event loop."""

    def __init__(self, door: Door, most: int) -> None:
        self._door, self._most, self._open = door, most, 0
        self._is_closed = False
        self._telling: set[asyncio.Task[Any]] = set()
        self._ended: set[asyncio.Task[Any]] = set()
        self.refused = 0  # above the most that may be open
        self._texts: dict[int, str] = {}  # of the newest records, by seq
        self._frames: dict[tuple[int, int, frozenset[str]], bytes] = {}

    def text(self, record: Record) -> str:
        """Return a record as JSON, made once."""
        found = self._texts.get(record.seq)
        if found is None:
            found = self._texts[record.seq] = plain_text(record)
            if len(self._texts) > KEPT_TEXTS:
                del self._texts[next(iter(self._texts))]
        return found

    def frames(self, batch: Sequence[Record], topics: frozenset[str]) -> bytes:
        """Return records of these topics as SSE, "" of none, made once: most clients are given the same batches."""
        place = batch[0].seq, batch[-1].seq, topics
        if (found := self._frames.get(place)) is None:
            found = self._frames[place] = self._framed(batch, topics)
            if len(self._frames) > KEPT_FRAMES:
                del self._frames[next(iter(self._frames))]
        return found

    def _framed(self, batch: Sequence[Record], topics: frozenset[str]) -> bytes:
        wanted = [record for record in batch if topics & topics_of(record)]
        text = "".join(f"id: {one.next_seq - 1}\nevent: record\ndata: {self.text(one)}\n\n" for one in wanted)
        return text.encode()

    def close(self) -> None:
        """End every stream."""
        self._is_closed = True
        for task in self._telling:
            task.cancel()

    def end(self, task: asyncio.Task[Any]) -> None:
        """End the stream that a task follows, if it does."""
        if task in self._telling:
            self._ended.add(task)
            task.cancel()

    @property
    def open(self) -> int:
        """How many streams and sockets are open now."""
        return self._open

    @contextmanager
    def counted(self) -> Iterator[None]:
        if self._is_closed:
            raise NotRunning("the page stops")
        if self._open >= self._most:
            self.refused += 1
            raise NotRunning(f"{self._most} streams are open already (max_streams of the page); close one")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @asynccontextmanager
    async def following(self, since: int | None) -> AsyncIterator[AsyncIterator[Sequence[Record]]]:
        """Give records as the door does. When it is ended or we close, the block ends quietly, wherever it waits."""
        task = asyncio.current_task()
        assert task is not None
        self._telling.add(task)
        try:
            async with aclosing(self._door.follow(since)) as follower:  # type: ignore[type-var]
                yield follower
        except asyncio.CancelledError:
            if not self._is_closed and task not in self._ended:
                raise  # the client has gone
            task.uncancel()
        finally:
            self._telling.discard(task)
            self._ended.discard(task)


LIVE = web.AppKey("live", Live)


def routes() -> list[web.RouteDef]:
    return [web.get("/events", _events), web.get("/live", _changes), web.get("/api/v1/ws", _socket)]


async def _events(request: web.Request) -> web.StreamResponse:
    live, topics = request.app[LIVE], _topics(request)
    since = _since(request)
    with live.counted():
        response = await _stream(request)
        try:
            async with (
                _kept_alive(request, response),
                jobs_told(request, JOBS in topics, partial(_job_event, response)),
                live.following(since) as batches,
            ):
                passed = -PASSED_S
                async for batch in batches:
                    if text := live.frames(batch, topics):
                        await response.write(text)
                    elif monotonic() - passed >= PASSED_S:  # a resume need not read again what was left out
                        passed = monotonic()
                        await response.write(f"id: {batch[-1].next_seq - 1}\n\n".encode())
        except JournalError as exc:
            await response.write(f"event: problem\ndata: {json.dumps(str(exc))}\n\n".encode())
    return response


async def _changes(request: web.Request) -> web.StreamResponse:
    live = request.app[LIVE]
    with live.counted():
        response = await _stream(request)
        async with (
            _kept_alive(request, response),
            jobs_told(request, True, lambda answer: response.write(b'event: changed\ndata: ["jobs"]\n\n')),
            live.following(None) as batches,
        ):
            async for batch in batches:
                if changed := sorted(frozenset[str]().union(*map(topics_of, batch)) - {"time"}):
                    await response.write(f"event: changed\ndata: {json.dumps(changed)}\n\n".encode())
                    await asyncio.sleep(CHANGES_PAUSE_S)
    return response


@asynccontextmanager
async def _kept_alive(request: web.Request, response: web.StreamResponse) -> AsyncIterator[None]:
    """Say now and then that all is well, to the client and to what stands between; end with the reader's rights."""
    reading = asyncio.current_task()
    assert reading is not None

    async def beat() -> None:
        with suppress(ConnectionError):  # gone: whoever tells it something will see
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                await response.write(b": all is well\n\n")

    beating = asyncio.create_task(beat(), name="heartbeat of a stream")
    looking = asyncio.create_task(_let_in(request), name="rights of a stream")
    looking.add_done_callback(lambda ended: None if ended.cancelled() else request.app[LIVE].end(reading))
    try:
        yield
    finally:
        beating.cancel()
        looking.cancel()


async def _let_in(request: web.Request) -> None:
    """Return once whoever sent a request is let in no more."""
    is_in = True
    while is_in:
        await asyncio.sleep(LOOK_S)  # first: the gate has just looked
        is_in = caller_now(request) is not None


async def _job_event(response: web.StreamResponse, answer: Any) -> None:
    await response.write(f"event: jobs\ndata: {answer.model_dump_json()}\n\n".encode())


async def _socket(request: web.Request) -> web.StreamResponse:
    live, topics, since = request.app[LIVE], _topics(request), _since(request)
    with live.counted():
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=LONGEST_QUESTION)
        await socket.prepare(request)
        async with (
            asyncio.TaskGroup() as tasks,
            jobs_told(
                request, JOBS in topics, lambda told: socket.send_json({JOBS: told.model_dump(mode="json")[JOBS]})
            ),
        ):
            telling = tasks.create_task(_tell(live, socket, since, topics))
            leaving = tasks.create_task(_leave_when_let_in_no_more(request, socket))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_json(await _answered(request, message.data))
            telling.cancel()
            leaving.cancel()
    return socket


async def _leave_when_let_in_no_more(request: web.Request, socket: web.WebSocketResponse) -> None:
    await _let_in(request)
    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=NO_MORE.encode())


async def _tell(live: Live, socket: web.WebSocketResponse, since: int | None, topics: frozenset[str]) -> None:
    try:
        async with live.following(since) as batches:
            async for batch in batches:
                for record in batch:
                    if topics & topics_of(record):
                        await socket.send_str(live.text(record))
    except JournalError as exc:
        await socket.send_json({"problem": str(exc)})
    except ConnectionError:
        return  # gone: the reading side ends the handler
    await socket.close(message=b"the page stops")


async def _answered(request: web.Request, text: str) -> dict[str, object]:
    """Answer a question over the socket, errors included, under its own id, by the rights that its sender has now."""
    door, caller = request.app[DOOR], caller_now(request)
    number: object = None
    try:
        asked = json.loads(text)
        number = asked["id"]
        verb, key = str(asked["verb"]), str(asked.get("key", ""))
        if verb in door.verbs and door.verbs[verb].changes and not key:
            raise BadArguments(
                "a change needs a key: asked again with it, nothing is done twice", {"key": "is missing"}
            )
        if caller is None:
            raise Denied(NO_MORE)
        answer = await door.ask(caller.actor, verb, asked.get("arguments", {}), key=key)
    except LoligoError as exc:
        return {"id": number, "error": type(exc).__name__, "detail": str(exc), "problems": getattr(exc, "problems", {})}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {
            "id": number,
            "error": "BadArguments",
            "detail": 'expected {"id": 1, "verb": "status", "arguments": {}}',
        }
    return {"id": number, "answer": answer.model_dump(mode="json")}


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.content_type = "text/event-stream"
    await response.prepare(request)
    await response.write(f"retry: {RETRY_MS}\n\n".encode())
    return response


def _since(request: web.Request) -> int | None:
    given = request.headers.get(hdrs.LAST_EVENT_ID) or request.query.get("since")
    if not given:
        return None
    if not given.isdecimal() or len(given) > 18:
        raise BadArguments(
            f"since = {given[:40]!r}: expected the seq after which to begin", {"since": "expected a seq"}
        )
    return int(given)


def _topics(request: web.Request) -> frozenset[str]:
    given = [one for one in request.query.get("topics", "").split(",") if one]
    if unknown := [one for one in given if one not in TOPICS]:
        told = f"{unknown[0]!r} is no topic; expected some of {', '.join(TOPICS)}"
        raise BadArguments(told, {"topics": told})
    return frozenset(given) or _WANTED
