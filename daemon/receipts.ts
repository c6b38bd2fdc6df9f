import { rawCidOf } from './cold/pieces/links.ts';
import { parseCid } from './domain/cid.ts';
import type { Chain, DealMaker } from './domain/cold-ports.ts';
import type { ColdStore } from './domain/cold-store-port.ts';
import type { Deal } from './domain/deal.ts';
import { FbpdError } from './domain/errors.ts';
import type { BuiltPiece, Piece } from './domain/piece.ts';
import type { Pin } from './domain/pin.ts';
import { type Clock, HotError, type PinStore, type Versioned } from './domain/ports.ts';
import { RECEIPT_FORMAT, type ReceiptDeal, type ReceiptPiece } from './domain/receipt.ts';
import type { PieceProofs, PublishRecords, Receipts } from './domain/receipt-ports.ts';
import { RetrievalError } from './domain/retrieval-ports.ts';
import type { Log } from './log.ts';
import { digestOf } from './receipts/form.ts';
import { type ProvenPlace, placeIn, provenPlace } from './receipts/place.ts';
import { createProofMaking } from './receipts/proof-making.ts';
import { createSignedDeals, type SignedDeal } from './receipts/signed-deals.ts';

export interface ReceiptsOptions {
  pins: PinStore;
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  records: PublishRecords;
  proofs: PieceProofs;
  /** The root block of a content, hashed, from wherever it is. Rejects with a HotError or a RetrievalError. */
  rootBlock(contentKey: string, signal: AbortSignal): Promise<Uint8Array>;
  clock: Clock;
  log: Log;
  /** Whoever asks waits so long for a proof that is being made. Default 20 s. */
  patienceMs?: number;
}

