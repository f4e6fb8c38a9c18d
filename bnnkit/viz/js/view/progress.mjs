// What the reader has done: kept in this browser, shared by all widgets of a page, saved as a file.

import { progressText, readProgress, union } from "../core/quiz.mjs";
import { button, h, share, status } from "./dom.mjs";

const KEY = "bits-that-learn";
const CHANGED = "btl-progress";

// The model's `passed` and the browser's memory, kept equal; { passed, add, forget, stop }.
export function keeper(model, onChange) {
  const passed = () => union(model.get("passed"), stored());

  function add(numbers) {
    const all = union(passed(), numbers);
    store(all);
    tell(all);
  }

  function tell(all) {
    if (all.join() !== model.get("passed").join()) share(model, "passed", all);
    window.dispatchEvent(new Event(CHANGED));
  }

  function forget() {
    store([]);
    tell([]);
  }

  add([]); // what either side remembers, both know now
  window.addEventListener(CHANGED, onChange);
  window.addEventListener("storage", onChange); // another page of the book
  const stop = () => {
    window.removeEventListener(CHANGED, onChange);
    window.removeEventListener("storage", onChange);
  };
  return { passed, add, forget, stop };
}

function stored() {
  try {
    return readProgress(localStorage.getItem(KEY)) ?? [];
  } catch {
    return []; // a browser may forbid it
  }
}

function store(passed) {
  try {
    localStorage.setItem(KEY, progressText(passed));
  } catch {
    // then it lasts as long as the page
  }
}

// Two buttons that save and load a progress file.
export function portable(keep) {
  const say = status();
  const file = h("input", { type: "file", accept: ".json,application/json", hidden: true, tabindex: -1, "aria-hidden": "true" });
  file.addEventListener("change", async () => {
    const found = file.files.length > 0 ? readProgress(await file.files[0].text()) : [];
    file.value = "";
    if (found === null) {
      say.textContent = "That is not a progress file.";
      return;
    }
    keep.add(found);
    say.textContent = `Loaded: ${found.length} done in that file.`;
  });
  const row = h(
    "div", { class: "btl-row" },
    button("Save progress", () => save(keep.passed())), button("Load progress", () => file.click()), file,
  );
  return { row, say };
}

function save(passed) {
  const address = URL.createObjectURL(new Blob([progressText(passed)], { type: "application/json" }));
  h("a", { href: address, download: "progress.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
