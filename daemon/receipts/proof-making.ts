import { PieceError } from '../domain/cold-ports.ts';
import { FbpdError } from '../domain/errors.ts';
import type { BuiltPiece, PieceMember } from '../domain/piece.ts';
import type { Clock } from '../domain/ports.ts';
import type { PieceProofs, RootProof } from '../domain/receipt-ports.ts';
import type { Log } from '../log.ts';

export interface ProofMaking {
  /** The proof that is kept, or one that is made now. Rejects with `CONFLICT` when none can be, `UNAVAILABLE` while one is on its way. */
  proofOf(piece: BuiltPiece & { id: string }, members: readonly PieceMember[], contentKey: string): Promise<RootProof>;
  /** What is kept for the piece is wrong. */
  discard(pieceId: string): Promise<void>;
  /** Ends what is being made, and waits. */
  stop(): Promise<void>;
}

export interface ProofMakingOptions {
  proofs: PieceProofs;
  /** Whoever asks waits so long for a proof that is being made. */
  patienceMs: number;
  clock: Clock;
  log: Log;
}

/** A piece that cannot be built is not tried for each request: it costs as much as one that can. */
const REST_MS = 60_000;
const RESTS_MAX = 1_000;

/** Proofs of pieces of which none is kept are made when they are asked for: one piece after another, as each hashes on every core. */
export function createProofMaking({ proofs, patienceMs, clock, log }: ProofMakingOptions): ProofMaking {
  const making = new Map<string, Promise<void>>();
  const rests = new Map<string, { fromMs: number; error: PieceError }>();
  const stopping = new AbortController();
  let line: Promise<void> = Promise.resolve();

  function rest(pieceId: string, error: PieceError): void {
    const [oldest] = rests.keys();
    if (rests.size >= RESTS_MAX && oldest !== undefined) rests.delete(oldest);
    rests.set(pieceId, { fromMs: clock.nowMs(), error });
  }

  function make(piece: BuiltPiece & { id: string }, members: readonly PieceMember[]): Promise<void> {
    const running = making.get(piece.id);
    if (running !== undefined) return running;
    const resting = rests.get(piece.id);
    if (resting !== undefined && Math.abs(clock.nowMs() - resting.fromMs) < REST_MS) return Promise.reject(resting.error);
    rests.delete(piece.id);
    const made = line.then(() => proofs.make(piece, members, stopping.signal));
    line = made.catch((error: unknown) => {
      log.info({ err: error, piece: piece.id }, 'the proofs of a piece could not be made');
      if (error instanceof PieceError && error.failure !== 'aborted') rest(piece.id, error);
    });
    const settled = made.finally(() => making.delete(piece.id));
    settled.catch(() => undefined);
    making.set(piece.id, settled);
    return settled;
  }

  return {
    async proofOf(piece, members, contentKey) {
      const kept = await proofs.of(piece, members, contentKey).catch(translate);
      if (kept !== undefined) return kept;
      await orTimeOut(make(piece, members), patienceMs).catch(translate);
      const made = await proofs.of(piece, members, contentKey).catch(translate);
      if (made === undefined) throw new FbpdError('CONFLICT', 'the content does not lie in the piece by itself: there is no proof of it');
      return made;
    },
    discard: (pieceId) => proofs.drop(pieceId),
    async stop() {
      stopping.abort();
      await line;
    },
  };
}

async function orTimeOut(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new FbpdError('UNAVAILABLE', 'the proof is being made out of the whole piece, which takes a while: ask again')),
    ms,
  );
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function translate(error: unknown): never {
  if (!(error instanceof PieceError)) throw error;
  switch (error.failure) {
    case 'missing_block':
      throw new FbpdError(
        'CONFLICT',
        `no proof was kept of its piece, and none can be made while not all of the piece has a hot copy: ${error.message}`,
        { cause: error },
      );
    case 'mismatch':
    case 'too_large':
      throw new FbpdError('CONFLICT', `no proof was kept of its piece, and the piece cannot be built again as it was: ${error.message}`, {
        cause: error,
      });
    case 'no_room':
    case 'aborted':
      throw new FbpdError('UNAVAILABLE', `the proof could not be made: ${error.message}`, { cause: error });
  }
}
