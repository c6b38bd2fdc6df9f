import type { DealMaker, PieceWorks } from '../../domain/cold-ports.ts';
import { ColdError, PieceError } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { BuiltPiece, Piece } from '../../domain/piece.ts';
import type { Reason } from '../../domain/pin.ts';
import type { Log } from '../../log.ts';
import { ASK_PROVIDER_MS, answerOf, transferMs, within } from './deadline.ts';

export interface CarsOptions {
  store: ColdStore;
  maker: DealMaker;
  works: PieceWorks;
  log: Log;
}

export type BuiltWithId = BuiltPiece & { id: string };

/** Where a piece's CAR lies now, or why it cannot be had. */
export type CarFile = { file: string } | { why: Reason };

/** CAR files of built pieces: kept while a transfer needs them, and made again when one needs them again. */
export class Cars {
  readonly #options: CarsOptions;
  readonly #underWay = new Map<string, Promise<CarFile>>();

  constructor(options: CarsOptions) {
    this.#options = options;
  }

  /** From the staging directory, else built again from hot blocks, else fetched back from a provider that has it. */
  ensure(piece: Piece, built: BuiltPiece, signal: AbortSignal): Promise<CarFile> {
    const running = this.#underWay.get(piece.id);
    if (running !== undefined) return running;
    const begun = this.#ensure(piece, { ...built, id: piece.id }, signal).finally(() => this.#underWay.delete(piece.id));
    this.#underWay.set(piece.id, begun);
    return begun;
  }

  async #ensure(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<CarFile> {
    const { works } = this.#options;
    try {
      if ((await works.staged(piece.id)) === undefined && !(await this.#rebuild(piece, built, signal)))
        await this.#fetchBack(built, signal);
    } catch (error) {
      if (!(error instanceof PieceError) || error.failure === 'aborted') throw error;
      this.#options.log.warn({ err: error, piece: piece.id }, 'the CAR of a piece could not be made again');
      if (error.failure === 'no_room') return { why: { code: 'no_room', text: 'waiting: there is no room to stage the piece' } };
    }
    const file = await works.staged(piece.id);
    return file === undefined ? { why: NO_BYTES } : { file };
  }

  /** False when the hot tier does not have all of it any more, or has something else. */
  async #rebuild(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    const { works, log } = this.#options;
    try {
      const again = await works.build(piece.id, piece.members, within(signal, transferMs(built.carSizeBytes)));
      if (again.pieceCid === built.pieceCid) return true;
      log.error(
        { piece: piece.id, was: built.pieceCid, is: again.pieceCid },
        'a piece built again is another one; its bytes are fetched back instead',
      );
      await works.drop(piece.id);
      return false;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PieceError && error.failure !== 'no_room') return false;
      throw error;
    }
  }

  /** Only what costs nothing: a paid retrieval may be paid in full and never finish. */
  async #fetchBack(built: BuiltWithId, signal: AbortSignal): Promise<void> {
    const { store, maker, works, log } = this.#options;
    for (const { value: deal } of await store.dealsOf(built.id)) {
      if (deal.state !== 'active' || (await works.staged(built.id)) !== undefined) continue;
      const price = await answerOf(maker.retrievalPrice(deal, built, within(signal, ASK_PROVIDER_MS)));
      if (price !== 0n) continue;
      const deadline = within(signal, transferMs(built.carSizeBytes));
      try {
        await works.receive(built, maker.retrieve(deal, built, deadline), deadline);
        log.info({ piece: built.id, provider: deal.provider }, 'the bytes of a piece were fetched back');
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ColdError || (error instanceof PieceError && error.failure !== 'no_room'))) throw error;
        log.warn(
          { err: error, piece: built.id, provider: deal.provider },
          'the bytes of a piece could not be fetched back; the next provider is asked',
        );
      }
    }
  }

  /**
   * No transfer needs it any more. The file goes last, so that a crash in between is made good by the next look; false when
   * it is still there.
   */
  async release(built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    const { maker, works } = this.#options;
    if ((await works.staged(built.id)) === undefined) return true;
    const unstaged = await answerOf(maker.unstage(built, within(signal, ASK_PROVIDER_MS)).then(() => true));
    if (unstaged === true) await works.drop(built.id);
    return unstaged === true;
  }
}

const NO_BYTES: Reason = {
  code: 'no_bytes',
  text: 'waiting for the bytes: the hot tier does not hold all of it, and no provider gives it back free of charge',
};
