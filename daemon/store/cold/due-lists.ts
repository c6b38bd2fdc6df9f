import type { Store } from '../../domain/ports.ts';
import { collect } from '../pins/collect.ts';
import { HeadMark } from '../pins/head-mark.ts';
import { under } from '../pins/keys.ts';
import { DUE_TYPES, type DueList, dueUntil, subjectOfKey } from './keys.ts';

/** Where each list of what is due begins: a look costs what it finds, not what was ever taken off. */
export class DueLists {
  readonly #store: Store;
  readonly #marks = Object.fromEntries(Object.entries(DUE_TYPES).map(([list, type]) => [list, new HeadMark(under(type).gte)])) as Record<
    DueList,
    HeadMark
  >;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Ids of what is due at or before the epoch, soonest first. */
  async look(list: DueList, epoch: number, limit: number): Promise<string[]> {
    const mark = this.#marks[list];
    const { key: gte, puts } = mark;
    const lt = dueUntil(list, epoch);
    if (gte >= lt) return [];
    const keys = await collect(this.#store.keys({ gte, lt, limit }));
    mark.raise(puts, keys[0] ?? lt);
    return keys.map(subjectOfKey);
  }

  /** Ids of what is due behind the one epoch, and at or before the other, soonest first. */
  async between(list: DueList, after: number, until: number, limit: number): Promise<string[]> {
    return (await collect(this.#store.keys({ gte: dueUntil(list, after), lt: dueUntil(list, until), limit }))).map(subjectOfKey);
  }

  /** An entry has come to the store. Returns its list; undefined when it is of none. */
  put(key: string): DueList | undefined {
    const list = LIST_OF_TYPE.get(key.slice(0, key.indexOf('/')));
    if (list !== undefined) this.#marks[list].put(key);
    return list;
  }
}

const LIST_OF_TYPE = new Map(Object.entries(DUE_TYPES).map(([list, type]) => [type as string, list as DueList]));
