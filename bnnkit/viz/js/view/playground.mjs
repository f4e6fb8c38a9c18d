// The playground: a whole network of signs trains in the page, in a worker, with the bits of bnnkit.

import { verdict } from "../core/guess.mjs";
import { button, calm, frame, h, keepDrawn, key, share, slider, status } from "./dom.mjs";
import { errorBitsInside } from "./inside.mjs";
import { FAILURES, changes, inPython, knobPanel, same } from "./knobs.mjs";
import { neuronMaps } from "./neurons.mjs";
import { stepList } from "./steps.mjs";
import { NAMES, accuracyChart, signCharts, tellDepartures } from "./vitals.mjs";
import { source } from "../worker/playground.mjs?source";

const CREDITS = Object.keys(NAMES);
const score = (error) => (100 * (1 - error)).toFixed(1);
const percent = (error) => `${score(error)} %`;

export function render({ model, el }) {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address);
  const tell = (message) => worker.postMessage(message);
  let knobs = model.get("knobs");
  let before = null;  // the knobs of the run to compare with
  let [news, bands, points, which, credit] = [null, null, null, "test", "bep"];
  let closePanel = () => {};

  // controls
  const run = button("Run", () => (news?.running ? tell({ do: "pause" }) : go("end")), { "data-btl-run": "" });
  const epoch = button("One epoch", () => go("epoch"));
  const sample = button("One sample", () => tell({ do: "sample" }));
  const back = button("Back", () => tell({ do: "back" }), { disabled: true });
  const again = button("Start again", () => setup(knobs, before));
  const fast = h("input", { type: "checkbox" });
  const say = status();
  const speed = h("p", { class: "btl-legend" });
  const guess = guessBox(model, () => go("end"));

  // what is shown
  const views = ["test", "train"].map((name) => [name, button(name === "test" ? "new points" : "training points", () => { which = name; redraw(); })]);
  const plot = h("div", { class: "btl-plot" });
  const table = h("div", { class: "btl-scroll" });
  const compared = h("p", { class: "btl-legend" });
  const signs = h("div", { class: "btl-signs" });
  const judged = status();
  const maps = neuronMaps(openNeuron);
  const explained = h("p", { class: "btl-legend" });
  const credits = CREDITS.map((name) => [name, button(NAMES[name], () => { credit = name; closePanel(); tell({ do: "show", credit }); })]);
  const panel = h("div", {});
  const steps = h("div", { "aria-live": "polite" });
  const python = h("pre", { class: "btl-python", tabindex: "0" });
  const hashes = h("p", { class: "btl-legend" });
  const failures = FAILURES.map((failure) => button(failure.name, () => ruin(failure)));
  const dials = knobPanel((next) => setup(next, started() ? knobs : before));
  const title = (words) => h("p", { class: "btl-section" }, words);

  frame(
    el, model.get("title"), guess.element,
    h("div", { class: "btl-row" }, run, epoch, sample, back, again, h("label", { class: "btl-check" }, fast, "full speed")), say,
    h("div", { class: "btl-row", role: "group", "aria-label": "Accuracy on" }, views.map(([, b]) => b)), plot,
    h("p", { class: "btl-legend" }, key("btl-key-line btl-plus", "BEP"), key("btl-key-line btl-key-dash", "local rule"), key("btl-key-line btl-key-dot", "frozen"), key("btl-key-line btl-plus btl-before", "BEP before the change")),
    table, compared, steps,
    title("Turn one knob"), dials.element,
    title("Ruin it on purpose"), h("div", { class: "btl-row" }, failures, button("Healthy again", () => setup(healthy(knobs), null))),
    title("Vital signs of BEP"), judged, signs,
    h("p", { class: "btl-legend" }, key("btl-shade", "eight healthy networks of other seeds, and as much again on either side")),
    title("What each hidden neuron sees"), h("div", { class: "btl-row", role: "group", "aria-label": "Neurons of" }, credits.map(([, b]) => b)), maps.element, explained, panel,
    h("details", {}, h("summary", {}, "The same in Python, the same weights"), python, hashes, speed),
  );

  // Healthy settings for the data and the layers at hand.
  function healthy(now) {
    const preset = model.get("presets")[now.data === "digits" ? "digits" : "plane"];
    const kept = { data: now.data, seed: now.seed, epochs: now.epochs };
    const widths = now.data === knobs.data ? now.widths : preset.widths;
    const fits = widths.every((width) => preset.group === 0 || width % preset.group === 0);
    return { ...preset, ...kept, widths, group: fits ? preset.group : 0 };
  }

  // A new experiment, beside BEP with the knobs `reference`, if there are any.
  function setup(next, reference, start = false) {
    const moved = next.data !== knobs.data;
    knobs = moved ? { ...healthy(next), constant: next.constant } : next;
    before = reference && !moved && !same(reference, knobs) ? reference : null;
    begin(start);
  }

  function begin(start = false) {
    share(model, "knobs", knobs);
    share(model, "result", null);
    [bands, news] = [null, null];
    closePanel();
    steps.replaceChildren();
    judged.textContent = "";
    back.disabled = true;
    dials.show(knobs);
    tell({ do: "setup", knobs, before, preset: { ...healthy(knobs), constant: true } });
    if (start) go("end");
  }

  function go(to) {
    back.disabled = true;
    steps.replaceChildren();
    tell({ do: "go", to, pace: fast.checked ? "fast" : "watch", every: calm() ? 1000 : 100 });
  }

  // Healthy and ruined side by side: they differ in one knob.
  function ruin({ also, change }) {
    before = { ...healthy({ ...knobs, ...also(knobs) }), ...also(knobs) };
    knobs = { ...before, ...change(before) };
    begin(true);
  }

  function started() {
    return news !== null && news.at > 0;
  }

  function openNeuron(layer, neuron) {
    closePanel();
    if (layer === knobs.widths.length - 1) {
      panel.replaceChildren(h("p", { class: "btl-status", role: "status" }, `Neuron ${neuron} of the last layer: nobody votes on it. Its a* is its place in the prototype of the right class.`));
      closePanel = () => panel.replaceChildren();
      return;
    }
    const listens = credit === "bep" ? "" : ` This is the ${NAMES[credit]} network: it does not listen to the votes.`;
    tell({ do: "open", layer, neuron, title: `Layer ${layer + 1} in error bits.${listens}`, names: model.get("class_names")[knobs.data] });
  }

  function showPanel(state) {
    closePanel();
    const { element, stop } = errorBitsInside(state);
    panel.replaceChildren(element);
    closePanel = () => {
      stop();
      panel.replaceChildren();
      closePanel = () => {};
    };
  }

  const hears = {
    points: (found) => { points = found; },
    state(now) {
      const finished = now.done && !(news?.done ?? false);
      news = now;
      run.textContent = now.running ? "Pause" : "Run";
      for (const b of [run, epoch, sample]) b.disabled = now.done;
      const words = tellState();
      if (words !== say.textContent) say.textContent = words;
      if (finished) finish();
      el.toggleAttribute("data-btl-busy", now.running || (now.done && bands === null));
      soon();
    },
    verdict({ bands: found, left }) {
      bands = found;
      judged.textContent = tellDepartures(left, news.signs);
      redraw();
      el.removeAttribute("data-btl-busy");
    },
    sample({ told, past }) {
      back.disabled = past === 0;
      steps.replaceChildren(...(told ? [title(`Sample ${told.index}, of class ${told.y}`), stepList(told)] : []));
    },
    opened: ({ state }) => showPanel(state),
  };
  worker.onmessage = ({ data }) => hears[data.kind](data);
  worker.onerror = () => { say.textContent = "This browser could not start the worker in which the network trains."; };

  function finish() {
    const best = Object.fromEntries(news.runs.map((one, i) => [one.credit, { test: one.test[one.test.length - 1], kept: one.kept, sha256: news.hashes[i] }]));
    share(model, "result", best);
    guess.settle(news);
  }

  // Spoken whenever it changes: once an epoch.
  function tellState() {
    const done = Math.floor(news.at + 1e-9);
    if (news.at === 0) return "Ready: three networks with the same weights.";
    const scores = news.runs.map(({ credit: name, test }) => `${NAMES[name]} ${percent(test[test.length - 1])}`).join(", ");
    return `Epoch ${done} of ${knobs.epochs}. Right on new points: ${scores}.`;
  }

  // Draw the latest news at the next frame: a slow page skips some, and none when hidden.
  let frameAsked = false;
  function soon() {
    if (frameAsked) return;
    frameAsked = true;
    requestAnimationFrame(() => {
      frameAsked = false;
      redraw();
    });
  }

  function redraw() {
    if (news === null) return;
    drawn.redraw();
    views.forEach(([name, b]) => b.setAttribute("aria-pressed", String(name === which)));
    credits.forEach(([name, b]) => b.setAttribute("aria-pressed", String(name === credit)));
    table.replaceChildren(scoreTable(news));
    const turned = before ? changes(before, knobs) : [];
    compared.textContent = turned.length === 0 ? ""
      : `Changed: ${turned.join("; ")}. ${turned.length === 1 ? "All else is the same, so what differs is its doing." : "More than one knob: nobody can tell which did it."}`;
    maps.show(news.pictures, points);
    explained.textContent = knobs.data === "digits"
      ? "Layer 1: the weights on each pixel, blue +1 and orange −1. Above it: what a neuron says of the classes, 0 to 4 over 5 to 9."
      : "A picture is the square that the points come from: blue where the neuron says +1, orange where −1. Click one to see its error bits.";
    python.textContent = inPython(knobs, credit);
    hashes.textContent = news.hashes ? `sha256 of the weights of ${news.runs.map(({ credit: name }, i) => `${NAMES[name]}: ${news.hashes[i].slice(0, 16)}…`).join("; ")}` : "";
    speed.textContent = news.rate > 0 ? `${Math.round(news.rate)} batch steps a second on this machine.` : "";
  }

  function draw(width) {
    if (news === null) return;
    plot.replaceChildren(accuracyChart(news, { which, epochs: knobs.epochs, width }));
    signs.replaceChildren(...signCharts(news, { bands, epochs: knobs.epochs, width }));
  }

  const sleep = () => tell({ do: "sleep", on: document.hidden });
  document.addEventListener("visibilitychange", sleep);
  const drawn = keepDrawn(plot, draw);
  if (model.get("digits")) tell({ do: "digits", parts: model.get("digits") });
  const fromPython = () => {
    if (!same(model.get("knobs"), knobs)) setup(model.get("knobs"), started() ? knobs : before);
  };
  model.on("change:knobs", fromPython);
  begin();
  return () => {
    closePanel();
    worker.terminate();
    URL.revokeObjectURL(address);
    document.removeEventListener("visibilitychange", sleep);
    model.off("change:knobs", fromPython);
    drawn.stop();
  };
}

