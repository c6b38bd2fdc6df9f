import type { ColdOfContent, ColdStore } from '../../domain/cold-store-port.ts';
import { copiesOf } from '../../domain/copies.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Piece } from '../../domain/piece.ts';
import type { ColdProof } from '../../plan/evict.ts';
import { isInForce, isRepacking } from '../../plan/repack.ts';

export interface ContentProof extends ColdProof {
  /** Deals on their way. */
  pending: number;
  /** The piece that has most active copies, of a cut content the first that has not given its bytes back; undefined when it lies in none. */
  pieceId: string | undefined;
}

const NONE: ContentProof = { active: 0, pending: 0, isSampled: false, isFetched: false, isAwaited: false, pieceId: undefined };

/** What the store knows of the cold copies of contents. A pass makes one of its own: it remembers each piece it has looked at. */
export class Proofs {
  readonly #store: Pick<ColdStore, 'coldOf' | 'dealsOf'>;
  readonly #servesFromHot: boolean;
  readonly #sampled = new Map<string, boolean>();

  /** @param servesFromHot - whether providers fetch pieces as hot blocks from here */
  constructor(store: Pick<ColdStore, 'coldOf' | 'dealsOf'>, servesFromHot: boolean) {
    this.#store = store;
    this.#servesFromHot = servesFromHot;
  }

  /** Of each in turn. Whether bytes came back is only looked at where there are active deals. */
  async of(contentKeys: readonly string[]): Promise<ContentProof[]> {
    const cold = await this.#store.coldOf(contentKeys);
    return Promise.all(
      cold.map(async (content) => {
        const { pieces } = content;
        const [best] = copiesOf(pieces);
        if (best === undefined) return NONE;
        const { active, pending } = best;
        const isFetched = this.#servesFromHot && pieces.some(isOnItsWay);
        const isAwaited = isAwaitedBy(content);
        const unsampled = active > 0 ? await this.#unsampledOf(best.pieces) : undefined;
        const pieceId = unsampled ?? best.pieces[0]?.id;
        return { active, pending, isFetched, isAwaited, pieceId, isSampled: active > 0 && unsampled === undefined };
      }),
    );
  }

  /** A content has not come back before each of its parts has. */
  async #unsampledOf(pieces: readonly { id: string }[]): Promise<string | undefined> {
    for (const { id } of pieces) if (!(await this.#isSampled(id))) return id;
    return undefined;
  }

  async #isSampled(pieceId: string): Promise<boolean> {
    const known = this.#sampled.get(pieceId);
    if (known !== undefined) return known;
    const isSampled = (await this.#store.dealsOf(pieceId)).some(({ value }) => hasGivenBack(value));
    this.#sampled.set(pieceId, isSampled);
    return isSampled;
  }
}

/** A piece that is still to be built is made of hot blocks. */
function isAwaitedBy({ waiting, pieces }: ColdOfContent): boolean {
  if (waiting !== undefined || pieces.some(({ state }) => state === 'sealed')) return true;
  return pieces.some(isRepacking) && !pieces.some(isInForce);
}

/** Those of which a deal is on its way: where providers fetch pieces as hot blocks from here, they may still need these. */
export async function fetchedOf(contentKeys: readonly string[], store: Pick<ColdStore, 'coldOf'>): Promise<ReadonlySet<string>> {
  const found = contentKeys.length === 0 ? [] : await store.coldOf(contentKeys);
  return new Set(contentKeys.filter((_, index) => found[index]?.pieces.some(isOnItsWay)));
}

function isOnItsWay({ summary }: Pick<Piece, 'summary'>): boolean {
  return summary.pending > 0;
}

function hasGivenBack({ state, retrievalEvidence, retrievalFailure }: Deal): boolean {
  if (state !== 'active' || retrievalEvidence === undefined) return false;
  return retrievalFailure === undefined || retrievalFailure.atMs < retrievalEvidence.atMs;
}
