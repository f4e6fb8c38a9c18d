// A vote as a row of ballots: + and −, and a dot where the gate is closed.

import { h } from "./dom.mjs";

const KINDS = { 1: ["btl-bit-plus", "+"], "-1": ["btl-bit-minus", "−"], 0: ["btl-bit-padding", "·"] };

// Show the votes in `box`, an image; returns how many there are of each kind.
export function showBallots(box, votes) {
  const [plus, minus, closed] = [1, -1, 0].map((side) => votes.filter((v) => v === side).length);
  box.setAttribute("aria-label", votes.length ? `${plus} votes for +1, ${minus} for −1, ${closed} closed` : "no votes");
  box.replaceChildren(...votes.map((v) => h("span", { class: `btl-ballot ${KINDS[v][0]}` }, KINDS[v][1])));
  return { plus, minus, closed };
}
