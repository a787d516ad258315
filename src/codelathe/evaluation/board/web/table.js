// Tabs, filters and tables. Text from outside goes through `el`, which never makes markup of it.
const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Drawing anew makes new buttons: the one that had the focus gets it again, found by its key.
function keepingFocus(action) {
  const key = document.activeElement && document.activeElement.dataset.key;
  action();
  const again = key && [...document.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key);
  if (again) again.focus({ preventScroll: true });
}

function humanSize(count) {
  if (count === null) return "";
  for (const [unit, letter] of [[1e9, "B"], [1e6, "M"]]) {
    if (count >= unit) return `${Number((count / unit).toPrecision(3))}${letter}`;
  }
  return String(count);
}
function humanBytes(count) {
  if (count === null) return "";
  for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (count >= unit) return `${(count / unit).toPrecision(3)} ${name}`;
  }
  return `${count} B`;
}
const percent = (value) => (value * 100).toFixed(1);
function tellScore(row, name) {
  const value = row.scores[name];
  if (value === undefined) return "";
  if (value < 0 || value > 1) return value.toFixed(2);
  const interval = row.intervals[name];
  return `${percent(value)}%${interval ? ` (${percent(interval[0])}–${percent(interval[1])})` : ""}`;
}
const tellRank = (rank) => (!rank ? "" : rank[0] === rank[1] ? String(rank[0]) : `${rank[0]}–${rank[1]}`);

function drawTabs() {
  $("benchmarks").replaceChildren(...benchmarks.map((name) => el("button", {
    type: "button", "data-key": `tab ${name}`, "aria-pressed": String(name === state.benchmark),
    onclick: () => { state.benchmark = name; draw(); },
  }, name, el("small", {}, String(ofBenchmark(name).filter((row) => fits(row)).length)))));
}

function options(select, values, chosen, tell) {
  select.replaceChildren(...values.map((value) => el("option", { value, selected: String(value) === String(chosen) }, tell(value))));
}

function drawFilters() {
  if ($("search").value !== state.search) $("search").value = state.search;
  const sizes = SIZES.includes(state.size) || !state.size ? SIZES : [...SIZES, state.size].sort((a, b) => a - b);
  options($("size"), [0, ...sizes], state.size, (size) => (size ? say("upto", humanSize(size)) : say("any")));
  options($("metric"), metricsOf(ofBenchmark(state.benchmark)), metric(), (name) => name);
  options($("sort"), PLAIN, state.sort, (name) => (name === "rank" ? say("score") : say(name)));
  const falling = (FALLING.has(state.sort) || state.sort === "rank") !== state.turned;
  $("turn").textContent = falling ? "↓" : "↑";
  $("turn").setAttribute("aria-label", say(falling ? "falling" : "rising"));
  $("theme").textContent = state.theme === "dark" ? `☀ ${say("light")}` : `☾ ${say("dark")}`;
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === state.lang));
  }
  const all = ofBenchmark(state.benchmark);
  const precisions = [...new Set(all.map((row) => row.precision))].sort();
  $("chips").replaceChildren(
    chips("type", TYPES, all), chips("precision", precisions, all), chips("origin", ORIGINS, all),
  );
}

function chips(name, values, all) {
  const buttons = values.map((value) => {
    const count = all.filter((row) => row[name] === value && fits(row, name)).length;
    const chosen = state[name].has(value);
    if (!chosen && !all.some((row) => row[name] === value)) return null;
    return el("button", {
      type: "button", "data-key": `${name} ${value}`, "aria-pressed": String(chosen),
      onclick: () => { if (!state[name].delete(value)) state[name].add(value); draw(); },
    }, `${name === "precision" && value !== "unknown" ? value : say(value)} ${count}`);
  });
  return el("div", { role: "group", "aria-label": say(name) }, el("span", {}, say(name)), ...buttons);
}

// Chosen columns; if none were, those of the command, less the ones that nobody here has a value for.
function shownColumns(found) {
  const scores = metricsOf(found.flatMap((group) => group.rows.map((one) => one.row)));
  const every = [...PLAIN.slice(0, 6), ...scores, ...PLAIN.slice(6)];
  if (state.columns) return every.filter((name) => state.columns.has(name));
  const rows = found.flatMap((group) => group.rows.map((one) => one.row));
  const asked = BOARD.columns.flatMap((name) => (name === "scores" ? scores : [name]));
  return asked.filter((name) => !(name in VALUES) || rows.some((row) => ![null, "", "unknown"].includes(VALUES[name](row))));
}

