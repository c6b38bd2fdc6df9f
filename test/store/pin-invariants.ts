import type { ExecutionContext } from 'ava';

import { PIN_STATUSES, type Pin } from '../../daemon/domain/pin.ts';
import type { PinStore, Store } from '../../daemon/domain/ports.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { type StoredContent, statusOf, type Want } from '../../daemon/store/pins/fate.ts';
import { type Holder, listKeys } from '../../daemon/store/pins/fate-commit.ts';
import { createdOfKey, type PinAddress, type PinRecord, segmentOfKey, under } from '../../daemon/store/pins/keys.ts';

type Check = Pick<ExecutionContext, 'deepEqual' | 'is' | 'true'>;

/**
 * Reads everything there is about pins and compares it with itself and with what the pin store says.
 * Resolves with every pin, by account, oldest first.
 */
export async function checkPinInvariants(t: Check, store: Store, pins: PinStore): Promise<Pin[]> {
  const contents = await records<StoredContent>(store, 'o');
  const pinRecords = await records<PinRecord>(store, 'p');
  checkRecords(t, pinRecords, await collect(store.keys(under('x'))), await records<PinAddress>(store, 'r'));
  t.deepEqual(
    { p: store.counts().p, x: store.counts().x, o: store.counts().o },
    { p: pinRecords.size, x: pinRecords.size, o: contents.size },
  );
  const holders = holdersOf(pinRecords);
  t.deepEqual(
    await collect(store.keys(under('c'))),
    [...holders]
      .flatMap(([contentKey, list]) => list.map(({ accountId, createdMs }) => `c/${contentKey}/${accountId}/${padded(createdMs)}`))
      .sort(),
  );
  await checkContents(t, store, contents, holders);
  return checkAnswers(t, pins, pinRecords, contents);
}

function checkRecords(t: Check, pinRecords: ReadonlyMap<string, PinRecord>, entryKeys: string[], addresses: Map<string, PinAddress>): void {
  t.deepEqual(
    entryKeys,
    [...pinRecords.keys()].map((key) => `x${key.slice(1)}`),
  );
  t.is(addresses.size, pinRecords.size);
  for (const [key, { requestId }] of pinRecords) {
    t.deepEqual(addresses.get(`r/${requestId}`), { accountId: segmentOfKey(key, 1), createdMs: createdOfKey(key) });
  }
}

/** One fate a content: counted pins, a want for each account that waits, and the lists that follow from it. */
async function checkContents(
  t: Check,
  store: Store,
  contents: ReadonlyMap<string, StoredContent>,
  holders: ReadonlyMap<string, readonly Holder[]>,
): Promise<void> {
  const wants = await records<Want>(store, 'w');
  const lists: string[] = [];
  for (const { key, pins, hot, unpinSinceMs, fetching, owner } of contents.values()) {
    const held = holders.get(key) ?? [];
    t.is(pins, held.length, `pins of ${key}`);
    if (hot === 'releasing') t.true(fetching === true || unpinSinceMs !== undefined, `${key} is being let go by somebody`);
    else t.true(pins > 0, `${key} is ${hot} for somebody`);
    if (hot === 'pinned') t.true(owner !== 'none', `${key} is held by somebody`);
    if (unpinSinceMs !== undefined)
      t.true((hot === 'releasing' || hot === 'cold') && owner === 'ours' && !fetching, `${key} is to be unpinned`);
    const own = new Map(
      [...wants].filter(([want]) => segmentOfKey(want, 1) === key).map(([want, value]) => [segmentOfKey(want, 2), value]),
    );
    if (hot === 'cold')
      t.is(owner === 'none', fetching !== true && unpinSinceMs === undefined, `${key} is nobody's, or about to be pinned or unpinned`);
    t.deepEqual(
      [...own.keys()],
      hot === 'pinned' || hot === 'cold' ? [] : [...new Set(held.map(({ accountId }) => accountId))],
      `wants of ${key}`,
    );
    lists.push(...listKeys(key, { content: contents.get(`o/${key}`), wants: own, events: [] }));
  }
  for (const contentKey of holders.keys()) t.true(contents.has(`o/${contentKey}`), `${contentKey} has a record`);
  for (const key of wants.keys()) t.true(contents.has(`o/${segmentOfKey(key, 1)}`), `${key} is of a content`);
  const stored = (await Promise.all(['q', 'f', 'u', 'oc'].map((type) => collect(store.keys(under(type)))))).flat();
  t.deepEqual(stored.sort(), lists.sort());
}

/** What the pin store answers is what lies in the store. */
async function checkAnswers(
  t: Check,
  pins: PinStore,
  pinRecords: ReadonlyMap<string, PinRecord>,
  contents: ReadonlyMap<string, StoredContent>,
): Promise<Pin[]> {
  const all: Pin[] = [];
  const totals = Object.fromEntries(PIN_STATUSES.map((status) => [status, 0])) as Record<Pin['status'], number>;
  for (const accountId of new Set([...pinRecords.keys()].map((key) => segmentOfKey(key, 1)))) {
    const own = [...pinRecords].filter(([key]) => segmentOfKey(key, 1) === accountId);
    const page = await pins.list(accountId, { match: 'exact', limit: 1000 });
    const listed = page.pins.reverse();
    t.is(page.count, own.length);
    t.deepEqual(
      listed.map(({ requestId, createdMs, status }) => ({ requestId, createdMs, status })),
      own.map(([key, { requestId, contentKey }]) => {
        const content = contents.get(`o/${contentKey}`);
        return { requestId, createdMs: createdOfKey(key), status: content === undefined ? 'queued' : statusOf(content) };
      }),
    );
    for (const pin of listed) {
      t.deepEqual(await pins.get(accountId, pin.requestId), pin);
      totals[pin.status] += 1;
    }
    all.push(...listed);
  }
  t.deepEqual(pins.totals(), totals);
  return all;
}

function holdersOf(pinRecords: ReadonlyMap<string, PinRecord>): Map<string, Holder[]> {
  const holders = new Map<string, Holder[]>();
  for (const [key, { contentKey }] of pinRecords) {
    const list = holders.get(contentKey) ?? [];
    list.push({ accountId: segmentOfKey(key, 1), createdMs: createdOfKey(key) });
    holders.set(contentKey, list);
  }
  return holders;
}

async function records<T extends object>(store: Store, type: string): Promise<Map<string, T>> {
  return new Map((await collect(store.range<T>(under(type)))).map(([key, { value }]) => [key, value]));
}

function padded(createdMs: number): string {
  return createdMs.toString().padStart(15, '0');
}
