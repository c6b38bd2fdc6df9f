import type { Range, Store } from '../../domain/ports.ts';
import { collect } from '../pins/collect.ts';
import { segmentOfKey, under } from '../pins/keys.ts';
import { idOf, numberOfId } from './keys.ts';

/** Ids of indexes: numbers in turn, from behind the last one of which something is left in the store. */
export class IndexIds {
  readonly #store: Store;
  #last: number | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async next(): Promise<string> {
    const stored = this.#last === undefined ? await this.#lastStored() : 0;
    // Whoever else has asked meanwhile has set it.
    this.#last = (this.#last ?? stored) + 1;
    return idOf(this.#last);
  }

  async #lastStored(): Promise<number> {
    const last = async (range: Range) => collect(this.#store.keys({ ...range, reverse: true, limit: 1 }));
    const keys = [...(await last(under('ii'))), ...(await last(under('id')))];
    return Math.max(0, ...keys.map((key) => numberOfId(segmentOfKey(key, 1))));
  }
}
