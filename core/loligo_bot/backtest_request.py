"""What a backtest is asked for, and what comes of it: the configuration and the registry that it runs.

    files, environment ─► settings ─► + what is asked, each value with its field's name ─► judged as one ─► chosen desks

What must hold: what is asked is taken exactly as the configuration takes it, so a fault names the field, the key, the
value and what was expected; what surrounds the engine but the feeds is left out (not where a journal is kept: it names
the whole generation), and no secret goes along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loligo.config import DeskConfig, LoligoConfig
from loligo.config.layers import KeyPath, Setting, dotted, read_yaml
from loligo.config.load import CONFIG_FILE, check_settings
from loligo.errors import BadArguments, ConfigError, LoligoError
from loligo.host import Host, bundled_root
from loligo.model.timeframe import ns_from_iso
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.faults import did_you_mean
from loligo.registry.registry_file import Registry, RegistryEntry, load_registry
from loligo.registry.tree import PREFIX, hash12
from loligo_bot.folder_config import PARTS
from loligo_bot.folder_settings import folder_settings
from loligo_bot.recipe import CONFIG, recipe_of
from loligo_bot.settings_check import check_tentacle_settings
from loligo_kit.bot_folder import BotFolder
from loligo_kit.lock import admission

SECTIONS = ("desks", "accounts", "venues", "engine")  # in which single settings may be other than configured
_OUTSIDE = ("interface", "notifier", "automation")  # kinds that a run over history has no use for
_EMPTY: dict[str, Any] = {**{f"{kind}s": () for kind in _OUTSIDE}, "experiments": {}}
SHORTEST_HASH = 6
Share = Annotated[Decimal, Field(ge=0, lt=1)]


def _instant(text: str) -> str:
    try:
        if not 0 <= ns_from_iso(text) < 2**63:
            raise ValueError("expected a time from 1970 to 2261")
    except (ConfigError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    return text


Instant = Annotated[str, AfterValidator(_instant)]


class BacktestRequest(BaseModel):
    """What is to be other than configured; by default nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    desks: tuple[str, ...] = Field(default=(), description="only these desks; none named: all")
    instruments: tuple[str, ...] = Field(default=(), description='only these, such as "coinbase:BTC/USD"; none: all')
    since: Instant | None = Field(default=None, description="from this time of the data, ISO 8601 such as 2019-07-01")
    until: Instant | None = Field(default=None, description="up to this time of the data, ISO 8601")
    data: Literal["configured", "bundled"] = Field(
        default="configured", description="configured: the bot's own historical feeds; bundled: what came with Loligo"
    )
    capital: Decimal | None = Field(default=None, gt=0, description="of each desk, in its account's currency")
    maker_fee_rate: Share | None = Field(default=None, description="of the value: 0.001 is 0.1 %")
    taker_fee_rate: Share | None = Field(default=None, description="of the value: 0.001 is 0.1 %")
    slippage_rate: Share | None = Field(default=None, description="of the price: 0.0005 is 0.05 %")
    overrides: dict[str, Any] = Field(
        default={},
        description="settings by their keys, such as desks.trend.evaluators.rsi.settings.period: 10",
        max_length=100,
    )
    versions: dict[str, str] = Field(
        default={}, description="other versions of tentacles, by hash: evaluator/rsi: 3f2a9c...", max_length=100
    )
    note: str = Field(default="", max_length=200, description="what it is to find out; stays with the result")

    def plain(self) -> dict[str, Any]:
        """Return what is other than the default, as JSON has it."""
        return self.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that decides what a run over history comes to, but its data."""

    config: LoligoConfig
    registry: Registry
    span: Mapping[str, str]  # since and until, where asked for

    @property
    def config_hash(self) -> str:
        recipe = recipe_of(self.config, self.registry).masked()
        return hashlib.sha256(recipe.files[CONFIG]).hexdigest()

    def frozen(self) -> bytes:
        """Return it as bytes, without secrets."""
        recipe = recipe_of(self.config, self.registry).masked()
        return msgspec.json.encode({"config": recipe.config, "registry": recipe.registry, "span": dict(self.span)})


def thawed(frozen: bytes) -> Prepared:
    """Return what was frozen."""
    found = msgspec.json.decode(frozen)
    return Prepared(
        config=LoligoConfig.model_validate_json(msgspec.json.encode(found["config"])),
        registry=Registry.model_validate(found["registry"]),
        span=found["span"],
    )


def prepare(
    home: Path,
    request: BacktestRequest,
    *,
    file: Path | None = None,
    is_whole: bool = False,
    settings: Setting | None = None,
    beside: Sequence[RegistryEntry] = (),
) -> Prepared:
    """Return what a request comes to in a bot folder now, whole with what surrounds the engine (named in a journal as
    in that of a paper run) or without. `settings` stand in for those of the files, `beside` joins the registry's
    entries. BadArguments has a sentence for each field that is wrong; ConfigError is about the configuration itself."""
    settings = settings or folder_settings(home, file=file)
    check_settings(settings, parts=PARTS, where=str(file or home / CONFIG_FILE))  # its own faults are no one's who asks
    _lay(request, settings)
    try:
        config = check_settings(settings, parts=PARTS, where="backtest")
    except ConfigError as exc:
        raise _told(exc, request) from exc
    registry = load_registry(Host(home, bundled_root()).registry_path)
    wanted = [one for one in (*registry.tentacles, *beside) if is_whole or one.kind not in _OUTSIDE]
    entries = [_chosen_version(one, request, home) for one in wanted]
    _refuse_unknown(request.versions, [f"{one.kind}/{one.name}" for one in entries], "versions")
    return Prepared(
        config=_chosen(config, request).model_copy(update={} if is_whole else _EMPTY),
        registry=registry.model_copy(update={"tentacles": entries}),
        span={name: value for name in ("since", "until") if (value := getattr(request, name)) is not None},
    )


def pinned(prepared: Prepared, running: Mapping[str, str], home: Path) -> Prepared:
    """Return it with the versions that run (tree hash by slot) held fast, so that an edit does not change what waits;
    versions that were asked for stay."""
    content = ContentStore(home / CONTENT_FOLDER)

    def held(entry: RegistryEntry) -> RegistryEntry:
        ran = running.get(entry.slot)
        if entry.path is None or ran is None or not content.has(ran):
            return entry
        source = "local" if entry.source == "bundled" else entry.source  # a bundled one has a path
        return entry.model_copy(update={"path": None, "tree_hash": ran, "source": source, "pin": True})

    entries = [held(entry) for entry in prepared.registry.tentacles]
    registry = prepared.registry.model_copy(update={"tentacles": entries})
    return Prepared(config=prepared.config, registry=registry, span=prepared.span)


def check_with(home: Path, prepared: Prepared, request: BacktestRequest, host: Host) -> None:
    """BadArguments where a tentacle's own class refuses what is asked, judged by what a host has loaded."""
    settings = setting_of(prepared.config.model_dump(mode="json"), "configuration")
    for path, value, field in _asked(request, settings):
        settings.place(path, setting_of(value, field))
    try:
        check_tentacle_settings(home, prepared.config, host, settings=settings)
    except ConfigError as exc:
        raise _told(exc, request) from exc


