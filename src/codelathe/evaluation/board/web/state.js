// The rows, what is chosen, and the address that keeps the choice. Nothing is drawn here.
function read(name) {
  return JSON.parse(document.getElementById(`data-${name}`).textContent);
}

const BOARD = read("board");
const ROWS = BOARD.rows;
// Names of scores are anybody's: such as `constructor` are only there where a row has them.
for (const row of ROWS) for (const found of [row.scores, row.intervals]) Object.setPrototypeOf(found, null);
const TYPES = ["pretrained", "instruct", "rl", "unknown"];
const ORIGINS = ["run", "imported", "published"];
const SIZES = [5e8, 1e9, 2e9, 4e9, 8e9, 16e9, 35e9, 80e9];
const PLAIN = ["rank", "model", "type", "precision", "size", "bytes", "speed", "problems", "samples", "date", "origin", "source", "signature"];
const FALLING = new Set(["speed", "problems", "samples", "date"]);
const VALUES = {
  __proto__: null,
  model: (row) => row.model.toLowerCase(), type: (row) => row.type, precision: (row) => row.precision,
  size: (row) => row.parameters, bytes: (row) => row.bytes, speed: (row) => row.tokens_per_second,
  problems: (row) => row.problems, samples: (row) => row.samples, date: (row) => row.date || null,
  origin: (row) => row.origin, source: (row) => row.source, signature: (row) => row.signature || null,
};
const benchmarks = [...new Set(ROWS.map((row) => row.benchmark))];
const state = { lang: "en", theme: "light" };

function kept(name) {
  try { return localStorage.getItem(`codelathe-${name}`); } catch { return null; }
}
function keep(name, value) {
  try { localStorage.setItem(`codelathe-${name}`, value); } catch { /* a page from a file may not */ }
}

function begin() {
  const own = ROWS.find((row) => row.origin === "run");
  const sort = BOARD.sort.replace(/^-/, "");
  Object.assign(state, {
    benchmark: own ? own.benchmark : benchmarks[0], search: "", size: 0, metric: "",
    sort: PLAIN.includes(sort) ? sort : "rank", turned: BOARD.sort.startsWith("-"),
    type: new Set(), precision: new Set(), origin: new Set(), columns: null, run: "", task: "", sample: 0,
  });
  if (!PLAIN.includes(sort) && sort !== "scores") state.metric = sort;
}

const LISTS = ["type", "precision", "origin"];
function listed(told, name, known) {
  return new Set((told.get(name) || "").split(",").filter((word) => known.includes(word)));
}

// What an address says, as far as there is such a thing: anybody may have written it.
function load() {
  begin();
  const told = new URLSearchParams(location.hash.slice(1));
  if (benchmarks.includes(told.get("benchmark"))) state.benchmark = told.get("benchmark");
  for (const name of LISTS) state[name] = listed(told, name, ROWS.map((row) => row[name]));
  for (const name of ["search", "metric", "task"]) if (told.has(name)) state[name] = told.get(name);
  if (ROWS.some((row) => row.run && row.run === told.get("run"))) state.run = told.get("run");
  if (PLAIN.includes(told.get("sort"))) state.sort = told.get("sort");
  if (told.has("sort")) state.turned = told.has("turned");
  if (told.has("columns")) state.columns = listed(told, "columns", [...PLAIN, ...metricsOf(ROWS)]);
  state.size = Number(told.get("size")) || 0;
  state.sample = Number(told.get("sample")) || 0;
}

function save() {
  const told = new URLSearchParams({ benchmark: state.benchmark });
  for (const name of LISTS) if (state[name].size) told.set(name, [...state[name]].join(","));
  for (const name of ["search", "metric", "run", "task", "sample", "size"]) if (state[name]) told.set(name, state[name]);
  if (state.sort !== "rank" || state.turned) told.set("sort", state.sort);
  if (state.turned) told.set("turned", "1");
  if (state.columns) told.set("columns", [...state.columns].join(","));
  try { history.replaceState(null, "", `#${told}`); } catch { /* some places allow no address */ }
}

function scoreOrder(name) {
  const [stem, k] = name.split("@");
  const main = name === "pass@1" || name === "pass_rate" ? "0" : "1";
  return `${main}${stem.includes("_") ? "1" : "0"}${stem}${String(k || "").padStart(6, "0")}`;
}
function metricsOf(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.scores)))];
  return names.sort((a, b) => (scoreOrder(a) < scoreOrder(b) ? -1 : 1));
}
function ofBenchmark(name) { return ROWS.filter((row) => row.benchmark === name); }

function fits(row, but = "") {
  const size = !state.size || (row.parameters !== null && row.parameters <= state.size);
  const lists = LISTS.every((name) => name === but || !state[name].size || state[name].has(row[name]));
  const text = `${row.model} ${row.protocol} ${row.source} ${row.precision}`.toLowerCase();
  return size && lists && state.search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function metric() {
  const there = metricsOf(ofBenchmark(state.benchmark));
  return there.includes(state.metric) ? state.metric : there[0];
}

// The first and the last place that each row may hold among those that are shown.
function ranks(rows, name) {
  const edges = rows.map((row) => row.intervals[name] || (name in row.scores ? [row.scores[name], row.scores[name]] : null));
  const there = edges.filter(Boolean);
  return edges.map((edge) => edge && [
    1 + there.filter((other) => other[0] > edge[1]).length,
    there.length - there.filter((other) => other[1] < edge[0]).length,
  ]);
}

function groups() {
  const all = ofBenchmark(state.benchmark);
  const own = (protocol) => all.some((row) => row.protocol === protocol && row.origin === "run");
  const protocols = [...new Set(all.map((row) => row.protocol))].sort((a, b) => own(b) - own(a));
  return protocols.map((protocol, index) => {
    const rows = all.filter((row) => row.protocol === protocol && fits(row));
    const scores = metricsOf(all.filter((row) => row.protocol === protocol));
    const name = scores.includes(metric()) ? metric() : scores[0];
    const places = ranks(rows, name);
    const ranked = rows.map((row, at) => ({ row, rank: places[at] }));
    return { protocol, index, scores, metric: name, rows: sorted(ranked, name) };
  }).filter((group) => group.rows.length);
}

function sorted(ranked, name) {
  const score = (one) => (name in one.row.scores ? one.row.scores[name] : -Infinity);
  const byRank = (a, b) => (a.rank ? a.rank[0] : Infinity) - (b.rank ? b.rank[0] : Infinity)
    || (a.rank ? a.rank[1] : 0) - (b.rank ? b.rank[1] : 0) || score(b) - score(a)
    || (a.row.model < b.row.model ? -1 : 1);
  const rows = [...ranked].sort((a, b) => byRank(a, b) || 0);
  if (state.sort === "rank") return state.turned ? rows.reverse() : rows;
  const value = VALUES[state.sort];
  const way = FALLING.has(state.sort) !== state.turned ? -1 : 1;
  const there = rows.filter((one) => value(one.row) !== null);
  there.sort((a, b) => (value(a.row) < value(b.row) ? -way : value(a.row) > value(b.row) ? way : 0));
  return [...there, ...rows.filter((one) => value(one.row) === null)];
}
