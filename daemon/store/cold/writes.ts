import type { Breaker, ChainMemory, ColdChange, ColdStore } from '../../domain/cold-ports.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Clock, Op, Store, Versioned } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { keysOf, type PlannedChange, planChange } from './change-commit.ts';
import type { DueLists } from './due-lists.ts';
import { coldKeys } from './keys.ts';
import type { SpendLog } from './spend-log.ts';
import { encodeTotals, type SpendLogState, type Sums } from './totals.ts';

export type DueKind = Parameters<Parameters<ColdStore['onDue']>[0]>[0];

/** What is kept in memory beside the store: it is as of the last durable commit. */
export interface ColdMemory {
  sums: Sums;
  breaker: Versioned<Breaker> | undefined;
  chain: Versioned<ChainMemory> | undefined;
}

export interface ColdWritesOptions {
  store: Store;
  clock: Clock;
  log: Log;
  memory: ColdMemory;
  lists: DueLists;
  spendLog: SpendLog;
}

/** Changes, one after the other: each is decided on what the one before has left, sums included. */
export class ColdWrites {
  readonly #options: ColdWritesOptions;
  readonly #listeners: ((what: DueKind) => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ColdWritesOptions) {
    this.#options = options;
  }

  write(change: ColdChange): Promise<void> {
    const written = this.#last.then(() => this.#write(change));
    this.#last = written.catch(() => undefined);
    return written;
  }

  onDue(listener: (what: DueKind) => void): void {
    this.#listeners.push(listener);
  }

  tell(kinds: Iterable<DueKind>): void {
    for (const what of kinds) for (const listener of this.#listeners) listener(what);
  }

  async #write(change: ColdChange): Promise<void> {
    const { store, memory, clock } = this.#options;
    const keys = keysOf(change);
    const records = await store.getMany(keys);
    const read = new Map(keys.map((key, index) => [key, records[index]]));
    const planned = planChange(change, read, memory.sums, clock.nowMs());
    this.#refuseSpending(change);
    const spent = await this.#spend(change, planned);
    if (spent !== undefined || planned.sums !== memory.sums) {
      planned.ops.push({ put: coldKeys.totals, value: encodeTotals(planned.sums, spent?.state ?? this.#options.spendLog.known) });
    }
    if (planned.ops.length === 0) return;
    const version = await this.#commit(planned, spent?.serial);
    this.#remember(change, planned, version, spent?.state);
  }

  /** Whoever decided to make a deal did not know yet that nothing is to be spent. */
  #refuseSpending({ deals = [] }: ColdChange): void {
    const breaker = this.#options.memory.breaker?.value;
    if (breaker !== undefined && deals.some(({ before }) => before === undefined)) {
      throw new FbpdError('CONFLICT', `store: no deal is made: ${breaker.text}`, { subject: coldKeys.breaker });
    }
  }

  #spend({ breaker }: ColdChange, { spend, sums }: PlannedChange): Promise<{ state: SpendLogState; serial: number }> | undefined {
    const { spendLog, clock } = this.#options;
    if (breaker?.before?.value.code === 'spend_log' && breaker.after?.code !== 'spend_log') {
      return spendLog.reset(sums.madeDeals - sums.removedDeals, clock.nowMs());
    }
    return spend.length === 0 ? undefined : spendLog.append(spend);
  }

  async #commit({ expect, ops }: { expect: Record<string, number | null>; ops: Op[] }, serial: number | undefined): Promise<number> {
    try {
      return await this.#options.store.commit({ expect, ops });
    } catch (error) {
      if (serial !== undefined) this.#options.spendLog.refused(serial);
      throw error;
    }
  }

  #remember({ breaker, chain }: ColdChange, { ops, sums }: PlannedChange, version: number, state: SpendLogState | undefined): void {
    const { memory, spendLog, lists } = this.#options;
    memory.sums = sums;
    if (breaker !== undefined) memory.breaker = breaker.after && { value: breaker.after, version };
    if (chain !== undefined) memory.chain = chain.after && { value: chain.after, version };
    if (state !== undefined) {
      if (breaker?.before?.value.code === 'spend_log' && breaker.after?.code !== 'spend_log') spendLog.wasReset(state);
      else spendLog.committed(state);
    }
    const due = new Set<DueKind>();
    for (const op of ops) {
      if (!('put' in op)) continue;
      const list = lists.put(op.put);
      if (list !== undefined) due.add(list);
      else if (op.put.startsWith('js/')) due.add('create');
    }
    this.tell(due);
  }
}