def loaded_for(home: Path, prepared: Prepared) -> Host:
    """Return the tentacles of a run, loaded; it takes a moment."""
    host = Host(home, bundled_root(), admission(home))
    host.load_all(registry=prepared.registry)
    return host


def setting_of(value: Any, origin: str) -> Setting:
    """Return a plain value as settings that were all set in one place."""
    if isinstance(value, dict):
        return Setting({str(key): setting_of(inner, origin) for key, inner in value.items()}, origin)
    return Setting([setting_of(inner, origin) for inner in value] if isinstance(value, list) else value, origin)


def _lay(request: BacktestRequest, settings: Setting) -> None:
    """Lay what is asked over what is configured. BadArguments for desks, instruments and keys that are not there."""
    desks = settings.at(("desks",))
    known = list(desks.plain()) if desks is not None and isinstance(desks.value, dict) else []
    _refuse_unknown(request.desks, known, "desks")
    if request.data == "bundled":
        shipped = read_yaml(bundled_root() / CONFIG_FILE, "bundled configuration").at(("feeds",))
        settings.place(("feeds",), shipped or Setting([], "bundled configuration"))
    for path, value, field in _asked(request, settings):
        settings.place(path, setting_of(value, field))


def _asked(request: BacktestRequest, settings: Setting) -> Iterator[tuple[KeyPath, Any, str]]:
    """Yield each setting that is asked for: where it stands, its value, and the field of the request."""
    desks = settings.plain().get("desks") or {}
    chosen = {name: desk for name, desk in desks.items() if not request.desks or name in request.desks}
    venues = {str(desk.get("venue")) for desk in chosen.values() if isinstance(desk, dict)}
    if request.capital is not None:
        yield from ((("desks", name, "capital"), str(request.capital), "capital") for name in chosen)
    for venue in sorted(venues):
        for rate in ("maker_fee_rate", "taker_fee_rate"):
            if (value := getattr(request, rate)) is not None:
                for symbol in (settings.plain().get("venues") or {}).get(venue, {}).get("instruments") or {}:
                    yield ("venues", venue, "instruments", symbol, rate), str(value), rate
        if request.slippage_rate is not None:
            yield ("venues", venue, "fills", "slippage_rate"), float(request.slippage_rate), "slippage_rate"
    for key, value in request.overrides.items():
        yield _path(key, settings), value, f"overrides.{key}"


