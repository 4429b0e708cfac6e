"""The swap proof at a tenth of the size that `make verify-swap` has: nothing lost, doubled or decided otherwise.

No time is asserted here. What is measured at full size, and how, stands in `tests/benchmarks/swaps.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.swaps import Bot, Proof, check, run_with_swaps, run_without

SWAPS, PER_SECOND = 100, 1_500


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[Proof, dict[str, int]]:
    """A hundred swaps under a stream of another process, one in ten faulty, and the same stream without any."""
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("swaps", "undisturbed")]
    bot, undisturbed = (Bot(folder) for folder in folders)
    done = run_with_swaps(bot, SWAPS, rounds=1, quiet_s=0.0, per_second=PER_SECOND)
    run_without(undisturbed, done.events)
    return done, check(bot, undisturbed, done)


@pytest.mark.timeout(600)
def test_hundred_swaps_under_load_lose_double_and_change_nothing(proof: tuple[Proof, dict[str, int]]) -> None:
    done, found = proof
    assert done.events > 10_000
    assert found == {"lost": 0, "doubled": 0, "differing": 0}


@pytest.mark.timeout(600)
def test_every_faulty_version_is_refused_or_taken_back_and_every_good_one_leads(
    proof: tuple[Proof, dict[str, int]],
) -> None:
    done, _ = proof
    assert (done.uncaught, done.spoiled) == ([], [])
    assert sum(count for how, count in done.results.items() if how == "good: good") == 90


@pytest.mark.timeout(600)
def test_nothing_is_left_of_the_versions_that_were_replaced(proof: tuple[Proof, dict[str, int]]) -> None:
    done, _ = proof
    assert done.alive == 0
    assert done.leaking == {}
