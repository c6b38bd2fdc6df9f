import { UploadError } from '../domain/upload-port.ts';

export interface SteadyOptions {
  /** Within this, while we wait for the client, `bytesMin` must come. */
  stallMs: number;
  bytesMin: number;
  /** More than this is not taken. */
  bytesMax: number;
  signal: AbortSignal;
  onBytes?: (bytes: number) => void;
  /** Since when the client is waited for, by the process's own clock; undefined when it is not. */
  onWait?: (sinceMs: number | undefined) => void;
}

/**
 * What a client sends, as long as it sends. Only time in which we wait for it counts, so that a slow disk of ours is not its
 * fault; and a byte now and then is not sending. Throws an UploadError `stalled` or `too_large`, and the signal's reason.
 *
 * The source is not told when a wait for it was given up: it may never answer.
 */
export async function* steady(source: AsyncIterable<Uint8Array>, options: SteadyOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { stallMs, bytesMin, bytesMax, signal } = options;
  const parts = source[Symbol.asyncIterator]();
  let waitedMs = 0;
  let cameBytes = 0;
  let allBytes = 0;
  let isWaiting = false;
  try {
    for (;;) {
      const begunMs = performance.now();
      isWaiting = true;
      options.onWait?.(begunMs);
      const next = await within(parts.next(), stallMs - waitedMs, signal);
      isWaiting = false;
      options.onWait?.(undefined);
      if (next.done === true) return;
      waitedMs += performance.now() - begunMs;
      cameBytes += next.value.length;
      allBytes += next.value.length;
      if (cameBytes >= bytesMin) {
        waitedMs = 0;
        cameBytes = 0;
      }
      if (allBytes > bytesMax) throw new UploadError('too_large', `the upload has more than ${bytesMax} bytes`);
      options.onBytes?.(allBytes);
      yield next.value;
    }
  } finally {
    if (!isWaiting) await parts.return?.();
  }
}

async function within<T>(promise: Promise<T>, limitMs: number, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: given, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(
    () => reject(new UploadError('stalled', 'nothing, or next to nothing, came for too long')),
    Math.max(0, limitMs),
  );
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  promise.then(resolve, reject);
  try {
    return await given;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
