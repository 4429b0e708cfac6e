"""What the bot's own process must not do, done by one beside it, which is ended when nobody in the bot waits any more.

A picture would hold the engine's thread up. A backup would unlock the journal: whoever closes a database file gives up
every lock that its process has on it (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from loligo.errors import LoligoError

NICENESS = 5  # somebody waits, but trading comes first
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
_MAIN = "import os, sys; os.nice({niceness}); sys.path[:] = sys.argv[1:]; from {module} import {name}; {name}()"


async def done_aside(
    main: str, given: bytes, *, failed: str, timeout_s: float | None = None, variables: Mapping[str, str] | None = None
) -> bytes:
    """Return what "module:function" writes to standard output, with `given` on its standard input.

    LoligoError when it fails or takes too long; `failed` begins it, such as "the picture could not be drawn".
    """
    module, _, name = main.partition(":")
    kept = {variable: os.environ[variable] for variable in _KEPT_VARIABLES if variable in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _MAIN.format(module=module, name=name, niceness=NICENESS), *sys.path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, **(variables or {})},
    )
    try:
        async with asyncio.timeout(timeout_s):
            made, said = await process.communicate(given)
    except TimeoutError as exc:
        raise LoligoError(f"{failed} within {timeout_s:g} s: ask again") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        reason = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise LoligoError(f"{failed}: {reason or f'it ended with {process.returncode}'}")
    return made
