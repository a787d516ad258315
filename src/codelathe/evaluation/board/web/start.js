// Wiring: every change of the choice draws all of it anew and goes into the address.
function draw(withColumns = true) {
  keepingFocus(() => drawAll(withColumns));
}

function drawAll(withColumns) {
  document.documentElement.lang = state.lang;
  document.documentElement.dataset.theme = state.theme;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  const found = groups();
  drawTabs();
  drawFilters();
  if (withColumns) drawColumns(found);
  drawPlots(found);
  drawGroups(found);
  save();
}

function wire() {
  $("search").addEventListener("input", (event) => { state.search = event.target.value; draw(); });
  $("size").addEventListener("change", (event) => { state.size = Number(event.target.value); draw(); });
  $("metric").addEventListener("change", (event) => { state.metric = event.target.value; draw(); });
  $("sort").addEventListener("change", (event) => { state.sort = event.target.value; state.turned = false; draw(); });
  $("turn").addEventListener("click", () => { state.turned = !state.turned; draw(); });
  $("reset").addEventListener("click", () => { const { benchmark } = state; begin(); state.benchmark = benchmark; draw(); });
  $("theme").addEventListener("click", () => { state.theme = state.theme === "dark" ? "light" : "dark"; keep("theme", state.theme); draw(); });
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => { state.lang = button.dataset.lang; keep("lang", state.lang); draw(); });
  }
  $("run").addEventListener("close", () => { state.run = ""; state.task = ""; state.sample = 0; save(); });
  document.addEventListener("click", (event) => { if (!$("columns").contains(event.target)) $("columns").open = false; });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { hideTip(); $("columns").open = false; } });
  addEventListener("hashchange", () => { load(); draw(); if (state.run) drawRun(); else $("run").close(); });
  addEventListener("scroll", hideTip, { passive: true });
  NARROW.addEventListener("change", () => draw());
}

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
state.theme = kept("theme") === "dark" || (kept("theme") === null && dark) ? "dark" : "light";
state.lang = WORDS[kept("lang")] ? kept("lang") : navigator.language.startsWith("ko") ? "ko" : "en";
$("version").textContent = `codelathe ${BOARD.version}`;
load();
wire();
draw();
if (state.run) openRun(state.run);
