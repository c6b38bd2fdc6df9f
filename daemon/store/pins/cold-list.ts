import { isHeld } from '../../domain/content.ts';
import type { Op, Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { coldKeys } from '../cold/keys.ts';
import type { FateStep } from './fate-commit.ts';
import { listHeld } from './list-held.ts';

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
    if (isOn) list.#sweep = list.#listHeld();
    // What comes to be held from now on is not listed, so the next time everything has to be.
    else if ((await store.get(coldKeys.listing)) !== undefined) await store.commit({ ops: [{ del: coldKeys.listing }] });
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

  #listHeld(): Promise<void> {
    return listHeld({
      store: this.#store,
      log: this.#log,
      recordKey: coldKeys.listing,
      listedKey: coldKeys.listed,
      isListed: isHeld,
      onListed: (contentKeys) => this.#tell(contentKeys),
      forWhom: 'the cold layer',
    });
  }

  #tell(contentKeys: readonly string[]): void {
    if (contentKeys.length > 0) for (const listener of this.#listeners) listener(contentKeys);
  }
}

/**
 * True when the cold side of the content has to look at it: it came to be held, or is held no more, or has a hot copy again;
 * another pin came to what is held; its last pin went, or the first one came to what has a cold side already; it was blocked.
 */
function concernsCold({ before, after }: FateStep): boolean {
  const was = before.fate.content;
  const is = after.content;
  const [held, holds] = [was !== undefined && isHeld(was), is !== undefined && isHeld(is)];
  const [pins, left] = [was?.pins ?? 0, is?.pins ?? 0];
  if (held !== holds || (holds && left > pins) || (was?.hot === 'cold' && is?.hot === 'pinned')) return true;
  if (pins > 0 && left === 0) return true;
  if (pins === 0 && left > 0 && before.hasCold) return true;
  return after.events.some(({ event }) => event === 'blocked');
}
