// A/B tests: growth of the arms, their difference with its band (uPlot), and the form that begins a test.

const growth = document.getElementById("growth"), ahead = document.getElementById("ahead");
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const DAY_MS = 86_400_000, AGAIN_MS = 3_000;
const plots = new Map();
let test;

// The zero line lies above the grid, below the curves
function zero(chart) {
  const at = Math.round(chart.valToPos(0, "y", true)), { left, top, width, height } = chart.bbox;
  if (at < top || at > top + height) return;
  chart.ctx.save();
  chart.ctx.strokeStyle = resolved("--muted");
  chart.ctx.lineWidth = 1;
  chart.ctx.beginPath();
  chart.ctx.moveTo(left, at);
  chart.ctx.lineTo(left + width, at);
  chart.ctx.stroke();
  chart.ctx.restore();
}

// As of the legend: an arm's colour and dashes, by its place
const colourOf = (place) => resolved(`--c${place % 6}`);
const dashOf = (place) => DASHES[(place + Math.floor(place / 6)) % 4];

function options(box, series, more = {}) {
  const [text, grid] = ["--muted", "--line"].map(resolved);
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => { const least = Math.min(low ?? 0, 0), most = Math.max(high ?? 0, 0), room = Math.max((most - least) * 0.08, 0.002); return [least - room, most + room]; } } },
    axes: [{ ...axis, space: 70 }, { ...axis, side: 1, size: 62, values: (_, ticks) => ticks.map((tick) => percent.format(tick)) }],
    series: [{}, ...series],
    hooks: { drawAxes: [zero], setCursor: [(chart) => tell(box, chart)] },
    ...more,
  };
}

function tell(box, chart) {
  const shown = document.getElementById(`${box.id}-at`), index = chart.cursor.idx;
  if (index === null || index === undefined) { shown.textContent = ""; return; }
  const day = new Date(chart.data[0][index] * 1000 - DAY_MS).toLocaleDateString(undefined, { timeZone: "UTC" });
  const value = (line) => (line[index] == null ? "–" : percent.format(line[index]));
  const [first, second, third] = chart.data.slice(1);
  const names = [...test.arms.map((arm) => arm.letter), "holding"];
  shown.textContent = box === ahead ? `${day}  ${value(first)} (${value(second)} … ${value(third)})` : [day, ...chart.data.slice(1).map((line, place) => `${names[place]} ${value(line)}`)].join("  ");
}

function draw(box, series, data, more) {
  const old = plots.get(box);
  if (old && old.shape === series.length) return old.plot.setData(data);
  old?.plot.destroy();
  plots.set(box, { plot: new window.uPlot(options(box, series, more), data, box), shape: series.length });
}

const line = (stroke, dash, more = {}) => ({ stroke, width: 1.9, dash, points: { show: false }, spanGaps: true, ...more });

function drawGrowth() {
  const isHeld = document.getElementById("with-holding")?.ariaPressed === "true" && test.holding;
  const lines = test.arms.map((arm, index) => ({ points: arm.curve, look: line(colourOf(index), dashOf(index)) }));
  if (isHeld) lines.push({ points: test.holding.curve, look: line(resolved("--muted"), [2, 3]) });
  const tables = lines.map(({ points }) => [points.map(([ms]) => ms / 1000), points.map(([, value]) => value)]);
  draw(growth, lines.map(({ look }) => look), window.uPlot.join(tables));
  growth.dataset.lines = lines.length;
  for (const told of document.querySelectorAll("[data-last]")) {
    const last = (told.dataset.last === "holding" ? test.holding : test.arms[told.dataset.last])?.curve.at(-1);
    if (last) told.textContent = percent.format(last[1]);
  }
}

function drawAhead() {
  const pair = test.pairs.find((one) => one.challenger === ahead.dataset.challenger);
  if (!pair) return;
  const data = [
    pair.band.map((one) => one.opened_at_ns / 1e9 + DAY_MS / 1000),
    ...["difference", "low", "high"].map((name) => pair.band.map((one) => one[name])),
  ];
  const place = test.arms.findIndex((arm) => arm.name === pair.challenger), colour = colourOf(place);
  const edge = () => line(colour, [], { width: 0.75 });
  const series = [line(colour, dashOf(place)), edge(), edge()];
  draw(ahead, series, data, { bands: [{ series: [3, 2], fill: colour.replace("rgb(", "rgba(").replace(")", ", 0.14)") }] });
  ahead.dataset.days = pair.band.length;
}

