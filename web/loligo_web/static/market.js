// The page of one market: candles with volume, what evaluators said, what was bought and sold, stops and targets
// (TradingView Lightweight Charts). All of it is the answer of market.chart; which number is drawn where stands in it.

const box = document.getElementById("market");
const legend = document.getElementById("legend"), spoken = document.getElementById("spoken"), switches = document.getElementById("drawn");
const { createChart, createSeriesMarkers, CandlestickSeries, HistogramSeries, LineSeries, CrosshairMode, LineStyle } = window.LightweightCharts;
const COLOURS = ["--drawn-1", "--drawn-2", "--drawn-3", "--drawn-4", "--drawn-5"];
const FIRST = 300, NEWEST = 20, SHOWN = 120, NEAR = 20; // candles

let chart, candles, volume, markers, opinionPane = 0;
let shown = [], marks = [], levels = [], lines = new Map(), rules = [], nextUntil = null, isAsking = false;
let at = null, byKeys = false; // the time of the candle under the pointer, or reached by keys: that one stays when data comes
const said = new Map(); // by label: how it is drawn, and its points by the candle in which they were said

const seconds = (candle) => Math.floor(candle.opened_at_ms / 1000);
const numbers = (most, least = 0) => new Intl.NumberFormat("en", { minimumFractionDigits: least, maximumFractionDigits: most });
const digitsOf = (value) => { const size = Math.abs(value); return size >= 10 ? 2 : size >= 0.1 ? 4 : 8; };
const grouped = (text) => text.replaceAll(",", "\u202f").replace("-", "−"); // as the rest of the page has it
const price = (value) => grouped(numbers(digitsOf(value), 2).format(value));
const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(2).replace("-", "−");
const titles = JSON.parse(box?.dataset.titles ?? "{}");
const titleOf = (label) => { const { name, title } = said.get(label); return (titles[name] ?? words(name)) + title.slice(name.length).replace("#", " #"); };
const words = (name) => name.replaceAll("_", " ");
const when = (time) => new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ");

async function ask(query) {
  const asked = { instrument: box.dataset.instrument, timeframe: box.dataset.timeframe, ...query };
  const response = await fetch(`/api/v1/market/chart?${new URLSearchParams(asked)}`, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`market.chart: ${response.status}`);
  return response.json();
}

// Where something happened: the candle that had opened before

function placeOf(ms) {
  let low = 0, high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shown[middle].opened_at_ms < ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// What is drawn

function open() {
  chart = createChart(box, { autoSize: true, crosshair: { mode: CrosshairMode.Magnet }, timeScale: { timeVisible: true, rightOffset: 4 } });
  volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false });
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
  candles = chart.addSeries(CandlestickSeries);
  markers = createSeriesMarkers(candles, []);
  chart.timeScale().subscribeVisibleLogicalRangeChange(lookBack);
  chart.subscribeCrosshairMove((point) => byKeys || tell(point.time ?? null));
  box.addEventListener("pointermove", () => { byKeys = false; });
  chart.subscribeClick((point) => why(point.hoveredObjectId));
  chart.subscribeDblClick((point) => point.time && why(seqAt(placeOf(point.time * 1000 + 1))));
}

function look() {
  const [text, line, up, down] = ["--muted", "--line", "--up", "--down"].map(resolved);
  const font = getComputedStyle(document.documentElement).getPropertyValue("--pico-font-family").trim();
  chart.applyOptions({
    layout: { background: { color: "transparent" }, textColor: text, fontFamily: font, attributionLogo: false, panes: { separatorColor: line, separatorHoverColor: line } },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line },
  });
  candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
  for (const one of lines.values()) one.series.applyOptions({ color: resolved(one.colour) });
  for (const swatch of switches.querySelectorAll("rect")) swatch.setAttribute("fill", resolved(swatch.dataset.colour));
}

const faint = (name) => resolved(name).replace(/^rgb\(([^)]*)\)$/, "rgba($1, 0.32)");

function draw() {
  const digits = shown.length ? digitsOf(shown.at(-1).close) : 2, [up, down] = ["--up", "--down"].map(faint);
  candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
  candles.setData(shown.map((one) => ({ time: seconds(one), open: one.open, high: one.high, low: one.low, close: one.close })));
  volume.setData(shown.map((one) => ({ time: seconds(one), value: one.volume, color: one.close >= one.open ? up : down })));
  for (const one of lines.values()) one.series.setData(one.points());
  mark();
  rule();
  if (byKeys && at !== null && shown[indexAt()]) chart.setCrosshairPosition(shown[indexAt()].close, at, candles);
  box.dataset.bars = shown.length;
  box.dataset.from = shown[0]?.opened_at_ms ?? "";
  box.dataset.marks = marks.length;
  box.dataset.lines = lines.size;
}

// A line for each number that has a place, and one for the opinion itself in the lowest pane

