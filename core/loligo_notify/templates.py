"""Words of messages: one default per kind, and those that people write.

A template is jinja in its sandbox: `text`, `kind`, `level`, `desk`, `seq` and the fields of the kind (see `kinds`).
What must hold: one that does not render the example of a kind it is for is a fault of the settings, found when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from loligo.api import Message
from loligo_notify.kinds import EXAMPLES, FREQUENT, Kind

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

LONGEST = 4_000  # characters of what a template makes
_PLAIN = "{{ text }}"
_FILL = "{{ text }}\nfee {{ fee }} {{ fee_asset }}"
_OTHER: Mapping[Kind, str] = {
    Kind.FILL: _FILL,
    Kind.STOP_HIT: _FILL,
    Kind.TRADE_CLOSED: "{{ text }}\nnet {{ net }}, entry {{ entry }}, exit {{ exit }}, fees {{ fees }}",
    Kind.PROTECTION: "{{ text }}{% if numbers %}\nnumbers {{ numbers }}{% endif %}",
    Kind.TENTACLE_FAILED: "{{ text }}\nfailures {{ failures }}",
    Kind.DAILY_SUMMARY: (
        "{{ text }}\n{{ trades }} trades closed, {{ fees }} paid in fees"
        "\n{{ refusals }} entries refused, {{ swaps }} exchanges of tentacles"
    ),
}
DEFAULTS: Mapping[Kind, str] = {kind: _OTHER.get(kind, _PLAIN) for kind in Kind}


def rendered(message: Message, template: str = "") -> str:
    """Return a message in the words of this template, else of its kind's default one."""
    if not template and message.kind not in DEFAULTS:
        numbers = ", ".join(f"{name} {value}" for name, value in message.fields.items())
        return f"{message.text}\n{numbers}" if numbers else message.text
    words = _words(message, template or DEFAULTS[Kind(message.kind)])
    return words[:LONGEST].strip() or message.text


def _words(message: Message, template: str) -> str:
    """Return what a template makes. One that fails at this message though it did not at its example holds no message
    back: the message comes in the words of its kind, and says so."""
    try:
        return _compiled(template).render(_context(message))
    except Exception as exc:  # a template may do anything that its language can, and fail in as many ways
        default = DEFAULTS.get(message.kind, _PLAIN)  # type: ignore[call-overload]
        plain = _words(message, default) if template != default else message.text
        return f"{plain}\n(the template {template[:40]!r} failed: {type(exc).__name__}: {exc})"


def fault_of(template: str, kinds: Iterable[Kind]) -> str:
    """Return why a template does not do for messages of these kinds (none: of all that are not frequent), or ""."""
    for kind in tuple(kinds) or tuple(kind for kind in Kind if kind not in FREQUENT):
        try:
            _compiled(template).render(_context(EXAMPLES[kind]))
        except Exception as exc:  # a template may do anything that its language can, and fail in as many ways
            known = ", ".join(sorted(_context(EXAMPLES[kind])))
            return f"does not render its example of {kind}: {exc}; expected jinja with {known}"
    return ""


def _context(message: Message) -> dict[str, Any]:
    own = {"kind": message.kind, "level": message.level, "desk": message.desk, "seq": message.seq}
    return {**message.fields, **own, "text": message.text}


@lru_cache(maxsize=256)
def _compiled(template: str) -> Template:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
