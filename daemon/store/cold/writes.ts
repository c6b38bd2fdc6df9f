import type { Breaker, ChainMemory, ColdChange, ColdStore } from '../../domain/cold-store-port.ts';
import { FbpdError, isFbpdError } from '../../domain/errors.ts';
import type { EscrowBook } from '../../domain/escrow.ts';
import type { Clock, Store, StoredValue, Versioned } from '../../domain/ports.ts';
import { under } from '../pins/keys.ts';
import type { ReadRecords } from './change-commit.ts';
import type { DueLists } from './due-lists.ts';
import { coldKeys } from './keys.ts';
import type { AppendedLines, SpendLog } from './spend-log.ts';
import { encodeTotals, type Sums } from './totals.ts';
import { type GroupPlan, planGroup, takeGroup, type WaitingChange, waitingChange } from './write-group.ts';

export type DueKind = Parameters<Parameters<ColdStore['onDue']>[0]>[0];

/** What is kept in memory beside the store: it is as of the last durable commit. */
export interface ColdMemory {
  sums: Sums;
  breaker: Versioned<Breaker> | undefined;
  chain: Versioned<ChainMemory> | undefined;
  escrow: Versioned<EscrowBook> | undefined;
}

export interface ColdWritesOptions {
  store: Store;
  clock: Clock;
  memory: ColdMemory;
  lists: DueLists;
  spendLog: SpendLog;
}

/**
 * Writes changes. Those handed in while others are being written form the next commit, one after the other, so that
 * each commit holds sums that are true for it.
 */
export class ColdWrites {
  readonly #options: ColdWritesOptions;
  readonly #listeners: ((what: DueKind) => void)[] = [];
  readonly #queue: WaitingChange[] = [];
  #isRunning = false;

  constructor(options: ColdWritesOptions) {
    this.#options = options;
  }

  async write(change: ColdChange): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push(waitingChange(change, { resolve, reject }));
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  onDue(listener: (what: DueKind) => void): void {
    this.#listeners.push(listener);
  }

  tell(kinds: Iterable<DueKind>): void {
    for (const what of kinds) for (const listener of this.#listeners) listener(what);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Changes handed in within one turn of the event loop share the first commit too.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#writeGroup(takeGroup(this.#queue));
    this.#isRunning = false;
  }

  /** What fails for one of them only is found by trying each alone. */
  async #writeGroup(group: readonly WaitingChange[]): Promise<void> {
    const { store, memory, clock } = this.#options;
    let undecided = group;
    try {
      const keys = group.flatMap((member) => member.keys);
      const records = await store.getMany<StoredValue>(keys);
      const read: ReadRecords = new Map(keys.map((key, index) => [key, records[index]]));
      const plan = planGroup(group, read, memory.sums, { nowMs: clock.nowMs(), refuse: (change) => this.#refuseSpending(change) });
      undecided = plan.members;
      if (plan.members.length > 0) await this.#writePlan(plan);
      for (const member of plan.members) member.resolve();
    } catch (error) {
      const isOnes = isFbpdError(error, 'CONFLICT') || isFbpdError(error, 'STORE_DAMAGED');
      if (isOnes && undecided.length > 1) for (const member of undecided) await this.#writeGroup([member]);
      else for (const member of undecided) member.reject(error);
    }
  }

  async #writePlan(plan: GroupPlan): Promise<void> {
    const { memory, spendLog } = this.#options;
    const lines = await this.#spend(plan);
    if (lines !== undefined || plan.sums !== memory.sums) {
      plan.ops.push({ put: coldKeys.totals, value: encodeTotals(plan.sums, lines?.state ?? spendLog.known) });
    }
    this.#remember(plan, await this.#commit(plan, lines), lines);
  }

  /** Whoever decided to make a deal, or to sign a message, did not know yet that nothing is to be spent. */
  #refuseSpending({ deals = [], escrow }: ColdChange): void {
    const breaker = this.#options.memory.breaker?.value;
    if (breaker === undefined) return;
    if (deals.some(({ before }) => before === undefined))
      throw new FbpdError('CONFLICT', `store: no deal is made: ${breaker.text}`, { subject: coldKeys.breaker });
    if (versionsOf(escrow?.after) > versionsOf(escrow?.before?.value))
      throw new FbpdError('CONFLICT', `store: no message is sent: ${breaker.text}`, { subject: coldKeys.breaker });
  }

  async #spend(plan: GroupPlan): Promise<AppendedLines | undefined> {
    const { spendLog, clock, store } = this.#options;
    if (isReset(plan)) {
      const deals = store.counts().d ?? 0;
      plan.sums = { ...plan.sums, madeDeals: plan.sums.removedDeals + deals };
      return spendLog.reset(deals, clock.nowMs());
    }
    return plan.spend.length === 0 ? undefined : spendLog.append(plan.spend);
  }

  async #commit({ expect, ops }: GroupPlan, lines: AppendedLines | undefined): Promise<number> {
    try {
      return ops.length === 0 ? 0 : await this.#options.store.commit({ expect, ops });
    } catch (error) {
      if (lines !== undefined) this.#options.spendLog.refused(lines);
      throw error;
    }
  }

  #remember(plan: GroupPlan, version: number, lines: AppendedLines | undefined): void {
    const { memory, spendLog, lists } = this.#options;
    memory.sums = plan.sums;
    for (const { change } of plan.members) {
      const { breaker, chain, escrow } = change;
      if (breaker !== undefined) memory.breaker = breaker.after && { value: breaker.after, version };
      if (chain !== undefined) memory.chain = chain.after && { value: chain.after, version };
      if (escrow !== undefined) memory.escrow = escrow.after && { value: escrow.after, version };
    }
    if (lines !== undefined) spendLog.committed(lines, isReset(plan));
    const due = new Set<DueKind>();
    for (const op of plan.ops) {
      if (!('put' in op)) continue;
      const list = lists.put(op.put);
      if (list !== undefined) due.add(list);
      else if (op.put.startsWith(SEALED)) due.add('create');
    }
    this.tell(due);
  }
}

const SEALED = under('js').gte;

/** Signed, of the message under way. */
function versionsOf(book: EscrowBook | undefined): number {
  return book?.message?.versions.length ?? 0;
}

/** The operator goes on although the spend log and the store did not agree. */
function isReset({ members }: GroupPlan): boolean {
  const breaker = members[0]?.change.breaker;
  return breaker?.before?.value.code === 'spend_log' && breaker.after?.code !== 'spend_log';
}
