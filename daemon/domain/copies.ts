import type { PiecePart, PieceSummary } from './piece.ts';

/** What of a piece matters for how often a content in it is there. */
export interface CopyOf {
  summary: Pick<PieceSummary, 'active' | 'pending'>;
  part?: Pick<PiecePart, 'cut' | 'index' | 'of'>;
}

/** Pieces that make one content together: one that holds all of it, or one for each of its parts. */
export interface Copies<P extends CopyOf> {
  /** In the order of the parts; those that no piece holds are left out. */
  pieces: readonly P[];
  /** The piece of which there are fewest copies: a content is not safer than that. Undefined when a part is in no piece. */
  weakest: P | undefined;
  active: number;
  pending: number;
}

/** All that a content lies in, best first. Copies in different pieces may be with one provider, so they are not added up. */
export function copiesOf<P extends CopyOf>(pieces: readonly P[]): Copies<P>[] {
  const whole = pieces.filter(({ part }) => part === undefined).map((piece) => copiesIn([piece], 1));
  const cuts = Map.groupBy(
    pieces.filter(({ part }) => part !== undefined),
    ({ part }) => part?.cut,
  );
  const cut = [...cuts.values()].map((parts) => copiesIn(bestOfEach(parts), parts[0]?.part?.of ?? 1));
  return [...whole, ...cut].sort(byCopies);
}

function copiesIn<P extends CopyOf>(pieces: readonly P[], of: number): Copies<P> {
  const weakest = pieces.length < of ? undefined : pieces.toSorted((a, b) => byCopies(b.summary, a.summary))[0];
  return { pieces, weakest, active: weakest?.summary.active ?? 0, pending: weakest?.summary.pending ?? 0 };
}

function bestOfEach<P extends CopyOf>(parts: readonly P[]): P[] {
  const best: P[] = [];
  for (const piece of parts.toSorted((a, b) => byCopies(b.summary, a.summary))) best[piece.part?.index ?? 0] = piece;
  return best.filter((piece) => piece !== undefined);
}

function byCopies(a: Pick<PieceSummary, 'active' | 'pending'>, b: Pick<PieceSummary, 'active' | 'pending'>): number {
  return b.active - a.active || b.pending - a.pending;
}
