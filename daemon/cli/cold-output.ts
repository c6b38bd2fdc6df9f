import type { components } from '../../spec/fbpd.ts';
import { formatFil } from '../domain/fil.ts';
import { formatTime, printable } from './output.ts';

type Schemas = components['schemas'];

/** attoFIL of the admin API, in FIL to the last digit. */
export function fil(atto: string): string {
  return formatFil(BigInt(atto));
}

/** `epoch 1540800, about 2027-05-13 12:00Z`; without the time where it cannot be said. */
export function epochText(epoch: number, time: string | undefined): string {
  return time === undefined ? `epoch ${epoch}` : `epoch ${epoch}, about ${minute(time)}`;
}

/** For tables: the day, or the epoch where days cannot be said. */
export function dayText(epoch: number, time: string | undefined): string {
  return time === undefined ? `epoch ${epoch}` : time.slice(0, 10);
}

/** `2027-05-13 12:00Z`. */
export function minute(time: string): string {
  return `${formatTime(time).slice(0, 16)}Z`;
}

/** `proposed?` while it is not known whether it was made. */
export function stateText({ state, outcome }: Pick<Schemas['Deal'], 'state' | 'outcome'>): string {
  return outcome === 'unknown' ? `${state}?` : state;
}

/** `2 of 3 copies active, 1 on the way`. */
export function replicasText({ active, target, pending, min }: Schemas['Replicas']): string {
  const urgent = active + pending < min ? `, FEWER THAN ${min}` : '';
  return `${active} of ${target} copies active${pending > 0 ? `, ${pending} on the way` : ''}${urgent}`;
}

const WIDTH_CHARS = 100;

/** Words in lines of at most 100 columns; those after the first begin with `indent` spaces. What steers terminals is shown, not obeyed. */
export function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of printable(text.replaceAll(/\s+$/g, '')).split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && (last.trim() === '' || last.length + word.length + 1 <= WIDTH_CHARS))
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `${' '.repeat(indent)}${word}`);
  }
  return `${lines.join('\n')}\n`;
}
