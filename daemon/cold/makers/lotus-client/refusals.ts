import type { RefusalKind } from '../../../domain/cold-ports.ts';

type Table = readonly (readonly [words: RegExp, kind: RefusalKind])[];

/** Providers' reasons, of go-fil-markets and of the filters in front of it, as said to the client. */
const PROVIDER_SAYS: Table = [
  [/price per epoch less than asking price|price.*(too low|below)/i, 'price'],
  [/piece size (less|more|greater|larger) than|piece size.*(minimum|maximum)|sector size/i, 'size'],
  [
    /not allowed|allow.?list|white.?list|not (authori[sz]ed|permitted|welcome)|block.?list|black.?list|deny.?list|unknown client|introduction/i,
    'not_allowed',
  ],
  [/MarketBalance\.Available too small|escrow|insufficient (funds|balance)|not enough funds|DataCap too small/i, 'funds'],
  [/overload|too many|busy|try again|later|backlog|capacity|no (free )?(space|room)|deal limit|staging area|throttl|temporar/i, 'busy'],
  [
    /duration out of bounds|cannot seal a sector before|start epoch|end epoch|collateral (below|above|less|more)|proposed provider collateral|not (considering|accepting)|label/i,
    'terms',
  ],
];

/**
 * Errors in reply to ClientStartDeal that Lotus v1.26.3 gives before it begins to track the deal: nothing was begun.
 * Whatever is not here may have come after, and says nothing.
 */
const NOT_BEGUN: Table = [
  [/^failed to start deal: cannot propose a deal whose piece size \(\d+\) is greater than sector size/, 'size'],
  [/^data doesn't fit in a sector/, 'size'],
  [/^failed (resolving params\.Wallet addr|getting addr from wallet)|^provided address doesn't exist in wallet/, 'funds'],
  [/^failed to start deal: signing deal proposal failed/, 'funds'],
  // The provider exists no more, or never did.
  [/^failed getting peer ID: failed to load miner actor: actor not found/, 'other'],
  // Our own node's affair: the piece is not imported, or the chain cannot be read just now.
  [/^failed to (find blockstore for|query blockstore for|find) root CID/, 'busy'],
  [/^failed to start deal: failed to get blockstore for root/, 'busy'],
  [/^failed getting (peer ID|miner's deadline info|chain height)|^failed to get (network version|seal proof type)/, 'busy'],
  [/^failed to start deal: (looking up addresses|computing commP failed|computing deal provider collateral bound failed)/, 'busy'],
];

/** State 26: the wallet could not fund it, so the provider was never asked. */
const NOT_FUNDED = /^(adding market funds failed|reserving funds failed|not enough funds)/;
/**
 * State 26: the provider's answer to the proposal itself was no. Of anything else, lost replies and broken transfers
 * included, it cannot be told from here what the provider will do.
 */
const PROVIDER_REFUSED =
  /^unexpected deal status while waiting for data request: \d+ \(StorageDeal(Failing|Rejecting|ProposalRejected|Error)\)\. Provider message: (deal rejected: .*)$/s;

export interface Refusal {
  why: RefusalKind;
  said: string;
}

/** An error in reply to ClientStartDeal; undefined where it does not exclude that the deal was begun. */
export function refusedStart(said: string): Refusal | undefined {
  const why = kindIn(NOT_BEGUN, said);
  return why === undefined ? undefined : { why, said };
}

/** The message of a deal in state 26; undefined where it does not exclude that the deal is published. */
export function refusedDeal(message: string): Refusal | undefined {
  if (NOT_FUNDED.test(message)) return { why: 'funds', said: message };
  const said = PROVIDER_REFUSED.exec(message)?.[2];
  if (said === undefined) return undefined;
  return { why: kindIn(PROVIDER_SAYS, said) ?? 'other', said };
}

function kindIn(table: Table, said: string): RefusalKind | undefined {
  return table.find(([words]) => words.test(said))?.[1];
}
