"""What chat interfaces are built on: commands, access, questions with buttons, and the outbox. Part of `loligo.api`."""

from loligo_chat import *  # noqa: F403
from loligo_chat import __all__ as __all__
