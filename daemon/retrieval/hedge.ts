import type { SourceOutcome } from '../domain/retrieval-ports.ts';
import type { AnySource } from './ports.ts';

export interface HedgeOptions {
  /** In the order in which they are to be asked. */
  sources: readonly AnySource[];
  /** Finds others, when all of those were asked and none has given it, or is about to. Asked once; rejects as `run` does. */
  more?: (signal: AbortSignal) => Promise<readonly AnySource[]>;
  /** Another one is asked beside those that run when nothing missing has come for so long. */
  hedgeMs: number;
  run(source: AnySource, signal: AbortSignal): Promise<SourceOutcome>;
  /** Called with each that has ended. */
  onOutcome(outcome: SourceOutcome): void;
  signal: AbortSignal;
}

export interface Hedge {
  /** True when one of them gave what was missing, false when none does. Rejects with what `run` rejects with. */
  done: Promise<boolean>;
  /** Something missing has come. */
  useful(): void;
}

interface Waiting {
  source: AnySource;
  tries: number;
}

/** So many are asked at once at most: of providers, and of others beside them, so that those that are silent keep nobody out. */
const AT_ONCE = 3;
/** Who broke off without having given anything is asked once more, after all others. */
const TRIES = 2;

/**
 * Asks one source after the other: the next as soon as one has failed, and beside those that are slow. Where one stopped the
 * next goes on, as what is here already is not asked for again; and who broke off in the middle goes on itself, in its turn,
 * as long as it gives something each time.
 */
export function hedge({ sources, more, hedgeMs, run, onOutcome, signal }: HedgeOptions): Hedge {
  /** Those that were not asked yet come first. */
  const waiting: Waiting[] = sources.map((source) => ({ source, tries: 0 }));
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let find = more;
  const running = new Set<Waiting>();
  let isLooking = false;
  let timer: NodeJS.Timeout | undefined;

  function isFree({ source }: Waiting): boolean {
    const beside = [...running].filter((one) => 'elsewhere' in one.source === 'elsewhere' in source);
    return beside.length < AT_ONCE;
  }

  function next(): void {
    const fresh = waiting.find((entry) => entry.tries === 0 && isFree(entry));
    const entry = fresh ?? waiting.find(isFree);
    if (until.aborted) endIfIdle();
    else if (fresh === undefined && find !== undefined) look(find);
    else if (entry !== undefined) begin(entry);
    else endIfIdle();
  }

  function endIfIdle(): void {
    if (running.size === 0 && !isLooking) end(() => resolve(false));
  }

  function begin(entry: Waiting): void {
    waiting.splice(waiting.indexOf(entry), 1);
    running.add(entry);
    arm();
    run(entry.source, until).then(
      (outcome) => {
        running.delete(entry);
        onOutcome(outcome);
        if (outcome.result === 'done') end(() => resolve(true));
        if (isWorthMore(entry, outcome)) waiting.push({ source: entry.source, tries: outcome.bytes > 0 ? 1 : entry.tries + 1 });
        next();
      },
      (error: unknown) => {
        running.delete(entry);
        end(() => reject(error));
      },
    );
  }

  function look(search: NonNullable<HedgeOptions['more']>): void {
    find = undefined;
    isLooking = true;
    arm();
    search(until).then(
      (found) => {
        isLooking = false;
        waiting.unshift(...found.map((source) => ({ source, tries: 0 })));
        next();
      },
      (error: unknown) => end(() => reject(error)),
    );
    // Who has broken off and is to be asked once more does not wait for it.
    if (waiting.length > 0) next();
  }

  function arm(): void {
    clearTimeout(timer);
    if (!until.aborted) timer = setTimeout(next, hedgeMs);
  }

  function end(settle: () => void): void {
    clearTimeout(timer);
    ending.abort();
    settle();
  }

  next();
  return { done: promise, useful: arm };
}

function isWorthMore({ tries }: Waiting, { result, bytes }: SourceOutcome): boolean {
  return (result === 'unreachable' || result === 'stalled') && (bytes > 0 || tries + 1 < TRIES);
}
