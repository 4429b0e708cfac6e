"""What people ask in Discord: slash commands, buttons and texts become requests, and replies go where they came from.

What must hold: a stranger is not even acknowledged; what Discord no longer waits for is not done, since nobody would
learn what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

import discord
from loligo.api.chat import Lanes, Outbox, Person, Place, Pressed, Refused, Reply, Responder, RetryLater

from .menu import asked
from .wire import dressed, edited, shown, tried


class Asking:
    """Takes what one connection tells, and answers."""

    def __init__(
        self, responder: Responder, lanes: Lanes, outbox: Outbox, log: FilteringBoundLogger, *, embeds: bool
    ) -> None:
        self._responder, self._lanes, self._outbox = responder, lanes, outbox
        self._log, self._embeds = log, embeds

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self._lanes.put(("acknowledge", interaction.id), partial(self._acknowledge, interaction))

    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot and message.content:
            self._lanes.put(str(message.channel.id), partial(self._heard, message))

    async def _acknowledge(self, interaction: discord.Interaction) -> None:
        """Tell Discord within its 3 seconds that there will be an answer, then work on it."""
        person, place = _person(interaction.user), _place(interaction)
        if not self._responder.knows(person, place):
            return
        data: Mapping[str, Any] = interaction.data or {}
        try:
            await tried(interaction.response.defer)
        except (Refused, RetryLater) as exc:
            self._log.warning("a request came too late and is not carried out", person=person.id, error=str(exc))
            return
        if interaction.type is discord.InteractionType.application_command:
            self._lanes.put(place.chat, partial(self._called, interaction, data))
        elif interaction.type is discord.InteractionType.component:
            self._lanes.put(place.chat, partial(self._pressed, interaction, str(data["custom_id"])))

    async def _called(self, interaction: discord.Interaction, data: Mapping[str, Any]) -> None:
        name, arguments = asked(data)
        person, place = _person(interaction.user), _place(interaction)
        reply = await self._responder.called(person, place, name, arguments, str(interaction.id))
        await self._answer(interaction, reply or Reply(lines=["…"]), is_first=True)

    async def _pressed(self, interaction: discord.Interaction, token: str) -> None:
        pressed = await self._responder.pressed(_person(interaction.user), _place(interaction), token) or Pressed()
        if pressed.edit is not None:
            await self._answer(interaction, pressed.edit, is_first=True)
        if pressed.reply is not None:
            await self._answer(interaction, pressed.reply)
        if pressed.notice:
            await self._answer(interaction, Reply(lines=[pressed.notice]), is_private=True)

    async def _answer(
        self, interaction: discord.Interaction, reply: Reply, *, is_first: bool = False, is_private: bool = False
    ) -> None:
        """Answer where it was asked; by the outbox where Discord does not take the answer there.

        `is_first`: in place of the message that says an answer is coming, or that holds the pressed button.
        """
        for number, page in enumerate(dressed(reply, self._embeds)):
            look = shown(page, self._embeds)
            try:
                if number == 0 and is_first:
                    await tried(partial(interaction.edit_original_response, **edited(look)))
                else:
                    await tried(partial(interaction.followup.send, **look, ephemeral=is_private))
            except (Refused, RetryLater) as exc:
                self._log.info("an answer goes to the channel", error=str(exc))
                self._outbox.put(_place(interaction), page)

    async def _heard(self, message: discord.Message) -> None:
        place = _place(message)
        reply = await self._responder.heard(_person(message.author), place, message.content, str(message.id))
        for page in dressed(reply, self._embeds) if reply is not None else ():
            self._outbox.put(place, page)


def _person(user: Any) -> Person:
    groups = tuple(str(role.id) for role in getattr(user, "roles", ()))
    return Person(id=str(user.id), name=str(user), groups=groups)


def _place(source: Any) -> Place:
    """Return channel and thread of an interaction or a message."""
    channel = source.channel
    parent = getattr(channel, "parent_id", None)
    if parent:
        return Place(chat=str(parent), topic=str(channel.id))
    return Place(chat=str(channel.id) if channel is not None else "")
