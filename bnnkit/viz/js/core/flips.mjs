// Hidden numbers over training, and the signs that flip. A history is flat: steps x weights.

import { sign } from "./sign.mjs";

// The weights whose sign at `step` is not the sign they had one step before.
export function flipsAt(history, size, step) {
  const flipped = [];
  if (step === 0) return flipped;
  const now = step * size;
  const before = now - size;
  for (let i = 0; i < size; i++) {
    if (sign(history[now + i]) !== sign(history[before + i])) flipped.push(i);
  }
  return flipped;
}

export function flipCounts(history, size) {
  const steps = history.length / size;
  return Array.from({ length: steps }, (_, step) => flipsAt(history, size, step).length);
}

// One weight's hidden number at every step.
export function trace(history, size, index) {
  const steps = history.length / size;
  return Array.from({ length: steps }, (_, step) => history[step * size + index]);
}

export function largest(history) {
  let most = 1;
  for (const h of history) most = Math.max(most, Math.abs(h));
  return most;
}

// Inertia as one of the levels 0 .. levels - 1: the square root of |h| / most, rounded down, in
// whole numbers only. The root tells small hidden numbers apart.
export function inertia(h, most, levels) {
  const top = levels - 1;
  let level = top;
  while (level > 0 && level * level * most > Math.abs(h) * top * top) level--;
  return level;
}

// How many pushes of 2 against its sign until the sign flips.
export function pushesToFlip(h) {
  return h < 0 ? Math.ceil(-h / 2) : Math.floor(h / 2) + 1;
}

// Where each weight is drawn. A neuron is a tile: its own row, or a small picture (tileRows x
// tileCols) if the inputs are pixels. `width` is what there is; cells are whole pixels.
export function layout({ rows, cols, tileRows, tileCols, width }) {
  const gap = tileRows > 1 ? 6 : 0;
  const fit = (across) => Math.floor((width - gap * (across - 1)) / (across * tileCols));
  const high = (across) => Math.ceil(rows / across) * (tileRows * clampCell(fit(across)) + gap);
  let across = 1;
  if (tileRows > 1) {
    while (across < rows && (high(across) > 300 || fit(across + 1) >= 12)) {
      if (fit(across + 1) < 3) break;
      across++;
    }
  }
  const cell = clampCell(fit(across));
  const down = Math.ceil(rows / across);
  return {
    rows, cols, tileRows, tileCols, gap, across, cell,
    width: across * tileCols * cell + gap * (across - 1),
    height: down * tileRows * cell + gap * (down - 1),
  };
}

function clampCell(cell) {
  return Math.min(22, Math.max(3, cell));
}

// The top left corner of a weight's cell.
export function corner(map, index) {
  const tile = Math.floor(index / map.cols);
  const pixel = index % map.cols;
  const left = (tile % map.across) * (map.tileCols * map.cell + map.gap);
  const top = Math.floor(tile / map.across) * (map.tileRows * map.cell + map.gap);
  return [left + (pixel % map.tileCols) * map.cell, top + Math.floor(pixel / map.tileCols) * map.cell];
}

// The weight at a point, or -1.
export function weightAt(map, x, y) {
  const tileX = Math.floor(x / (map.tileCols * map.cell + map.gap));
  const tileY = Math.floor(y / (map.tileRows * map.cell + map.gap));
  const column = Math.floor((x - tileX * (map.tileCols * map.cell + map.gap)) / map.cell);
  const row = Math.floor((y - tileY * (map.tileRows * map.cell + map.gap)) / map.cell);
  return weightIn(map, tileX, tileY, column, row);
}

// The weight one cell away in direction (dx, dy), or the same one at the edge.
export function neighbour(map, index, dx, dy) {
  const tile = Math.floor(index / map.cols);
  const pixel = index % map.cols;
  const x = (tile % map.across) * map.tileCols + (pixel % map.tileCols) + dx;
  const y = Math.floor(tile / map.across) * map.tileRows + Math.floor(pixel / map.tileCols) + dy;
  const [tileX, tileY] = [Math.floor(x / map.tileCols), Math.floor(y / map.tileRows)];
  const found = weightIn(map, tileX, tileY, x - tileX * map.tileCols, y - tileY * map.tileRows);
  return found < 0 ? index : found;
}

function weightIn(map, tileX, tileY, column, row) {
  const tile = tileY * map.across + tileX;
  const inside = tileX >= 0 && tileX < map.across && tile >= 0 && tile < map.rows
    && column >= 0 && column < map.tileCols && row >= 0 && row < map.tileRows;
  return inside ? tile * map.cols + row * map.tileCols + column : -1;
}
