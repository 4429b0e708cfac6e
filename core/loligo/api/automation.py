"""What automations are built on: what they see of the bot, and what they want done. Part of `loligo.api`."""

from loligo_automation import *  # noqa: F403
from loligo_automation import __all__ as __all__
