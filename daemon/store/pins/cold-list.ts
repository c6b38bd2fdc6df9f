import { isFbpdError } from '../../domain/errors.ts';
import type { Op, Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { coldKeys, type ListedRecord } from '../cold/keys.ts';
import type { StoredContent } from './fate.ts';
import type { FateStep } from './fate-commit.ts';
import { keys, segmentOfKey, under } from './keys.ts';

const SWEPT_A_COMMIT = 500;

type Listener = (contentKeys: readonly string[]) => void;

/**
 * The list of contents whose cold side is to be looked at (`l/`, see `cold/keys.ts`), kept in the commits of the pins.
 * Switched on for the first time, or again, it lists what is held already, in the background.
 */
export class ColdList {
  readonly #store: Store;
  readonly #log: Log;
  readonly #isOn: boolean;
  readonly #listeners: Listener[] = [];
  #sweep: Promise<void> = Promise.resolve();

  private constructor(store: Store, log: Log, isOn: boolean) {
    this.#store = store;
    this.#log = log;
    this.#isOn = isOn;
  }

  static async open(options: { store: Store; log: Log; isOn: boolean }): Promise<ColdList> {
    const { store, log, isOn } = options;
    const list = new ColdList(store, log, isOn);
    const record = (await store.get<ListedRecord>(coldKeys.listing))?.value;
    if (isOn && !record?.done) list.#sweep = list.#listHeld(record?.after);
    // What comes to be held from now on is not listed, so the next time everything has to be.
    if (!isOn && record !== undefined) await store.commit({ ops: [{ del: coldKeys.listing }] });
    return list;
  }

  onListed(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** What a commit of these steps has to write. */
  ops(steps: readonly FateStep[]): Op[] {
    return this.#listedBy(steps).map((contentKey) => ({ put: coldKeys.listed(contentKey), value: {} }));
  }

  /** The commit of these steps is on disk. */
  committed(steps: readonly FateStep[]): void {
    this.#tell(this.#listedBy(steps));
  }

  /** Resolves when nothing runs in the background. */
  settled(): Promise<void> {
    return this.#sweep;
  }

  #listedBy(steps: readonly FateStep[]): string[] {
    return this.#isOn ? steps.filter(concernsCold).map(({ before }) => before.contentKey) : [];
  }

  #tell(contentKeys: readonly string[]): void {
    if (contentKeys.length > 0) for (const listener of this.#listeners) listener(contentKeys);
  }

  /** Each commit says how far it came, so that a sweep that is cut off goes on there. */
  async #listHeld(after: string | undefined): Promise<void> {
    const { gte, lt } = under('o');
    let found: string[] = [];
    let listed = 0;
    const flush = async (record: ListedRecord): Promise<void> => {
      const ops: Op[] = found.map((contentKey) => ({ put: coldKeys.listed(contentKey), value: {} }));
      await this.#store.commit({ ops: [...ops, { put: coldKeys.listing, value: record }], sync: record.done });
      listed += found.length;
      this.#tell(found);
      found = [];
    };
    try {
      const from = after === undefined ? { gte } : { gt: keys.content(after) };
      for await (const [key, { value }] of this.#store.range<StoredContent>({ ...from, lt })) {
        if (value.hot === 'pinned') found.push(segmentOfKey(key, 1));
        if (found.length === SWEPT_A_COMMIT) await flush({ after: segmentOfKey(key, 1), done: false });
      }
      await flush({ done: true });
      if (listed > 0) this.#log.info({ contents: listed }, 'contents that were held already are on the list for the cold layer');
    } catch (error) {
      if (isFbpdError(error, 'UNAVAILABLE')) return;
      this.#log.error({ err: error }, 'what is held already could not be listed for the cold layer; the next start goes on');
    }
  }
}

/**
 * True when the cold side of the content has to look at it: it came to be held, or is held no more; another pin came to
 * what is held; its last pin went, or the first one came to what has a cold side already; it was blocked.
 */
function concernsCold({ before, after }: FateStep): boolean {
  const was = before.fate.content;
  const is = after.content;
  const [held, holds] = [was?.hot === 'pinned', is?.hot === 'pinned'];
  const [pins, left] = [was?.pins ?? 0, is?.pins ?? 0];
  if (held !== holds || (holds && left > pins)) return true;
  if (pins > 0 && left === 0) return true;
  if (pins === 0 && left > 0 && before.hasCold) return true;
  return after.events.some(({ event }) => event === 'blocked');
}
