import type { Content } from '../../domain/content.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { Op, Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { StoredContent } from './fate.ts';
import { keys, segmentOfKey, under } from './keys.ts';

/** How far what is held already has been listed. */
export interface ListedRecord {
  /** Contents up to this key have been listed; absent once all of them are. */
  after?: string;
  done: boolean;
}

export interface ListHeldOptions {
  store: Store;
  log: Log;
  /** Where the {@link ListedRecord} lies. */
  recordKey: string;
  listedKey: (contentKey: string) => string;
  isListed: (content: Content) => boolean;
  /** Called when a commit that lists these is on disk. */
  onListed?: (contentKeys: readonly string[]) => void;
  /** For the log. */
  forWhom: string;
}

const LISTED_A_COMMIT = 500;
/** When few are listed, it is written down how far it came at least this often. */
const LOOKED_AT_A_COMMIT = 20_000;

/**
 * Lists what was held before there was a list, once for ever. Never rejects. Each commit says how far it came, so that who is
 * cut off goes on there.
 */
export async function listHeld(options: ListHeldOptions): Promise<void> {
  const { store, log, recordKey, forWhom } = options;
  try {
    const record = (await store.get<ListedRecord>(recordKey))?.value;
    if (record?.done) return;
    const listed = await listFrom(options, record?.after);
    if (listed > 0) log.info({ contents: listed }, `contents that were held already are on the list for ${forWhom}`);
  } catch (error) {
    if (isFbpdError(error, 'UNAVAILABLE')) return;
    log.error({ err: error }, `what is held already could not be listed for ${forWhom}; the next start goes on`);
  }
}

async function listFrom({ store, recordKey, listedKey, isListed, onListed }: ListHeldOptions, after: string | undefined): Promise<number> {
  const { gte, lt } = under('o');
  const from = after === undefined ? { gte } : { gt: keys.content(after) };
  let found: string[] = [];
  let [listed, lookedAt] = [0, 0];
  const flush = async (record: ListedRecord): Promise<void> => {
    const ops: Op[] = found.map((contentKey) => ({ put: listedKey(contentKey), value: {} }));
    await store.commit({ ops: [...ops, { put: recordKey, value: record }], sync: record.done });
    listed += found.length;
    if (found.length > 0) onListed?.(found);
    found = [];
    lookedAt = 0;
  };
  for await (const [key, { value }] of store.range<StoredContent>({ ...from, lt })) {
    lookedAt += 1;
    if (isListed(value)) found.push(segmentOfKey(key, 1));
    if (found.length === LISTED_A_COMMIT || lookedAt === LOOKED_AT_A_COMMIT) await flush({ after: segmentOfKey(key, 1), done: false });
  }
  await flush({ done: true });
  return listed;
}
