import { type DuePiecesOptions, proposeDue } from './cold/due-pieces.ts';
import { Tally } from './cold/pool.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

/** Replaces copies that end soon, or that were lost. */
export class RenewReconciler implements Reconciler {
  readonly name = 'renew';
  readonly #options: DuePiecesOptions;

  constructor(options: DuePiecesOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const tally = new Tally();
    const look = await this.#options.guard.look(signal);
    if (!('view' in look)) tally.skip(look.code);
    else await proposeDue('renew', this.#options, look, tally, signal);
    return tally.report();
  }
}
