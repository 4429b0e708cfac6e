"""How people hear of what happens, for tentacles by `loligo.api.notify`: kinds, rules, templates, a durable outbox.

Knows no service. A notifier or chat brings the way to send a page, and its rules; the bot hands it messages.
"""

from loligo_notify.clock import LONGEST_WAIT_S, SystemClock, wait_s
from loligo_notify.kinds import EXAMPLES, FREQUENT, MEANING, Kind
from loligo_notify.outbox import AGAIN, Outbox, Page, Refused, RetryLater
from loligo_notify.post import Courier, CourierSettings, Post, Told, post_of
from loligo_notify.rules import CONSENT_LAPSED, LEVELS, Level, QuietHours, Rule, level_of, rule_for
from loligo_notify.secret import Secret
from loligo_notify.store import NOTIFICATIONS_FILE, Mark, Notice, Standing, Store
from loligo_notify.telling import Teller, mark_of
from loligo_notify.templates import DEFAULTS, rendered

__all__ = [
    "AGAIN",
    "CONSENT_LAPSED",
    "DEFAULTS",
    "EXAMPLES",
    "FREQUENT",
    "LEVELS",
    "LONGEST_WAIT_S",
    "MEANING",
    "NOTIFICATIONS_FILE",
    "Courier",
    "CourierSettings",
    "Kind",
    "Level",
    "Mark",
    "Notice",
    "Outbox",
    "Page",
    "Post",
    "QuietHours",
    "Refused",
    "RetryLater",
    "Rule",
    "Secret",
    "Standing",
    "Store",
    "SystemClock",
    "Teller",
    "Told",
    "level_of",
    "mark_of",
    "post_of",
    "rendered",
    "rule_for",
    "wait_s",
]
