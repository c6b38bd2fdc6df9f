import type { DealMaker } from '../domain/cold-ports.ts';
import { ColdError } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import type { BuiltPiece, PiecePart } from '../domain/piece.ts';
import { scoreOf } from '../plan/score.ts';
import { orderSources, type SourceCandidate } from '../plan/sources.ts';
import { ASK_MS, firstByteMs, UNPADDED } from './patience.ts';
import type { ColdSource } from './ports.ts';

export interface ColdSourcesOptions {
  store: Pick<ColdStore, 'piecesOf' | 'dealsOf' | 'provider'>;
  maker: Pick<DealMaker, 'open' | 'retrievalPrice'>;
  /** Whether retrievals may cost anything at all. */
  mayPay: boolean;
  /** Books what a retrieval costs, before it is begun; false when there is no money for it today. */
  book(priceAtto: bigint): Promise<boolean>;
}

interface Copy extends SourceCandidate {
  deal: Deal;
  piece: BuiltPiece & { id: string };
  part: PiecePart | undefined;
}

/** Everybody who may have a content cold, in the order in which they are to be asked. */
export function createColdSources({ store, maker, mayPay, book }: ColdSourcesOptions): (contentKey: string) => Promise<ColdSource[]> {
  /** Of each provider, as it was asked last. */
  const prices = new Map<string, bigint>();

  async function candidatesOf(contentKey: string): Promise<Copy[]> {
    const copies: Copy[] = [];
    for (const { value: piece } of await store.piecesOf(contentKey)) {
      if (piece.built === undefined) continue;
      for (const { value: deal } of await store.dealsOf(piece.id)) {
        const provider = (await store.provider(deal.provider))?.value;
        copies.push({
          deal,
          piece: { ...piece.built, id: piece.id },
          part: piece.part,
          score: scoreOf(provider ?? { events: [] }).value,
          isSuspended: provider?.suspended !== undefined,
          priceAtto: prices.get(deal.provider),
        });
      }
    }
    return copies;
  }

  async function pay({ deal, piece }: Copy, signal: AbortSignal): Promise<void> {
    const price = await maker.retrievalPrice(deal, piece, AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]));
    if (price === undefined) throw new ColdError('refused', 'the provider does not offer it');
    prices.set(deal.provider, price);
    if (price > 0n && !(await book(price)))
      throw new ColdError('refused', `it asks ${price} attoFIL for it, and budget.retrievals_per_day has no more for today`);
  }

  return async (contentKey) =>
    orderSources(await candidatesOf(contentKey)).map((copy) => ({
      provider: copy.deal.provider,
      dealId: copy.deal.id,
      pieceId: copy.piece.id,
      bytesMax: copy.piece.pieceSizeBytes * UNPADDED,
      firstByteMs: firstByteMs(copy.piece),
      ...partOf(copy),
      async open(signal) {
        // Where nothing may be paid, the maker refuses what costs anything: that is one question less on the way to the first byte.
        if (mayPay) await pay(copy, signal);
        return maker.open(copy.deal, copy.piece, copy.part === undefined ? contentKey : copy.piece.rootCid, signal);
      },
    }));
}

function partOf({ part, piece: { rootCid } }: Copy): Pick<ColdSource, 'part'> {
  return part === undefined ? {} : { part: { cut: part.cut, index: part.index, of: part.of, rootCid } };
}
