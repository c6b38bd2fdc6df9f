import type { Breaker, ColdStore } from '../domain/cold-store-port.ts';
import type { Clock, Store } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { type AppendFile, appendFileAt } from './cold/append-file.ts';
import { decodeChain, type StoredChain } from './cold/codecs.ts';
import { DueContents } from './cold/due-contents.ts';
import { DueLists } from './cold/due-lists.ts';
import { decodeEscrowBook, type StoredEscrowBook } from './cold/escrow-codec.ts';
import { coldKeys } from './cold/keys.ts';
import { ColdQueries, totalsOf } from './cold/queries.ts';
import { SpendLog } from './cold/spend-log.ts';
import { decodeTotals, NO_SPEND_LOG, NO_SUMS, type StoredTotals } from './cold/totals.ts';
import { type ColdMemory, ColdWrites } from './cold/writes.ts';

/** The types of keys of the cold layer of which the store must count the records: pieces, deals, providers. */
export const COUNTED_TYPES = ['j', 'd', 's'] as const;

export interface ColdStoreOptions {
  store: Store;
  clock: Clock;
  log: Log;
  /** Path of the spend log; only tests hand in something else than a file. */
  spendLogFile: string | AppendFile;
  /** Tells which contents were put on the list. Without it the list is read each time, and nobody is told of it. */
  pins?: { onColdListed(listener: (contentKeys: readonly string[]) => void): void };
}

/**
 * Opens the cold side of a store whose counted types include {@link COUNTED_TYPES}. When the spend log and the store do
 * not belong together it comes up with the breaker tripped: everything can be read, nothing is spent.
 */
export async function openColdStore({ store, clock, log, spendLogFile, pins }: ColdStoreOptions): Promise<ColdStore> {
  const [totals, breaker, chain, escrow] = await Promise.all([
    store.get<StoredTotals>(coldKeys.totals),
    store.get<Breaker>(coldKeys.breaker),
    store.get<StoredChain>(coldKeys.chain),
    store.get<StoredEscrowBook>(coldKeys.escrow),
  ]);
  const { sums, spendLog: known } = totals === undefined ? { sums: NO_SUMS, spendLog: NO_SPEND_LOG } : decodeTotals(totals.value);
  const memory: ColdMemory = {
    sums,
    breaker,
    chain: chain && { ...chain, value: decodeChain(chain.value) },
    escrow: escrow && { ...escrow, value: decodeEscrowBook(escrow.value) },
  };
  const file = typeof spendLogFile === 'string' ? appendFileAt(spendLogFile) : spendLogFile;
  const deals = store.counts().d ?? 0;
  const spendLog = await SpendLog.open(file, { known, hasDeals: deals > 0 || sums.madeDeals > 0, log });
  const lists = new DueLists(store);
  const writes = new ColdWrites({ store, clock, memory, lists, spendLog });
  const problem = spendLog.problem ?? countProblem(deals, sums.madeDeals - sums.removedDeals);
  if (problem !== undefined) await trip(writes, memory, problem, { clock, log });
  const queries = new ColdQueries({ store, lists, log });
  const contents = new DueContents({ store, queries, isTold: pins !== undefined });
  pins?.onColdListed((contentKeys) => {
    contents.listed(contentKeys);
    writes.tell(['contents']);
  });
  return {
    async write(change) {
      await writes.write(change);
      const { list = [] } = change;
      if (list.length === 0) return;
      contents.listed(list);
      writes.tell(['contents']);
    },
    onDue: (listener) => writes.onDue(listener),
    dueContents: (limit) => contents.look(limit),
    waiting: (policy) => queries.waiting(policy),
    sealedPieces: (limit) => queries.sealedPieces(limit),
    duePieces: (queue, epoch, limit) => queries.duePieces(queue, epoch, limit),
    comingPieces: (queue, span, limit) => queries.comingPieces(queue, span, limit),
    dueDeals: (epoch, limit) => queries.dueDeals(epoch, limit),
    piece: (pieceId) => queries.piece(pieceId),
    built: (pieceId) => queries.built(pieceId),
    piecesOf: (contentKey) => queries.piecesOf(contentKey),
    coldOf: (contentKeys) => queries.coldOf(contentKeys),
    deal: (dealId) => queries.deal(dealId),
    dealsOf: (pieceId) => queries.dealsOf(pieceId),
    deals: (options) => queries.deals(options),
    liveDealsWith: (providerId) => queries.liveDealsWith(providerId),
    sampleActive: (chance) => queries.sampleActive(chance),
    provider: (providerId) => queries.provider(providerId),
    providers: () => queries.providers(),
    candidate: (providerId) => queries.candidate(providerId),
    candidates: () => queries.candidates(),
    scanMark: () => queries.scanMark(),
    day: (day) => queries.day(day),
    breaker: () => memory.breaker,
    chain: () => memory.chain,
    escrow: () => memory.escrow,
    escrowLines: (limit) => queries.escrowLines(limit),
    totals: () => totalsOf(memory.sums),
  };
}

function countProblem(found: number, expected: number): string | undefined {
  return found === expected ? undefined : `there are ${found} deals in the store, and ${expected} were made`;
}

/** The breaker stays as it is when it was tripped by the same before. */
async function trip(writes: ColdWrites, memory: ColdMemory, problem: string, { clock, log }: { clock: Clock; log: Log }): Promise<void> {
  log.error(
    { problem, reason: 'spend_log' },
    'the spend log and the store do not belong together: nothing is spent until the operator has looked',
  );
  if (memory.breaker?.value.code === 'spend_log') return;
  const breaker: Breaker = {
    by: 'fbpd',
    code: 'spend_log',
    text: 'the record of what was spent and the store do not agree, perhaps as the store is older: compare the deals with those of the wallet on the chain before spending goes on',
    atMs: clock.nowMs(),
  };
  try {
    await writes.write({ breaker: { before: memory.breaker, after: breaker } });
  } catch (error) {
    // On a full disk, say. The next start finds the same, and until then nothing is spent either.
    log.error({ err: error }, 'the breaker could not be written; it is tripped all the same');
    memory.breaker = { value: breaker, version: memory.breaker?.version ?? 0 };
  }
}
