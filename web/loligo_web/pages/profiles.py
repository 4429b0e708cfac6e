"""Profiles, on the page Configuration: see what each sets, try it out, choose it, copy it, take it along as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loligo.api import BadArguments, LoligoError, NotFound

from ..look import render
from ..problems import status_of
from ..rest import DOOR
from .acting import act, check_confirmed
from .page import ask, ask_if, frame_of, offers

PART = "part/profiles.html"
DEEDS = {  # what a form may do: the verb, and whether it is a trial
    "try": ("profile.switch", True),
    "switch": ("profile.switch", False),
    "duplicate": ("profile.duplicate", False),
    "look": ("profile.import", True),
    "import": ("profile.import", False),
    "remove": ("profile.remove", False),
}
TAKEN = {  # of a form's fields, by verb
    "profile.switch": ("name", "at_start"),
    "profile.duplicate": ("name", "to"),
    "profile.import": ("name", "text"),
    "profile.remove": ("name",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a form: the deed, its answer or what was wrong, and what was typed."""

    deed: str = ""
    answer: Any = None
    fault: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


async def shown(request: web.Request, told: Told | None = None) -> dict[str, Any]:
    """Return what the card needs; no profiles where the bot does not offer them."""
    verbs = ("profile.switch", "profile.duplicate", "profile.import", "profile.remove", "profile.export")
    may = frozenset(verb for verb in verbs if offers(request, verb))
    return {"profiles": await ask_if(request, "profiles"), "profiles_may": may, "profile_told": told or Told()}


async def deed(request: web.Request) -> tuple[Told, int]:
    """Do what a form says; return what came of it, and the status of the response."""
    form = await _form(request)
    name = form.get("do", "")
    if name not in DEEDS:
        raise NotFound(f'there is nothing to do with a profile called "{name[:40]}"')
    verb_name, is_trial = DEEDS[name]
    verb = request.app[DOOR].verbs.get(verb_name)
    if verb is None:
        raise NotFound(f"the bot does not offer {verb_name}")
    given: dict[str, Any] = {one: form[one] for one in TAKEN[verb_name] if one in form}
    if "dry_run" in verb.arguments.model_fields:
        given["dry_run"] = is_trial
    try:
        check_confirmed(verb, form)
        answer = await act(request, verb, {"patience_s": 30.0, **given} if name == "switch" else given, form)
    except LoligoError as exc:
        return Told(deed=name, fault=str(exc), typed=form), status_of(exc)
    return Told(deed=name, answer=answer, typed=form), 200


async def part(request: web.Request, told: Told, status: int) -> web.Response:
    return render(request, PART, {**await shown(request, told), "frame": await frame_of(request)}, status=status)


async def _form(request: web.Request) -> dict[str, str]:
    """Return the fields; the text of a file stands for that which was typed."""
    posted = await request.post()
    form = {name: str(posted[name]) for name in posted if name != "file"}
    file = posted.get("file")
    if isinstance(file, web.FileField) and file.filename:
        try:
            form["text"] = file.file.read().decode().removeprefix("\ufeff")
        except UnicodeDecodeError as exc:
            raise BadArguments("the file is no text; expected a profile as YAML", {"file": "expected YAML"}) from exc
    return form


async def export(request: web.Request) -> web.Response:
    """Give a profile, or all settings, as a file to keep."""
    what = request.match_info["what"]
    if what not in ("profile", "settings"):
        raise NotFound(f'there is nothing to export called "{what[:40]}"; expected profile?name=NAME or settings')
    name = request.query.get("name", "") if what == "profile" else ""
    answer = await ask(request, "profile.export", name=name)
    file = re.sub(r"[^a-z0-9_.-]", "", answer.file) or "profile.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    return web.Response(text=answer.text, content_type="application/yaml", headers=headers)
