// The candle chart with the bot's trades on it (TradingView Lightweight Charts), and a table of the same beneath it.

const box = document.getElementById("candles");
const { createChart, createSeriesMarkers, CandlestickSeries, CrosshairMode } = window.LightweightCharts;
const style = () => getComputedStyle(document.documentElement);
const colour = (name) => style().getPropertyValue(name).trim();

let chart, series, markers, shown = [];

function look() {
  const [text, line, up, down] = ["--muted", "--line", "--up", "--down"].map(resolved);
  chart.applyOptions({
    layout: { background: { color: "transparent" }, textColor: text, fontFamily: colour("--pico-font-family"), attributionLogo: true },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line },
  });
  series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
}

function draw() {
  chart = createChart(box, { autoSize: true, crosshair: { mode: CrosshairMode.Normal }, timeScale: { timeVisible: true, rightOffset: 4 } });
  series = chart.addSeries(CandlestickSeries);
  markers = createSeriesMarkers(series, []);
  look();
  chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < 20 && older());
}

const seconds = (candle) => Math.floor(candle.opened_at_ms / 1000);
const bars = () => shown.map((one) => ({ time: seconds(one), open: one.open, high: one.high, low: one.low, close: one.close }));
let isAsking = false, nextBefore = null;

async function ask(path, query) {
  const asked = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const response = await fetch(`/api/v1/${path}?${new URLSearchParams(asked)}`, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

const series_of = () => ({ instrument: box.dataset.instrument, timeframe: box.dataset.timeframe });

async function newest() {
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await ask("candles", { ...series_of(), limit: 300 });
    const first = shown.length === 0;
    const from = answer.candles[0]?.opened_at_ms ?? 0;
    const kept = shown.length && shown.at(-1).opened_at_ms >= from ? shown.filter((one) => one.opened_at_ms < from) : [];
    if (!kept.length) nextBefore = answer.next_before_ms ?? null;
    shown = [...kept, ...answer.candles];
    series.setData(bars());
    if (first && shown.length > 120) chart.timeScale().setVisibleLogicalRange({ from: shown.length - 120, to: shown.length + 4 });
    await mark();
    box.dataset.bars = shown.length;
  } finally {
    isAsking = false;
  }
}

async function older() {
  if (isAsking || nextBefore === null) return;
  isAsking = true;
  try {
    const answer = await ask("candles", { ...series_of(), limit: 300, before_ms: nextBefore });
    nextBefore = answer.candles.length ? (answer.next_before_ms ?? null) : null;
    shown = [...answer.candles, ...shown];
    series.setData(bars());
    await mark();
  } finally {
    isAsking = false;
  }
}

async function mark() {
  if (!shown.length) return;
  const { fills } = await ask("fills", { instrument: box.dataset.instrument, limit: 200 });
  const starts = shown.map(seconds);
  const found = [];
  for (const fill of fills) {
    const at = Date.parse(fill.time) / 1000;
    if (at < starts[0]) continue;
    const index = starts.findLastIndex((start) => start < at);
    if (index < 0) continue;
    const isBuy = fill.side === "buy";
    found.push({
      time: starts[index],
      position: isBuy ? "belowBar" : "aboveBar",
      shape: isBuy ? "arrowUp" : "arrowDown",
      color: resolved(isBuy ? "--up" : "--down"),
      text: isBuy ? "Buy" : fill.role === "stop" ? "Stop" : fill.role === "target" ? "Target" : "Sell",
      id: String(fill.seq),
    });
  }
  markers.setMarkers(found.sort((a, b) => a.time - b.time));
}

function choose(button) {
  for (const other of document.querySelectorAll("[data-series]")) other.setAttribute("aria-pressed", String(other === button));
  [box.dataset.instrument, box.dataset.timeframe] = JSON.parse(button.dataset.series);
  document.getElementById("candles-title").textContent = button.textContent.trim();
  shown = [];
  newest();
}

if (box) {
  draw();
  newest();
  document.addEventListener("theme", () => { look(); mark(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-series]");
    if (button) choose(button);
  });
  chart.subscribeClick((point) => point.hoveredObjectId && box.dataset.why && location.assign(`${box.dataset.why}${point.hoveredObjectId}`));
  let due = false;
  document.body.addEventListener("live-market", () => {
    if (due || document.hidden) return;
    due = true;
    setTimeout(() => { due = false; newest().catch(() => {}); }, 1000);
  });
}
