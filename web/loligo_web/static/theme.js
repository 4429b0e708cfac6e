// Before anything is painted: the theme and colours that were chosen here, else the system's.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
if (localStorage.getItem("colours") === "blue") document.documentElement.dataset.colours = "blue";

// For what is drawn on a canvas. light-dark() is not resolved in a custom property: the browser computes a probe's.
function resolved(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