// The question before the first run. settle(news) tells how it went. Returns { element, settle }.
function guessBox(model, onGuess) {
  const say = status();
  let value = model.get("guess") ?? 15;
  const range = slider({
    label: "Your guess", min: -10, max: 50, value, format: (x) => `${x} points`.replace("-", "−"),
    oninput: (x) => { value = x; },
  });
  const ask = button("Guess and run", () => {
    share(model, "guess", value);
    fix();
    onGuess();
  }, { "data-btl-reveal": "" });
  const element = h(
    "div", { class: "btl-guess" },
    h("p", { class: "btl-question" }, "Three networks start from the same weights. BEP tells the lower layer what to do by votes, the local rule by a fixed prototype; in the frozen network it never learns. By how many percentage points will BEP beat the frozen one on new points?"),
    h("div", { class: "btl-row" }, range.element, ask), say,
  );

  function fix() {
    range.input.disabled = true;
    ask.disabled = true;
  }

  function settle({ runs }) {
    if (model.get("guess") === null || say.textContent) return;
    const [bep, local, frozen] = runs.map(({ test }) => 100 * (1 - test[test.length - 1]));
    const words = verdict({ guess: model.get("guess"), truth: bep - frozen, unit: " points", digits: 1 });
    say.textContent = `${words} Over the local rule it is ${(bep - local).toFixed(1).replace("-", "−")}.`;
  }

  if (model.get("guess") !== null) fix();
  return { element, settle };
}

// Last and kept: the epoch that the validation points would pick.
function scoreTable({ runs, before }) {
  const rows = [...runs.map((one) => [NAMES[one.credit], one]), ...(before ? [["BEP before", before]] : [])];
  const cell = (words) => h("td", {}, words);
  return h(
    "table", { class: "btl-table" },
    h("caption", {}, "Right, in percent. Best: the epoch that did best on validation points; its score is on new points."),
    h("thead", {}, h("tr", {}, ["network", "training, last", "new, last", "new, best", "best epoch"].map((words) => h("th", { scope: "col" }, words)))),
    h("tbody", {}, rows.map(([name, { test, train, kept }]) => h(
      "tr", {}, h("th", { scope: "row" }, name), cell(train.length ? score(train[train.length - 1]) : "–"), cell(score(test[test.length - 1])),
      cell(kept ? score(kept.test) : "–"), cell(kept ? String(kept.epoch) : "–"),
    ))),
  );
}

export default { render };
