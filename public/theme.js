// Owns the theme of the first paint: it is read before the page is drawn, and therefore by no module.

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "system";
