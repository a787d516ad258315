// One run, problem by problem. Its data is read from the page the first time that it is opened.
const opened = new Map();
let shown = { status: "", search: "" };

function dataOf(id) {
  if (!opened.has(id)) opened.set(id, read(id));
  return opened.get(id);
}

function openRun(id) {
  if (!ROWS.some((row) => row.run === id)) return;
  const same = state.run === id;
  state.run = id;
  if (!same) { state.task = ""; state.sample = 0; }
  shown = { status: "", search: "" };
  drawRun();
  save();
}

function statusOf(task) {
  const bad = task.samples.find((sample) => sample.status !== "passed");
  return bad ? bad.status : "passed";
}

function drawRun() {
  const row = ROWS.find((one) => one.run === state.run);
  const run = dataOf(state.run);
  const told = Object.keys(row.scores).map((name) => `${name} ${tellScore(row, name)}`).join(", ");
  const statuses = [...new Set(run.tasks.map(statusOf))].sort();
  const list = el("ol", { "aria-label": say("problems") });
  const search = el("input", { type: "search", "aria-label": say("search"), placeholder: say("search"), oninput: (event) => { shown.search = event.target.value.toLowerCase(); fill(); } });
  search.value = shown.search;
  const filter = el("select", { "aria-label": say("problems"), onchange: (event) => { shown.status = event.target.value; fill(); } });
  options(filter, ["", ...statuses], shown.status, (status) => {
    const count = run.tasks.filter((task) => !status || statusOf(task) === status).length;
    return `${status ? say(status) : say("all")} ${count}`;
  });
  const detail = el("div", { class: "detail", tabindex: -1 });
  const fill = () => list.replaceChildren(...run.tasks
    .filter((task) => (!shown.status || statusOf(task) === shown.status) && task.id.toLowerCase().includes(shown.search))
    .map((task) => el("li", {}, el("button", { type: "button", "data-task": task.id, "aria-current": String(task.id === state.task), onclick: () => pick(task) },
      el("span", {}, task.id), el("em", { class: statusOf(task) }, tellTask(task))))));
  const pick = (task) => {
    state.task = task.id;
    state.sample = 0;
    for (const button of list.querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.task === task.id));
    drawTask(detail, task);
    detail.scrollTop = 0;
    save();
  };
  fill();
  $("run").replaceChildren(
    el("div", { class: "top" }, el("h2", { id: "run-title" }, row.model), el("p", {}, `${row.benchmark} · ${row.protocol} · ${told}`),
      el("button", { type: "button", onclick: () => $("run").close() }, say("close"))),
    el("div", { class: "side" }, el("div", {}, search, filter), run.gone ? el("p", { class: "note" }, say("gone", run.gone)) : null, list), detail);
  const task = run.tasks.find((one) => one.id === state.task) || run.tasks.find((one) => statusOf(one) !== "passed") || run.tasks[0];
  if (task) { state.task = task.id; drawTask(detail, task); fill(); }
  if (!$("run").open) $("run").showModal();
}

function tellTask(task) {
  const passed = task.samples.filter((sample) => sample.status === "passed").length;
  return task.samples.length === 1 ? say(task.samples[0].status) : `${passed}/${task.samples.length}`;
}

function drawTask(detail, task) {
  const sample = task.samples[state.sample] || task.samples[0];
  const parts = [];
  if (task.samples.length > 1) {
    parts.push(el("div", { class: "samples", role: "group" }, ...task.samples.map((one, index) => el("button", {
      type: "button", "data-key": `sample ${index}`, "aria-pressed": String(one === sample), class: one === sample ? "" : one.status, title: say(one.status),
      onclick: () => { state.sample = index; keepingFocus(() => drawTask(detail, task)); save(); },
    }, say("sample", index)))));
  }
  parts.push(el("div", { class: "verdict" }, el("em", { class: sample.status }, say(sample.status)), el("strong", {}, task.id),
    el("small", {}, `${sample.seconds} s`), sample.tokens === undefined ? null : el("small", {}, say("ended", sample.tokens, sample.ended))));
  for (const note of ["flaky", "starved"]) if (sample[note]) parts.push(el("p", { class: "note" }, say(note)));
  if (sample.call) {
    parts.push(el("dl", {}, ...["input", "expected", "got"].flatMap((name) => [el("dt", {}, say(name)), el("dd", {}, el("pre", {}, sample.call[name]))])));
  } else if (sample.detail) parts.push(el("dl", {}, el("dt", {}, say("detail")), el("dd", {}, el("pre", {}, sample.detail))));
  if (sample.tokens === undefined) parts.push(el("p", { class: "note" }, say("bare")));
  else parts.push(el("h3", {}, say("solution")), el("pre", { tabindex: 0 }, sample.solution || say("nocode")));
  for (const name of ["explanation", "completion"]) {
    if (sample[name]) parts.push(el("h3", {}, say(name)), el("pre", { tabindex: 0 }, sample[name]));
  }
  if (task.prompt) parts.push(el("h3", {}, say("prompt")), el("pre", { tabindex: 0 }, task.prompt));
  if (sample.cut) parts.push(el("p", { class: "note" }, say("cut")));
  detail.replaceChildren(...parts.filter(Boolean));
}
