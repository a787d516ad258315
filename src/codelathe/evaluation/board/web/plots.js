// Plots of the benchmark's rows, every group in its colour, with intervals as lines. Where a group
// has a front, a dashed line joins those of its rows that no other beats in both.
const BOX = { width: 560, height: 330, left: 44, right: 14, top: 12, bottom: 40 };
const NARROW = matchMedia("(max-width: 760px)");

function drawPlots(found) {
  BOX.width = NARROW.matches ? 370 : 560;
  $("plots").replaceChildren(...kindsOf(found).map((kind) => plot(found, kind)));
  const rows = found.flatMap((group) => group.rows);
  const kinds = rows.some((one) => one.row.origin === "run") && rows.some((one) => one.row.origin !== "run")
    ? [el("li", {}, el("i", { class: "full" }), say("run")), el("li", {}, el("i"), say("others"))] : [];
  $("legend").replaceChildren(...found.map((group) => el("li", { class: `k${group.index % 8}` }, el("i", { class: "full" }), el("span", {}, group.protocol))), ...kinds);
}

// Variants of one model differ in their files: by size they would stand in one line.
function kindsOf(found) {
  const size = { title: "plotsize", axis: "axissize", lack: "sizes", fewer: true, value: (row) => row.parameters, tell: humanSize, told: humanSize };
  const speed = { title: "plotspeed", axis: "axisspeed", lack: "speeds", fewer: false, value: (row) => row.tokens_per_second, tell: (x) => String(Number(x.toPrecision(3))), told: (x) => `${Number(x.toPrecision(3))} ${say("speed")}` };
  const files = { title: "plotbytes", axis: "axisbytes", lack: "sizes", fewer: true, value: (row) => row.bytes, tell: humanBytes, told: humanBytes };
  if (pointsOf(found, files).length < 2) return [size, speed];
  const sizes = pointsOf(found, size).map((point) => point.x);
  return Math.max(...sizes) > 1.1 * Math.min(...sizes) ? [size, speed, files] : [speed, files];
}

function pointsOf(found, kind) {
  return found.flatMap((group) => group.rows.map((one) => ({
    row: one.row, rank: one.rank, group, x: kind.value(one.row), y: one.row.scores[group.metric],
  }))).filter((point) => point.x > 0 && point.y >= 0 && point.y <= 1);
}

// The rows of a group that no other beats: better in one and not worse in the other.
function front(points, fewer) {
  const beats = (a, b) => (fewer ? a.x <= b.x : a.x >= b.x) && a.y >= b.y && (a.x !== b.x || a.y !== b.y);
  return points.filter((point) => !points.some((other) => beats(other, point)));
}

function plot(found, kind) {
  const points = pointsOf(found, kind);
  const figure = el("figure", {}, el("figcaption", {}, say(kind.title)));
  if (!points.length) {
    figure.append(el("p", { class: "none" }, say("noplot", say(kind.lack))));
    return figure;
  }
  const scale = scales(points);
  const chart = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "group", "aria-label": say(kind.title) });
  axes(chart, scale, kind);
  points.sort((a, b) => a.x - b.x || b.y - a.y);
  for (const group of found) {
    const best = front(points.filter((point) => point.group === group), kind.fewer);
    const line = best.map((point) => `${scale.x(point.x)},${scale.y(point.y)}`).join(" ");
    if (best.length > 1) chart.append(svg("polyline", { class: `front k${group.index % 8}`, points: line }));
  }
  for (const point of points) chart.append(dot(point, scale, kind));
  for (const node of names(points, scale)) chart.append(node);
  figure.append(chart);
  return figure;
}

function scales(points) {
  const logs = points.map((point) => Math.log10(point.x));
  let [low, high] = [Math.min(...logs), Math.max(...logs)];
  const room = Math.max(0.12, (high - low) * 0.07);
  [low, high] = [low - room, high + room];
  const tops = points.flatMap((point) => point.row.intervals[point.group.metric] || [point.y]);
  const floor = Math.max(0, Math.floor(Math.min(...tops) * 10) / 10);
  const roof = Math.min(1, Math.ceil(Math.max(...tops) * 10 + 1e-9) / 10);
  return {
    low, high, floor, roof,
    x: (value) => BOX.left + ((Math.log10(value) - low) / (high - low)) * (BOX.width - BOX.left - BOX.right),
    y: (value) => BOX.height - BOX.bottom - ((value - floor) / (roof - floor || 1)) * (BOX.height - BOX.top - BOX.bottom),
  };
}