function drawAll() {
  if (!test.arms.length || !test.arms[0].curve.length) return;
  for (const none of document.querySelectorAll("#growth-none")) none.hidden = true;
  for (const box of [growth, ahead]) box.parentElement.hidden = false;
  drawGrowth();
  drawAhead();
}

async function load() {
  const response = await fetch(growth.dataset.source, { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const answer = await response.json();
  test = answer.result ?? answer;  // of a test over the past, of one that runs
  drawAll();
}

function again() {
  for (const { plot } of plots.values()) plot.destroy();
  plots.clear();
  if (test) drawAll();
}

if (growth) {
  load();
  document.addEventListener("theme", again);
  document.getElementById("with-holding")?.addEventListener("click", ({ currentTarget }) => {
    currentTarget.ariaPressed = String(currentTarget.ariaPressed !== "true");
    if (test) drawGrowth();
  });
  new ResizeObserver(() => { for (const [box, { plot }] of plots) plot.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(growth);
  // Who takes over is who stood on the button, however long ago the page was loaded
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-who]"), dialog = button && document.getElementById(button.dataset.opens);
    if (!dialog) return;
    dialog.querySelector('[name="challenger"]').value = button.dataset.who;
    dialog.querySelector(".who").textContent = button.dataset.who;
  }, true);
  let due = false;
  document.body.addEventListener("live-equity", () => {
    if (due || document.hidden || !("moves" in growth.dataset)) return;
    due = true;
    setTimeout(() => { due = false; load().catch(() => {}); }, AGAIN_MS);
  });
}

// A test over the past that has ended while its page was open: its curves need the whole page
document.body.addEventListener("htmx:after:swap", () => {
  if (document.getElementById("growth") && !growth) location.reload();
});

// The form: desks that are made, with rows of settings; what can be set in the desk that is A; versions; how long it takes

const control = document.getElementById("e-control"), arms = document.getElementById("arms");
const ARM_LETTERS = "BCDEFGHIJKLMNOPQRST", REST_MS = 400;
let newest = arms?.firstElementChild;

function offer() {
  const keys = document.getElementById("keys");
  keys.replaceChildren();
  for (const part of document.querySelectorAll(".of-desk")) {
    part.hidden = part.dataset.desk !== control.value;
    if (part.hidden) continue;
    for (const button of part.querySelectorAll("[data-change]")) {
      const option = document.createElement("option");
      option.value = button.dataset.change;
      option.label = `${button.dataset.change} (now ${button.dataset.value || "not set"})`;
      keys.append(option);
    }
  }
  for (const box of document.querySelectorAll('[name="challengers"]')) box.disabled = box.value === control.value;
  risks();
}

function risks() {
  const chosen = new Set([...document.querySelectorAll('[name="challengers"]:checked')].map((box) => box.value));
  for (const item of document.querySelectorAll(".of-challenger")) item.hidden = !chosen.has(item.dataset.desk);
}

const keyOf = (row) => row.querySelector('[name$=".key"]');

function emptied(part) {
  part.querySelectorAll(".wrong").forEach((one) => one.remove());
  for (const input of part.querySelectorAll("input, select")) {
    if (input.type === "checkbox") input.checked = false; else input.value = "";
    input.removeAttribute("aria-invalid");
  }
  return part;
}

// What stands for the arm in names, labels and ids of its fields
function numbered(arm, number) {
  const letter = ARM_LETTERS[number], of = number ? ` of ${letter}` : "", id = number ? `-${number}` : "";
  const was = arm.dataset.arm, oldId = was === "0" ? "" : `-${was}`, oldOf = was === "0" ? "" : ` of ${ARM_LETTERS[was]}`;
  arm.dataset.arm = number;
  arm.removeAttribute("aria-invalid");
  arm.querySelector(".arm-letter").textContent = letter;
  for (const one of arm.querySelectorAll("[name]")) one.name = one.name.replace(/^arm\d+/, `arm${number}`);
  const swapped = (text, old, now) => (old && text.endsWith(old) ? text.slice(0, -old.length) : text) + now;
  for (const one of [arm, ...arm.querySelectorAll("[id], [for], [aria-describedby]")]) {
    for (const name of ["id", "for", "aria-describedby"]) {
      if (one.hasAttribute(name) && !one.closest(".change")) one.setAttribute(name, swapped(one.getAttribute(name), oldId, id));
    }
  }
  for (const one of arm.querySelectorAll("label[for], .pick legend")) one.textContent = swapped(one.textContent, oldOf, of);
  [...arm.querySelectorAll(".change")].forEach((row, index) => {
    row.querySelectorAll("input").forEach((input, place) => {
      input.setAttribute("aria-label", `${["Setting", "Value"][place]} ${index + 1}${of}`);
      input.removeAttribute("aria-describedby");
    });
  });
  arm.querySelector("[data-less]").hidden = !number;
}

function addRow(arm) {
  const rows = arm.querySelector(".change-rows"), row = emptied(rows.lastElementChild.cloneNode(true));
  rows.append(row);
  numbered(arm, Number(arm.dataset.arm));
  return row;
}

function addArm() {
  const arm = emptied(arms.lastElementChild.cloneNode(true));
  [...arm.querySelectorAll(".change")].slice(2).forEach((row) => row.remove());
  arm.dataset.arm = arms.lastElementChild.dataset.arm;
  numbered(arm, arms.children.length);
  arms.append(arm);
  newest = arm;
  full();
  return arm;
}

function full() {
  document.getElementById("add-arm").hidden = arms.children.length >= ARM_LETTERS.length;
}

function take(key, value) {
  const found = [...newest.querySelectorAll(".change")].find((row) => [key, ""].includes(keyOf(row).value));
  const row = found ?? addRow(newest);
  keyOf(row).value = key;
  const field = row.querySelector('[name$=".value"]');
  field.value = value;
  field.focus();
  field.select();
}

function pressed({ target }) {
  const button = target.closest("button"), arm = button?.closest("[data-arm]");
  if (!button) return;
  if (button.dataset.more) keyOf(addRow(arm)).focus();
  if ("less" in button.dataset) {
    arm.remove();
    [...arms.children].forEach(numbered);
    newest = arms.lastElementChild;
    full();
    ask();
  }
  if (button.dataset.change) take(button.dataset.change, button.dataset.value);
  if (button.dataset.days) {
    const days = document.getElementById("e-days");
    days.value = button.dataset.days;
    days.focus();
    ask();
  }
  if (!button.dataset.version) return;
  const field = document.getElementById("e-versions");
  field.value = [field.value.trimEnd(), button.dataset.version].filter(Boolean).join("\n");
  field.focus();
}

// How long it would take, as the fields stand

let waiting, asked = 0;

function ask() {
  const box = document.getElementById("outlook");
  if (!box) return;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const mine = ++asked, body = new URLSearchParams(new FormData(document.getElementById("start-form")));
    const response = await fetch(box.dataset.url, { method: "POST", body }).catch(() => null);
    if (response?.ok && mine === asked) box.innerHTML = await response.text();
  }, REST_MS);
}

if (control) {
  offer();
  control.addEventListener("change", offer);
  for (const more of document.querySelectorAll('[data-more="row"]')) more.hidden = false;
  for (const arm of arms.children) arm.querySelector("[data-less]").hidden = arm.dataset.arm === "0";
  full();
  document.getElementById("add-arm").addEventListener("click", () => keyOf(addArm()).focus());
  arms.addEventListener("focusin", ({ target }) => { newest = target.closest("[data-arm]") ?? newest; });
  document.addEventListener("click", pressed);
  const form = document.getElementById("start-form");
  form.addEventListener("input", ask);
  form.addEventListener("change", () => { risks(); ask(); });
}
