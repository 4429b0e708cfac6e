"""Loads one registry entry: from a folder on disk to a tentacle whose contract is checked.

In order, each step refusing with a sentence that says what to do: find the folder, hash its content and compare it with
the registry, read the manifest, check that its wishes are met, import the package privately, register it with pluggy in
a manager of its own (so that a refused one leaves no trace) and take its factory. Only then does it count. Reasons do
not name the tentacle: who asks knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from inspect import iscoroutinefunction
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

import pluggy
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pydantic import ValidationError

from loligo.api import API_VERSION
from loligo.errors import ConfigError, TentacleError
from loligo.host.finder import NAMESPACE, import_tree, installed_finder
from loligo.ports import hooks
from loligo.ports.tentacles import Factory, MakeContext, TentacleSettings
from loligo.registry.faults import describe_faults, did_you_mean
from loligo.registry.manifest import MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12, read_tree, tree_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTentacle:
    """One version of one tentacle, ready to make instances."""

    entry: RegistryEntry
    manifest: Manifest
    tree_hash: str
    folder: Path
    module: ModuleType
    factory: Factory
    plugin: pluggy.PluginManager  # holds this tentacle alone

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def kind(self) -> str:
        return self.entry.kind

    def make_settings(self, given: Mapping[str, Any], *, where: str = "settings") -> TentacleSettings:
        """Return the settings: `given` over those of the registry over the defaults.

        ConfigError names the place (`where` is that of `given`, such as "desks.btc.strategy.settings"), the tentacle,
        the key, the value and what was expected.
        """
        model = self.factory.settings
        try:
            return model.model_validate({**self.entry.settings, **given})
        except ValidationError as exc:
            raise ConfigError(f"{where} of {self.entry.slot}: {describe_faults(exc, model)}") from exc

    def create(self, settings: TentacleSettings, context: MakeContext) -> Any:
        """Return a new instance. TentacleError with the cause when the tentacle raises."""
        try:
            return self.factory.create(settings, context)
        except (Exception, SystemExit) as exc:
            raise TentacleError(f"{self.entry.slot} cannot be made: {describe_error(exc)}") from exc


def load_tentacle(entry: RegistryEntry, roots: Sequence[Path], enabled: Sequence[RegistryEntry]) -> LoadedTentacle:
    """Load `entry` from the first of `roots` that has its folder; `enabled` are all entries that are on.

    TentacleError with the reason in one sentence.
    """
    folder = next((root / entry.path for root in roots if (root / entry.path).is_dir()), None)
    if folder is None:
        places = " nor in ".join(str(root) for root in roots)
        raise TentacleError(f"no folder {entry.path} in {places}; correct its path in the registry")
    files = read_tree(folder)
    found = tree_hash(files)
    if entry.tree_hash not in (None, found):
        raise TentacleError(
            f"the registry wants {hash12(entry.tree_hash or '')}, {folder} holds {hash12(found)}; if the change is "
            "yours, run `make registry` (in a bot folder `loligo tentacle refresh`), else restore the folder"
        )
    manifest = read_manifest(folder, files)
    said, wanted = f"{manifest.kind} {manifest.name} {manifest.version}", f"{entry.slot} {entry.version}"
    if said != wanted:
        raise TentacleError(f"{folder / MANIFEST_FILE} says {said}, the registry {wanted}")
    _check_wishes(entry, manifest, enabled)
    return _bind(entry, manifest, files, folder)


def describe_error(error: BaseException) -> str:
    """Return type, text and the place in the tentacle's own file where `error` was raised."""
    places = [
        f" ({Path(frame.f_code.co_filename).name}, line {line})"
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").startswith(NAMESPACE + ".")
    ]
    return f"{type(error).__name__}: {error}{''.join(places[-1:])}"


def _check_wishes(entry: RegistryEntry, manifest: Manifest, enabled: Sequence[RegistryEntry]) -> None:
    if entry.isolation == "process":
        raise TentacleError('isolation "process" is not there yet; set it to "none" or switch the tentacle off')
    if API_VERSION not in SpecifierSet(manifest.api):
        raise TentacleError(f"needs loligo.api {manifest.api}, this is {API_VERSION}; update one of them")
    missing = [permission for permission in manifest.permissions if permission not in entry.permissions]
    if missing:
        raise TentacleError(f"wants the permission {', '.join(missing)}; grant it in the registry")
    for text in manifest.requires.python:
        _check_package(Requirement(text))
    for name, wanted in manifest.requires.tentacles.items():
        versions = [other.version for other in enabled if other.name == name]
        if not any(version in SpecifierSet(wanted) for version in versions):
            there = f"the registry has {versions[0]}" if versions else "which is not in the registry or off"
            raise TentacleError(f"needs the tentacle {name} {wanted}, {there}")


def _check_package(wanted: Requirement) -> None:
    if wanted.marker is not None and not wanted.marker.evaluate():
        return
    try:
        installed = metadata.version(wanted.name)
    except metadata.PackageNotFoundError as exc:
        raise TentacleError(f"needs the package {wanted}; run `pip install '{wanted}'`") from exc
    if not wanted.specifier.contains(installed, prereleases=True):
        raise TentacleError(f"needs the package {wanted}, {wanted.name} {installed} is installed")


def _bind(entry: RegistryEntry, manifest: Manifest, files: Mapping[str, bytes], folder: Path) -> LoadedTentacle:
    found = tree_hash(files)
    package = f"{NAMESPACE}.{entry.kind}_{entry.name}__{hash12(found)}"
    try:
        module = import_tree(package, files, folder)
        plugin = _register(module, manifest)
        factory = _take_factory(plugin, entry)
    except (Exception, SystemExit) as exc:  # code of strangers may raise anything, and only switches itself off
        installed_finder().forget(package)
        if isinstance(exc, TentacleError):
            raise
        raise TentacleError(f"its code cannot be loaded: {describe_error(exc)}") from exc
    return LoadedTentacle(
        entry=entry, manifest=manifest, tree_hash=found, folder=folder, module=module, factory=factory, plugin=plugin
    )


def _register(module: ModuleType, manifest: Manifest) -> pluggy.PluginManager:
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


def _take_factory(plugin: pluggy.PluginManager, entry: RegistryEntry) -> Factory:
    kinds = [kind for kind in hooks.KINDS if getattr(plugin.hook, kind).get_hookimpls()]
    if kinds != [entry.kind]:
        has = ", ".join(kinds) or "none"
        raise TentacleError(f"has the hooks of the kinds: {has}; expected {entry.kind}() and no other in __init__.py")
    factory = next(iter(getattr(plugin.hook, entry.kind)()), None)  # pluggy leaves out None
    if not isinstance(factory, Factory):
        raise TentacleError(f"{entry.kind}() returned {type(factory).__name__}, expected a Factory")
    model = factory.settings
    if not (isinstance(model, type) and issubclass(model, TentacleSettings)):
        raise TentacleError(f"its settings are {model!r}, expected a subclass of TentacleSettings")
    try:
        model.model_validate(entry.settings)
    except ValidationError as exc:
        faults = describe_faults(exc, model, ignore="missing")  # a desk may give what is missing
        if faults:
            raise TentacleError(f"settings in the registry: {faults}") from exc
    return factory
