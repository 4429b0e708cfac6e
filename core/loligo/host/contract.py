"""What a tentacle's package must hold for the host to use it: hooks that are known, and one factory of its kind.

Checked with a plugin manager that holds this tentacle alone, so that a refused one leaves no trace. Nothing is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

import pluggy
from pydantic import ValidationError

from loligo.errors import TentacleError
from loligo.host.finder import NAMESPACE
from loligo.ports import hooks
from loligo.ports.tentacles import Factory, TentacleSettings
from loligo.registry.faults import describe_faults, did_you_mean
from loligo.registry.manifest import Manifest


def describe_error(error: BaseException) -> str:
    """Return type, text and the place in the tentacle's own file where `error` was raised."""
    places = [
        f" ({Path(frame.f_code.co_filename).name}, line {line})"
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").startswith(NAMESPACE + ".")
    ]
    return f"{type(error).__name__}: {error}{''.join(places[-1:])}"


def register(module: ModuleType, manifest: Manifest) -> pluggy.PluginManager:
    """Return a plugin manager with this module's hooks. TentacleError when one is unknown or not in the manifest."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    known = sorted(vars(manager.hook))
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        unknown = sorted(set(vars(manager.hook)) - set(known))
        hint = f'unknown hook "{unknown[0]}"{did_you_mean(unknown[0], known)}' if unknown else str(exc)
        raise TentacleError(" ".join(hint.split())) from exc
    found = {caller.name: caller.get_hookimpls()[0].function for caller in manager.get_hookcallers(module) or ()}
    for name, function in found.items():
        if iscoroutinefunction(function):
            raise TentacleError(f"hook {name} is `async def`, hooks are plain functions")
    if manifest.hooks and set(manifest.hooks) != set(found):
        raise TentacleError(f"its manifest says hooks = {sorted(manifest.hooks)}, its code has {sorted(found)}")
    return manager


def take_factory(plugin: pluggy.PluginManager, kind: str, settings: Mapping[str, Any]) -> Factory:
    """Return the factory that the hook of `kind` hands over; `settings` are those of the registry, to be checked."""
    kinds = [each for each in hooks.KINDS if getattr(plugin.hook, each).get_hookimpls()]
    if kinds != [kind]:
        has = ", ".join(kinds) or "none"
        raise TentacleError(f"has the hooks of the kinds: {has}; expected {kind}() and no other in __init__.py")
    factory = next(iter(getattr(plugin.hook, kind)()), None)  # pluggy leaves out None
    if not isinstance(factory, Factory):
        raise TentacleError(f"{kind}() returned {type(factory).__name__}, expected a Factory")
    model = factory.settings
    if not (isinstance(model, type) and issubclass(model, TentacleSettings)):
        raise TentacleError(f"its settings are {model!r}, expected a subclass of TentacleSettings")
    try:
        model.model_validate(settings)
    except ValidationError as exc:
        if faults := describe_faults(exc, model, ignore="missing"):  # a desk may give what is missing
            raise TentacleError(f"settings in the registry: {faults}") from exc
    return factory
