"""The control socket as a way to the door, and what else comes over it: whoever may open it owns the bot.

{"do": "ask", "verb": ..., "arguments": {...}, "key": ...}      one verb, as "cli:USER" with every right
{"do": "status" | "stop" | "apply", ...}                        what the command line and the authors' kit ask
"""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Any

from loligo.errors import BadArguments, LoligoError
from loligo.ports.door import Actor, Role
from loligo_bot.door.front_door import FrontDoor
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked
from loligo_bot.door.state import status, tentacles_standing
from loligo_bot.wish import NOT_WATCHED, wish_of

PATIENCE_S = 60.0  # of one that has a change taken up, if it says nothing else


async def answer(door: FrontDoor, inside: Inside, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request."""
    actor = Actor(name=str(request.get("by") or f"cli:{getpass.getuser()}"), role=Role.ADMIN)
    match request.get("do"):
        case "ask":
            return await _asked(door, actor, request)
        case "status":
            now = (await status(inside, Asked(actor), Arguments())).model_dump(mode="json")
            return {"ok": True, "status": {**now, "tentacles": await inside.read(lambda: tentacles_standing(inside))}}
        case "stop":
            await door.ask(actor, "stop", {})
            return {"ok": True, "message": "stopping"}
        case "apply":
            if request.get("as") == "experiment":
                terms = {name: request[name] for name in ("why", "desk", "patience_s") if request.get(name)}
                arguments = {"how": "experiment", **terms}
                return await _asked(door, actor, {"verb": "tentacle.apply", "arguments": arguments})
            return await _applied(inside, request)
        case other:
            return {"ok": False, "error": f"do {other!r}: expected one of ask, status, stop, apply"}


async def _asked(door: FrontDoor, actor: Actor, request: dict[str, Any]) -> dict[str, Any]:
    arguments = request.get("arguments") or {}
    if not isinstance(arguments, dict):
        return {"ok": False, "error": f"arguments = {arguments!r}: expected an object"}
    try:
        answer = await door.ask(actor, str(request.get("verb")), arguments, key=str(request.get("key") or ""))
    except BadArguments as exc:
        return {"ok": False, "kind": type(exc).__name__, "error": str(exc), "problems": exc.problems}
    except LoligoError as exc:
        return {"ok": False, "kind": type(exc).__name__, "error": str(exc)}
    told = answer.model_dump(mode="json")
    return {"ok": told.get("is_done", True), "answer": told, "lines": list(answer.lines())}


async def _applied(inside: Inside, request: dict[str, Any]) -> dict[str, Any]:
    """Take up what is wanted, as the verbs of the command line that change files have it."""
    if request.get("follows") and not inside.config.swap.watch:
        return {"ok": True, "message": NOT_WATCHED}
    swap = await inside.swap(wish_of(request), float(request.get("patience_s") or PATIENCE_S))
    if isinstance(swap, dict):
        return {"ok": True, "at_work": swap}
    return {"ok": swap.is_done, "swap": asdict(swap), "error": swap.text}
