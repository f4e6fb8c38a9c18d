// Questions to answer by hand: a number, a choice, bits to toggle, steps to put in order.

import { moved, readNumber, verdict } from "../core/quiz.mjs";
import { button, frame, h, status } from "./dom.mjs";
import { keeper, portable } from "./progress.mjs";

let made = 0; // for names that are unique on a page

export function render({ model, el }) {
  const questions = model.get("questions");
  const cards = questions.map((question) => card(question, () => keep.add([question.id])));
  const count = h("p", { class: "btl-soft" });
  const keep = keeper(model, show);
  const { row, say } = portable(keep);
  const foot = model.get("footer") ? [count, row, say] : [];
  frame(el, model.get("title"), ...cards.map(({ element }) => element), ...foot);

  function show() {
    const passed = keep.passed();
    questions.forEach(({ id }, i) => cards[i].mark(passed.includes(id)));
    const done = questions.filter(({ id }) => passed.includes(id)).length;
    count.textContent = `${done} of ${questions.length} done. This browser remembers it; nothing is sent.`;
  }

  show();
  return keep.stop;
}

function card(question, onRight) {
  const label = `btl-question-${made++}`;
  const done = h("span", { class: "btl-done" });
  const say = status();
  const hints = h("ol", { class: "btl-hints" });
  const reasons = h("details", { hidden: true });
  const control = CONTROLS[question.form](question, label, check);
  let given = 0;

  function check() {
    const answer = control.answer();
    if (answer === null) {
      say.textContent = control.ask;
      return;
    }
    const { right, says } = verdict(question.options, answer);
    say.replaceChildren(h("strong", {}, right ? "Right. " : "Not yet. "), ...words(says ?? [["", "Not this one. A hint may help."]]));
    if (right) {
      explain();
      onRight();
    }
  }

  function explain() {
    const others = question.options.filter((option) => !option.right);
    const rows = others.map(({ shown, says }) => h("li", {}, h("code", {}, shown), ": ", words(says)));
    reasons.replaceChildren(h("summary", {}, "Why not the others?"), h("ul", {}, rows));
    reasons.hidden = false;
  }

  const hint = button("Hint", () => {
    if (given < question.hints.length) hints.append(h("li", {}, words(question.hints[given++])));
    hint.disabled = given === question.hints.length;
  });
  const element = h(
    "div", { class: "btl-card", role: "group", "aria-labelledby": label },
    h("p", { class: "btl-question", id: label }, `${question.id} ${question.title}`, done),
    question.prompt.length > 0 ? h("p", {}, words(question.prompt)) : null, control.element,
    h("div", { class: "btl-row" }, button("Check", check), question.hints.length > 0 ? hint : null),
    h("div", { "aria-live": "polite" }, hints), say, reasons,
  );
  return { element, mark: (passed) => { done.textContent = passed ? " ✓ done" : ""; } };
}

// A text is a list of runs [kind, words]: plain "", "i", "sub", "sup" or "code".
function words(runs) {
  return runs.map(([kind, text]) => (kind === "" ? text : h(kind, {}, text)));
}

// -- the controls: each { element, answer(), ask }; answer() is null before there is one ----------

function number(question, label, check) {
  const input = h("input", {
    type: "text", class: "btl-entry", "aria-labelledby": label, autocomplete: "off",
    onkeydown: ({ key }) => key === "Enter" && check(), // a form would not hear it in JupyterLab
  });
  const answer = () => (Number.isNaN(readNumber(input.value)) ? null : readNumber(input.value));
  return { element: h("p", {}, input), answer, ask: "Type a number first. A fraction such as 1/4 will do." };
}

function choice(question, label) {
  const inputs = question.options.map(() => h("input", { type: "radio", name: label }));
  const rows = question.options.map(({ shown }, i) => h("label", { class: "btl-check" }, inputs[i], h("code", {}, shown)));
  const answer = () => question.options[inputs.findIndex(({ checked }) => checked)]?.value ?? null;
  return { element: h("div", { role: "radiogroup", "aria-labelledby": label }, rows), answer, ask: "Choose an answer first." };
}

function bits(question) {
  const [low, high] = question.pair;
  const bit = [...question.start];
  const buttons = bit.map((_, i) => h("button", { type: "button", class: "btl-bit", onclick: () => toggle(i) }));

  function toggle(i) {
    bit[i] = bit[i] === low ? high : low;
    show();
  }

  function show() {
    buttons.forEach((box, i) => {
      const on = bit[i] === high;
      box.textContent = low < 0 ? (on ? "+" : "−") : bit[i];
      box.className = `btl-bit ${on ? "btl-bit-plus" : "btl-bit-minus"}`;
      box.setAttribute("aria-pressed", String(on));
      box.setAttribute("aria-label", `place ${i + 1} of ${bit.length}: ${low < 0 ? (on ? "plus" : "minus") : bit[i]}`);
    });
  }

  show();
  const element = h("div", { class: "btl-bits btl-wrap", role: "group", "aria-label": "bits to toggle" }, buttons);
  return { element, answer: () => [...bit], ask: "" };
}

function order(question) {
  let steps = question.start;
  const list = h("ol", { class: "btl-order" });
  const say = h("p", { class: "btl-hidden", "aria-live": "polite" });

  function move(at, by) {
    const step = steps[at];
    steps = moved(steps, at, by);
    show();
    const now = steps.indexOf(step);
    say.textContent = `${step}: place ${now + 1} of ${steps.length}`;
    const arrows = list.children[now].querySelectorAll("button");
    (by < 0 !== arrows[by < 0 ? 0 : 1].disabled ? arrows[by < 0 ? 0 : 1] : arrows[by < 0 ? 1 : 0]).focus();
  }

  function show() {
    const arrow = (at, by, sign, name) => button(sign, () => move(at, by), {
      "aria-label": `move ${steps[at]} ${name}`, disabled: at + by < 0 || at + by >= steps.length,
    });
    list.replaceChildren(...steps.map((step, at) => h(
      "li", {}, h("span", { class: "btl-step" }, step), arrow(at, -1, "↑", "up"), arrow(at, 1, "↓", "down"),
    )));
  }

  show();
  return { element: h("div", {}, list, say), answer: () => steps, ask: "" };
}

const CONTROLS = { number, choice, bits, order };

export default { render };
