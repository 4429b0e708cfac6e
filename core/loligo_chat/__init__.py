"""What every chat service has in common, for tentacles by `loligo.api.chat`: commands, access, questions, the outbox.

Knows no platform. An interface hands over who said what and where, and gets a reply; it brings the way to send a page.
"""

from loligo_chat.access import Access, Person, Place, RateLimit
from loligo_chat.clock import SystemClock, wait_s
from loligo_chat.commands import Command, Commands, choices_of, command_name, kind_of, menu_of, order_of, type_name
from loligo_chat.lanes import Lanes
from loligo_chat.offers import Offers
from loligo_chat.outbox import Outbox, Page, Refused, RetryLater
from loligo_chat.replies import Button, Reply, message_reply
from loligo_chat.responder import Pressed, Responder
from loligo_chat.settings import ChatRoute, ChatSettings, Secret, secret_from, secret_if_given
from loligo_chat.shared import Agreement, ChatState, agreement, chat_state, hurry
from loligo_chat.text import Markup, length, pages

__all__ = [
    "Access",
    "Agreement",
    "Button",
    "ChatRoute",
    "ChatSettings",
    "ChatState",
    "Command",
    "Commands",
    "Lanes",
    "Markup",
    "Offers",
    "Outbox",
    "Page",
    "Person",
    "Place",
    "Pressed",
    "RateLimit",
    "Refused",
    "Reply",
    "Responder",
    "RetryLater",
    "Secret",
    "SystemClock",
    "agreement",
    "chat_state",
    "choices_of",
    "command_name",
    "hurry",
    "kind_of",
    "length",
    "menu_of",
    "message_reply",
    "order_of",
    "pages",
    "secret_from",
    "secret_if_given",
    "type_name",
    "wait_s",
]