function lineUp(label, draws) {
  const name = titleOf(label);
  let pane = 0;
  draws.forEach(({ name: number, place }, index) => {
    if (place === "none") return;
    if (place !== "price" && pane === 0) pane = chart.panes().length;
    add(`${label} ${number}`, name.toLowerCase() === words(number) ? name : `${name} ${words(number)}`, label, place === "bars" ? HistogramSeries : LineSeries, place === "price" ? 0 : pane, (point) => point.numbers[index]);
  });
}

function add(key, title, label, kind, pane, value, more = {}) {
  const colour = COLOURS[lines.size % COLOURS.length];
  const series = chart.addSeries(kind, { color: resolved(colour), lineWidth: 2, priceLineVisible: false, lastValueVisible: pane !== 0, crosshairMarkerVisible: false, ...more }, pane);
  const points = () => {
    const found = new Map();
    for (const point of said.get(label).points.values()) {
      const place = placeOf(point.at_ms), known = value(point);
      if (place >= 0 && known !== null && known !== undefined) found.set(place, { time: seconds(shown[place]), value: known });
    }
    return [...found.entries()].sort(([a], [b]) => a - b).map(([, one]) => one);
  };
  lines.set(key, { series, points, colour, pane });
  offer(key, title, colour);
}

function offer(key, title, colour) {
  const button = document.createElement("button"), swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg"), bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  for (const [name, value] of [["width", "10"], ["height", "4"], ["fill", resolved(colour)], ["data-colour", colour]]) bar.setAttribute(name, value);
  swatch.setAttribute("viewBox", "0 0 10 4");
  swatch.setAttribute("aria-hidden", "true");
  swatch.append(bar);
  button.append(swatch, title);
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isOn));
    lines.get(key).series.applyOptions({ visible: isOn });
  });
  switches.append(button);
}

function share() {
  const panes = chart.panes();
  panes.forEach((pane, index) => pane.setStretchFactor(index === 0 ? 4.5 : 1));
  box.dataset.panes = panes.length;
}

function evaluators(found) {
  const isNew = found.filter((one) => !said.has(one.label));
  for (const one of found) {
    const known = said.get(one.label) ?? { draws: one.draws, name: one.name, title: one.title, points: new Map() };
    for (const point of one.points) known.points.set(point.seq, point);
    said.set(one.label, known);
  }
  for (const one of isNew) lineUp(one.label, one.draws);
  for (const one of isNew) {
    if (!opinionPane) opinionPane = chart.panes().length;
    const bounds = { autoscaleInfoProvider: () => ({ priceRange: { minValue: -1.05, maxValue: 1.05 } }), lineWidth: 1, lastValueVisible: false };
    add(`${one.label} says`, `${titleOf(one.label)} says`, one.label, LineSeries, opinionPane, (point) => point.value, bounds);
  }
  if (isNew.length) share();
}

// Marks and levels

function mark() {
  const found = [];
  for (const one of marks) {
    const place = placeOf(one.at_ms);
    if (place < 0) continue;
    const isBuy = one.side === "buy", isRefused = one.kind === "refused";
    const shape = one.is_fill ? (isBuy ? "arrowUp" : "arrowDown") : isRefused ? "circle" : "square";
    const text = one.net !== null ? signed(one.net) : "";
    found.push({ time: seconds(shown[place]), position: one.is_fill && isBuy ? "belowBar" : "aboveBar", shape, size: one.is_fill ? 1.2 : 0.6, color: resolved(one.is_fill ? (isBuy ? "--up" : "--down") : "--muted"), text, id: String(one.seq) });
  }
  markers.setMarkers(found.sort((a, b) => a.time - b.time));
}

function rule() {
  for (const one of rules) candles.removePriceLine(one);
  const colours = { stop: "--down", trail: "--down", target: "--up", position: "--text" };
  rules = levels.map((one) => candles.createPriceLine({ price: one.price, color: resolved(colours[one.kind] ?? "--accent"), lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true, title: one.kind === "position" ? "held from" : one.kind }));
  box.dataset.levels = levels.length;
}

const why = (seq) => seq && box.dataset.why && location.assign(`${box.dataset.why}${seq}`);

function seqAt(index) { // of the last mark on a candle, else of an opinion: its story has all that came of the candle
  const last = marks.findLast((one) => placeOf(one.at_ms) === index);
  return last?.seq ?? [...said.values()].flatMap(({ points }) => [...points.values()]).find((one) => placeOf(one.at_ms) === index)?.seq;
}

// The same in words: of the candle under the pointer, else of the newest

function part(name, value, tone = "") {
  const shownAs = document.createElement("span"), strong = document.createElement("b");
  strong.textContent = value;
  if (tone) strong.className = tone;
  shownAs.append(name ? `${name} ` : "", strong);
  return shownAs;
}

const indexAt = () => (at === null ? shown.length - 1 : placeOf(at * 1000 + 1));

