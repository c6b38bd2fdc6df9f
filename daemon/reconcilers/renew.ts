import { type DuePiecesOptions, proposeDue } from './cold/due-pieces.ts';
import { passByLook } from './cold/pass-by-look.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

/** Replaces copies that end soon, or that were lost. */
export class RenewReconciler implements Reconciler {
  readonly name = 'renew';
  readonly #options: DuePiecesOptions;

  constructor(options: DuePiecesOptions) {
    this.#options = options;
  }

  pass(signal: AbortSignal): Promise<PassReport> {
    return passByLook(this.#options.guard, signal, (look, tally) => proposeDue('renew', this.#options, look, tally, signal));
  }
}
