"""Makes versions of tentacles from text, for tests of what judges and loads them."""

from __future__ import annotations

from pathlib import Path

from loligo.host.verifier import TentacleVersion
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import tree_hash
from tests.fakes.tentacle_folder import HOOK, manifest_text

EVALUATOR = """
from loligo.api import Evaluation, Factory, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    period: int = 3

class Mean:
    state_version = 1
    warmup = 3

    def __init__(self, settings, context):
        self.sum, self.count = 0.0, 0

    def on_candle(self, candle):
        self.sum, self.count = self.sum + candle.close, self.count + 1
        return Evaluation(1.0 if candle.close > self.sum / self.count else -1.0, "mean", ())

    def export_state(self):
        return {"sum": self.sum, "count": self.count}

    def restore_state(self, state):
        self.sum, self.count = state["sum"], state["count"]

@hookimpl
def evaluator():
    return Factory(settings=Settings, create=Mean)
"""


def make_version(
    code: str | None = None, /, *, kind: str = "evaluator", files: dict[str, str] | None = None, **manifest: str
) -> TentacleVersion:
    """Return a version of the tentacle `mean` with this `__init__.py`, further `files` and changes of its manifest."""
    text = manifest_text(kind, "mean", **manifest)
    init = HOOK.format(kind=kind, name="mean") if code is None else code
    content = {
        name: body.encode() for name, body in {"tentacle.toml": text, "__init__.py": init, **(files or {})}.items()
    }
    folder = Path("/nowhere/mean")
    read = read_manifest(folder, content)
    values = {"name": "mean", "kind": kind, "version": "1.0.0", "path": "tentacles/mean"}
    entry = RegistryEntry.model_validate({**values, "permissions": read.permissions})
    return TentacleVersion(entry=entry, manifest=read, tree_hash=tree_hash(content), folder=folder, files=content)
