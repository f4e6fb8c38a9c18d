// The playground's thumbnails: a small picture of each hidden neuron, to click, and of the answer.

import { colour, h } from "./dom.mjs";

const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

// onopen(layer, neuron) when one is chosen. Returns { element, show(pictures, words) }.
export function neuronMaps(onopen) {
  const element = h("div", { class: "btl-maps" });
  let [drawn, buttons, chosen] = [null, [], [0, 0]];

  function build(pictures) {
    buttons = pictures.layers.map(({ neurons }, layer) => neurons.map((_, j) => h(
      "button", { type: "button", class: "btl-map-button", tabindex: "-1", onclick: () => pick(layer, j), onkeydown: (event) => walk(event, layer, j) },
      h("canvas", { "aria-hidden": "true" }),
    )));
    const answer = pictures.out ? [h("figure", {}, h("canvas", { class: "btl-answer", role: "img", "aria-label": "the class that the network answers at each place, and the training points" }), h("figcaption", {}, "the answer"))] : [];
    element.replaceChildren(...buttons.map((row, layer) => h(
      "div", { class: "btl-map-layer" }, h("p", { class: "btl-legend" }, `Layer ${layer + 1}`),
      h("div", { class: "btl-map-row", role: "group", "aria-label": `Neurons of layer ${layer + 1}` }, row),
    )), ...answer);
    mark();
  }

  function walk(event, layer, j) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    buttons[layer][j].tabIndex = -1;
    const next = buttons[layer][Math.min(buttons[layer].length - 1, Math.max(0, j + move))];
    next.tabIndex = 0;
    next.focus();
  }

  function pick(layer, j) {
    chosen = [layer, j];
    mark();
    onopen(layer, j);
  }

  function mark() {
    buttons.forEach((row, layer) => row.forEach((b, j) => {
      const on = layer === chosen[0] && j === chosen[1];
      b.setAttribute("aria-pressed", String(on));
      b.tabIndex = on || (j === 0 && layer !== chosen[0]) ? 0 : -1;
    }));
  }

  function show(pictures, points) {
    const shape = pictures.layers.map(({ rows, cols, neurons }) => [rows, cols, neurons.length]).join();
    if (shape !== drawn) {
      [drawn, chosen] = [shape, [0, 0]];
      build(pictures);
    }
    const names = ["minus", "plus", "accent", "paper"].map((name) => colour(element, name));
    const tints = names.slice(0, 2).map(parts);
    pictures.layers.forEach(({ rows, cols, neurons }, layer) => neurons.forEach((values, j) => {
      const upright = rows === 2 ? (i) => i : (i) => (pictures.out ? (rows - 1 - Math.floor(i / cols)) * cols + (i % cols) : i);
      paint(buttons[layer][j].firstChild, values, [rows, cols], tints, upright);
      const plus = Math.round((100 * values.filter((v) => v > 0).length) / values.length);
      buttons[layer][j].setAttribute("aria-label", `layer ${layer + 1}, neuron ${j}: +1 in ${plus} % of its picture`);
    }));
    if (pictures.out) answer(pictures, points, names);
  }

  // The classes as tints and the training points on them, each class a shape of its own.
  function answer({ out, side }, points, [minus, plus, accent, paper]) {
    const canvas = element.querySelector(".btl-answer");
    const cell = 12;
    canvas.width = canvas.height = side * cell;
    const pen = canvas.getContext("2d");
    const classes = [plus, minus, accent];
    out.forEach((c, i) => {
      pen.globalAlpha = 0.45;
      pen.fillStyle = classes[c];
      pen.fillRect((i % side) * cell, (side - 1 - Math.floor(i / side)) * cell, cell, cell);
    });
    pen.globalAlpha = 1;
    points.y.forEach((c, n) => {
      const [x, y] = [points.xy[2 * n] * canvas.width, (1 - points.xy[2 * n + 1]) * canvas.height];
      pen.fillStyle = classes[c];
      pen.strokeStyle = paper;
      pen.beginPath();
      if (c === 0) pen.arc(x, y, 3.5, 0, 7);
      else if (c === 1) pen.rect(x - 3, y - 3, 6, 6);
      else pen.moveTo(x, y - 4), pen.lineTo(x + 4, y + 3), pen.lineTo(x - 4, y + 3), pen.closePath();
      pen.fill();
      pen.stroke();
    });
  }

  return { element, show };
}

// Values from -4 to 4 as strengths of two colours, a pixel each.
function paint(canvas, values, [rows, cols], [minus, plus], upright) {
  [canvas.width, canvas.height] = [cols, rows];
  const image = new ImageData(cols, rows);
  values.forEach((_, i) => {
    const value = values[upright(i)];
    image.data.set([...(value < 0 ? minus : plus), (255 * Math.abs(value)) / 4], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Red, green and blue of a colour, whatever way the style sheet writes it.
function parts(name) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = name;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data.subarray(0, 3);
}
