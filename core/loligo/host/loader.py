"""Loads one registry entry: from its content to a tentacle whose contract is checked.

In order, each step refusing with a sentence that says what to do: 1 `read_version` finds the content, compares it with
the registry and reads the manifest; 2 `check_wishes` sees whether these are met; 3 the verifier, in another process,
judges and compiles the code, but for versions that came with Loligo; 4 `bind` imports the package privately, registers
it with pluggy in a manager of its own and takes its factory. Only then does it count. Steps 1 to 3 run no code of the
tentacle in this process and may run in any thread. Reasons do not name the tentacle: who asks knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pluggy
from packaging.specifiers import SpecifierSet
from pydantic import ValidationError

from loligo.api import API_VERSION
from loligo.errors import TENTACLE_FAULTS, ConfigError, TentacleError
from loligo.host.contract import describe_error, register, take_factory
from loligo.host.finder import import_tree, installed_finder
from loligo.host.verifier import TentacleVersion, shared_verifier
from loligo.ports.tentacles import Factory, MakeContext, TentacleSettings
from loligo.registry.content import ContentStore
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12, read_tree, tree_hash
from loligo_packages.importing import offer
from loligo_packages.package_set import check_packages, read_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where versions come from and where they are kept."""

    roots: Sequence[Path]  # whose folders entries with a path name, searched in order
    store: ContentStore
    shipped: frozenset[tuple[str, str]] = frozenset()  # slot and tree hash of what came with Loligo
    keeps: bool = False  # put what is loaded into the store first, so that its hash in a journal means something
    read: Callable[[Path], Mapping[str, bytes]] = read_tree  # the files of a folder


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
        except TENTACLE_FAULTS as exc:
            raise TentacleError(f"{self.entry.slot} cannot be made: {describe_error(exc)}") from exc


def load_tentacle(
    entry: RegistryEntry, sources: Sources, enabled: Sequence[RegistryEntry], running: LoadedTentacle | None = None
) -> LoadedTentacle:
    """Load `entry`; `enabled` are all entries that are on. TentacleError with the reason in one sentence.

    `running` is what works in its place: where the same is wanted it is taken as it is, and not judged again.
    """
    version = read_version(entry, sources, running)
    if running is not None and running.entry == entry and running.manifest is version.manifest:
        check_others(version, enabled)
        return running
    check_wishes(version, enabled)
    is_shipped = (entry.slot, version.tree_hash) in sources.shipped
    code = {} if is_shipped else shared_verifier().verify(version).code
    if sources.keeps:
        sources.store.put(version.files)
    return bind(version, code)


def read_version(entry: RegistryEntry, sources: Sources, running: LoadedTentacle | None = None) -> TentacleVersion:
    """Return the content that `entry` names: from its folder, or without a path from the store."""
    if entry.path is None:
        wanted = entry.tree_hash or ""
        folder, files = sources.store.path(wanted), sources.store.get(wanted)
    else:
        folder = _folder(entry.path, sources.roots)
        files = {**sources.read(folder)}
    found = tree_hash(files)
    if entry.tree_hash not in (None, found):
        raise TentacleError(
            f"the registry wants {hash12(entry.tree_hash or '')}, {folder} holds {hash12(found)}; if the change is "
            "yours, run `make registry` (in a bot folder `loligo tentacle refresh`), else restore the folder"
        )
    is_running = running is not None and (running.tree_hash, running.folder) == (found, folder)
    manifest = running.manifest if running is not None and is_running else read_manifest(folder, files)
    said = f"{manifest.kind} {manifest.name} {manifest.version}"
    if said != (wanted := f"{entry.kind} {entry.tentacle} {entry.version}"):
        raise TentacleError(f"{folder / MANIFEST_FILE} says {said}, the registry {wanted}")
    kept = read_set(entry.packages, sources.store)
    return TentacleVersion(entry=entry, manifest=manifest, tree_hash=found, folder=folder, files=files, packages=kept)


def bind(version: TentacleVersion, code: Mapping[str, CodeType]) -> LoadedTentacle:
    """Run the version's modules (from `code`, else from source) and take its factory.

    TentacleError when it does not keep its contract; nothing of it stays behind then.
    """
    try:
        names = offer(version.packages, code, import_tree)
        module = import_tree(version.package, version.files, version.folder, code, names)
        plugin = register(module, version.manifest)
        factory = take_factory(plugin, version.entry.kind, version.entry.settings)
    except TENTACLE_FAULTS as exc:  # code of strangers may raise anything, and only switches itself off
        installed_finder().forget(version.package)
        if isinstance(exc, TentacleError):
            raise
        raise TentacleError(f"its code cannot be loaded: {describe_error(exc)}") from exc
    return LoadedTentacle(
        entry=version.entry,
        manifest=version.manifest,
        tree_hash=version.tree_hash,
        folder=version.folder,
        module=module,
        factory=factory,
        plugin=plugin,
    )


def check_wishes(version: TentacleVersion, enabled: Sequence[RegistryEntry]) -> None:
    """Compare what the manifest wants with what is there and granted. TentacleError names both."""
    entry, manifest = version.entry, version.manifest
    for who, isolation in (("the registry", entry.isolation), ("its manifest", manifest.isolation)):
        if isolation == "process":
            raise TentacleError(f'{who} wants isolation "process", which is not there yet; switch the tentacle off')
    if API_VERSION not in SpecifierSet(manifest.api):
        raise TentacleError(f"needs loligo.api {manifest.api}, this is {API_VERSION}; update one of them")
    if missing := [permission for permission in manifest.permissions if permission not in entry.permissions]:
        by = f"`loligo tentacle grant {entry.name} {' '.join(missing)}` grants it"
        raise TentacleError(f"wants the permission {', '.join(missing)}; {by}")
    check_packages(manifest.requires.python, version.packages, entry.name)
    check_others(version, enabled)


def check_others(version: TentacleVersion, enabled: Sequence[RegistryEntry]) -> None:
    """Do the same with the other tentacles, which may come and go while this one runs."""
    for name, wanted in version.manifest.requires.tentacles.items():
        versions = [other.version for other in enabled if other.tentacle == name]
        if not any(each in SpecifierSet(wanted) for each in versions):
            there = f"the registry has {versions[0]}" if versions else "which is not in the registry or off"
            raise TentacleError(f"needs the tentacle {name} {wanted}, {there}")


def _folder(path: str, roots: Sequence[Path]) -> Path:
    folder = next((found for root in roots if (found := root / path).is_dir()), None)
    if folder is None:
        places = " nor in ".join(str(root) for root in roots)
        raise TentacleError(f"no folder {path} in {places}; correct its path in the registry")
    return folder
