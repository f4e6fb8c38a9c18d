// The sums of a layer as bars, dark where the gate is open, under the gate's window.

import { histogram } from "../core/bep.mjs";
import { axes, ticks } from "./chart.mjs";
import { svg } from "./dom.mjs";

const BARS = 60;

export function windowPicture(sums, fanIn, bound, width) {
  const { low, wide, counts } = histogram(sums, fanIn, Math.min(BARS, width / 8));
  const last = (bound - fanIn) % 2 === 0 ? bound : bound - 1;  // the last sum that can occur
  const high = -low;
  const most = Math.max(...counts);
  const edge = Math.min(last + 1, high);
  const chart = axes({
    width, height: 130, x: [low, high], y: [0, most], xTicks: ticks(low, high, width < 420 ? 4 : 8), yTicks: ticks(0, most, 2),
    xLabel: "z", yLabel: "how often", label: `Histogram of z from ${low} to ${high}; gates are open up to |z| = ${last}`,
  });
  chart.add(
    svg("rect", { class: "btl-shade", x: chart.X(-edge), width: chart.X(edge) - chart.X(-edge), y: chart.box.top, height: chart.box.bottom - chart.box.top }),
    counts.map((count, i) => {
      const middle = low + (i + 0.5) * wide;
      return svg("rect", {
        class: Math.abs(middle) <= last ? "btl-bar btl-bar-now" : "btl-bar", x: chart.X(low + i * wide) + 0.5,
        width: Math.max(0.5, chart.X(low + wide) - chart.X(low) - 1), y: chart.Y(count), height: chart.box.bottom - chart.Y(count),
      });
    }),
  );
  return chart.element;
}
