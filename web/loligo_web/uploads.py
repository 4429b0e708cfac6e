"""Files that are sent to the page, on their way to a verb: streamed to disk, never looked into here.

    POST /uploads      application/zip       {"upload": "9f3c...", "bytes": 4711}      for programs
    a form's file      multipart/form-data   the same, for the page's own forms

What must hold: a name that somebody else chose is never used; whatever is too large, too long or in too many parts is
cut off while it comes; few files wait, and none for long. Whoever takes one up deletes it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import BodyPartReader, MultipartReader, web

from loligo.api import BadArguments, LoligoError, Role

from .access.gate import CSRF_HEADER, caller_of, need_role

HOME = web.AppKey("home", Path)
FOLDER = "state/uploads"
LARGEST = 16 * 2**20  # bytes of one file
MOST_WAITING = 8
KEPT_S = 900.0
MOST_PARTS = 20
LONGEST_FIELD = 4_096
LIMIT_S = 120.0  # for all of it to come
_CHUNK = 256 * 2**10

Fields = dict[str, list[str]]


async def upload(request: web.Request) -> web.Response:
    """Take a file as the whole body."""
    need_role(request, Role.ADMIN)
    if request.content_type not in ("application/zip", "application/octet-stream"):
        raise BadArguments(f"the body is {request.content_type[:100]}, expected application/zip")
    _check_length(request)
    async with asyncio.timeout(LIMIT_S):
        name, count = await _kept(request.app[HOME], request.content.iter_chunked(_CHUNK))
    return web.json_response({"upload": name, "bytes": count})


async def read_form(request: web.Request, file_field: str) -> tuple[Fields, str]:
    """Return the fields of a form, and the name of the file that came with it, "" for none."""
    need_role(request, Role.ADMIN)
    if request.content_type != "multipart/form-data":
        raise BadArguments(f"the form is {request.content_type[:100]}, expected multipart/form-data")
    if not caller_of(request).is_token and CSRF_HEADER not in request.headers:
        return await _read_already(request, file_field)
    _check_length(request)
    fields: Fields = {}
    sent = ""
    try:
        async with asyncio.timeout(LIMIT_S):
            parts = 0
            async for part in MultipartReader(request.headers, request.content):
                parts += 1
                if parts > MOST_PARTS or not isinstance(part, BodyPartReader) or not part.name:
                    raise BadArguments(f"the form: expected at most {MOST_PARTS} parts, each with a name, none nested")
                if part.name != file_field:
                    fields.setdefault(part.name, []).append(await _text(part))
                elif not sent and part.filename:
                    sent, _ = await _kept(request.app[HOME], _chunks(part))
    except ValueError as exc:  # of aiohttp, for what is no multipart
        raise BadArguments(f"the form cannot be read: {exc}") from exc
    return fields, sent


async def _read_already(request: web.Request, file_field: str) -> tuple[Fields, str]:
    """Do it for a browser without scripts: the gate has read the form for its token, so it is small."""
    form = await request.post()
    file = form.get(file_field)
    sent = ""
    if isinstance(file, web.FileField) and file.filename:
        content = file.file.read()
        sent, _ = await _kept(request.app[HOME], _once(content))
    return {name: [str(one) for one in form.getall(name)] for name in form if name != file_field}, sent


def _check_length(request: web.Request) -> None:
    if (request.content_length or 0) > LARGEST + MOST_PARTS * LONGEST_FIELD:
        raise _too_large()


def _too_large() -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(LARGEST, text=f"a file may have {LARGEST // 2**20} MiB at most")


async def _text(part: BodyPartReader) -> str:
    content = bytearray()
    while chunk := await part.read_chunk(LONGEST_FIELD + 1):
        content += chunk
        if len(content) > LONGEST_FIELD:
            raise web.HTTPRequestEntityTooLarge(LONGEST_FIELD, text=f"a field may have {LONGEST_FIELD} bytes at most")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise BadArguments("the form holds what is no text") from exc


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(_CHUNK):
        yield bytes(chunk)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


async def _kept(home: Path, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
    """Write what comes into a file of our own naming; return the name and the count of bytes."""
    folder, name = home / FOLDER, secrets.token_hex(16)
    await asyncio.to_thread(_make_room, folder)
    growing, count = folder / f"{name}.part", 0
    handle = await asyncio.to_thread(_open, growing)
    try:
        async for chunk in chunks:
            count += len(chunk)
            if count > LARGEST:
                raise _too_large()
            await asyncio.to_thread(os.write, handle, chunk)
        if not count:
            raise BadArguments("the file is empty", {"file": "expected a zip"})
        growing.rename(folder / f"{name}.zip")
    finally:
        os.close(handle)
        growing.unlink(missing_ok=True)
    return name, count


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _make_room(folder: Path, now_s: Callable[[], float] = time.time) -> None:
    """Delete what nobody took up. LoligoError when too many wait still."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = 0
    for file in folder.iterdir():
        try:
            is_old = file.stat().st_mtime < now_s() - KEPT_S
        except FileNotFoundError:
            continue  # it was taken up just now
        if is_old:
            file.unlink(missing_ok=True)
        waiting += not is_old
    if waiting >= MOST_WAITING:
        raise LoligoError(f"{waiting} files wait already for somebody to take them up; try again in a few minutes")
