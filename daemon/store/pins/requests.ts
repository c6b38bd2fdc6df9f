import { isHeld } from '../../domain/content.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Pin, PinRequest } from '../../domain/pin.ts';
import { collect } from './collect.ts';
import type { Change } from './commits.ts';
import { type PinContext, transact } from './context.ts';
import { accept, drop, type LiveFate, retry } from './fate.ts';
import { type CommitPart, type LoadedFate, loadFate, loadFateFor } from './fate-commit.ts';
import { keys, under } from './keys.ts';
import { type LeavingPin, newPin, pinOfContent, readLeavingPins, readPin, type StoredPin } from './records.ts';
import { encodeRosterEntry } from './roster-entry.ts';

/** Pins removed by one commit of `removeAll`. */
const REMOVE_CHUNK_PINS = 200;

/** What accounts ask for: pins that come, go, are replaced and tried again. */
export class PinRequests {
  readonly #context: PinContext;

  constructor(context: PinContext) {
    this.#context = context;
  }

  add(accountId: string, request: PinRequest): Promise<Pin> {
    const { contentKey } = request;
    return transact(this.#context, [contentKey], async () => {
      const before = await this.#loadForNewPin(contentKey, accountId);
      const { fate, added, extra } = this.#accept(before, accountId, request);
      await this.#context.commits.commit({ fates: [{ before, after: fate }], added, extra });
      return pinOfContent(added.pin, fate.content);
    });
  }

  async replace(accountId: string, requestId: string, request: PinRequest): Promise<Pin> {
    const old = await this.#own(accountId, requestId);
    const { contentKey } = request;
    const oldKey = old.record.contentKey;
    return transact(this.#context, [contentKey, oldKey], async () => {
      const leaving = await this.#stillThere(old);
      const before = await this.#loadForNewPin(contentKey, accountId);
      const oldBefore = oldKey === contentKey ? before : await loadFateFor(this.#context.store, oldKey, accountId);
      const last = oldKey !== contentKey && (await this.#isLast(oldBefore, accountId, 1));
      const { fate, added, extra } = this.#accept(before, accountId, request);
      // The new pin first: what both name is never without a pin, so it is not let go.
      const oldFate = oldKey === contentKey ? fate : alive(oldBefore);
      const dropped = drop(oldFate, { accountId, pins: 1, last }, this.#context.clock.nowMs());
      const steps = [{ before: oldBefore, after: dropped }];
      if (oldKey !== contentKey) steps.unshift({ before, after: fate });
      await this.#context.commits.commit({ fates: steps, added, removed: [leaving], extra });
      return pinOfContent(added.pin, fate.content);
    });
  }

  async remove(accountId: string, requestId: string): Promise<Pin> {
    const pin = await this.#own(accountId, requestId);
    return transact(this.#context, [pin.record.contentKey], async () => {
      const leaving = await this.#stillThere(pin);
      const before = await loadFateFor(this.#context.store, pin.record.contentKey, accountId);
      const removed = pinOfContent(pin, alive(before).content);
      await this.#context.commits.commit(await this.#removal(accountId, [{ before, leaving: [leaving] }]));
      return removed;
    });
  }

  async removeAll(accountId: string): Promise<number> {
    let removed = 0;
    for (let fromMs = 0; ; ) {
      const rows = this.#context.rosters.get(accountId)?.rows(fromMs, REMOVE_CHUNK_PINS) ?? [];
      const created = rows.map(({ createdMs }) => createdMs);
      if (created.length === 0) return removed;
      removed += await this.#removeChunk(accountId, created);
      fromMs = (created.at(-1) ?? fromMs) + 1;
    }
  }

  async retry({ accountId, requestId }: Pin): Promise<Pin> {
    const { clock, commits, store } = this.#context;
    const pin = await this.#own(accountId, requestId);
    return transact(this.#context, [pin.record.contentKey], async () => {
      await this.#stillThere(pin);
      const before = await loadFate(store, pin.record.contentKey);
      if (before.blocked) throw blocked(pin.record.contentKey);
      const fate = alive(before);
      const after = retry(fate, clock.nowMs());
      if (after !== undefined) await commits.commit({ fates: [{ before, after }] });
      return pinOfContent(pin, (after ?? fate).content);
    });
  }

  /** Reads more than the account's own part only where the new pin changes the lot of others. */
  async #loadForNewPin(contentKey: string, accountId: string): Promise<LoadedFate> {
    const own = await loadFateFor(this.#context.store, contentKey, accountId);
    if (own.blocked) throw blocked(contentKey);
    const { content } = own.fate;
    return content === undefined || content.hot === 'wanted' || isHeld(content) ? own : loadFate(this.#context.store, contentKey);
  }

  /** Nothing may be awaited between this and the commit: `created` has to be in the order of the commits. */
  #accept(before: LoadedFate, accountId: string, request: PinRequest) {
    const { clock, hash, randomUUID, stamps } = this.#context;
    const nowMs = clock.nowMs();
    const createdMs = stamps.next(accountId, nowMs);
    const pin = newPin(accountId, createdMs, randomUUID(), request, nowMs);
    const fate = accept(before.fate, { ...request, accountId, createdMs }, nowMs);
    const extra: CommitPart = { expect: { [keys.block(request.contentKey)]: null }, ops: [] };
    return { fate, added: { pin, entry: encodeRosterEntry(request, hash) }, extra };
  }

  async #removeChunk(accountId: string, created: readonly number[]): Promise<number> {
    const { store, commits } = this.#context;
    const contentKeys = (await readLeavingPins(store, accountId, created)).map(({ record }) => record.contentKey);
    return transact(this.#context, contentKeys, async () => {
      const leaving = Map.groupBy(await readLeavingPins(store, accountId, created), ({ record }) => record.contentKey);
      const parts = await Promise.all(
        [...leaving].map(async ([contentKey, pins]) => ({ before: await loadFateFor(store, contentKey, accountId), leaving: pins })),
      );
      const change = await this.#removal(accountId, parts);
      if (parts.length > 0) await commits.commit(change);
      return change.removed?.length ?? 0;
    });
  }

  /** Removing the newest pin must not make its `created` free again, so how far they came is written down. */
  async #removal(accountId: string, parts: readonly { before: LoadedFate; leaving: readonly LeavingPin[] }[]): Promise<Change> {
    const lasts = await Promise.all(parts.map(({ before, leaving }) => this.#isLast(before, accountId, leaving.length)));
    const nowMs = this.#context.clock.nowMs();
    const fates = parts.map(({ before, leaving }, index) => ({
      before,
      after: drop(alive(before), { accountId, pins: leaving.length, last: lasts[index] ?? false }, nowMs),
    }));
    const highWater = { put: keys.highWater(accountId), value: { createdMs: this.#context.stamps.last(accountId) } };
    return { fates, removed: parts.flatMap(({ leaving }) => leaving), extra: { expect: {}, ops: [highWater] } };
  }

  /** True when the account has no more pins of the content than those. It matters only to a want. */
  async #isLast({ contentKey, fate }: LoadedFate, accountId: string, pins: number): Promise<boolean> {
    if (!fate.wants.has(accountId)) return false;
    const found = this.#context.store.keys({ ...under('c', contentKey, accountId), limit: pins + 1 });
    return (await collect(found)).length <= pins;
  }

  async #own(accountId: string, requestId: string): Promise<StoredPin> {
    const pin = await readPin(this.#context.store, requestId);
    if (pin === undefined || pin.accountId !== accountId) throw notFound();
    return pin;
  }

  async #stillThere({ accountId, createdMs }: StoredPin): Promise<LeavingPin> {
    const [leaving] = await readLeavingPins(this.#context.store, accountId, [createdMs]);
    if (leaving === undefined) throw notFound();
    return leaving;
  }
}

/** A content that a pin names is there. */
function alive({ contentKey, fate }: LoadedFate): LiveFate {
  const { content } = fate;
  if (content === undefined) {
    throw new FbpdError('STORE_DAMAGED', `store: a pin names ${contentKey}, which has no record: restore the store from a backup`, {
      subject: contentKey,
    });
  }
  return { ...fate, content };
}

function notFound(): FbpdError {
  return new FbpdError('NOT_FOUND', 'there is no such pin');
}

function blocked(contentKey: string): FbpdError {
  return new FbpdError('CID_BLOCKED', `${contentKey} is blocked by the operator of this service`, { subject: 'cid' });
}
