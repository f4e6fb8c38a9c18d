// What every view needs: elements, a slider, the page's theme and width.

const SVG = "http://www.w3.org/2000/svg";
const CONTROLS = ["button", "input", "select"];

// h("button", { type: "button", onclick: f }, "Play"): null and false attributes are left out.
export function h(tag, attributes = {}, ...children) {
  const element = furnish(document.createElement(tag), attributes, children);
  const takesKeys = CONTROLS.includes(tag) || "tabindex" in attributes;
  if (takesKeys) element.dataset.lmSuppressShortcuts = "";  // or JupyterLab keeps arrows and Enter to itself
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null));
  return element;
}

export function button(text, onclick, attributes = {}) {
  return h("button", { type: "button", class: "btl-button", onclick, ...attributes }, text);
}

// A labelled range input that says its value in words; { element, input, show(value) }.
export function slider({ label, min, max, step = 1, value, format = String, oninput }) {
  const output = h("output", { class: "btl-value" });
  const input = h("input", { type: "range", min, max, step, class: "btl-range" });
  const show = (number) => {
    input.value = number;
    output.textContent = format(number);
    input.setAttribute("aria-valuetext", format(number));
  };
  input.addEventListener("input", () => {
    show(Number(input.value));
    oninput(Number(input.value));
  });
  show(value);
  const element = h("label", { class: "btl-slider" }, h("span", {}, label), input, output);
  return { element, input, output, show };
}

// A line that a screen reader speaks when it changes.
export function status() {
  return h("p", { class: "btl-status", role: "status", "aria-live": "polite" });
}

// A box of the legend with its words.
export function key(kind, words) {
  return h("span", { class: "btl-key" }, h("span", { class: `btl-swatch ${kind}`, "aria-hidden": "true" }), words);
}

export function frame(el, title, ...children) {
  el.classList.add("btl-widget");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", title);
  el.replaceChildren(h("p", { class: "btl-title", "aria-hidden": "true" }, title), ...children.filter((child) => child !== null));
}

export function colour(el, name) {
  return getComputedStyle(el).getPropertyValue(`--btl-${name}`).trim();
}

export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// Call `draw(width)` as soon as `el` has a width, and again when that or the page's theme changes.
// Returns { redraw, stop }.
export function keepDrawn(el, draw) {
  let width = 0;
  const redraw = () => {
    if (width > 0) draw(width);
  };
  const sizes = new ResizeObserver((entries) => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now !== width) {
      width = now;
      redraw();
    }
  });
  sizes.observe(el);
  const themes = new MutationObserver(redraw);
  for (const root of [document.documentElement, document.body]) {
    themes.observe(root, { attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  const stop = () => {
    sizes.disconnect();
    themes.disconnect();
    dark.removeEventListener("change", redraw);
  };
  return { redraw, stop };
}

// Numbers and signs as text, with a true minus.
export function number(x) {
  return String(x).replace("-", "−");
}

export function bit(s) {
  return s > 0 ? "+1" : "−1";
}

// "1 push", "2 pushes".
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

// Set a value that both sides share.
export function share(model, name, value) {
  model.set(name, value);
  model.save_changes();
}
