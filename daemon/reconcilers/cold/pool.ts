import type { PassReport } from '../scheduler.ts';

/** A pass report under way. */
export class Tally {
  due = 0;
  done = 0;
  failed = 0;
  readonly #skipped = new Map<string, number>();

  skip(reason: string, count = 1): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + count);
  }

  report(): PassReport {
    return { due: this.due, done: this.done, failed: this.failed, skipped: Object.fromEntries(this.#skipped) };
  }
}

/** Does `work` for each item, so many at once; stops taking new ones when the signal says so. */
export async function eachOf<T>(
  items: Iterable<T>,
  concurrency: number,
  signal: AbortSignal,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const next = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let item = next.next(); item.done !== true && !signal.aborted; item = next.next()) await work(item.value);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

export interface BatchOptions<T> {
  /** The first so many of what is due. */
  due(limit: number): Promise<T[]>;
  idOf(item: T): string;
  /** True when it is not to come again in this pass even if it is still due. */
  work(item: T): Promise<boolean>;
  /** Called when nothing is due: waits for what may yet make something due; false when there is nothing to wait for. */
  more?(): Promise<boolean>;
  batch: number;
  /** Stops once so many were begun; default: when nothing is due any more. */
  most?: number;
  concurrency: number;
  tally: Tally;
  signal: AbortSignal;
}

/** How often one item is worked on in one pass while it stays due: a provider may refuse, and the next, and the next. */
const TURNS_MAX = 8;

/** Batch after batch of what is due, until nothing is left that was not tried; one that fails never holds up the next. */
export async function drain<T>({ due, idOf, work, more, batch, most, concurrency, tally, signal }: BatchOptions<T>): Promise<void> {
  const turns = new Map<string, number>();
  const over = new Set<string>();
  while (!signal.aborted && (most === undefined || turns.size < most)) {
    const items = (await due(batch + over.size)).filter((item) => !over.has(idOf(item)));
    if (items.length === 0) {
      if ((await more?.()) !== true) return;
      continue;
    }
    await eachOf(items, concurrency, signal, async (item) => {
      const id = idOf(item);
      const turn = (turns.get(id) ?? 0) + 1;
      turns.set(id, turn);
      if (turn === 1) tally.due += 1;
      if ((await work(item)) || turn >= TURNS_MAX) over.add(id);
    });
  }
}

/** At most so many calls at once for each key. */
export class Gates {
  readonly #limit: number;
  readonly #gates = new Map<string, { inside: number; queue: (() => void)[] }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<T>(key: string, call: () => Promise<T>): Promise<T> {
    const gate = this.#gates.get(key) ?? { inside: 0, queue: [] };
    this.#gates.set(key, gate);
    if (gate.inside < this.#limit) gate.inside += 1;
    else await new Promise<void>((resolve) => gate.queue.push(resolve));
    try {
      return await call();
    } finally {
      const next = gate.queue.shift();
      if (next !== undefined) next();
      else if (--gate.inside === 0) this.#gates.delete(key);
    }
  }
}
