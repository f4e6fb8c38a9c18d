// Teaching a layer one sample: groups, wrong neurons, the winner nearest to zero, and what happens to
// the hidden integers behind its weights.

import { sign } from "../core/sign.mjs";
import { axes, ticks } from "./chart.mjs";
import { bit, button, calm, count, h, key, number, share, status, svg } from "./dom.mjs";

const NUMBERED = 64;  // so many hidden integers are shown as numbers, more as signs alone

// Returns { element, show(now), draw(now, width) }; `now` is what error_bits.mjs computes.
export function lessonPanel(model, net) {
  const plot = h("div", { class: "btl-plot" });
  const say = status();
  const rowTitle = h("p", {});
  const cells = h("div", { class: "btl-hidden", role: "img" });
  const learn = button("Learn this sample", () => {
    if (!latest.winners.includes(latest.neuron)) model.set("neuron", latest.winners[0]);  // whose row will move
    const lesson = { sample: model.get("sample"), credit: model.get("credit"), nu: model.get("nu") };
    share(model, "lessons", [...model.get("lessons"), lesson]);
  });
  const undo = button("Undo", () => share(model, "lessons", model.get("lessons").slice(0, -1)));
  const legend = h(
    "p", { class: "btl-legend" }, key("btl-soft-box", "right"), key("btl-ink", "wrong"),
    key("btl-accent", "wrong and nearest to zero in its group: learns"),
  );
  const element = h(
    "div", {}, h("p", { class: "btl-title" }, "Who learns: the sums z of this layer"), plot, legend,
    h("div", { class: "btl-row" }, learn, undo), say, rowTitle, cells,
  );
  let lessons = model.get("lessons").length;
  let latest = null;

  function show(now) {
    latest = now;
    const fires = now.margin < now.bound;
    const { winners } = now;
    const wrong = now.a.filter((s, j) => s !== now.aStar[j]).length;
    learn.disabled = !fires || winners.length === 0;
    undo.disabled = model.get("lessons").length === 0;
    const learnt = model.get("lessons").length > lessons;
    lessons = model.get("lessons").length;
    say.textContent = (learnt ? tellLast(now.last, net.inputs[0].length) : "") + tellNext(now, fires, wrong, winners, net);
    showRow(now, learnt);
  }

  // The hidden integers of the chosen neuron, and which of them the last lesson moved.
  function showRow({ H, last, neuron: j }, learnt) {
    const width = net.inputs[0].length;
    const taught = last !== null && last.winners.includes(j);
    const flipped = new Set(taught ? last.crossed.filter((at) => Math.floor(at / width) === j) : []);
    const values = Array.from(H.subarray(j * width, (j + 1) * width));
    rowTitle.textContent = `The ${width} hidden integers of neuron ${j}: their signs are its weights.`
      + `${taught ? ` The last lesson moved each of them by 2; ${count(flipped.size, "sign")} changed.` : ""}`;
    cells.classList.toggle("btl-hidden-small", width > NUMBERED);
    cells.setAttribute("aria-label", `Hidden integers: ${values.join(", ")}`);
    cells.replaceChildren(...values.map((value, i) => h("span", {
      class: `${sign(value) > 0 ? "btl-bit-plus" : "btl-bit-minus"}`
        + `${flipped.has(j * width + i) ? ` btl-crossed${learnt && !calm() ? " btl-flash" : ""}` : ""}`,
    }, width <= NUMBERED ? number(value) : "")));
  }

  function draw(now, width) {
    plot.replaceChildren(sumsPicture(now, net.group, width));
  }

  return { element, show, draw };
}

function tellLast({ sample, winners, crossed }, width) {
  const moved = winners.length * width;
  return `Sample ${sample} taught ${count(winners.length, "neuron")} (${winners.join(", ")}): ${moved} entries of H moved by 2, `
    + `${crossed.length} of them across zero. `;
}

function tellNext(now, fires, wrong, winners, { K, group }) {
  if (!fires) return "This sample does not fire: there is nothing to learn from it.";
  if (winners.length === 0) return "This sample fires, but no neuron of this layer is wrong.";
  const [who] = winners;
  const first = winners.length === 1
    ? `Neuron ${who} would learn: z = ${number(now.z[who])}, and ${bit(now.aStar[who])} is wanted of it.`
    : `${winners.length} neurons would learn, one in each group that has a wrong one: ${winners.join(", ")}.`;
  return `${wrong} of ${K} neurons are wrong, in groups of ${group}. ${first} The layers above stay as they are.`;
}

// A bar of z for each neuron; every second group lies on a shade.
function sumsPicture({ z, a, aStar, winners, neuron }, group, width) {
  const most = z.reduce((far, sum) => Math.max(far, Math.abs(sum)), 1);
  const K = z.length;
  const chart = axes({
    width, height: 150, x: [-0.5, K - 0.5], y: [-most, most], yTicks: ticks(-most, most, 4),
    xTicks: ticks(0, K - 1, width < 420 ? 4 : 8).filter(Number.isInteger), xLabel: "neuron", yLabel: "z",
    label: `Sums z of ${K} neurons: ${z.join(", ")}`,
  });
  const kind = (j) => (winners.includes(j) ? "btl-bar-chosen" : a[j] !== aStar[j] ? "btl-bar btl-bar-now" : "btl-bar");
  const left = (j) => chart.X(j - 0.5);
  const shades = Array.from({ length: Math.floor(K / group / 2) }, (_, g) => (2 * g + 1) * group).map((j) =>
    svg("rect", { class: "btl-shade", x: left(j), width: left(j + group) - left(j), y: chart.box.top, height: chart.box.bottom - chart.box.top }));
  chart.add(
    shades,
    z.map((sum, j) => svg("rect", {
      class: kind(j), x: left(j) + 0.5, width: Math.max(0.5, left(j + 1) - left(j) - 1),
      y: Math.min(chart.Y(0), chart.Y(sum)), height: Math.max(2, Math.abs(chart.Y(sum) - chart.Y(0))),
    })),
    svg("path", { class: "btl-axis", d: `M${chart.box.left} ${chart.Y(0)}H${chart.box.right}` }),
    svg("path", { class: "btl-line-accent", d: `M${left(neuron)} ${chart.box.bottom + 2}H${left(neuron + 1)}` }),
  );
  return chart.element;
}