function axes(chart, scale, kind) {
  const step = scale.roof - scale.floor > 0.5 ? 2 : 1;
  for (let tenth = Math.round(scale.floor * 10); tenth <= Math.round(scale.roof * 10); tenth += step) {
    const y = scale.y(tenth / 10);
    chart.append(svg("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: y, y2: y }));
    chart.append(svg("text", { class: "tick", x: BOX.left - 7, y: y + 4, "text-anchor": "end" }, `${tenth * 10}%`));
  }
  const span = scale.high - scale.low;
  const wide = span > 1.2 ? [1, 3] : span > 0.6 ? [1, 2, 3, 5, 7] : [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  let end = -Infinity;
  for (let power = Math.floor(scale.low); power <= scale.high; power += 1) {
    for (const digit of wide) {
      const value = digit * 10 ** power;
      const log = Math.log10(value);
      if (log < scale.low || log > scale.high) continue;
      const x = scale.x(value);
      chart.append(svg("line", { class: "grid", x1: x, x2: x, y1: BOX.top, y2: BOX.height - BOX.bottom }));
      const text = kind.tell(value);
      const at = Math.min(x, BOX.width - 2 - nameWidth(text) / 2);
      if (at - nameWidth(text) / 2 < end + 4) continue; // no room for one more
      end = at + nameWidth(text) / 2;
      chart.append(svg("text", { class: "tick", x: at, y: BOX.height - BOX.bottom + 16, "text-anchor": "middle" }, text));
    }
  }
  chart.append(svg("text", { class: "axis", x: (BOX.left + BOX.width - BOX.right) / 2, y: BOX.height - 6, "text-anchor": "middle" }, say(kind.axis)));
}

function dot(point, scale, kind) {
  const [x, y] = [scale.x(point.x), scale.y(point.y)];
  const row = point.row;
  const told = [row.model, point.group.protocol, `${point.group.metric} ${tellScore(row, point.group.metric)}`,
    `${say("place")} ${tellRank(point.rank)}`, kind.told(point.x),
    [row.type, row.precision].filter((word) => word !== "unknown").join(", "), say(row.origin)].filter(Boolean).join("\n");
  const interval = row.intervals[point.group.metric];
  const node = svg("g", { class: `dot k${point.group.index % 8}${row.origin === "run" ? " own" : ""}`, tabindex: 0, role: row.run ? "button" : "img", "aria-label": told });
  if (interval) node.append(svg("line", { x1: x, x2: x, y1: scale.y(interval[0]), y2: scale.y(interval[1]) }));
  node.append(svg("circle", { cx: x, cy: y, r: 5 }), svg("rect", { x: x - 11, y: y - 11, width: 22, height: 22, fill: "transparent" }));
  node.addEventListener("pointerenter", () => tip(node, told));
  node.addEventListener("focus", () => tip(node, told));
  node.addEventListener("pointerleave", hideTip);
  node.addEventListener("blur", hideTip);
  if (row.run) {
    node.addEventListener("click", () => openRun(row.run));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); openRun(row.run); }
    });
  }
  return node;
}

// The last part of what looks like a path; the rest is in the tip.
function shortName(name) {
  const short = /^[\w:.@~/-]+$/.test(name) ? name.split("/").pop() : name;
  return short.length > 30 ? `${short.slice(0, 29)}…` : short;
}

// How wide a name stands in the plot, in its units.
function nameWidth(text) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width + 3;
}

// Names beside the dots, where there is room for them.
function names(points, scale) {
  const taken = points.map((point) => ({ x: scale.x(point.x) - 6, y: scale.y(point.y) - 6, w: 12, h: 12 }));
  const nodes = [];
  for (const point of [...points].reverse()) { // those at the right edge have the fewest places
    const text = shortName(point.row.model);
    const w = nameWidth(text);
    const [x, y] = [scale.x(point.x), scale.y(point.y)];
    for (const at of [
      { x: x + 9, anchor: "start", left: x + 9, up: 0 },
      { x: x - 9, anchor: "end", left: x - 9 - w, up: 0 },
      { x: x - 4, anchor: "end", left: x - 4 - w, up: 12 },
      { x: x - 4, anchor: "end", left: x - 4 - w, up: -12 },
    ]) {
      const box = { x: at.left, y: y - at.up - 7, w, h: 13 };
      const inside = box.x > BOX.left && box.x + w < BOX.width - 2 && box.y >= 0;
      if (!inside || taken.some((other) => box.x < other.x + other.w && other.x < box.x + w && box.y < other.y + other.h && other.y < box.y + box.h)) continue;
      taken.push(box);
      nodes.push(svg("text", { class: "name", x: at.x, y: y - at.up + 4, "text-anchor": at.anchor, "aria-hidden": "true" }, text));
      break;
    }
  }
  return nodes;
}

function tip(node, text) {
  const box = $("tip");
  box.textContent = text;
  box.hidden = false;
  const place = node.querySelector("circle").getBoundingClientRect();
  const own = box.getBoundingClientRect();
  const x = Math.min(Math.max(8, place.left + place.width / 2 - own.width / 2), innerWidth - own.width - 8);
  const y = place.top - own.height - 10 < 8 ? place.bottom + 10 : place.top - own.height - 10;
  box.style.left = `${x}px`;
  box.style.top = `${y}px`;
}
function hideTip() { $("tip").hidden = true; }
