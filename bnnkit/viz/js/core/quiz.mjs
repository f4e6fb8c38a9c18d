// Questions answered in the page: reading an answer, judging it, and what has been done.

const CLOSE = 5e-3; // numbers count to three digits, as bnnkit.learn has it

// What a reader typed as a number, or NaN: "-2", "−2", "0.65", "2/3", "106,496".
export function readNumber(text) {
  const plain = text.trim().replaceAll("−", "-").replaceAll(",", "");
  const parts = plain.split("/");
  if (parts.length > 2 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part.trim()))) return NaN;
  return parts.length === 2 ? Number(parts[0]) / Number(parts[1]) : Number(plain);
}

export function same(answer, value) {
  if (Array.isArray(value)) return Array.isArray(answer) && answer.length === value.length && value.every((part, i) => same(answer[i], part));
  if (typeof value === "number") return Math.abs(answer - value) <= 1e-9 + CLOSE * Math.abs(value);
  return answer === value;
}

// The option that an answer is: { right, says }, with says null if nobody foresaw it.
export function verdict(options, answer) {
  const found = options.find(({ value }) => same(answer, value));
  return { right: found?.right ?? false, says: found?.says ?? null };
}

// The list with item `at` moved by `by` places; at the ends it stays.
export function moved(list, at, by) {
  const to = at + by;
  if (to < 0 || to >= list.length) return list;
  const result = [...list];
  [result[at], result[to]] = [result[to], result[at]];
  return result;
}

// The exercises in either list, each once, in order.
export function union(one, other) {
  return [...new Set([...one, ...other])].sort();
}

// The text of a progress file, the same as bnnkit.learn writes, and back (null: it is none).
export function progressText(passed) {
  return `${JSON.stringify({ passed }, null, 1)}\n`;
}

export function readProgress(text) {
  try {
    const { passed } = JSON.parse(text);
    return Array.isArray(passed) ? passed.filter((number) => typeof number === "string") : null;
  } catch {
    return null;
  }
}