function tell(time) {
  at = time;
  const index = indexAt(), one = shown[index];
  if (!one) return;
  const change = index > 0 ? one.close / shown[index - 1].close - 1 : 0;
  const parts = [part("", when(seconds(one))), part("open", price(one.open)), part("high", price(one.high)), part("low", price(one.low)), part("close", price(one.close), one.close >= one.open ? "up" : "down"), part("change", `${signed(change * 100)} %`), part("volume", grouped(numbers(2).format(one.volume)))];
  for (const [label, { draws, points }] of said) {
    const point = [...points.values()].findLast((each) => placeOf(each.at_ms) === index);
    if (!point) continue;
    const known = draws.map(({ name, place: where }, number) => (where === "none" || point.numbers[number] == null ? "" : `${words(name)} ${grouped(numbers(digitsOf(point.numbers[number])).format(point.numbers[number]))}`)).filter(Boolean);
    parts.push(part(titleOf(label), [signed(point.value), words(point.code), ...known].join(", ")));
  }
  for (const each of marks) if (placeOf(each.at_ms) === index) parts.push(part("", each.text));
  const seq = box.dataset.why && seqAt(index);
  if (seq) parts.push(Object.assign(document.createElement("a"), { href: `${box.dataset.why}${seq}`, textContent: "why" }));
  legend.replaceChildren(...parts);
}

function step(place) {
  const index = Math.max(0, Math.min(shown.length - 1, place)), one = shown[index];
  if (!one) return;
  const range = chart.timeScale().getVisibleLogicalRange() ?? { from: shown.length - SHOWN, to: shown.length + 4 };
  if (index < range.from || index > range.to) {
    const width = range.to - range.from, from = index < range.from ? index - 2 : index - width + 2;
    chart.timeScale().setVisibleLogicalRange({ from, to: from + width });
  }
  byKeys = true;
  chart.setCrosshairPosition(one.close, seconds(one), candles);
  tell(seconds(one));
  spoken.textContent = legend.textContent;
}

function zoom(factor) {
  const range = chart.timeScale().getVisibleLogicalRange();
  if (range) chart.timeScale().setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
}

function press(event) {
  const index = indexAt();
  const keys = {
    ArrowLeft: () => step(at === null ? index : index - 1), ArrowRight: () => step(index + 1), Home: () => step(0), End: () => step(shown.length - 1),
    "+": () => zoom(0.7), "-": () => zoom(1.4), Escape: () => { byKeys = false; chart.clearCrosshairPosition(); tell(null); },
    Enter: () => why(seqAt(index)),
  };
  const act = keys[event.key === "=" ? "+" : event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}

// Asking

async function alone(work) {
  if (isAsking) return;
  isAsking = true;
  try { await work(); } finally { isAsking = false; }
  lookBack(chart.timeScale().getVisibleLogicalRange()); // who came there meanwhile was not answered
}

function take(answer, from) {
  marks = [...(from ? marks.filter((one) => one.at_ms <= from) : []), ...answer.marks];
  levels = answer.levels;
  evaluators(answer.evaluators);
  draw();
  if (at === null) tell(null);
}

const first = () => alone(async () => {
  const answer = await ask({ count: FIRST });
  [shown, nextUntil] = [answer.candles, answer.next_until];
  take(answer, 0);
  if (shown.length > SHOWN) chart.timeScale().setVisibleLogicalRange({ from: shown.length - SHOWN, to: shown.length + 4 });
});

const newest = () => alone(async () => {
  for (const count of [NEWEST, FIRST]) {
    const answer = await ask({ count });
    if (!answer.candles.length) return;
    const from = answer.candles[0].opened_at_ms;
    const isJoined = shown.length > 0 && shown.at(-1).opened_at_ms >= from; // else more went by than was asked for
    if (!isJoined && count === NEWEST) continue;
    shown = isJoined ? [...shown.filter((one) => one.opened_at_ms < from), ...answer.candles] : answer.candles;
    if (!isJoined) nextUntil = answer.next_until;
    return take(answer, isJoined ? from : 0);
  }
});

const older = () => alone(async () => {
  if (nextUntil === null) return;
  const answer = await ask({ count: FIRST, until: nextUntil });
  nextUntil = answer.candles.length ? answer.next_until : null;
  const first_ms = shown[0]?.opened_at_ms ?? Infinity;
  const [now, before] = [levels, answer.marks.filter((one) => one.at_ms <= first_ms)];
  shown = [...answer.candles, ...shown];
  marks = [...before, ...marks];
  evaluators(answer.evaluators);
  levels = now;
  draw();
});

function lookBack(range) {
  if (range && range.from < NEAR && nextUntil !== null) older().catch(() => {});
}

if (box) {
  open();
  look();
  first().catch(() => { legend.textContent = "The bot does not give its candles now; the table below is as old as this page."; });
  box.addEventListener("keydown", press);
  document.addEventListener("theme", () => { look(); draw(); });
  let due = false;
  document.body.addEventListener("live-market", () => {
    if (due || document.hidden) return;
    due = true;
    setTimeout(() => { due = false; newest().catch(() => {}); }, 1000);
  });
}
