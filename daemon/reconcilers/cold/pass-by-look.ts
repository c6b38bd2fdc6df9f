import type { PassReport } from '../scheduler.ts';
import type { Look, SpendingGuard } from './guard.ts';
import { Tally } from './pool.ts';

/** A pass that decides against one look at the chain, and is skipped for the reason for which there is none. */
export async function passByLook(
  guard: SpendingGuard,
  signal: AbortSignal,
  work: (look: Look, tally: Tally) => Promise<void>,
): Promise<PassReport> {
  const tally = new Tally();
  const look = await guard.look(signal);
  if ('view' in look) await work(look, tally);
  else tally.skip(look.code);
  return tally.report();
}
