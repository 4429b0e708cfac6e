"""Tentacles that each break one thing, made from a sound one of its kind by small changes of its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loligo.registry.manifest import KIND_FOLDERS

MANIFEST = """\
name = "{name}"
kind = "{kind}"
version = "1.0.0"
api = ">=1.0,<2"
summary = "A test."
author = "Test"
licence = "Apache-2.0"
changelog = "1.0.0: the first version."
hooks = ["{kind}"]
permissions = []

[state]
version = 1
mode = "export"

[requires]
python = ["numpy"]
"""
_HEAD = """\
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
IMPORTS
from loligo.api import Factory, TentacleSettings, hookimpl


class Settings(TentacleSettings):
    scale: float = 10.0

"""
_EVALUATOR = """
class Sound:
    state_version = 1
    warmup = 4

    def __init__(self, settings, context):
        self.scale = settings.scale
        self.closes = []
        self.count = 0

    def on_candle(self, candle):
        self.count += 1
        self.closes = [*self.closes[-3:], candle.close]
        if len(self.closes) < 4:
            return None
        change = candle.close / self.closes[0] - 1.0
        return Evaluation(self.bounded(change), "change", (change,))

    def bounded(self, change):
        return max(-1.0, min(1.0, change * self.scale))

    def evaluate_series(self, candles):
        values = np.full(len(candles.close), np.nan)
        for place in range(3, len(values)):
            values[place] = self.bounded(candles.close[place] / candles.close[place - 3] - 1.0)
        return values

    def export_state(self):
        return {"closes": list(self.closes), "count": self.count}

    def restore_state(self, state):
        self.closes, self.count = list(state["closes"]), state["count"]
"""
_RISK_RULE = """
class Sound(Stateless):
    tier = "strategy"

    def __init__(self, settings, context):
        pass

    def check(self, request, view):
        if not view.account_equity >= 60_000.0:
            return refused("poor", view.account_equity)
        return passed("rich", view.account_equity)
"""
_MODE = """
class Sound(Stateless):
    def __init__(self, settings, context):
        pass

    def on_signal(self, signal, view):
        if view.position or any(order.role is OrderRole.ENTRY for order in view.open_orders):
            return (Declined("busy"),)
        stop = view.instrument.price(view.price * 0.98)
        quantity = view.instrument.quantity(1.0)
        return [OrderRequest(instrument=view.instrument.id, side=Side.BUY, quantity=quantity, stop_loss_price=stop)]
"""
_STRATEGY = """
class Sound(Stateless):
    def __init__(self, settings, context):
        pass

    def decide(self, board):
        value = board.evaluations[0].value if board.evaluations[0] is not None else 0.0
        if value > 0.3:
            return Signal(Direction.LONG, value, "up", (value,))
        return Declined("not_up", (value,))
