import type { Op, Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { keys } from './keys.ts';
import { encodePack, PACK_ROWS } from './pack-codec.ts';
import type { Rosters } from './rosters.ts';

/** What was found of an account's packs at open. */
export interface AccountPacks {
  /** Pins created up to here lie in packs. */
  packedToMs: number;
  /** Pins created after that. */
  unpacked: number;
  /** Packs of which at least half the pins are gone. */
  stale: readonly StalePack[];
}

export interface StalePack {
  firstMs: number;
  lastMs: number;
  /** `created` of the pins in it that are gone. */
  goneMs: readonly number[];
}

interface AccountState {
  packedToMs: number;
  unpacked: number;
  /** Pins whose removal was handed in and has not come back. */
  leaving: number;
  stale: StalePack[];
}

/**
 * Keeps most roster entries a second time, {@link PACK_ROWS} in one record, as that many can be read at open in a tenth
 * of the time. Packs follow each other from an account's oldest pin on. They are only ever a copy: when the numbers do
 * not add up, the entries themselves are read.
 *
 * A pin that is removed from a packed range leaves a `z/` key; when half of a pack is gone, the next open has it
 * written anew.
 */
export class Packs {
  readonly #store: Store;
  readonly #rosters: Rosters;
  readonly #log: Log;
  readonly #accounts = new Map<string, AccountState>();
  #running: Promise<void> | undefined;
  readonly #due = new Set<string>();

  constructor(options: { store: Store; rosters: Rosters; log: Log }) {
    this.#store = options.store;
    this.#rosters = options.rosters;
    this.#log = options.log;
  }

  restore(accountId: string, { packedToMs, unpacked, stale }: AccountPacks): void {
    this.#accounts.set(accountId, { packedToMs, unpacked, leaving: 0, stale: [...stale] });
    this.#wake(accountId);
  }

  added(accountId: string): void {
    const state = this.#stateOf(accountId);
    state.unpacked += 1;
    if (state.unpacked >= PACK_ROWS) this.#wake(accountId);
  }

  /** A commit that removes pins is about to be handed in; it must have these operations too. `left` ends it. */
  leave(pins: readonly { accountId: string; createdMs: number }[]): Op[] {
    return pins.flatMap(({ accountId, createdMs }) => {
      const state = this.#stateOf(accountId);
      state.leaving += 1;
      return createdMs <= state.packedToMs ? [{ put: keys.goneFromPack(accountId, createdMs), value: {} }] : [];
    });
  }

  left(pins: readonly { accountId: string; createdMs: number }[], removed: boolean): void {
    for (const { accountId, createdMs } of pins) {
      const state = this.#stateOf(accountId);
      state.leaving -= 1;
      if (removed && createdMs > state.packedToMs) state.unpacked -= 1;
    }
  }

  /** Resolves when there is nothing to pack. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #stateOf(accountId: string): AccountState {
    const known = this.#accounts.get(accountId);
    if (known !== undefined) return known;
    const state: AccountState = { packedToMs: 0, unpacked: 0, leaving: 0, stale: [] };
    this.#accounts.set(accountId, state);
    return state;
  }

  #wake(accountId: string): void {
    this.#due.add(accountId);
    this.#running ??= this.#run();
  }

  /** What can't be done now is done after the next pins. */
  async #run(): Promise<void> {
    try {
      await Promise.resolve();
      for (const accountId of this.#due) {
        this.#due.delete(accountId);
        while (await this.#packNext(accountId, this.#stateOf(accountId)));
      }
    } catch (error) {
      this.#due.clear();
      this.#log.warn({ err: error }, 'roster entries could not be packed; the next start takes longer');
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Packs once; false when there is nothing to pack. No removal may be on its way: it would have left no `z/` key for a
   * pin that goes into the pack.
   */
  async #packNext(accountId: string, state: AccountState): Promise<boolean> {
    if (state.leaving > 0) return false;
    const stale = state.stale.shift();
    if (stale !== undefined) {
      await this.#repack(accountId, stale);
      return true;
    }
    if (state.unpacked < PACK_ROWS) return false;
    const rows = this.#rosters.get(accountId)?.rows(state.packedToMs + 1, PACK_ROWS) ?? [];
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return false;
    const before = state.packedToMs;
    // From here on removals leave a key, since their commits come after this one.
    state.packedToMs = last.createdMs;
    state.unpacked -= rows.length;
    try {
      await this.#store.commit({ ops: [{ put: keys.pack(accountId, first.createdMs), value: encodePack(rows) }], sync: false });
    } catch (error) {
      state.packedToMs = before;
      state.unpacked += rows.length;
      throw error;
    }
    return true;
  }

  async #repack(accountId: string, { firstMs, lastMs, goneMs }: StalePack): Promise<void> {
    const rows = this.#rosters.get(accountId)?.rows(firstMs, PACK_ROWS, lastMs) ?? [];
    const pack = keys.pack(accountId, firstMs);
    const ops: Op[] = goneMs.map((createdMs) => ({ del: keys.goneFromPack(accountId, createdMs) }));
    ops.push(rows.length === 0 ? { del: pack } : { put: pack, value: encodePack(rows) });
    await this.#store.commit({ ops, sync: false });
  }
}
