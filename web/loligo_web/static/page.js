// What every page does in the browser: theme, live updates, toasts, the stop dialog, times in the user's zone.
// No inline code, no eval: everything hangs on attributes that the server writes.

const root = document.documentElement;
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const all = (selector, from = document) => [...from.querySelectorAll(selector)];

// Theme

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const theme = () => root.dataset.theme ?? (darkSystem.matches ? "dark" : "light");
const tellTheme = () => document.dispatchEvent(new CustomEvent("theme", { detail: theme() }));
darkSystem.addEventListener("change", tellTheme);
document.getElementById("theme")?.addEventListener("click", () => {
  const next = theme() === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  localStorage.setItem("theme", next);
  tellTheme();
});

const colours = document.getElementById("colours"); // blue and orange for those who cannot tell green from red
if (colours) colours.checked = root.dataset.colours === "blue";
colours?.addEventListener("change", () => {
  if (colours.checked) root.dataset.colours = "blue";
  else delete root.dataset.colours;
  localStorage.setItem("colours", colours.checked ? "blue" : "");
  tellTheme();
});

// htmx: every request carries the page's token

document.body.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF-Token"] = csrf;
});

document.body.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  event.preventDefault();
  if (confirm(ctx.confirm)) return issueRequest();
  dropRequest();
  ctx.sourceElement.closest("form")?.reset(); // the switch goes back
});

// Live: the server says what changed; parts that show it ask for themselves anew, no more often than data-live says
// ("orders:2 equity:3", seconds). What is told while an answer is on its way is asked for after it, and no part is
// replaced under a form of it that somebody fills in or that waits for its own answer, or a question that is asked.

const TOPICS = ["orders", "positions", "decisions", "risk", "tentacles", "equity", "evaluations", "market", "jobs"];
const ONCE = ["tentacles", "jobs"]; // whose next word may never come; the others speak again soon
const LONGEST_ANSWER_MS = 8_000; // then a part asks again: whether trading is stopped must not stand wrong for long
const NEVER_MS = -3_600_000; // when a part asked that never did; it is reckoned with, so it is a number
const BUSY = ".htmx-request, dialog[open]"; // a form that waits for its answer, a question to a person
const FILLING_MS = 300_000; // so long what somebody chose in a form stays, before it is replaced with its part
const STALE_AFTER = 3; // intervals of a part without an answer
const offline = document.getElementById("offline");
const parts = new Map(); // by id: when it asked, whether the answer is out, when it is due again
const readAt = new WeakMap(); // when a part was read
const filled = new WeakMap(); // when somebody last chose or wrote something in a form
let isLost = false;

document.addEventListener("input", ({ target: { form } }) => {
  if (form && form.getAttribute("hx-trigger") !== "change") filled.set(form, performance.now()); // a switch asks at once
});
const isFilling = (form) => performance.now() - (filled.get(form) ?? -Infinity) < FILLING_MS;
const isBusy = (part) => part.querySelector(BUSY) || all("form", part).some(isFilling);

function tell(topics) {
  if (topics.some((topic) => topic !== "jobs")) heardAt = performance.now();
  for (const topic of [...topics, "any"]) document.body.dispatchEvent(new CustomEvent(`live-${topic}`));
  for (const part of all("[data-live]")) {
    for (const [topic, pause] of part.dataset.live.split(" ").map((one) => one.split(":"))) {
      if (topic === "any" || topics.includes(topic)) renew(part.id, Number(pause) * 1000);
    }
  }
}

function renew(id, pause) {
  const state = parts.get(id) ?? { asked: NEVER_MS, isOut: false, due: Infinity, pause };
  state.pause = Math.max(pause, 1000);
  parts.set(id, state);
  state.due = Math.min(state.due, state.asked + pause);
  plan(id, state);
}

function plan(id, state) {
  clearTimeout(state.timer);
  const from = state.isOut ? state.asked + LONGEST_ANSWER_MS : state.due;
  if (state.due !== Infinity) state.timer = setTimeout(() => ask(id, state), Math.max(0, from - performance.now()));
}

