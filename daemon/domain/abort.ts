/**
 * What the promise gives, or, sooner, a rejection with the signal's reason: for work that may be slow to hear of its end.
 *
 * A race against one promise for the whole of a stream would keep all that ever came in memory, as each round hangs on that
 * promise until it settles. Here each round leaves nothing behind.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Nobody waits for it any more after an abort.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The parts of a source, until the signal: that is heard also while nothing comes. The source is told to end, and not waited for. */
export async function* partsUnlessAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const parts = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(parts.next(), signal);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    void Promise.resolve(parts.return?.()).catch(() => undefined);
  }
}
