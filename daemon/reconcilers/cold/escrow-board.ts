import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { EscrowStanding } from '../../domain/escrow.ts';
import type { Money } from '../../plan/money.ts';

/** While it stands like that, nothing is added to the escrow unless somebody does something. */
const STALLED: ReadonlySet<string> = new Set(['by_hand', 'wallet_low', 'fee_too_high', 'message_failed', 'push_refused', 'not_estimated']);

/** How the escrow stands, by the last pass over it: where deals that wait for funds, operators and metrics read it. */
export class EscrowBoard {
  readonly #store: ColdStore;
  #standing: EscrowStanding | undefined;

  constructor({ store }: { store: ColdStore }) {
    this.#store = store;
  }

  get standing(): EscrowStanding | undefined {
    return this.#standing;
  }

  put(standing: EscrowStanding): void {
    this.#standing = standing;
  }

  /** What deals that do not fit into the escrow wait for. */
  note(): NonNullable<Money['escrow']> {
    const message = this.#store.escrow()?.value.message;
    const state = this.#standing?.state;
    const isComing = state === undefined || !STALLED.has(state.code);
    if (message?.purpose.kind === 'top_up')
      return { text: `escrow is being topped up (message ${message.versions.at(-1)?.cid})`, isComing };
    if (isComing) return { text: 'escrow is topped up next', isComing };
    return { text: state?.text ?? '', isComing };
  }
}
