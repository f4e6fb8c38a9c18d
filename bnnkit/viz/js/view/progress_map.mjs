// The ladder as a map of all exercises, the top rung first, with what is done.

import { button, frame, h } from "./dom.mjs";
import { keeper, portable } from "./progress.mjs";

export function render({ model, el }) {
  const boxes = new Map();
  const count = h("p", {});
  const rows = model.get("rungs").map(([name, exercises]) => h(
    "tr", {}, h("th", { scope: "row" }, name), h("td", {}, exercises.map(box)),
  ));
  const keep = keeper(model, show);
  const { row, say } = portable(keep);
  row.append(button("Forget", () => {
    keep.forget();
    say.textContent = "Forgotten in this browser.";
  }));
  frame(el, model.get("title"), count, h("table", { class: "btl-ladder" }, h("tbody", {}, rows)), row, say);

  function box([number, title]) {
    const link = h("a", { href: `#exercise-${number.replace(".", "-")}`, title, class: "btl-rung" });
    boxes.set(number, [link, title]);
    return link;
  }

  function show() {
    const passed = keep.passed();
    for (const [number, [link, title]] of boxes) {
      const done = passed.includes(number);
      link.textContent = `${done ? "✓ " : ""}${number}`;
      link.classList.toggle("btl-rung-done", done);
      link.setAttribute("aria-label", `${number} ${title}: ${done ? "done" : "to do"}`);
    }
    const done = [...boxes.keys()].filter((number) => passed.includes(number)).length;
    count.textContent = `${done} of ${boxes.size} exercises done.`;
  }

  show();
  return keep.stop;
}

export default { render };
