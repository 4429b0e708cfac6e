"""Install: a package from a file, a URL or git is looked at, agreed to permission by permission, and seen coming in.

    form ─► look (nothing runs) ─► card with permissions and diff ─► agree ─► steps of the swap, live

What a tentacle that is there lacks is looked at and granted in the same way.
The same parts stand in the dialog on Tentacles and, without JavaScript, on a page of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotFound

from ..look import render
from ..problems import status_of
from ..rest import DOOR
from ..uploads import read_form, upload
from .acting import act, check_confirmed
from .page import LONGEST_NUMBER, Page, ask, ask_if, frame_of, offers, show

FORM, PACKAGE, STEPS = "part/install_form.html", "part/install_package.html", "part/install_steps.html"
LACKS = "part/install_lacks.html"
STAGES = (
    ("verified", "Verified", "its code was read and tried out in a process of its own"),
    ("rehearsal", "Rehearsal", "it works through the newest inputs, apart from what trades"),
    ("shadow", "Shadow", "it is called beside the version that leads"),
    ("flip", "Switch", "it leads, between two inputs"),
    ("probation", "Probation", "the version before stays ready to take over"),
    ("good", "Done", "it has proved itself"),
)
_BEGINS = {  # how lines of a swap's steps begin, and to which stage they belong
    "loaded and verified": "verified",
    "rehearsed": "rehearsal",
    "shadowing": "shadow",
    "waits": "shadow",
    "activated": "flip",
    "settled": "good",
}
_PHASES = {"pending": 0, "rehearsal": 1, "shadow": 2, "waiting": 2, "probation": 4}
ENDS = {
    "good": "It runs.",
    "rolled_back": "It failed, and the version before runs again.",
    "refused": "It was refused.",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a swap: done, now, failed, skipped or todo."""

    name: str
    label: str
    about: str
    state: str


def stages(swapping: Mapping[str, Any], ended: Any = None) -> list[Stage]:
    """Return the steps of a swap at work, or of one that ended."""
    if ended is None:
        at = _PHASES.get(str(swapping.get("phase", "")), 0)
        states = ["done" if place < at else "now" if place == at else "todo" for place in range(len(STAGES))]
    else:
        states = _of_ended(ended)
    return [Stage(*stage, state) for stage, state in zip(STAGES, states, strict=True)]


def _of_ended(ended: Any) -> list[str]:
    reached = {stage for line in ended.steps for begin, stage in _BEGINS.items() if line.startswith(begin)}
    if ended.result == "good":
        must = {"verified", "flip", "good"}
        had = reached | must | ({"probation"} if "shadow" in reached else set())
        return ["done" if name in had else "skipped" for name, *_ in STAGES]
    names = [name for name, *_ in STAGES]
    last = max((names.index(name) for name in reached), default=-1)
    fails = 4 if ended.result == "rolled_back" else min(last + 1, 4)
    return ["failed" if place == fails else "done" if place < fails else "todo" for place in range(len(names))]


# Look


async def _page(request: web.Request) -> web.Response:
    return await _part(request, FORM, {"values": {}, "fault": ""})


async def _look(request: web.Request) -> web.Response:
    """Look at what a form names; what is wrong with it is told in one sentence, above the form."""
    values: Mapping[str, str] = {}
    try:
        fields, sent = await read_form(request, "file")
        values = {name: texts[-1].strip() for name, texts in fields.items()}
        package = await act(request, _verb(request, "tentacle.install.look"), _source(values, sent), values)
    except (LoligoError, web.HTTPRequestEntityTooLarge) as exc:
        is_large = isinstance(exc, web.HTTPException)
        said, status = (str(exc.text), 413) if isinstance(exc, web.HTTPException) else (str(exc), status_of(exc))
        return await _part(request, FORM, {"values": values, "fault": said}, status=413 if is_large else status)
    return await _part(request, PACKAGE, {"package": package, "fault": ""})


def _source(values: Mapping[str, str], sent: str) -> dict[str, Any]:
    """Return the arguments of a look. BadArguments when the way that was chosen names nothing."""
    way, expected = values.get("way", "file"), {"hash": values.get("hash", "")}
    if way == "name":
        return {"name": values.get("name", "")}
    if way == "file" and sent:
        return {"upload": sent, **expected}
    if way == "url" and values.get("url"):
        return {"source": values["url"], **expected}
    if way == "git" and values.get("git"):
        folder = f"#subdirectory={values['folder']}" if values.get("folder") else ""
        return {"source": f"git+{values['git'].removeprefix('git+')}@{values.get('commit', '')}{folder}"}
    wanted = {"file": "choose a zip", "url": "give the address of a zip", "git": "give a repository and a commit"}
    raise BadArguments(wanted.get(way, "choose a file, a URL or a git repository"))


def _verb(request: web.Request, name: str) -> Any:
    return request.app[DOOR].verbs[name]


# Agree, and see it come


