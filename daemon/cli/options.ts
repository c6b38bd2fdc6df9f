import { type Command, InvalidArgumentError, type Option } from 'commander';

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

/** Words for people, and a path to the root, may be empty. */
const ARGUMENTS_MAYBE_EMPTY: readonly string[] = ['text'];
const OPTIONS_MAYBE_EMPTY: readonly string[] = ['name', 'note', 'path'];

/** Ends a command of which an argument is empty, as `"$ID"` is where nothing set it: it would be about all, or about nothing. */
export function refuseEmpty(command: Command): void {
  const argument = command.registeredArguments.find(
    (one, i) => !ARGUMENTS_MAYBE_EMPTY.includes(one.name()) && isEmpty(command.processedArgs[i]),
  );
  if (argument !== undefined) command.error(`error: argument '${argument.name()}' is empty.`);
  const given = command.optsWithGlobals<Record<string, unknown>>();
  const option = allOptions(command).find((one) => {
    const name = one.attributeName();
    return !OPTIONS_MAYBE_EMPTY.includes(name) && isEmpty(given[name]);
  });
  if (option !== undefined) command.error(`error: option '${option.flags}' is empty.`);
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.includes(''));
}

function allOptions(command: Command): readonly Option[] {
  return [...command.options, ...(command.parent === null ? [] : allOptions(command.parent))];
}
