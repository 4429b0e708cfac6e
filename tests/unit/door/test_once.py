"""Questions with a key are answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from loligo.errors import BadArguments, OrderError
from loligo.ports.door import Answer
from loligo_bot.door.once import KEPT_S, Once


class Count(Answer):
    number: int


class Counting:
    """Work that counts how often it is done; it waits for `gate` when there is one."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.done = 0
        self._gate = gate

    async def __call__(self) -> Answer:
        if self._gate is not None:
            await self._gate.wait()
        self.done += 1
        return Count(number=self.done)


def start(work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work, name=name)


def test_the_first_answer_comes_again() -> None:
    async def story() -> None:
        once, work = Once(start), Counting()
        first = await once.answer("a", "x", work)
        assert await once.answer("a", "x", work) == first == Count(number=1)
        assert await once.answer("b", "x", work) == Count(number=2)

    asyncio.run(story())


def test_without_a_name_it_is_always_done() -> None:
    async def story() -> None:
        once, work = Once(start), Counting()
        assert [await once.answer("", "x", work) for _ in range(2)] == [Count(number=1), Count(number=2)]

    asyncio.run(story())


def test_while_the_first_is_at_work_the_second_waits_for_it_and_a_cancelled_asker_does_not_end_it() -> None:
    async def story() -> None:
        gate = asyncio.Event()
        once, work = Once(start), Counting(gate)
        first = start(once.answer("a", "x", work), name="first")
        second = start(once.answer("a", "x", work), name="second")
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        assert await second == Count(number=1)
        assert work.done == 1

    asyncio.run(story())


def test_an_error_is_no_answer() -> None:
    async def fails() -> Answer:
        raise OrderError("not now")

    async def story() -> None:
        once, work = Once(start), Counting()
        with pytest.raises(OrderError):
            await once.answer("a", "x", fails)
        assert await once.answer("a", "x", work) == Count(number=1)

    asyncio.run(story())


def test_the_same_key_for_other_arguments_is_refused() -> None:
    async def story() -> None:
        once = Once(start)
        await once.answer("a", "x", Counting())
        with pytest.raises(BadArguments) as caught:
            await once.answer("a", "y", Counting())
        assert caught.value.problems.keys() == {"key"}

    asyncio.run(story())


@pytest.mark.parametrize(("later_s", "number"), [(KEPT_S - 1.0, 1), (KEPT_S + 1.0, 2)])
def test_an_answer_is_kept_for_a_day(later_s: float, number: int) -> None:
    async def story() -> None:
        now = 100.0
        once, work = Once(start, now_s=lambda: now), Counting()
        await once.answer("a", "x", work)
        now += later_s
        assert await once.answer("a", "x", work) == Count(number=number)

    asyncio.run(story())


def test_memory_is_bounded_and_the_oldest_answer_goes_first() -> None:
    async def story(names: str, numbers: list[int]) -> None:
        once, work = Once(start, most=2), Counting()
        answers: list[Any] = [await once.answer(name, "x", work) for name in names]
        assert [answer.number for answer in answers] == numbers

    asyncio.run(story("abb", [1, 2, 2]))
    asyncio.run(story("abca", [1, 2, 3, 4]))  # at "c" the answer to "a" goes
