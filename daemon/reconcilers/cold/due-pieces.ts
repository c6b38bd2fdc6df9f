import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Log } from '../../log.ts';
import type { Look, SpendingGuard } from './guard.ts';
import { drain, type Tally } from './pool.ts';
import type { Proposer } from './propose.ts';
import { Sends } from './sends.ts';

export interface DuePiecesOptions {
  store: ColdStore;
  guard: SpendingGuard;
  proposer: Proposer;
  log: Log;
}

const BATCH = 64;
const CONCURRENCY = 4;

/** The pieces of one queue that are due, each brought as far as it will go now. */
export async function proposeDue(
  queue: 'create' | 'renew',
  options: DuePiecesOptions,
  look: Look,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { store, guard, proposer, log } = options;
  const sends = new Sends(log);
  await drain({
    due: (limit) => (guard.held() === undefined ? store.duePieces(queue, look.view.headEpoch, limit) : Promise.resolve([])),
    idOf: ({ value }) => value.id,
    async work({ value: { id } }) {
      try {
        const result = await proposer.handle(id, look, sends, signal);
        if (result.kind === 'skipped') tally.skip(result.reason);
        else tally[result.kind] += 1;
        return result.kind !== 'done';
      } catch (error) {
        if (signal.aborted) return true;
        log.warn({ err: error, piece: id }, 'deals for a piece could not be made; the next pass tries again');
        tally.failed += 1;
        return true;
      }
    },
    more: () => sends.next(),
    batch: BATCH,
    concurrency: CONCURRENCY,
    tally,
    signal,
  });
  const held = guard.held();
  if (held !== undefined) tally.skip(held.code);
}