export interface RunningReceipts extends Receipts {
  /** Ends proofs that are being made, and waits. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 20_000;

const ABOUT =
  'Proves that the root block of the content lies in each of these pieces, and that the client of each deal signed a proposal about ' +
  'that piece. It does not prove that the blocks below the root lie there. What is under "claims" takes the chain to tell: ' +
  'fbpd receipts verify FILE --lotus URL.';

const OF_PARTS =
  'The content was cut, as it is too large for one piece: its root block lies in the piece of every part, and "claims" says which part ' +
  'a piece is.';

/** Proof that a pin's content is in deals, for whoever is shown it. */
export function createReceipts(options: ReceiptsOptions): RunningReceipts {
  const { store, clock, log } = options;
  const making = createProofMaking({ proofs: options.proofs, patienceMs: options.patienceMs ?? PATIENCE_MS, clock, log });
  const signedDeal = createSignedDeals(options);

  async function signedDeals(deals: readonly Versioned<Deal>[], signal: AbortSignal): Promise<SignedDeal[]> {
    const found: SignedDeal[] = [];
    for (const deal of deals) {
      const signed = await signedDeal(deal, signal);
      if (signed !== undefined) found.push(signed);
      else log.info({ deal: deal.value.id }, 'a receipt leaves a deal out: its signed proposal is not to be had now');
    }
    return found;
  }

  /** What is kept is followed up to the piece before it is given to anybody, and made anew when it leads elsewhere. */
  async function place(pin: Pin, piece: Piece, built: BuiltPiece, block: Uint8Array): Promise<ProvenPlace> {
    const { contentKey } = pin;
    const named = { ...built, id: piece.id };
    const { bytes } = parseCid(contentKey);
    const cid = piece.part === undefined ? bytes : rawCidOf(bytes).bytes;
    for (let tries = 0; tries < 2; tries++) {
      const proof = await making.proofOf(named, piece.members, contentKey);
      if (proof.within !== undefined) await mustBeOwn(pin, proof.within, options.pins);
      const proven = provenPlace(cid, block, proof, built);
      if (proven !== undefined) return proven;
      log.warn({ piece: piece.id, cid: contentKey }, 'the kept proofs of a piece are damaged: they are made again');
      await making.discard(piece.id);
    }
    throw new FbpdError('UNAVAILABLE', 'the proof of its piece is damaged, and so is the one that was made in its place');
  }

  return {
    async of(pin, signal) {
      const memory = store.chain()?.value;
      const copies = await activeCopies(pin, store);
      const block = await options.rootBlock(pin.contentKey, signal).catch(throwBlockError);
      const pieces: ReceiptPiece[] = [];
      for (const { piece, built, deals } of copies) {
        const signed = await signedDeals(deals, signal);
        if (signed.length === 0) continue;
        const proven = await place(pin, piece, built, block);
        const part = piece.part && { number: piece.part.index + 1, of: piece.part.of };
        const claims = { carRoot: built.rootCid, carSize: built.carSizeBytes, ...(part === undefined ? {} : { part }) };
        pieces.push(...byPiece(proven, signed).map((one) => ({ ...one, claims })));
      }
      if (pieces.length === 0 || memory === undefined)
        throw new FbpdError('UNAVAILABLE', 'the signed proposals of its deals are on the chain, which cannot be read at present');
      const { network, genesisCid } = memory;
      const receipt = {
        format: RECEIPT_FORMAT as typeof RECEIPT_FORMAT,
        about: copies.some(({ piece }) => piece.part !== undefined) ? `${ABOUT} ${OF_PARTS}` : ABOUT,
        cid: pin.contentKey,
        made: new Date(clock.nowMs()).toISOString(),
        claims: { network, genesisCid },
        pieces,
      };
      return { ...receipt, digest: digestOf(receipt) };
    },
    stop: () => making.stop(),
  };
}

interface ActiveCopies {
  piece: Piece;
  built: BuiltPiece;
  deals: Versioned<Deal>[];
}

/** Rejects with `CONFLICT` and the reason why there is none yet. */
async function activeCopies({ contentKey, status }: Pin, store: ColdStore): Promise<ActiveCopies[]> {
  if (status !== 'pinned') throw new FbpdError('CONFLICT', `there is nothing to prove yet: the pin is ${status}`);
  const copies: ActiveCopies[] = [];
  let [made, next] = [0, 'it waits for a piece'];
  for (const { value: piece } of await store.piecesOf(contentKey)) {
    next = piece.next.text;
    if (piece.built === undefined) continue;
    const deals = await store.dealsOf(piece.id);
    made += deals.length;
    const active = deals.filter(({ value }) => value.state === 'active' && value.activeEvidence !== undefined);
    if (active.length > 0) copies.push({ piece, built: piece.built, deals: active });
  }
  if (copies.length > 0) return copies;
  const what = made === 0 ? 'no deal has been made about it' : 'the final chain has none of its deals in a sector';
  throw new FbpdError('CONFLICT', `there is nothing to prove yet: ${what}; next: ${next}`);
}

/** One entry for each piece that proposals are about: with providers that want larger ones it is the same CAR with zeros behind. */
function byPiece(place: ProvenPlace, deals: readonly SignedDeal[]): Omit<ReceiptPiece, 'claims'>[] {
  const groups = Map.groupBy(deals, ({ proposal }) => `${proposal.pieceCid} ${proposal.pieceSizeBytes}`);
  return [...groups.values()].flatMap((group) => {
    const shown: ReceiptDeal[] = group.map((one) => one.shown);
    const placed = group[0] && placeIn(place, group[0].proposal);
    return placed === undefined ? [] : [{ ...placed, deals: shown }];
  });
}

/** Beside its root block the receipt would show what is somebody else's. */
async function mustBeOwn({ accountId }: Pin, within: string, pins: PinStore): Promise<void> {
  if ((await pins.standing(within, accountId)).isPinned) return;
  throw new FbpdError(
    'CONFLICT',
    'its root block lies among the blocks of another content, which links to it and is not pinned by this account: a proof would show bytes of that one',
  );
}

function throwBlockError(error: unknown): never {
  if (!(error instanceof HotError || error instanceof RetrievalError)) throw error;
  throw new FbpdError('UNAVAILABLE', `its root block, which the proof begins with, cannot be had at present: ${error.message}`, {
    cause: error,
  });
}
