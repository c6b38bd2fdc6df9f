import type { DealMaker, PieceReader, PieceWorks } from '../../domain/cold-ports.ts';
import { ColdError, PieceError } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { BuiltPiece, Piece } from '../../domain/piece.ts';
import type { Reason } from '../../domain/pin.ts';
import type { PinStore } from '../../domain/ports.ts';
import type { PieceBytes } from '../../domain/transfer-port.ts';
import type { Log } from '../../log.ts';
import { mayWait } from '../../plan/release.ts';
import { ASK_PROVIDER_MS, answerOf, transferMs, within } from './deadline.ts';
import { eachOf } from './pool.ts';

export interface CarsOptions {
  store: ColdStore;
  maker: DealMaker;
  works: PieceWorks;
  pins: Pick<PinStore, 'contents'>;
  /** Brings a content back that has no hot copy; resolves when that is over, whatever became of it. */
  warm: (contentKey: string) => Promise<unknown>;
  /** Whether a content that is to go is still in the hot tier, and stays there while a deal is on its way. */
  keeps: (contentKey: string, signal: AbortSignal) => Promise<boolean>;
  log: Log;
}

export type BuiltWithId = BuiltPiece & { id: string };

/** Where a piece's CAR lies now, undefined where it is not in a file; or why its bytes cannot be had. */
export type CarFile = { file: string | undefined } | { why: Reason };

/** Contents that are brought back for a piece at once. */
const WARM_AT_ONCE = 4;
/** Contents that are about to go and that the hot tier is asked for at once. */
const KEPT_AT_ONCE = 8;

/**
 * The bytes of built pieces: as files for makers that need them, kept while a transfer needs them; for the others as hot blocks
 * and a manifest, or as a file where the hot tier does not hold all of it. They are made again when a transfer needs them again.
 */
export class Cars implements PieceBytes {
  readonly #options: CarsOptions;
  readonly #underWay = new Map<string, Promise<CarFile>>();
  readonly #stopping = new AbortController();

  constructor(options: CarsOptions) {
    this.#options = options;
  }

  /** As they are there, else made again from hot blocks, else fetched back from a provider that has them. */
  ensure(piece: Piece, built: BuiltPiece, signal: AbortSignal): Promise<CarFile> {
    const running = this.#underWay.get(piece.id);
    if (running !== undefined) return running;
    const begun = this.#ensure(piece, { ...built, id: piece.id }, signal).finally(() => this.#underWay.delete(piece.id));
    this.#underWay.set(piece.id, begun);
    return begun;
  }

  /** For a provider that fetches them now. What is not there is made again beside. */
  async open(built: BuiltWithId): Promise<PieceReader | undefined> {
    const { works, store, log } = this.#options;
    const reader = await works.open(built);
    if (reader === undefined) {
      const again = store.piece(built.id).then((piece) => piece && this.ensure(piece.value, built, this.#stopping.signal));
      again.catch((error: unknown) =>
        log.warn({ err: error, piece: built.id }, 'the bytes of a piece that a provider fetches could not be made again'),
      );
    }
    return reader;
  }

  /** Resolves when nothing goes on that {@link Cars.open} began. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  async #ensure(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<CarFile> {
    try {
      if (!(await this.#isThere(piece, built, signal))) await this.#bring(piece, built, signal);
    } catch (error) {
      if (!(error instanceof PieceError) || error.failure === 'aborted') throw error;
      this.#options.log.warn({ err: error, piece: piece.id }, 'the CAR of a piece could not be made again');
      if (error.failure === 'no_room') return { why: { code: 'no_room', text: 'waiting: there is no room to stage the piece' } };
    }
    return (await this.#isThere(piece, built, signal)) ? { file: await this.#options.works.staged(piece.id) } : { why: NO_BYTES };
  }

  /** Of a content that was cut one part is less to fetch than all that it takes to build it. */
  async #bring(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<void> {
    if (piece.part !== undefined && (await this.#notHeld(piece, signal)).length > 0) {
      await this.#fetchBack(built, signal);
      if (await this.#isThere(piece, built, signal)) return;
    }
    if (!(await this.#rebuild(piece, built, signal))) await this.#fetchBack(built, signal);
  }

  async #isThere(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    const { works, maker } = this.#options;
    if ((await works.staged(piece.id)) !== undefined) return true;
    return !maker.needsFile && (await works.open(built)) !== undefined && (await this.#notHeld(piece, signal)).length === 0;
  }

  /** Its contents of which the blocks may not be in the hot tier, or not for as long as a transfer takes. */
  async #notHeld({ members, summary }: Piece, signal: AbortSignal): Promise<string[]> {
    const { pins, keeps } = this.#options;
    const contents = await pins.contents(members.map(({ contentKey }) => contentKey));
    const held = new Set(contents.flatMap((content) => (content?.hot === 'pinned' ? [content.key] : [])));
    // What nobody pins any more is not let go while a deal is on its way.
    const going = contents.flatMap((content) => (summary.pending > 0 && content !== undefined && mayWait(content) ? [content.key] : []));
    await eachOf(going, KEPT_AT_ONCE, signal, async (key) => {
      if (await keeps(key, signal)) held.add(key);
    });
    return members.map(({ contentKey }) => contentKey).filter((key) => !held.has(key));
  }

  /** False when the hot tier does not have all of it any more, or has something else. */
  async #rebuild(piece: Piece, built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    const { works, maker, warm, log } = this.#options;
    try {
      if (!maker.needsFile) {
        await eachOf(await this.#notHeld(piece, signal), WARM_AT_ONCE, signal, warm);
        if ((await this.#notHeld(piece, signal)).length > 0) return false;
        if (await this.#isThere(piece, built, signal)) return true;
      }
      const again = await works.build(piece.id, piece.members, within(signal, transferMs(built.carSizeBytes)), built.pieceSizeBytes);
      if (again.pieceCid === built.pieceCid) return true;
      log.error(
        { piece: piece.id, was: built.pieceCid, is: again.pieceCid },
        'a piece built again is another one; its bytes are fetched back instead',
      );
      await works.forget(piece.id);
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
   * No transfer needs the file any more. It goes last, so that a crash in between is made good by the next look; false when
   * it is still there.
   */
  async release(built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    const { maker, works } = this.#options;
    if ((await works.staged(built.id)) === undefined) return true;
    const unstaged = !maker.needsFile || (await answerOf(maker.unstage(built, within(signal, ASK_PROVIDER_MS)).then(() => true)));
    if (unstaged === true) await works.drop(built.id);
    return unstaged === true;
  }

  /** No deal will be made about it any more, and none is on its way. False as with {@link Cars.release}. */
  async forget(built: BuiltWithId, signal: AbortSignal): Promise<boolean> {
    if (!(await this.release(built, signal))) return false;
    await this.#options.works.forget(built.id);
    return true;
  }
}

const NO_BYTES: Reason = {
  code: 'no_bytes',
  text: 'waiting for the bytes: the hot tier does not hold all of it, and no provider gives it back free of charge',
};
