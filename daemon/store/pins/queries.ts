import type { Content } from '../../domain/content.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Pin, PinEvent, PinPage, PinQuery } from '../../domain/pin.ts';
import type { Standing } from '../../domain/ports.ts';
import type { PinContext } from './context.ts';
import { type StoredContent, statusOf } from './fate.ts';
import { type EventsRecord, keys, type PinRecord, under } from './keys.ts';
import { listPins } from './listing.ts';
import { pinOfContent, readPin } from './records.ts';

const HOLDERS_MAX = 16_384;

/** What is read about pins. */
export class PinQueries {
  readonly #context: PinContext;
  /** Whether an account pins a content, as of a version of the content's record; what was found longest ago goes first. */
  readonly #holders = new Map<string, { version: number; isHeld: boolean }>();

  constructor(context: PinContext) {
    this.#context = context;
  }

  async find(requestId: string): Promise<Pin | undefined> {
    const pin = await readPin(this.#context.store, requestId);
    if (pin === undefined) return undefined;
    const content = await this.content(pin.record.contentKey);
    if (content !== undefined) return pinOfContent(pin, content);
    // Pin and content go in one commit, so a pin that is still there has lost its content.
    if ((await readPin(this.#context.store, requestId)) === undefined) return undefined;
    throw new FbpdError('STORE_DAMAGED', `store: the pin ${requestId} names a content without a record: restore the store from a backup`, {
      subject: requestId,
    });
  }

  async get(accountId: string, requestId: string): Promise<Pin | undefined> {
    const pin = await this.find(requestId);
    return pin?.accountId === accountId ? pin : undefined;
  }

  list(accountId: string, query: PinQuery): Promise<PinPage> {
    const { store, hash, rosters } = this.#context;
    const roster = rosters.get(accountId);
    return roster === undefined ? Promise.resolve({ count: 0, pins: [] }) : listPins({ store, hash, roster }, accountId, query);
  }

  async content(contentKey: string): Promise<StoredContent | undefined> {
    return (await this.#context.store.get<StoredContent>(keys.content(contentKey)))?.value;
  }

  async contents(contentKeys: readonly string[]): Promise<(StoredContent | undefined)[]> {
    const records = await this.#context.store.getMany<StoredContent>(contentKeys.map((contentKey) => keys.content(contentKey)));
    return records.map((record) => record?.value);
  }

  async standing(contentKey: string, accountId?: string): Promise<Standing> {
    const { store } = this.#context;
    const [record, block] = await store.getMany([keys.content(contentKey), keys.block(contentKey)]);
    const content = record?.value as StoredContent | undefined;
    const isPinned =
      record !== undefined &&
      content !== undefined &&
      content.pins > 0 &&
      (accountId === undefined || (await this.#isPinnedBy(contentKey, accountId, record.version)));
    return { content, status: content && statusOf(content), isPinned, isBlocked: block !== undefined };
  }

  /**
   * Every commit that changes who pins a content rewrites the content's record, so that what was found holds for as long as that
   * has its version. What is found may be newer than the version that was read, which then is never asked about again.
   */
  async #isPinnedBy(contentKey: string, accountId: string, version: number): Promise<boolean> {
    const key = `${contentKey}/${accountId}`;
    const known = this.#holders.get(key);
    if (known?.version === version) return known.isHeld;
    let isHeld = false;
    for await (const _ of this.#context.store.keys({ ...under('c', contentKey, accountId), limit: 1 })) isHeld = true;
    this.#holders.delete(key);
    this.#holders.set(key, { version, isHeld });
    if (this.#holders.size > HOLDERS_MAX) this.#holders.delete(this.#holders.keys().next().value ?? '');
    return isHeld;
  }

  /** The pin's acceptance, then what happened to its content since. */
  async events({ accountId, createdMs, contentKey }: Pin): Promise<PinEvent[]> {
    const [pin, content, log] = await this.#context.store.getMany([
      keys.pin(accountId, createdMs),
      keys.content(contentKey),
      keys.events(contentKey),
    ]);
    const acceptedMs = (pin?.value as PinRecord | undefined)?.acceptedMs ?? createdMs;
    const since = ((log?.value as EventsRecord | undefined)?.events ?? []).filter(({ atMs }) => atMs >= acceptedMs);
    const accepted: PinEvent = { atMs: acceptedMs, event: 'accepted', text: 'the request is on disk' };
    return [accepted, ...heldBefore(content?.value as StoredContent | undefined, since, acceptedMs), ...since];
  }
}

/** A pin of a content that was held when it came: nothing has happened since, yet it is pinned. */
function heldBefore(content: Content | undefined, since: readonly PinEvent[], acceptedMs: number): PinEvent[] {
  if (content === undefined || since.length > 0 || statusOf(content) !== 'pinned') return [];
  return [{ atMs: acceptedMs, event: 'pinned', text: 'the hot tier held it already' }];
}