"""
_FEED = """
class Sound:
    def __init__(self, settings, context):
        pass

    async def run(self, inbox, *, since_ns, since_count=None):
        await inbox.put_many(list(self.read(since_ns=since_ns, since_count=since_count)))

    def read(self, *, since_ns=None, until_ns=None, since_count=None):
        taken = 0
        for number in range(60):
            ts = (number // 2 + 1) * 1_000_000_000
            item = Trade("test:BTC/USD", ts, 100.0 + number, 1.0, Side.BUY, str(number))
            if since_ns is not None and ts <= since_ns:
                taken += ts == since_ns
                if ts < since_ns or since_count is None or taken <= since_count:
                    continue
            if until_ns is None or ts <= until_ns:
                yield item
"""
_NOTIFIER = """
class Sound:
    def __init__(self, settings, context):
        self.told = []

    async def notify(self, message):
        self.told.append(f"{message.level} {message.text}")
"""
_AUTOMATION = """
class Sound:
    state_version = 1

    def __init__(self, settings, context):
        self.close = 0.0

    def on_record(self, record, world):
        before, self.close = self.close, next(iter(world.prices.values()))
        is_met = before and self.close < before * 0.99
        return Firing(key=f"seq {record.seq}", why=f"fell to {self.close}", acts=self.acts()) if is_met else None

    def acts(self):
        return [Act(verb="pause")]

    def standing(self):
        return Standing(words="when a price falls by 1 %: pause", state="armed")

    def export_state(self):
        return {"close": self.close}

    def restore_state(self, state):
        self.close = state.get("close", 0.0)
"""
_CODE = {
    "evaluator": _EVALUATOR,
    "risk_rule": _RISK_RULE,
    "trading_mode": _MODE,
    "strategy": _STRATEGY,
    "feed": _FEED,
    "notifier": _NOTIFIER,
    "automation": _AUTOMATION,
}
_HOOK = """

@hookimpl
def {kind}():
    return Factory(settings=Settings, create=Sound)
"""


@dataclass(frozen=True)
class Broken:
    """A change of a sound tentacle, and the checks that have to fail for it, no others."""

    fails: frozenset[str]
    changes: Mapping[str, str]  # of the code: text to be replaced, by what
    kind: str = "evaluator"
    manifest: Mapping[str, str] = field(default_factory=dict)  # the same of the manifest
    files: Mapping[str, str] = field(default_factory=dict)  # further ones
    told: str = ""  # of the evidence of the first of them


def code_of(kind: str) -> str:
    own = _HEAD.replace("IMPORTS\n", _IMPORTS[kind])
    return own + _CODE[kind] + _HOOK.format(kind=kind)


_IMPORTS = {
    "evaluator": "from loligo.api import Evaluation\n",
    "risk_rule": "from loligo.api import Stateless, passed, refused\n",
    "trading_mode": "from loligo.api import Declined, OrderRequest, OrderRole, Side, Stateless\n",
    "strategy": "from loligo.api import Declined, Direction, Signal, Stateless\n",
    "feed": "from loligo.api import Side, Trade\n",
    "notifier": "",
    "automation": "from loligo.api.automation import Act, Firing, Standing\n",
}


def write(root: Path, broken: Broken, name: str = "sound") -> Path:
    """Write the tentacle, with the schema that belongs to its settings, and return its folder."""
    folder = root / "tentacles" / KIND_FOLDERS[broken.kind] / name  # type: ignore[index]
    folder.mkdir(parents=True)
    manifest, code = MANIFEST.format(kind=broken.kind, name=name), code_of(broken.kind)
    if broken.kind not in ("evaluator", "automation"):
        manifest = manifest.replace('mode = "export"', 'mode = "none"')
    (folder / "tentacle.toml").write_text(changed(manifest, broken.manifest))
    (folder / "__init__.py").write_text(changed(code, broken.changes))
    (folder / "settings.schema.json").write_text(SCHEMA)
    for path, content in broken.files.items():
        (folder / path).write_text(content)
    return folder


def changed(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


SCHEMA = """\
{
  "additionalProperties": false,
  "properties": {
    "scale": {
      "default": 10.0,
      "title": "Scale",
      "type": "number"
    }
  },
  "title": "Settings",
  "type": "object"
}
"""
_IN_CANDLE = "        self.count += 1\n"
_READS = 'Path("/etc/hostname").read_text()'

TABLE: Mapping[str, Broken] = {
    "a manifest without a changelog": Broken(
        frozenset({"manifest"}), {}, manifest={'changelog = "1.0.0: the first version."\n': ""}, told="changelog"
    ),
    "a manifest that wants another api": Broken(
        frozenset({"manifest"}), {}, manifest={">=1.0,<2": ">=9"}, told="needs loligo.api"
    ),
    "a schema that is not that of the class": Broken(
        frozenset({"manifest"}), {"scale: float = 10.0": "scale: float = 11.0"}, told="differs from the settings class"
    ),
    "a check.toml with a key that does not exist": Broken(
        frozenset({"manifest", "sound"}), {}, files={"check.toml": "directions = 1\n"}, told="directions"
    ),
    "a module that reaches for the network": Broken(
        frozenset({"permissions", "loads"}), {"import numpy as np": "import socket\nimport numpy as np"}, told="socket"
    ),
    "a file that is read late, when nobody tries it any more": Broken(
        frozenset({"permissions"}), {_IN_CANDLE: f"{_IN_CANDLE}        if self.count == 200: {_READS}\n"}, told="open"
    ),
    "a file that is read while it is imported": Broken(
        frozenset({"import", "loads"}), {"class Settings": f"HOST = {_READS}\n\nclass Settings"}, told="open"
    ),
    "a module that raises": Broken(
        frozenset({"loads"}), {"class Settings": "RATIO = 1 / 0\n\nclass Settings"}, told="ZeroDivisionError"
    ),
    "an opinion out of bounds": Broken(
        frozenset({"sound"}),
        {"return max(-1.0, min(1.0, change * self.scale))": "return change * 100.0"},
        told="outside [-1, +1]",
    ),
    "a call that raises late": Broken(
        frozenset({"sound"}),
        {_IN_CANDLE: f"{_IN_CANDLE}        if self.count == 300: raise OSError('late')\n"},
        told="late",
    ),
    "a warm-up that is too short": Broken(
        frozenset({"contract"}), {"warmup = 4": "warmup = 2"}, told="warmup is 2, its first opinion comes with candle 4"
    ),
    "a warm-up after which the beginning still counts": Broken(
        frozenset({"contract"}),
        {
            "change = candle.close / self.closes[0] - 1.0": "change = 0.0 if self.count % 2 else 0.05",
            "candles.close[place] / candles.close[place - 3] - 1.0": "0.05 if place % 2 else 0.0",
        },
        files={"check.toml": 'direction = "none"\n'},
        told="candles later",
    ),
    "a choice by the order of a set": Broken(
        frozenset({"determinism"}),
        {'"change", (change,)': 'next(iter({"up", "down", "flat", "calm", "wild"})), (change,)'},
        told="in another process",
    ),
    "a local time": Broken(
        frozenset({"determinism"}),
        {
            "import numpy as np": "import time\nimport numpy as np",
            '"change", (change,)': 'time.strftime("%H", time.localtime(candle.ts // 1_000_000_000)), (change,)',
        },
        told="in another process",
    ),
    "an array form that knows the next close": Broken(
        frozenset({"look-ahead", "batch"}),
        {
            "range(3, len(values))": "range(3, len(values) - 1)",
            "= self.bounded(candles.close[place]": "= self.bounded(candles.close[place + 1]",
        },
        told="evaluate_series at candle",
    ),
    "a class that remembers the tape for those to come": Broken(
        frozenset({"look-ahead", "state"}),
        {
            "    warmup = 4\n": "    warmup = 4\n    seen = {}\n",
            "        change = candle.close": "        self.seen.setdefault(candle.opened_at_ns, candle.close)\n"
            "        late = self.seen.get(candle.opened_at_ns + 40 * 3_600_000_000_000)\n"
            "        change = candle.close",
            '"change", (change,)': '"change", (change, late or 0.0)',
        },
        told="with all",
    ),
    "a sign that is turned": Broken(
        frozenset({"sign"}), {"change * self.scale": "-change * self.scale"}, told="expected trend"
    ),
    "a direction that is not the one declared": Broken(
        frozenset({"sign"}), {}, files={"check.toml": 'direction = "reversal"\n'}, told="expected reversal"
    ),
    "a state that leaves something out": Broken(
        frozenset({"state", "swap"}),
        {'"count": self.count}': '"count": 0}', '"change", (change,)': '"change", (change, float(self.count > 120))'},
        told="restored after",
    ),
    "a state that is not plain": Broken(
        frozenset({"state"}),
        {'"closes": list(self.closes)': '"closes": tuple(self.closes)'},
        told="state.closes: tuple",
    ),
    "two that cannot stand side by side": Broken(
        frozenset({"swap"}),
        {
            "    warmup = 4\n": "    warmup = 4\n    newest = [0]\n",
            "        change = candle.close": "        is_second = self.newest[0] == candle.ts\n"
            "        self.newest[0] = candle.ts\n        change = candle.close",
            '"change", (change,)': '"change", (change, float(is_second))',
        },
        told="answers differ",
    ),
    "a class that stays behind": Broken(
        frozenset({"unload"}),
        {
            "import numpy as np": "import copyreg\nimport numpy as np",
            "self.closes = []\n": "self.closes = []\n        copyreg.pickle(Sound, str)\n",
        },
        told="100 versions are left",
    ),
    "a budget that is not kept": Broken(
        frozenset({"budget"}),
        {},
        manifest={"[requires]": "[resources]\ncpu_ms_per_event = 0.00001\n\n[requires]"},
        told="cpu_ms_per_event = 1e-05",
    ),
    "an array form that rounds": Broken(
        frozenset({"batch"}),
        {"values[place] = self.bounded(": "values[place] = 0.999 * self.bounded("},
        told="on_candle",
    ),
    "an array form that is too short": Broken(
        frozenset({"batch"}), {"return values": "return values[5:]"}, told="values for"
    ),
    "a test that fails": Broken(
        frozenset({"tests"}),
        {},
        files={"test_sound.py": "def test_it() -> None:\n    assert 1 == 2\n"},
        told="test_sound",
    ),
    "a strategy that raises": Broken(
        frozenset({"sound"}),
        {"if value > 0.3:": "if value > 0.3 / (value < 0.9):"},
        kind="strategy",
        told="ZeroDivisionError",
    ),
    "a strategy surer than sure": Broken(
        frozenset({"sound"}),
        {"Signal(Direction.LONG, value,": "Signal(Direction.LONG, value + 1.0,"},
        kind="strategy",
        told="strength",
    ),
    "a trading mode that enters without a stop": Broken(
        frozenset({"contract"}), {", stop_loss_price=stop": ""}, kind="trading_mode", told="carry no stop"
    ),
    "a trading mode with prices off the tick": Broken(
        frozenset({"contract"}),
        {"view.instrument.price(view.price * 0.98)": 'Decimal("1.00001")'},
        kind="trading_mode",
        told="off the tick",
    ),
    "a risk rule that lets pass what it cannot judge": Broken(
        frozenset({"contract"}),
        {"if not view.account_equity >= 60_000.0": "if view.account_equity < 60_000.0"},
        kind="risk_rule",
        told="account_equity = nan",
    ),
    "a feed that goes by the local time": Broken(
        frozenset({"determinism"}),
        {
            "import numpy as np": "import time\nimport numpy as np",
            "100.0 + number": "100.0 + time.localtime(0).tm_hour",
        },
        kind="feed",
        told="in another process",
    ),
    "a feed that gives twice after a restart": Broken(
        frozenset({"contract"}), {" or taken <= since_count": ""}, kind="feed", told="twice"
    ),
    "a feed that loses after a restart": Broken(
        frozenset({"contract"}), {"taken <= since_count": "True"}, kind="feed", told="1 lost"
    ),
    "a feed out of order": Broken(
        frozenset({"contract"}), {"(number // 2 + 1)": "(60 - number)"}, kind="feed", told="comes after"
    ),
    "a feed whose run is not its read": Broken(
        frozenset({"contract"}),
        {"put_many(list(": "put_many(list(self.read())[3:] + list("},
        kind="feed",
        told="read gives",
    ),
    "a notifier that knows only some levels": Broken(
        frozenset({"contract"}),
        {'f"{message.level} {message.text}"': '{"info": 1, "warning": 2, "problem": 3}[message.level]'},
        kind="notifier",
        told="KeyError",
    ),
    "an automation that cannot begin without a state": Broken(
        frozenset({"contract"}),
        {'state.get("close", 0.0)': 'state["close"]'},
        kind="automation",
        told="restore_state({}): KeyError",
    ),
    "an automation whose state leaves something out": Broken(
        frozenset({"contract"}), {'{"close": self.close}': "{}"}, kind="automation", told="with its state taken over"
    ),
}
