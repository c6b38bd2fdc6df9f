import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Piece } from '../../domain/piece.ts';
import type { PinStore, Versioned } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { DealsPlan } from '../../plan/deals.ts';
import { planRepacking, type RepackPlan, type WantedMember } from '../../plan/repack.ts';
import type { Desk } from './desk.ts';

export interface RepackerOptions {
  store: ColdStore;
  desk: Desk;
  pins: Pick<PinStore, 'contents'>;
  /** Brings a content back that has no hot copy; resolves when that is over, whatever became of it. */
  warm: (contentKey: string) => Promise<unknown>;
  /** Room for what is brought back; absent where there always is. */
  hasRoom?: () => boolean;
  log: Log;
}

/** So many are brought back for a piece in one look: they share the disk with what people read. */
const WARM_A_LOOK = 8;

const SAYS: Readonly<Partial<Record<RepackPlan['kind'], string>>> = {
  begin: 'a piece is mostly dead and near its end: what is wanted of it goes into another one',
  give_up: 'a piece could not be repacked in time: it is renewed after all',
  retire: 'a piece is repacked: what is wanted of it has its copies in another one',
};

/**
 * Takes pieces near their end out of use of which most is wanted no more. Each look begins with what is there, so that a crash
 * between any two of them costs nothing; all that waits for a piece comes to wait in one place only, when its content is looked at.
 */
export class Repacker {
  readonly #options: RepackerOptions;
  /** Where the next look begins: one that nobody gives back is not to keep the others from their turn. */
  #turn = 0;

  constructor(options: RepackerOptions) {
    this.#options = options;
  }

  /** True when the piece is no longer as it was read. */
  async step({ piece, deals, plan }: { piece: Versioned<Piece>; deals: Deal[]; plan: DealsPlan }, headEpoch: number): Promise<boolean> {
    const { desk, log } = this.#options;
    const begins = plan.repacks === true;
    const policy = desk.policy(piece.value.policy);
    if ((!begins && piece.value.repack === undefined) || piece.value.state !== 'built' || policy === undefined) return false;
    const wanted = await this.#wanted(piece.value);
    const { kind, after, list, warm } = planRepacking({ piece: piece.value, deals, policy, headEpoch, begins, wanted });
    this.#bringBack(warm);
    if (after === piece.value && list.length === 0) return false;
    const written = await desk.settlePiece(piece, { after, list });
    const says = SAYS[kind];
    if (written && says !== undefined) log.info({ piece: after.id, wanted: wanted.length, contents: after.members.length }, says);
    return true;
  }

  async #wanted({ members }: Piece): Promise<WantedMember[]> {
    const { store, pins } = this.#options;
    const keys = members.filter(({ gone }) => gone === undefined).map(({ contentKey }) => contentKey);
    const [contents, cold] = await Promise.all([pins.contents(keys), store.coldOf(keys)]);
    return keys.map((contentKey, index) => ({ contentKey, hot: contents[index]?.hot, cold: cold[index] ?? { pieces: [] } }));
  }

  /** Nobody waits for it: what comes back stays hot while it is awaited, and the next look finds it so. */
  #bringBack(contentKeys: readonly string[]): void {
    const { warm, hasRoom } = this.#options;
    if (hasRoom?.() === false) return;
    const from = contentKeys.length <= WARM_A_LOOK ? 0 : this.#turn % contentKeys.length;
    this.#turn += WARM_A_LOOK;
    for (const contentKey of [...contentKeys.slice(from), ...contentKeys.slice(0, from)].slice(0, WARM_A_LOOK)) void warm(contentKey);
  }
}
