"""`make bench` at a twentieth of its size: every figure that is promised is printed and written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.bots import ROOT, market_data

PROMISED = {
    "step_candles_per_s",
    "step_journal_candles_per_s",
    "step_vs_event_host",
    "step_vs_plain_loop",
    "step_vs_backtesting_py",
    "step_latency_p50_us",
    "step_latency_p99_us",
    "memory_growth_mb",
    "cli_help_s",
    "series_vs_loop_rsi",
    "series_vs_loop_macd",
    "series_vs_loop_ema_cross",
    "inbox_us",
    "ab_extra_arm_cost_pct",
    "ab_run_s",
    "page_kb_gz_max",
    "page_ready_s",
    "toggle_seen_ms",
}
MEASURES = ("step", "sma_cross", "latency", "memory", "cli_help", "series", "inbox", "ab", "page")
KEYS = {"name", "value", "unit", "reference", "ratio"}


@pytest.mark.slow
@pytest.mark.skipif(market_data() is None, reason="no real market data: set LOLIGO_MARKET_DATA")
def test_every_promised_figure_is_printed_and_written(tmp_path: Path) -> None:
    written = tmp_path / "latest.json"
    environment = {**os.environ, "LOLIGO_BENCH_SCALE": "0.03", "LOLIGO_BENCH_FILE": str(written)}
    command = [sys.executable, "-m", "tests.benchmarks", *MEASURES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    records = json.loads(written.read_text(encoding="utf-8"))
    assert {record["name"] for record in records} >= PROMISED
    assert all(record.keys() == KEYS for record in records)
    printed = {line.split()[0] for line in done.stdout.splitlines()}
    assert printed >= {record["name"] for record in records}
    assert all(record["value"] > 0 for record in records if record["name"] != "memory_growth_mb")
