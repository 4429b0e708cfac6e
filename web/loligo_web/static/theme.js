// Before anything is painted: the theme and colours that were chosen here, else the system's.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
if (localStorage.getItem("colours") === "blue") document.documentElement.dataset.colours = "blue";