function drawColumns(found) {
  const shown = shownColumns(found);
  const scores = metricsOf(ofBenchmark(state.benchmark));
  $("columns").lastElementChild.replaceChildren(...[...PLAIN.slice(0, 6), ...scores, ...PLAIN.slice(6)].map((name) => el("label", {},
    el("input", { type: "checkbox", checked: shown.includes(name), onchange: (event) => {
      state.columns = new Set(shownColumns(groups()));
      if (event.target.checked) state.columns.add(name); else state.columns.delete(name);
      draw(false);
    } }), say(name))));
}

function scoreCell(row, name) {
  const value = row.scores[name];
  const cell = el("td", { class: "mark-cell", "data-label": name });
  if (value === undefined) return el("td", { class: "blank" });
  if (value < 0 || value > 1) { cell.append(el("b", {}, value.toFixed(2))); return cell; }
  cell.append(el("b", {}, `${percent(value)}%`));
  const interval = row.intervals[name];
  if (interval) cell.append(el("small", { title: say("shared") }, `${percent(interval[0])}–${percent(interval[1])}`));
  const at = (x) => 3 + x * 94;
  const bar = svg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "rail", x: 3, width: 94, y: 5, height: 2 }));
  if (interval) bar.append(svg("rect", { class: "span", x: at(interval[0]), width: at(interval[1]) - at(interval[0]), y: 3, height: 6 }));
  bar.append(svg("rect", { class: "value", x: at(value) - 0.9, width: 1.8, y: 0, height: 12 }));
  cell.append(bar);
  return cell;
}

function cellOf(one, name) {
  const row = one.row;
  const label = { "data-label": say(name) };
  if (name === "rank") return el("td", { class: "rank", ...label }, tellRank(one.rank));
  if (name === "model") {
    const button = row.run ? el("button", { type: "button", class: "open", onclick: () => openRun(row.run) }, say("open")) : null;
    return el("td", { class: "model left" }, el("span", {}, row.model), " ", button);
  }
  if (name === "size") return el("td", label, humanSize(row.parameters));
  if (name === "bytes") return el("td", label, humanBytes(row.bytes));
  if (name === "speed") return el("td", label, row.tokens_per_second === null ? "" : row.tokens_per_second.toFixed(0));
  if (name === "problems" || name === "samples") return el("td", label, row[name] === null ? "" : row[name].toLocaleString("en"));
  if (name === "type" || name === "precision") return el("td", { class: "left", ...label }, row[name] === "unknown" ? "" : name === "type" ? say(row.type) : row.precision);
  if (name === "origin") return el("td", { class: "left", ...label }, el("span", { class: "tag", title: row.source }, say(row.origin)));
  if (name === "source") return el("td", { class: "left long", ...label }, row.source);
  if (name === "signature") return el("td", { class: "left code", ...label }, row.signature);
  if (name === "date") return el("td", label, row.date);
  return scoreCell(row, name);
}

function headOf(name, group) {
  const left = ["model", "type", "precision", "origin", "source", "signature"].includes(name) ? "left" : "";
  const score = !PLAIN.includes(name);
  const active = score ? state.sort === "rank" && group.metric === name : state.sort === name && name !== "rank";
  const falling = (score || FALLING.has(name)) !== state.turned;
  return el("th", { class: left, scope: "col", "aria-sort": active ? (falling ? "descending" : "ascending") : null },
    el("button", { type: "button", "data-key": `head ${group.protocol} ${name}`, onclick: () => {
      state.turned = active ? !state.turned : false;
      state.sort = score ? "rank" : name;
      if (score) state.metric = name;
      draw();
    } }, say(name) + (active ? (falling ? " ↓" : " ↑") : "")));
}

function drawGroups(found) {
  const shown = shownColumns(found);
  $("groups").replaceChildren(...found.map((group) => {
    const names = shown.filter((name) => PLAIN.includes(name) || group.scores.includes(name));
    const rows = group.rows.map((one) => el("tr", {}, ...names.map((name) => {
      const cell = cellOf(one, name);
      cell.classList.add(PLAIN.includes(name) ? `w-${name}` : `k${group.index % 8}`);
      if (!cell.hasChildNodes()) cell.classList.add("blank");
      return cell;
    })));
    return el("div", { class: "group" },
      el("h2", { class: `k${group.index % 8}` }, el("i"), el("span", {}, group.protocol), el("small", {}, group.rows.length === 1 ? say("one") : say("group", group.rows.length))),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...names.map((name) => headOf(name, group)))), el("tbody", {}, ...rows))));
  }));
  if (!found.length) $("groups").replaceChildren(el("p", { class: "empty" }, say("none")));
  const here = found.reduce((sum, group) => sum + group.rows.length, 0);
  $("count").textContent = say("count", here, ofBenchmark(state.benchmark).length);
}
