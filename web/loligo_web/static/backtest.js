// Backtests: curves (uPlot) and the form that starts one. Figures stand beside the curves as text.

const box = document.getElementById("curves");
const at = document.getElementById("curve-at");
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const DASHES = [[], [6, 3], [2, 3], [], [6, 3], [2, 3]];
let plot, drawn;

// lines: [{ points: [[ms, value]], color, dash, isSmooth }]; what is marked only when it changes goes in steps
function options(lines, format) {
  const [text, grid] = ["--muted", "--line"].map(resolved);
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const steps = window.uPlot.paths.stepped({ align: 1 });
  const series = lines.map(({ color, dash, isSmooth }) => ({
    stroke: resolved(color), width: 1.75, dash, points: { show: false }, spanGaps: true, paths: isSmooth ? undefined : steps,
  }));
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: true } },
    axes: [{ ...axis, space: 70 }, { ...axis, side: 1, size: 62, values: (_, ticks) => ticks.map((tick) => format.format(tick)) }],
    series: [{}, ...series],
    hooks: { setCursor: [shown] },
  };
}

function shown(chart) {
  const index = chart.cursor.idx;
  if (index === null || index === undefined) { at.textContent = ""; return; }
  const values = chart.data.slice(1).map((line) => { let place = index; while (place > 0 && line[place] == null) place -= 1; return line[place]; });
  const day = new Date(chart.data[0][index] * 1000).toLocaleDateString();
  at.textContent = [day, ...values.map((value) => (value == null ? "–" : drawn.format.format(value)))].join("  ");
}

function draw() {
  plot?.destroy();
  const isAlone = document.getElementById("with-holding")?.ariaPressed === "false";
  const lines = isAlone ? drawn.lines.slice(0, 1) : drawn.lines;
  const tables = lines.map(({ points }) => [points.map(([ms]) => ms / 1000), points.map(([, value]) => value)]);
  plot = new window.uPlot(options(lines, drawn.format), window.uPlot.join(tables), box);
  box.dataset.lines = lines.length;
}

async function read(path, query) {
  const response = await fetch(`/api/v1/${path}?${new URLSearchParams(query)}`, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function load() {
  if (box.dataset.numbers) {
    const { curves } = await read("backtest/compare", { numbers: box.dataset.numbers });
    drawn = { format: percent, lines: curves.map(({ growth }, index) => ({ points: growth, color: `--c${index}`, dash: DASHES[index] })) };
  } else {
    const { curves } = await read("backtest", { number: box.dataset.number, trades: 0 });
    const found = curves.find(({ scope }) => scope === box.dataset.scope) ?? curves[0];
    const lines = [{ points: found.equity, color: "--c0", dash: [] }];
    if (found.holding.length) lines.push({ points: found.holding, color: "--muted", dash: DASHES[1], isSmooth: true });
    drawn = { format: whole, lines };
  }
  if (drawn.lines.some(({ points }) => points.length > 1)) draw();
}

if (box) {
  load();
  document.addEventListener("theme", () => drawn && draw());
  document.getElementById("with-holding")?.addEventListener("click", ({ currentTarget }) => {
    currentTarget.ariaPressed = String(currentTarget.ariaPressed !== "true");
    if (drawn) draw();
  });
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
}

// A backtest that has ended well while its page was open: its curves need the whole page
document.body.addEventListener("htmx:after:swap", () => {
  if (document.getElementById("curves") && !box) location.reload();
});

// The form: a setting that there is, taken into the field as a line

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-line]");
  if (!button) return;
  const field = document.getElementById("b-overrides");
  field.value = [field.value.trimEnd(), button.dataset.line].filter(Boolean).join("\n");
  field.focus();
});
