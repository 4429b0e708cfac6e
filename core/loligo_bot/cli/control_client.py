"""The other end of the control socket: one request to the bot that runs in a home folder, and its answer."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from loligo import errors
from loligo.errors import LoligoError, NotRunning
from loligo_bot.control_socket import peer, socket_address

LONGEST_ANSWER = 256 << 20  # bytes: records of the journal may be long


def ask(home: Path, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one request to the bot of `home` and return its answer, as it came.

    NotRunning if no bot listens there, PermissionError if it is another user's, LoligoError if it does not answer in
    `timeout_s`.
    """
    with _connect(home, timeout_s) as client:
        try:
            client.sendall(msgspec.json.encode(request) + b"\n")
            with client.makefile("rb") as answers:
                line = answers.readline(LONGEST_ANSWER)
        except TimeoutError as exc:
            pid = peer(client)[0]
            raise LoligoError(f"{home}: the bot (pid {pid}) did not answer within {timeout_s:g} s") from exc
        except ConnectionError as exc:
            raise NotRunning(f"{home}: the bot ended before it answered") from exc
    if not line:
        raise NotRunning(f"{home}: the bot ended before it answered")
    return msgspec.json.decode(line, type=dict[str, Any])


def ask_verb(
    home: Path, verb: str, arguments: Mapping[str, Any], *, key: str = "", timeout_s: float = 30.0
) -> dict[str, Any]:
    """Ask the bot of `home` by a verb of its door; return `ok`, `answer` and, for people, `lines`.

    Raises what `ask` does, and the errors of `loligo.errors` that the bot answers with, under their own names.
    """
    answer = ask(home, {"do": "ask", "verb": verb, "arguments": dict(arguments), "key": key}, timeout_s)
    if "answer" in answer:
        return answer
    kind = getattr(errors, str(answer.get("kind")), LoligoError)
    is_ours = isinstance(kind, type) and issubclass(kind, LoligoError)
    raise (kind if is_ours else LoligoError)(str(answer.get("error") or answer))


def _connect(home: Path, timeout_s: float) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(timeout_s)
    try:
        with socket_address(home) as address:
            client.connect(address)
    except PermissionError as exc:
        client.close()
        raise PermissionError(
            errno.EPERM, "the bot of this folder may not be asked: it is another user's", str(home)
        ) from exc
    except OSError as exc:
        client.close()
        raise NotRunning(f"no bot is running in {home}: start it with `loligo run --home {home}`") from exc
    if (uid := peer(client)[1]) != os.getuid():
        client.close()
        raise PermissionError(errno.EPERM, f"the bot in this folder belongs to user id {uid}, not to you", str(home))
    return client
