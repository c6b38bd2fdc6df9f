import { ColdError } from '../../../domain/cold-ports.ts';
import type { OpenedDag } from '../../../domain/retrieval-ports.ts';

/** What was begun for the first reader is given to it only as long as no server has grown tired of waiting. */
const KEPT_MS = 5_000;

/** What a server gives, begun: its first bytes have come, so that it is known to give some. */
export interface Begun {
  bytes: AsyncIterable<Uint8Array>;
  close(): void;
}

/** What came first, and what comes after it, up to so many bytes. */
export async function* upTo(
  bytesMax = Number.POSITIVE_INFINITY,
  first: Uint8Array,
  parts: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let left = bytesMax;
  try {
    for (let part: Uint8Array | undefined = first; part !== undefined && left > 0; ) {
      yield part.subarray(0, left);
      left -= part.length;
      if (left <= 0) return;
      const next: IteratorResult<Uint8Array> = await parts.next();
      part = next.done === true ? undefined : next.value;
    }
  } finally {
    await parts.return?.();
  }
}

/** @param again - begins it once more, for whoever reads it again */
export function openedDag(first: Begun, again: (signal: AbortSignal) => Promise<Begun>, block: OpenedDag['block']): OpenedDag {
  const beganMs = performance.now();
  const running = new Set<Begun>([first]);
  let kept: Begun | undefined = first;
  let isClosed = false;

  function take(): Begun | undefined {
    const taken = kept;
    kept = undefined;
    if (taken === undefined || performance.now() - beganMs < KEPT_MS) return taken;
    taken.close();
    running.delete(taken);
    return undefined;
  }

  return {
    async *car(signal) {
      if (signal.aborted || isClosed) throw new ColdError('aborted', 'the retrieval was stopped');
      const begun = take() ?? (await again(signal));
      running.add(begun);
      // What was begun before the reader came does not hear of its signal by itself.
      const onAbort = (): void => begun.close();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        yield* begun.bytes;
      } catch (error) {
        throw signal.aborted ? new ColdError('aborted', 'the retrieval was stopped') : error;
      } finally {
        signal.removeEventListener('abort', onAbort);
        begun.close();
        running.delete(begun);
      }
    },
    ...(block === undefined ? {} : { block }),
    async close() {
      isClosed = true;
      for (const begun of running) begun.close();
      running.clear();
    },
  };
}