async def _agree(request: web.Request) -> web.Response:
    posted = await request.post()
    form = {name: str(posted[name]) for name in posted}
    verb = _verb(request, "tentacle.install.agree")
    check_confirmed(verb, form)
    name = form.get("name", "")
    since = await _newest(request)
    arguments: dict[str, Any] = {
        "plan": form.get("plan", ""),
        "tree_hash": form.get("tree_hash", ""),
        "permissions": [str(one) for one in posted.getall("permission", [])],
        "is_published": form.get("is_published") == "yes",
    }
    if form.get("when"):
        arguments["when"] = form["when"]
    try:
        answer = await act(request, verb, arguments, form)
    except LoligoError as exc:
        return await _part(request, FORM, {"values": {}, "fault": str(exc)}, status=status_of(exc))
    if not answer.is_done and not answer.result:
        return await _part(request, FORM, {"values": {}, "fault": answer.message}, status=409)
    return await _steps_of(request, name, since, undo=answer.undo.verb if answer.undo else "", said=answer)


# What one that is there lacks


async def _look_at_lacks(request: web.Request) -> web.Response:
    form = {name: str(value) for name, value in (await request.post()).items()}
    try:
        lacks = await act(request, _verb(request, "tentacle.grant.look"), {"name": form.get("name", "")}, form)
    except LoligoError as exc:
        return await _part(request, LACKS, {"lacks": None, "fault": str(exc)}, status=status_of(exc))
    return await _part(request, LACKS, {"lacks": lacks, "fault": ""})


async def _grant(request: web.Request) -> web.Response:
    posted = await request.post()
    form = {name: str(posted[name]) for name in posted}
    verb, name, since = _verb(request, "tentacle.grant"), form.get("name", ""), await _newest(request)
    check_confirmed(verb, form)
    permissions = [str(one) for one in posted.getall("permission", [])]
    given = {"name": name, "permissions": permissions, "packages_hash": form.get("packages_hash", "")}
    try:
        answer = await act(request, verb, given, form)
    except LoligoError as exc:
        return await _part(request, LACKS, {"lacks": None, "fault": str(exc)}, status=status_of(exc))
    return await _steps_of(request, name, since, undo="", said=answer)


async def _newest(request: web.Request) -> int:
    """Return the seq of the newest exchange: the one to come has a larger one."""
    history = await ask(request, "tentacle.history", limit=1)
    return history.swaps[0].seq if history.swaps else 0


async def _steps(request: web.Request) -> web.Response:
    name, since = request.query.get("name", ""), request.query.get("since", "0")
    if not name or not since.isdecimal() or len(since) > LONGEST_NUMBER:
        raise NotFound("there is no exchange to follow without name=KIND/NAME and since=SEQ")
    undo = request.query.get("undo", "")
    return await _steps_of(request, name, int(since), undo=undo if undo in UNDOS else "")


UNDOS = ("tentacle.rollback", "tentacle.remove")


async def _steps_of(request: web.Request, name: str, since: int, *, undo: str, said: Any = None) -> web.Response:
    history = await ask(request, "tentacle.history", name=name, limit=1)
    ended = next((row for row in history.swaps if row.seq > since), None)
    status = await ask_if(request, "status")
    swapping = status.swapping if status else {}
    # Nothing is at work and nothing will be: it runs like that already, or files are not taken up by themselves.
    is_same = said is not None and (said.result == "unchanged" or not (said.result or said.at_work or swapping))
    data = {
        "name": name,
        "since": since,
        "undo": undo,
        "ended": ended,
        "stages": stages(swapping, ended),
        "waits": str(swapping.get("when", "")) if swapping.get("phase") == "waiting" else "",
        "is_over": ended is not None or is_same,
        "message": ended.text if ended is not None else said.message if is_same else "",
        "says": ENDS.get(ended.result, ended.result.replace("_", " ")) if ended is not None else "",
    }
    return await _part(request, STEPS, data)


async def _part(request: web.Request, part: str, data: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """Return one step of installing, for the dialog or as a page."""
    whole = {**data, "part": part}
    if request.headers.get("HX-Request"):
        return render(request, part, {**whole, "frame": await frame_of(request)}, status=status)
    return await show(request, "install.html", {}, more=whole, status=status)


def can(request: web.Request) -> dict[str, bool]:
    """Say what of this the caller may do."""
    names = {"can_install": "tentacle.install.agree", "can_remove": "tentacle.remove", "can_pin": "tentacle.pin"}
    names |= {"can_grant": "tentacle.grant", "can_revoke": "tentacle.revoke"}
    return {name: offers(request, verb) for name, verb in names.items()}


async def change_of(request: web.Request, name: str) -> Mapping[str, Any]:
    """Return what of a tentacle lies on the disk and does not run, and the swap that is at work on it."""
    comparison, status = await ask_if(request, "tentacle.diff", name=name), await ask_if(request, "status")
    swapping = status.swapping if status else {}
    is_at_work = any(str(line).startswith(f"{name} ") for line in swapping.get("changed", ()))
    shown: Sequence[Stage] = stages(swapping) if is_at_work else ()
    return {"change": comparison if comparison and comparison.differs else None, "stages": shown, "swapping": swapping}


PAGE = Page(
    path="/tentacles/install",
    label="",
    icon="tentacles",
    routes=(
        web.get("/tentacles/install", _page),
        web.post("/tentacles/install/look", _look),
        web.post("/tentacles/install/agree", _agree),
        web.post("/tentacles/install/lacks", _look_at_lacks),
        web.post("/tentacles/install/grant", _grant),
        web.get("/tentacles/install/steps", _steps),
        web.post("/uploads", upload),
    ),
    needs=frozenset({"tentacle.install.look", "tentacle.install.agree", "tentacle.grant", "tentacle.history"}),
)