def _path(key: str, settings: Setting) -> KeyPath:
    """Return the path of a key; in a list an entry goes by its number, from 0, or by its tentacle's name."""
    field = f"overrides.{key}"
    parts = key.split(".")
    if parts[0] not in SECTIONS or len(parts) < 2:
        said = f"{field}: a backtest sets keys of {', '.join(SECTIONS)} only{did_you_mean(parts[0], SECTIONS)}"
        raise BadArguments(said, {field: said})
    path: KeyPath = ()
    for part in parts:
        found = settings.at(path)
        content = None if found is None else found.value
        if not isinstance(content, list):
            path += (part,)
            continue
        names = [str((one.plain() if isinstance(one.value, dict) else {}).get("tentacle", "")) for one in content]
        if part.isdecimal() and int(part) < len(content):
            path += (int(part),)
        elif part in names:
            path += (names.index(part),)
        else:
            said = f'{field}: {dotted(path)} has no "{part}"; it has {", ".join(filter(None, names)) or len(content)}'
            raise BadArguments(said, {field: said})
    return path


def _told(error: ConfigError, request: BacktestRequest) -> LoligoError:
    """Return faults as those of the fields that they come from; a fault of something else stays one of the whole."""
    fields = ["capital", "maker_fee_rate", "taker_fee_rate", "slippage_rate"]
    fields += sorted((f"overrides.{key}" for key in request.overrides), key=len, reverse=True)
    problems: dict[str, str] = {}
    for line in str(error).splitlines()[1:]:
        field = next((name for name in fields if line.strip().startswith(f"{name}: ")), "")
        if field:
            problems.setdefault(field, line.strip())
    return BadArguments(f"backtest: {'; '.join(problems.values())}", problems) if problems else error


def _chosen(config: LoligoConfig, request: BacktestRequest) -> LoligoConfig:
    """Return the configuration of the desks and instruments that are asked for, with accounts that can give them their
    capital."""
    every = {f"{desk.venue}:{symbol}" for desk in config.desks.values() for symbol in desk.instruments}
    symbols = {name.partition(":")[2] for name in every}
    _refuse_unknown(request.instruments, sorted(every | symbols), "instruments", shown=sorted(every))
    desks = {}
    for name, desk in config.desks.items():
        wanted = tuple(one for one in desk.instruments if _is_wanted(desk, one, request.instruments))
        if wanted and (not request.desks or name in request.desks):
            changes = {"instruments": wanted, "consent_s": None}  # nobody can answer there
            desks[name] = desk.model_copy(update=changes)
    if not desks:
        said = "instruments: no desk that was chosen trades one of them"
        raise BadArguments(said, {"instruments": said})
    accounts = dict(config.accounts)
    for name in sorted({desk.account for desk in desks.values()}):
        account = accounts[name]
        needed = sum((desk.capital for desk in desks.values() if desk.account == name), Decimal(0))
        deposits = {**account.deposits, account.reference: max(account.deposits.get(account.reference, needed), needed)}
        accounts[name] = account.model_copy(update={"deposits": deposits})
    experiments = config.experiments if len(desks) == len(config.desks) else {}  # they want their arms
    return config.model_copy(update={"desks": desks, "accounts": accounts, "experiments": experiments})


def _is_wanted(desk: DeskConfig, symbol: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or symbol in wanted or f"{desk.venue}:{symbol}" in wanted


def _chosen_version(entry: RegistryEntry, request: BacktestRequest, home: Path) -> RegistryEntry:
    """Return an entry in the version that was asked for. BadArguments when the bot has none of that hash."""
    name = f"{entry.kind}/{entry.name}"
    wanted = request.versions.get(name)
    if wanted is None:
        return entry
    field, start = f"versions.{name}", wanted.removeprefix(PREFIX)
    folder = home / CONTENT_FOLDER
    is_hash = len(start) >= SHORTEST_HASH and all(letter in "0123456789abcdef" for letter in start)
    found = (
        [path.name for path in folder.iterdir() if path.name.startswith(start)] if is_hash and folder.exists() else []
    )
    if len(found) != 1:
        why = "several versions begin with it" if found else "no such version was ever loaded here"
        said = (
            f"{field} = {wanted[:70]!r}: {why}; expected a hash of at least {SHORTEST_HASH} digits, see tentacle.info"
        )
        raise BadArguments(said, {field: said})
    source = "local" if entry.source == "bundled" else entry.source
    changes = {"path": None, "tree_hash": PREFIX + found[0], "source": source, "pin": True, "enabled": True}
    packages = BotFolder(home, bundled_root()).packages_of(entry, PREFIX + found[0])
    return entry.model_copy(update={**changes, "packages": packages})


def _refuse_unknown(names: Any, known: list[str], field: str, *, shown: list[str] | None = None) -> None:
    for name in names:
        if name not in known:
            listed = ", ".join(shown or known) or "nothing"
            said = f'{field}: there is no "{name[:60]}"; expected some of {listed}{did_you_mean(name, known)}'
            raise BadArguments(said, {field: said})


def title_of(request: BacktestRequest, prepared: Prepared) -> str:
    """Return what a list calls it."""
    if request.note:
        return request.note
    changed = [*(f"{key.rpartition('.')[2]} {value}" for key, value in request.overrides.items())]
    changed += [
        f"{name.rpartition('/')[2]} {hash12(PREFIX + value.removeprefix(PREFIX))}"
        for name, value in request.versions.items()
    ]
    return ", ".join([*sorted(prepared.config.desks), *changed])[:200]
