"""The sample notifier: what it writes, and what it leaves out."""

from __future__ import annotations

import asyncio

import pytest

from loligo.api import MakeContext, Message

from .logic import Sample, Settings


def test_a_message_is_one_line_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    message = Message(level="info", text="bought", desk="trend", fields={"quantity": "2"})
    asyncio.run(Sample(Settings(), MakeContext()).notify(message))
    assert capsys.readouterr().err == "info trend bought quantity=2\n"


def test_what_is_below_the_least_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(Sample(Settings(least="problem"), MakeContext()).notify(Message(level="warning", text="x")))
    assert capsys.readouterr().err == ""
