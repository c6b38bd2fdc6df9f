import { InvalidArgumentError } from 'commander';

import { parseDurationMs } from '../domain/units.ts';

/** `--limit 50` → 50. */
export function positiveInteger(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return Number(text);
}

/** `--expires 30d` → seconds. */
export function durationSeconds(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1_000) throw new InvalidArgumentError('Expected a duration such as 12h or 30d.');
  return Math.round(ms / 1_000);
}

/** The same, with a most that is written likewise. */
export function durationSecondsUpTo(most: string): (text: string) => number {
  return (text) => {
    const seconds = durationSeconds(text);
    if (seconds > durationSeconds(most)) throw new InvalidArgumentError(`Expected a duration of ${most} at most.`);
    return seconds;
  };
}

/** `--status queued,pinning` checked against the words there are. */
export function wordsOf<const W extends string>(words: readonly W[]) {
  return (text: string): W[] =>
    text.split(',').map((given) => {
      const word = words.find((one) => one === given.trim());
      if (word === undefined) throw new InvalidArgumentError(`Expected some of ${words.join(',')}.`);
      return word;
    });
}

/** `--origin A --origin B` → both. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** `--meta app=x --meta user=y` → `{app: 'x', user: 'y'}`. */
export function collectPairs(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const cut = text.indexOf('=');
  if (cut < 1) throw new InvalidArgumentError('Expected KEY=VALUE.');
  return { ...previous, [text.slice(0, cut)]: text.slice(cut + 1) };
}
