import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { epochText, fil, minute, replicasText, stateText, wrap } from './cold-output.ts';
import { counted, formatTime, waitedFor } from './output.ts';

type Schemas = components['schemas'];
type Explanation = Schemas['Explanation'];
type Pin = Schemas['Pin'];
type Piece = Schemas['Piece'];
type Deal = Schemas['Deal'];

/** A pin's story for people: what is held hot, which deals keep it cold, what happens next and when. */
export function renderExplanation(explanation: Explanation): string {
  const { pin, pieces } = explanation;
  const parts = [
    pinPart(pin),
    hotPart(explanation),
    coldPart(explanation),
    ...pieces.map((piece) => piecePart(piece, explanation.headEpoch)),
  ];
  return parts.join('\n');
}

function pinPart(pin: Pin): string {
  const name = pin.name === undefined ? '' : ` (${JSON.stringify(pin.name)})`;
  return `${wrap(`Pin ${pin.requestId}${name} of ${pin.account}, made ${formatTime(pin.created)}`, 2)}${wrap(`  ${pin.cid}`, 2)}`;
}

function hotPart({ pin, tier, hotHeld }: Explanation): string {
  const { content } = pin;
  const size = content?.sizeBytes === undefined ? '' : `, ${formatSize(content.sizeBytes)} in ${counted(content.blocks ?? 0, 'block')}`;
  const others = content === undefined || content.pins < 2 ? '' : `; ${content.pins} pins name it`;
  const why = pin.reason === undefined ? '' : `: ${pin.reason.text}`;
  const state = content?.hot === 'cold' ? 'none, let go' : hotHeld === undefined ? HOT[pin.status] : 'not yet';
  const lines = [wrap(`Hot copy: ${state}${size}${others}${why}`, 2)];
  if (content?.progress !== undefined)
    lines.push(wrap(`  so far ${counted(content.progress.blocks, 'block')}, ${formatSize(content.progress.bytes)}`, 2));
  if (content?.nextAttempt !== undefined) lines.push(wrap(`  tried again ${formatTime(content.nextAttempt)}`, 2));
  if (hotHeld !== undefined) lines.push(wrap(`  all pins wait at present: ${waitedFor(hotHeld.text)}`, 4));
  if (tier?.why !== undefined && pin.status === 'pinned') lines.push(wrap(`  ${tier.why.text}`, 4));
  if (tier?.read !== undefined) lines.push(wrap(`  read ${counted(tier.read.times, 'time')}, last ${formatTime(tier.read.last)}`, 4));
  for (const { at, from, text, bytes } of tier?.retrievals.slice(-SHOWN_RETRIEVALS) ?? [])
    lines.push(wrap(`  ${formatTime(at)} ${from} was asked for it: ${text}${bytes === 0 ? '' : `, ${formatSize(bytes)}`}`, 4));
  return lines.join('');
}

const SHOWN_RETRIEVALS = 4;

const HOT: Readonly<Record<Pin['status'], string>> = {
  queued: 'not yet, it waits for its turn',
  pinning: 'being fetched',
  pinned: 'here, all of it',
  failed: 'none, given up',
};

function coldPart({ maker, held, waiting, pieces, pin, headEpoch }: Explanation): string {
  if (maker === 'none') return wrap('Cold copies: none are made, cold.maker is "none"', 2);
  const lines = [wrap(`Cold copies: ${coldInShort(pieces, waiting, pin)}`, 2)];
  if (held !== undefined) lines.push(wrap(`  Nothing is spent at present: ${held.text}`, 4));
  if (headEpoch !== undefined) lines.push(wrap(`  The chain is at epoch ${headEpoch}.`, 4));
  return lines.join('');
}

function coldInShort(pieces: readonly Piece[], waiting: Explanation['waiting'], pin: Pin): string {
  if (waiting !== undefined) {
    // While its piece is being repacked it waits for another one beside.
    const sofar = pieces.length === 0 ? 'none yet' : 'see below';
    if (waiting.reason !== undefined) return `${sofar}: ${waiting.reason.text}`;
    const piece = `${pieces.length === 0 ? 'a' : 'another'} piece of policy ${waiting.policy}`;
    return `${sofar}; it waits since ${minute(waiting.since)} for ${piece}, which is closed ${minute(waiting.until)} at the latest`;
  }
  if (pieces.length === 0) return pin.status === 'pinned' ? 'none yet; it is about to join a piece' : 'none until the hot copy is whole';
  const cut = pieces.find(({ part }) => part !== undefined)?.part;
  if (cut !== undefined && pieces.length === cut.of)
    return `it is too large for one piece and cut into ${cut.of}, see below; of the part with fewest: ${replicasText(weakestOf(pieces))}`;
  if (pieces.length > 1) return `it is in ${pieces.length} pieces, see below`;
  return pieces.map(({ replicas }) => replicasText(replicas)).join('');
}

