// The golden vectors of a core, as tests/js/make_vectors.py wrote them.

import { readFileSync } from "node:fs";

export function golden(name) {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), "utf8"));
}

export const core = new URL("../../bnnkit/viz/js/core/", import.meta.url);
