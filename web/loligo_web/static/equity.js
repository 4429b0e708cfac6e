// Equity over time (uPlot). The figures stand beside it as text, so the canvas is for the eye alone.

const box = document.getElementById("equity");

const amount = (value, digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }).format(value).replaceAll(",", "\u202f").replace("-", "−");
let plot, data;

function options() {
  const [line, text, grid, fill] = ["--accent", "--muted", "--line", "--accent-soft"].map(resolved);
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => { const room = Math.max((high - low) * 0.08, high * 0.0005); return [low - room, high + room]; } } },
    axes: [
      { ...axis, space: 70 },
      { ...axis, side: 1, size: 62, values: (_, ticks) => ticks.map((tick) => amount(tick, 0)) },
    ],
    series: [{}, { stroke: line, width: 1.75, fill, points: { show: false }, paths: window.uPlot.paths.stepped({ align: 1 }) }],
    hooks: { setCursor: [point] },
  };
}

function point(chart) {
  const index = chart.cursor.idx, shown = document.getElementById("equity-at");
  if (!shown) return;
  if (index === null || index === undefined) { shown.textContent = ""; return; }
  const when = new Date(data[0][index] * 1000);
  shown.textContent = `${when.toLocaleDateString()}  ${amount(data[1][index], 2)}`;
}

function draw() {
  plot?.destroy();
  plot = new window.uPlot(options(), data, box);
}

async function load() {
  const query = new URLSearchParams(box.dataset.desk ? { desk: box.dataset.desk, limit: 600 } : { limit: 600 });
  const response = await fetch(`/api/v1/equity?${query}`, { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const { points } = await response.json();
  const known = points.filter((one) => one.equity !== null);
  data = [known.map((one) => one.at_ms / 1000), known.map((one) => one.equity)];
  if (plot && known.length) plot.setData(data);
  else if (known.length) draw();
  box.dataset.points = known.length;
}

if (box) {
  load();
  document.addEventListener("theme", () => data && draw());
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
  let due = false;
  document.body.addEventListener("live-equity", () => {
    if (due || document.hidden) return;
    due = true;
    setTimeout(() => { due = false; load().catch(() => {}); }, 2000);
  });
}
