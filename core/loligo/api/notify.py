"""What notifiers are built on: kinds, rules, templates, and the outbox that survives a crash. Part of `loligo.api`."""

from loligo_notify import *  # noqa: F403
from loligo_notify import __all__ as __all__
