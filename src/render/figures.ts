/** Numbers as people read them in a table: no more digits than they mean. */
import type { Alphabet } from "./display-text.ts";
import type { Range } from "./rows.ts";

/** Nats from which a bar is full. Most read-outs that depend on the vector have 4 to 20. */
const FULL_BAR_NATS = 20;

/** `34%`, `3.4%`, `<0.1%`; `30–40%` for a range. */
export function probabilityLabel([min, max]: Range, alphabet: Alphabet): string {
  const [from, to] = [percent(min), percent(max)];
  return from === to ? `${to}%` : `${from}${alphabet.range}${to}%`;
}

function percent(probability: number): string {
  if (probability >= 0.0995) return (100 * probability).toFixed(0);
  return probability >= 0.001 ? (100 * probability).toFixed(1) : "<0.1";
}

/** `6.5`; `2.1–6.5` for a range, `-0.3 to 2.1` where a dash would look like a sign. */
export function evidenceLabel([min, max]: Range, alphabet: Alphabet): string {
  const [from, to] = [nats(min), nats(max)];
  if (from === to) return to;
  return min < 0 ? `${from} to ${to}` : `${from}${alphabet.range}${to}`;
}

/** `0.41`; `0.38–0.41` for a range. */
export function cosineLabel([min, max]: Range, alphabet: Alphabet): string {
  const [from, to] = [hundredths(min), hundredths(max)];
  if (from === to) return to;
  return min < 0 ? `${from} to ${to}` : `${from}${alphabet.range}${to}`;
}

function hundredths(value: number): string {
  const rounded = value.toFixed(2);
  return rounded === "-0.00" ? "0.00" : rounded;
}

/** One decimal, and never a negative zero. */
function nats(value: number): string {
  const rounded = value.toFixed(1);
  return rounded === "-0.0" ? "0.0" : rounded;
}

/** A bar of at most `width` columns for the smaller end of the range. */
export function evidenceBar([min]: Range, width: number, alphabet: Alphabet): string {
  const steps = alphabet.bar.length;
  const filled = Math.round(
    (Math.min(Math.max(min, 0), FULL_BAR_NATS) / FULL_BAR_NATS) * width * steps,
  );
  const whole = alphabet.bar.at(-1) ?? "";
  const rest = filled % steps;
  return (
    whole.repeat(Math.floor(filled / steps)) + (rest === 0 ? "" : (alphabet.bar[rest - 1] ?? ""))
  );
}
