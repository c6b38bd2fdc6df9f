import type { Reading, ReadMode, Retrieval, SourceOutcome, Warmed } from './domain/retrieval-ports.ts';
import { RetrievalError } from './domain/retrieval-ports.ts';
import { ContentFetch, type FetchParts } from './retrieval/content-fetch.ts';

export interface RetrievalOptions extends FetchParts {
  /** Contents on their way back at the same time. */
  concurrent: number;
  /** Keeps what became of every source that was asked. Its failure is its own. */
  keep(contentKey: string, outcomes: readonly SourceOutcome[]): Promise<void>;
  /** A content was read. */
  onRead(contentKey: string): void;
  /** About so many bytes were brought in that are not pinned. */
  onGarbage(bytes: number): void;
}

export interface RunningRetrieval extends Retrieval {
  /**
   * Brings a cold content back with no reader waiting for it, whatever its policy says, and resolves when that is over; at once
   * when there is no place free for it. Never rejects.
   */
  warm(contentKey: string): Promise<Warmed>;
  /** Contents on their way back. */
  running(): number;
  /** Ends all of it, and waits. */
  stop(): Promise<void>;
}

interface Entry {
  fetch: ContentFetch;
  done: Promise<void>;
}

/** More wait in line than this only where somebody asks for everything at once. */
const WAITING_MAX = 256;

/** Contents that are brought back from wherever they are: one fetch each, however many read it. */
export function createRetrieval(options: RetrievalOptions): RunningRetrieval {
  const entries = new Map<string, Entry>();
  const stopping = new AbortController();
  const line: (() => void)[] = [];
  let running = 0;

  async function inTurn(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    if (running >= options.concurrent) {
      if (line.length >= WAITING_MAX) throw new RetrievalError('busy', 'too many contents are being brought back at this moment');
      await new Promise<void>((resolve) => line.push(resolve));
    }
    running += 1;
    try {
      if (signal.aborted) throw new RetrievalError('down', 'the retrieval was stopped');
      await work();
    } finally {
      running -= 1;
      line.shift()?.();
    }
  }

  function begin(contentKey: string, mode: ReadMode): Entry {
    const stop = new AbortController();
    const fetch = new ContentFetch(contentKey, options, stop);
    fetch.join(mode);
    const onStop = (): void => stop.abort();
    stopping.signal.addEventListener('abort', onStop, { once: true });
    if (stopping.signal.aborted) stop.abort();
    const done = inTurn(() => fetch.run(), stop.signal).finally(async () => {
      stopping.signal.removeEventListener('abort', onStop);
      if (entries.get(contentKey)?.fetch === fetch) entries.delete(contentKey);
      if (fetch.outcomes.length === 0) return;
      const looseBytes = fetch.looseBytes();
      if (looseBytes > 0) options.onGarbage(looseBytes);
      await options.keep(contentKey, fetch.outcomes).catch((error: unknown) => {
        options.log.warn({ err: error, cid: contentKey }, 'what became of a retrieval could not be kept');
      });
    });
    // Whoever waits hears of it.
    done.catch(() => undefined);
    const entry = { fetch, done };
    entries.set(contentKey, entry);
    return entry;
  }

  function join(contentKey: string, mode: ReadMode): Entry {
    const entry = entries.get(contentKey);
    if (entry === undefined || entry.fetch.isEnding()) return begin(contentKey, mode);
    entry.fetch.join(mode);
    return entry;
  }

  function leave(contentKey: string, fetch: ContentFetch): void {
    // Whoever comes next must not join what is ending.
    if (!fetch.leave() && entries.get(contentKey)?.fetch === fetch) entries.delete(contentKey);
  }

  return {
    read(contentKey, mode): Reading {
      const { fetch, done } = join(contentKey, mode);
      const never = () => new Promise<never>(() => undefined);
      const failed = done.then(never);
      failed.catch(() => undefined);
      let isReleased = false;
      return {
        source: () => fetch.source(),
        failed,
        here: done.catch(never),
        release() {
          if (isReleased) return;
          isReleased = true;
          leave(contentKey, fetch);
        },
      };
    },
    noteRead: options.onRead,
    async warm(contentKey) {
      if (running >= options.concurrent && !entries.has(contentKey)) return 'not_tried';
      const { fetch, done } = join(contentKey, 'whole');
      fetch.need();
      leave(contentKey, fetch);
      return done.then(
        () => 'done',
        (error: unknown) => (error instanceof RetrievalError && error.failure === 'none' ? 'nobody' : 'not_tried'),
      );
    },
    running: () => entries.size,
    async stop() {
      stopping.abort();
      for (const next of line.splice(0)) next();
      await Promise.allSettled([...entries.values()].map(({ done }) => done));
    },
  };
}