function ask(id, state) {
  const part = document.getElementById(id);
  state.due = Infinity;
  if (!part) return;
  if (isBusy(part)) return renew(id, performance.now() - state.asked + 200);
  state.asked = performance.now();
  state.isOut = true;
  clearTimeout(state.late);
  state.late = setTimeout(() => document.getElementById(id)?.classList.add("stale"), STALE_AFTER * state.pause);
  htmx.trigger(part, "live");
}

function answered(part, isFresh = true) {
  const state = parts.get(part?.id);
  if (!state) return;
  state.isOut = false;
  clearTimeout(state.late);
  part.classList.toggle("stale", !isFresh);
  if (isFresh) readAt.set(part, performance.now());
  plan(part.id, state);
}

document.body.addEventListener("htmx:after:request", (event) => {
  const part = event.detail.ctx.sourceElement;
  if (!part?.dataset?.live || !isBusy(part)) return;
  event.preventDefault();
  renew(part.id, 0);
});
document.body.addEventListener("htmx:after:request", (event) => { // what changes and is in no record
  const topic = event.detail.ctx.sourceElement?.dataset?.tells;
  if (topic) tell([topic]);
});
document.body.addEventListener("htmx:finally:request", (event) => { // not replaced
  const { sourceElement, response } = event.detail.ctx;
  if (response?.status < 400 && !sourceElement.matches("[data-stays]")) filled.delete(sourceElement);
  answered(sourceElement, response?.status < 400);
});

function listen() {
  const source = new EventSource("/live");
  source.addEventListener("changed", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("open", () => {
    offline.hidden = true;
    document.body.classList.remove("stale");
    tell(isLost ? TOPICS : ONCE); // what came since the page was made was told to nobody
    isLost = false;
  });
  source.addEventListener("error", () => {
    isLost = true;
    offline.hidden = false;
    document.body.classList.add("stale");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 2000); // refused: we ask instead, and hear so when we are let in no more
    tell(TOPICS);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}
if (offline) listen();
addEventListener("pageshow", (event) => event.persisted && listen());

// Ages: that of the newest data ticks beside it, and numbers are grey when it is too old; every number tells on hover

const pageAt = performance.now();
let heardAt = pageAt; // when the bot last told something
const seconds = (since) => (performance.now() - since) / 1000;
function inWords(age) {
  const [size, unit] = [[172_800, "d"], [7_200, "h"], [120, "min"]].find(([from]) => age >= from) ?? [0, "s"];
  return `${Math.floor(age / { d: 86_400, h: 3_600, min: 60, s: 1 }[unit])} ${unit}`;
}
function dataAge() {
  const told = document.getElementById("age");
  if (!told?.dataset.age) return seconds(heardAt); // recorded data: as old as the word that it came
  return Number(told.dataset.age) + seconds(readAt.get(document.getElementById("bar")) ?? pageAt);
}
function showAge() {
  const told = document.getElementById("age"), text = document.getElementById("age-text");
  if (!told || !text) return;
  const age = dataAge(), limit = Number(told.dataset.goodFor);
  const words = told.dataset.age || age >= 5 ? `${inWords(age)} old` : "";
  if (text.textContent !== words) text.textContent = words;
  if (limit) document.getElementById("bar").classList.toggle("late", age > limit);
}
setInterval(showAge, 1000);
document.addEventListener("pointerover", (event) => {
  const number = event.target.closest?.("#main .num, #bar .num");
  if (!number || (number.title && !number.dataset.aged)) return;
  number.dataset.aged = "yes";
  number.title = `read ${inWords(seconds(readAt.get(number.closest("[data-live]")) ?? pageAt))} ago, newest data ${inWords(dataAge())} old`;
});

// Times: in the zone of whoever looks, UTC on hover

const sameYear = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const otherYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
function showTimes(from) {
  for (const element of all("time[data-at]", from)) {
    const at = new Date(element.dataset.at);
    if (Number.isNaN(at.valueOf())) continue;
    const format = at.getFullYear() === new Date().getFullYear() ? sameYear : otherYear;
    element.textContent = format.format(at);
    element.title = `${element.dataset.at} UTC`;
  }
}

// Toasts: they leave by themselves, but not while somebody points at them

function startToast(toast) {
  let left = Number(toast.dataset.lasts);
  if (!left || toast.dataset.started) return;
  toast.dataset.started = "yes";
  const shown = toast.querySelector(".left");
  const tick = setInterval(() => {
    if (toast.matches(":hover, :focus-within")) return;
    left -= 1;
    if (shown) shown.textContent = `(${Math.max(left, 0)} s)`;
    if (left > 0 && toast.isConnected) return;
    clearInterval(tick);
    toast.remove();
  }, 1000);
  if (shown) shown.textContent = `(${left} s)`;
}

// Dialogs

function open(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a[data-opens], dialog");
  if (!target) return;
  if (target.matches("a")) event.preventDefault(); // without scripts it leads to a page
  if (target.id === "stop-open") open(document.getElementById("stop"));
  else if (target.id === "search-open") search();
  else if (target.dataset.opens) open(document.getElementById(target.dataset.opens));
  else if (target.matches("[data-close]")) target.closest("dialog").close();
  else if (target.matches(".toast .close")) target.closest(".toast").remove();
  else if (target.matches("dialog") && event.target === target) target.close();
});
const bell = document.getElementById("bell");
document.addEventListener("click", (event) => {
  if (bell?.open && !bell.contains(event.target)) bell.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !bell?.open) return;
  bell.open = false;
  bell.querySelector("summary").focus();
});
document.addEventListener("keydown", (event) => {
  if (!event.shiftKey || event.key !== "K" || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  open(document.getElementById("stop"));
});

// Search: Ctrl+K, then type; up and down go through what was found, Enter takes the first

const searching = document.getElementById("search");
function search() {
  open(searching);
  searching?.querySelector("input").select();
}
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  event.preventDefault();
  search();
});
searching?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const places = [searching.querySelector("input"), ...all("a", searching)];
  places[(places.indexOf(document.activeElement) + step + places.length) % places.length].focus();
});
searching?.querySelector("form").addEventListener("submit", (event) => {
  const first = searching.querySelector("a"), asked = searching.querySelector("[data-asked]")?.dataset.asked;
  if (!first || asked !== searching.querySelector("input").value.trim()) return; // a page of its own tells
  event.preventDefault();
  first.click();
});