function weakestOf(pieces: readonly Piece[]): Piece['replicas'] {
  const [first] = pieces.map(({ replicas }) => replicas).sort((a, b) => a.active - b.active || a.pending - b.pending);
  return first ?? { min: 0, target: 0, active: 0, pending: 0 };
}

function piecePart(piece: Piece, headEpoch = 0): string {
  const { contents, gone, soonestEndEpoch } = piece;
  // What is due already waits for something else, which is said elsewhere.
  const due = piece.due !== undefined && piece.due.epoch > headEpoch ? piece.due : undefined;
  const alone = piece.part === undefined ? 'it alone' : `part ${piece.part.number} of ${piece.part.of}`;
  const shared = contents === 1 ? alone : `${contents} contents`;
  const left = gone === 0 ? '' : `, ${gone} of them wanted no more`;
  const size =
    piece.pieceBytes === undefined
      ? formatSize(piece.bytes)
      : `${formatSize(piece.carBytes ?? 0)}, padded to ${formatSize(piece.pieceBytes)}`;
  const lines = [
    wrap(`Piece ${piece.id}, ${piece.state}, policy ${piece.policy}: ${shared}${left}, ${size}`, 2),
    ...(piece.pieceCid === undefined ? [] : [wrap(`  ${piece.pieceCid}`, 2)]),
    wrap(
      `  ${replicasText(piece.replicas)}${soonestEndEpoch === undefined ? '' : `; the first ends at ${epochText(soonestEndEpoch, piece.soonestEnd)}`}`,
      4,
    ),
    wrap(`  Next: ${piece.next.text}${due === undefined ? '' : `; looked at again (${due.queue}) at ${epochText(due.epoch, due.at)}`}`, 4),
    ...piece.deals.map(dealPart),
  ];
  return lines.join('');
}

function dealPart(deal: Deal): string {
  const { activeEvidence: active, retrievalEvidence: retrieved, retrievalFailure: failure } = deal;
  const where = deal.country === undefined ? deal.provider : `${deal.provider} in ${deal.country}`;
  const number = deal.dealId === undefined ? '' : `, number ${deal.dealId} on the chain`;
  const last = deal.history.at(-1);
  return [
    '\n',
    wrap(`  ${stateText(deal)} with ${where}${number}: ${fil(deal.cost)} until ${epochText(deal.endEpoch, deal.end)}`, 6),
    wrap(`      deal ${deal.id}, made because ${WHY[deal.reason]}`, 6),
    ...(deal.outcome === 'unknown'
      ? [wrap('      it is not known whether it was made; it holds its place and its money until the chain tells', 6)]
      : []),
    ...(last === undefined ? [] : [wrap(`      ${last.state} since ${minute(last.at)}, epoch ${last.epoch}: ${last.reason}`, 6)]),
    ...(active === undefined ? [] : [wrap(`      the final chain had it at epoch ${active.seenEpoch}, ${minute(active.at)}`, 6)]),
    ...(retrieved === undefined
      ? []
      : [
          wrap(`      its bytes came back ${minute(retrieved.at)}, all ${formatSize(retrieved.bytes)} right, in ${retrieved.tookMs} ms`, 6),
        ]),
    ...(failure === undefined ? [] : [wrap(`      its bytes did not come back ${minute(failure.at)}: ${failure.text}`, 6)]),
    ...(deal.suspectSinceEpoch === undefined || deal.state === 'lost'
      ? []
      : [wrap(`      the chain does not have it since epoch ${deal.suspectSinceEpoch}; lost when that is confirmed`, 6)]),
  ].join('');
}

const WHY: Readonly<Record<Deal['reason'], string>> = {
  missing: 'there were fewer copies than wanted',
  expiring: 'another copy was about to end',
  lost: 'another copy was lost',
};
