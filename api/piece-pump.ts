import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { partsUnlessAborted } from '../daemon/domain/abort.ts';
import { Patience } from './gateway-patience.ts';

export interface PiecePumpOptions {
  /** Neither may bytes take longer than this to come, nor may the other side take longer for a part of at most 256 KiB. */
  stallMs: number;
  /** So many bytes more are out of our hands. */
  onSent: (bytes: number) => void;
  /** The reply is to end at once. */
  signal: AbortSignal;
}

/** `left`: the other side was first to go. `stalled`: it took nothing any more. `cut`: by the signal. Anything else is what the source failed with. */
export type PiecePumpEnd = { end: 'done' | 'left' | 'stalled' | 'cut' } | { end: 'broken'; error: unknown };

class SourceStalled extends Error {}

/**
 * Writes bytes to a reply as fast as both sides are able to, one part ahead at most, and ends it when it was all. What broke off is
 * the caller's to be made to look like that.
 *
 * @param open - called with a signal that says that no more is wanted
 */
export async function pumpPiece(
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  res: ServerResponse,
  { stallMs, onSent, signal }: PiecePumpOptions,
): Promise<PiecePumpEnd> {
  const stop = new AbortController();
  let end: PiecePumpEnd | undefined;
  const endBy = (by: PiecePumpEnd): void => {
    end ??= by;
    stop.abort();
  };
  let isReadersTurn = false;
  const patience = new Patience({
    limitMs: () => stallMs,
    graceMs: stallMs,
    onGrace: () => undefined,
    onOver: () => endBy(isReadersTurn ? { end: 'stalled' } : { end: 'broken', error: new SourceStalled('no bytes came for too long') }),
  });
  const onClose = (): void => endBy({ end: 'left' });
  const onCut = (): void => endBy({ end: 'cut' });
  res.once('close', onClose);
  signal.addEventListener('abort', onCut);
  if (res.destroyed) onClose();
  if (signal.aborted) onCut();
  try {
    for await (const part of partsUnlessAborted(open(stop.signal), stop.signal)) {
      patience.moved();
      isReadersTurn = true;
      const hasRoom = res.write(part, (error) => {
        if (error) return;
        patience.moved();
        onSent(part.length);
      });
      if (!hasRoom) await once(res, 'drain', { signal: stop.signal });
      isReadersTurn = false;
    }
    isReadersTurn = true;
    res.end();
    if (!res.writableFinished) await once(res, 'finish', { signal: stop.signal });
    return { end: 'done' };
  } catch (error) {
    return end ?? { end: 'broken', error };
  } finally {
    patience.end();
    stop.abort();
    res.off('close', onClose);
    signal.removeEventListener('abort', onCut);
  }
}
