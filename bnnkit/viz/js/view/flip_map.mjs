// A layer's signs over training, and the hidden numbers behind them.

import { decode } from "../core/codec.mjs";
import { corner, flipCounts, flipsAt, inertia, largest, layout, neighbour, pushesToFlip, trace, weightAt } from "../core/flips.mjs";
import { sign } from "../core/sign.mjs";
import { axes, dot, line, ticks } from "./chart.mjs";
import { button, calm, colour, frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";

const LEVELS = 16;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function render({ model, el }) {
  let film = read(model);
  let map = null;
  let timer = null;
  let fading = null;
  let flash = 0;

  const canvas = h("canvas", { class: "btl-map", tabindex: 0, role: "application", "aria-label": "Weights. Arrow keys choose one." });
  const scroller = h("div", { class: "btl-scroll" }, canvas);
  const bars = h("div", { class: "btl-plot" });
  const past = h("div", { class: "btl-plot" });
  const say = status();
  const detail = status();
  const range = slider({
    label: capital(model.get("step_name")), min: 0, max: film.steps - 1, value: model.get("step"),
    format: (step) => `${film.labels[step]} of ${film.labels[film.steps - 1]}`,
    oninput: (step) => { pause(); go(step); },
  });
  const play = button("Play", () => (timer === null ? run() : pause()), { "aria-pressed": "false" });
  const back = button("◀", () => { pause(); go(model.get("step") - 1); }, { "aria-label": "One step back" });
  const on = button("▶", () => { pause(); go(model.get("step") + 1); }, { "aria-label": "One step on" });
  const legend = h(
    "p", { class: "btl-legend" }, key("btl-plus", "+1"), key("btl-minus", "−1"),
    key("btl-pale", "faint: near zero, easily flipped"), key("btl-ring", "just flipped"),
  );
  frame(
    el, model.get("title"), h("div", { class: "btl-row" }, back, play, on, range.element),
    scroller, legend, say, bars, past, detail,
  );

  function go(step) {
    share(model, "step", Math.min(film.steps - 1, Math.max(0, step)));
  }

  function run() {
    if (model.get("step") === film.steps - 1) go(0);
    say.setAttribute("aria-live", "off");
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      go(model.get("step") + 1);
      if (model.get("step") === film.steps - 1) pause();
    }, Math.min(700, Math.max(350, 12000 / film.steps)));  // slower than three flashes a second
  }

  function pause() {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
    say.setAttribute("aria-live", "polite");
    say.textContent = "";
    tell();
  }

  function tell() {
    const step = model.get("step");
    const flipped = film.counts[step];
    const share100 = ((100 * flipped) / film.size).toFixed(1);
    const label = `${capital(model.get("step_name"))} ${film.labels[step]}`;
    say.textContent = step === 0 ? `${label}: the start.` : `${label}: ${flipped} of ${film.size} weights flipped (${share100} %).`;
    detail.textContent = selectedWords(model, film);
  }

  function drawMap() {
    const step = model.get("step");
    paintMap(canvas, el, map, film, { step, selected: selectedIndex(model, film), flash });
  }

  function draw(width) {
    const step = model.get("step");
    map = layout({ rows: film.rows, cols: film.cols, ...film.tile, width: width - 4 });
    drawMap();
    bars.replaceChildren(flipBars(model, film, width, (chosen) => { pause(); go(chosen); }));
    const index = selectedIndex(model, film);
    past.replaceChildren(...(index < 0 ? [] : [history(model, film, index, step, width)]));
  }

  const redraw = () => {
    tell();
    drawn.redraw();
  };

  function onStep() {
    range.show(model.get("step"));
    redraw();
    if (calm() || film.counts[model.get("step")] === 0) return;
    clearTimeout(fading);
    flash = 1;
    const fade = () => {
      flash = Math.max(0, flash - 0.2);
      drawMap();
      if (flash > 0) fading = setTimeout(fade, 60);
    };
    if (map !== null) fade();
  }

  function onFilm() {
    film = read(model);
    range.input.max = film.steps - 1;
    range.show(Math.min(film.steps - 1, model.get("step")));
    redraw();
  }

  const choose = (index) => share(model, "selected", [Math.floor(index / film.cols), index % film.cols]);
  canvas.addEventListener("click", (event) => {
    const index = weightAt(map, event.offsetX - 2, event.offsetY - 2);
    if (index >= 0) choose(index);
  });
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || map === null) return;
    event.preventDefault();
    const index = selectedIndex(model, film);
    choose(index < 0 ? 0 : neighbour(map, index, ...arrow));
  });
  const changes = { H: onFilm, step: onStep, selected: redraw };
  for (const [name, react] of Object.entries(changes)) model.on(`change:${name}`, react);
  tell();
  const drawn = keepDrawn(el, draw);
  return () => {
    drawn.stop();
    pause();
    clearTimeout(fading);
    for (const [name, react] of Object.entries(changes)) model.off(`change:${name}`, react);
  };
}

function read(model) {
  const { shape, data } = decode(model.get("H"));
  const [steps, rows, cols] = shape;
  const size = rows * cols;
  const [tileRows, tileCols] = model.get("tile") ?? [1, cols];
  return {
    steps, rows, cols, size, data, tile: { tileRows, tileCols },
    labels: model.get("labels"), counts: flipCounts(data, size), most: largest(data),
  };
}