document.body.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const source = ctx.sourceElement;
  if (source?.matches?.("[data-stays]")) return; // its dialog goes on
  const dialog = source?.id === "resume" ? document.getElementById("stop") : source?.matches?.("form") && source.closest("dialog");
  if (dialog?.open && ctx.response?.status < 400) dialog.close();
  if (source?.matches?.(".toast form")) source.closest(".toast").remove();
});

// A form that was answered gets another key: pressed once more it is meant once more. Without an answer it keeps its key,
// so that what was done and not told is not done again

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
document.body.addEventListener("htmx:after:request", (event) => {
  const { sourceElement: source, response } = event.detail.ctx;
  const key = source?.matches?.("form") && source.querySelector('input[name="key"]');
  if (key && response?.status < 500) key.value = newKey();
});

// A slider beside a number: either moves the other; shares are told in per cent, too, and seconds in larger units

const SPANS = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
const short = (number) => number.toLocaleString(undefined, { maximumFractionDigits: 2 });
function measured(unit, value) {
  if (value === "") return "none";
  if (unit === "share") return `${short(value * 100)} %`;
  const [length, name] = SPANS.find(([length]) => Math.abs(value) >= length) ?? SPANS.at(-1);
  return `${short(value / length)} ${name}`;
}
function say(number) {
  const told = document.querySelector(`output[for="${number.id}"]`);
  if (told) told.textContent = measured(told.dataset.unit, number.value);
}
function slide(slider) {
  const number = document.getElementById(slider.dataset.slides);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    number.value = slider.value;
    say(number);
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
    say(number);
  });
  say(number);
}
all("[data-slides]").forEach(slide);

// Whatever is new on the page

function greet(from) {
  showTimes(from);
  all(".toast", from).forEach(startToast);
}
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) {
    greet(node.parentNode ?? node);
    [node, ...all("[data-live]", node)].forEach((one) => answered(one));
  }
}).observe(document.body, { childList: true, subtree: true });
document.body.addEventListener("htmx:after:swap", () => showTimes(document)); // morphed in place, nothing was added
greet(document);
