import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Piece } from '../../domain/piece.ts';
import type { DrillContent } from '../../plan/drill.ts';

/** For each content that is wanted so many are drawn: some are drawn twice, others are too large. */
const DRAWS_PER_CONTENT = 8;

type DrillStore = Pick<ColdStore, 'sampleActive' | 'piece' | 'piecesOf' | 'dealsOf'>;

/** Contents of active deals, by chance; some perhaps more than once. */
export async function drawContents(store: DrillStore, count: number, random: () => number): Promise<DrillContent[]> {
  const drawn: DrillContent[] = [];
  for (let draws = count * DRAWS_PER_CONTENT; draws > 0; draws -= 1) {
    const deal = (await store.sampleActive(random()))?.value;
    if (deal === undefined) break;
    const piece = (await store.piece(deal.pieceId))?.value;
    const members = piece?.members.filter(({ gone }) => gone !== true) ?? [];
    const member = members[Math.floor(random() * members.length)];
    if (piece !== undefined && member !== undefined) drawn.push(await contentIn(store, [piece], member.contentKey));
  }
  return drawn;
}

/** This content, with all who have it, or one of its parts. */
export async function namedContent(store: DrillStore, contentKey: string): Promise<DrillContent> {
  const pieces = (await store.piecesOf(contentKey)).map(({ value }) => value);
  return contentIn(store, pieces, contentKey);
}

async function contentIn(store: DrillStore, pieces: readonly Piece[], contentKey: string): Promise<DrillContent> {
  const copies: DrillContent['copies'][number][] = [];
  let sizeBytes = 0;
  for (const { id, members, part } of pieces) {
    sizeBytes = Math.max(sizeBytes, members.find((member) => member.contentKey === contentKey)?.sizeBytes ?? 0);
    for (const { value: deal } of await store.dealsOf(id)) {
      if (deal.state === 'active')
        copies.push({ dealId: deal.id, provider: deal.provider, ...(part === undefined ? {} : { isPart: true }) });
    }
  }
  return { contentKey, sizeBytes, copies };
}