function selectedIndex(model, film) {
  const selected = model.get("selected");
  return selected === null ? -1 : selected[0] * film.cols + selected[1];
}

function selectedWords(model, film) {
  const index = selectedIndex(model, film);
  if (index < 0) return "Choose a weight on the map: click it, or use the arrow keys.";
  const values = trace(film.data, film.size, index);
  const value = values[model.get("step")];
  const flips = values.slice(1).filter((now, i) => sign(now) !== sign(values[i])).length;
  const [row, col] = model.get("selected");
  const unit = model.get("unit");
  const bit = sign(value) > 0 ? "+1" : "−1";
  const behind = unit === null
    ? `H = ${number(value)}, so W = ${bit}; ${pushesToFlip(value)} ${pushesToFlip(value) === 1 ? "push" : "pushes"} from flipping`
    : `latent ${number(Number((value * unit).toPrecision(3)))}, so W = ${bit}`;
  return `Weight (${row}, ${col}): ${behind}. It flipped ${flips} ${flips === 1 ? "time" : "times"} in all.`;
}

function paintMap(canvas, el, map, film, { step, selected, flash }) {
  const ratio = devicePixelRatio || 1;
  const edge = 2;  // room for the rings of the outermost cells
  canvas.width = (map.width + 2 * edge) * ratio;
  canvas.height = (map.height + 2 * edge) * ratio;
  canvas.style.width = `${map.width + 2 * edge}px`;
  canvas.style.height = `${map.height + 2 * edge}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, edge * ratio, edge * ratio);
  const [plus, minus, ink, accent] = ["plus", "minus", "ink", "accent"].map((name) => colour(el, name));
  const side = map.cell >= 6 ? map.cell - 1 : map.cell;
  for (let index = 0; index < film.size; index++) {
    const value = film.data[step * film.size + index];
    const [x, y] = corner(map, index);
    context.globalAlpha = 0.22 + (0.78 * inertia(value, film.most, LEVELS)) / (LEVELS - 1);
    context.fillStyle = sign(value) > 0 ? plus : minus;
    context.fillRect(x, y, side, side);
  }
  const ring = (index, style, width, out) => {
    const [x, y] = corner(map, index);
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(x - out, y - out, side + 2 * out, side + 2 * out);
  };
  context.globalAlpha = 1;
  for (const index of flipsAt(film.data, film.size, step)) {
    const [x, y] = corner(map, index);
    context.globalAlpha = flash;
    context.fillStyle = ink;
    context.fillRect(x, y, side, side);
    context.globalAlpha = 1;
    ring(index, ink, map.cell >= 6 ? 1.5 : 1, -0.5);
  }
  if (selected >= 0) ring(selected, accent, 2.5, 1);
}

function flipBars(model, film, width, onPick) {
  const most = Math.max(1, ...film.counts);
  const step = model.get("step");
  const shown = ticks(0, film.steps - 1, Math.min(film.steps, width < 420 ? 4 : 8)).filter(Number.isInteger);
  const chart = axes({
    width, height: 118, x: [-0.5, film.steps - 0.5], y: [0, most],
    xTicks: shown.map((at) => ({ at, text: film.labels[at] })), yTicks: ticks(0, most, 2),
    xLabel: model.get("step_name"), yLabel: "weights flipped",
    label: `Weights flipped at each ${model.get("step_name")}: ${film.counts.slice(1).join(", ")}`,
  });
  const wide = (chart.box.right - chart.box.left) / film.steps;
  chart.add(film.counts.map((count, at) => svg("rect", {
    class: at === step ? "btl-bar btl-bar-now" : "btl-bar",
    x: chart.X(at - 0.5) + Math.min(1, wide / 8), width: Math.max(0.5, wide - Math.min(2, wide / 4)),
    y: chart.Y(count), height: chart.box.bottom - chart.Y(count),
  })));
  chart.element.addEventListener("click", (event) => {
    const left = event.clientX - chart.element.getBoundingClientRect().left - chart.box.left;
    onPick(Math.floor(left / wide));
  });
  return chart.element;
}

function history(model, film, index, step, width) {
  const unit = model.get("unit") ?? 1;
  const values = trace(film.data, film.size, index).map((value) => value * unit);
  const most = Math.max(unit, ...values.map(Math.abs));
  const [row, col] = model.get("selected");
  const name = model.get("unit") === null ? "hidden integer" : "latent";
  const shown = ticks(0, film.steps - 1, width < 420 ? 4 : 8).filter(Number.isInteger);
  const chart = axes({
    width, height: 138, x: [-0.5, film.steps - 0.5], y: [-most, most],
    xTicks: shown.map((at) => ({ at, text: film.labels[at] })), yTicks: ticks(-most, most, 4),
    xLabel: model.get("step_name"), yLabel: `${name} of weight (${row}, ${col})`,
    label: `${capital(name)} of weight (${row}, ${col}) over training`,
  });
  chart.add(
    svg("path", { class: "btl-axis", d: `M${chart.box.left} ${chart.Y(0)}H${chart.box.right}` }),
    line(chart, values.map((value, at) => [at, value]), "btl-line"),
    values.map((value, at) => dot(chart, at, value, value < 0 ? "btl-minus" : "btl-plus", at === step ? 6 : 2.5)),
  );
  return chart.element;
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function number(x) {
  return String(x).replace("-", "−");
}

export default { render };
