"""The verification of verdicts, smaller than `make verify-stats`: the same rows with room for fewer experiments."""

from __future__ import annotations

import json
import os
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from loligo_lab.false_verdicts import Row, verify
from loligo_lab.simulated_arms import POWER_WORLD, World, random_traders, tail_arms
from loligo_lab.verify_stats import main

EXPERIMENTS = 1_000


def is_likely(row: Row) -> bool:
    """Return whether the figure is what three standard errors about its bounds leave room for."""
    low, high = (3.0 * sqrt(share * (1.0 - share) / row.experiments) for share in (row.at_least, row.at_most))
    return row.at_least - low <= row.measured <= row.at_most + high


def test_verdicts_are_as_seldom_wrong_and_as_often_found_as_promised() -> None:
    default = Path(__file__).parents[4] / "shared" / "data"
    folder = Path(os.environ.get("LOLIGO_MARKET_DATA", default))
    data = folder if folder.is_dir() else None
    rows = list(verify(experiments=EXPERIMENTS, seed=1, data=data, lengths=(90,), ratios=(4.3, 8.0)))
    assert [row for row in rows if not is_likely(row)] == []
    assert {row.point for row in rows} >= {"1", "2", "3", "4", "5", "6", "7", "8"}
    naive = [row.measured for row in rows if row.rule == "naive" and "D1" in row.what]
    assert naive[0] > 0.2  # what happens to somebody who believes the first p < .05
    many = {(row.what, row.rule): row.measured for row in rows if "D1" in row.what and row.point == "8"}
    three, five, ten = (many[f"{arms} equal arms, D1 iid normal", "naive"] for arms in (3, 5, 10))
    assert naive[0] < three < five < ten  # each challenger is one more chance
    assert 0.0 < many["10 equal arms, D1 iid normal", "open-ended"] < naive[0]


def test_without_candles_the_rest_is_measured_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.json"
    main(["--experiments", "20", "--json", str(told), "--data", str(tmp_path)])
    printed, written = capsys.readouterr().out, json.loads(told.read_text())
    assert "1 equal arms, D1 iid normal" in printed
    assert f"Not measured: no candles in {tmp_path}/binance" in printed.replace("\n", "")
    assert written["experiments"] == 20 and len(written["rows"]) > 100
    assert not any("random traders" in row["what"] for row in written["rows"])


def test_made_up_arms_have_the_moments_that_they_are_made_for() -> None:
    rng = np.random.default_rng(4)
    seller, plain = tail_arms(rng, 400, 500)
    assert seller.mean() == pytest.approx(0.0, abs=0.01) and seller.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(seller.ravel(), plain.ravel())[0, 1] == pytest.approx(0.5, abs=0.01)
    assert (seller**3).mean() < -2.0 and np.median(seller) > 0.0
    means = POWER_WORLD.differences(rng, 2000, 300).mean(axis=1)  # their spread is the long-run one over root 300
    assert means.std() * sqrt(300) == pytest.approx(POWER_WORLD.spread(), rel=0.05)


def test_several_arms_of_one_experiment_share_their_control() -> None:
    apart = World().against_control(np.random.default_rng(6), 500, 100, challengers=3)
    assert apart.shape == (3, 500, 100)
    assert np.corrcoef(apart.reshape(3, -1)) == pytest.approx(np.where(np.eye(3), 1.0, 0.5), abs=0.02)


def test_random_traders_pay_for_each_turn_and_earn_what_they_hold() -> None:
    flat = np.full((24 * 10 + 1, 2), 100.0)
    daily = random_traders(np.random.default_rng(5), flat, 300, fee_rate=0.001, hours_in=12.0, hours_out=24.0)
    turns = 24 * 2 / (12 + 24)  # a day: one in and one out in 36 hours
    assert daily[:, 2:].mean() == pytest.approx(-0.001 * turns, rel=0.05)
    rising = 100.0 * np.cumprod(np.full((24 * 10 + 1, 1), 1.001), axis=0)
    held = random_traders(np.random.default_rng(5), rising, 300, fee_rate=0.0, hours_in=12.0, hours_out=24.0)
    assert held[:, 4:].mean() == pytest.approx(24 * 0.001 / 3, rel=0.05)  # in for a third of the time
