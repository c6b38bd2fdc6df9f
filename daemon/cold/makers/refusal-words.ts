import type { RefusalKind } from '../../domain/cold-ports.ts';

export type RefusalTable = readonly (readonly [words: RegExp, kind: RefusalKind])[];

/** Providers' reasons as they tell them to the client: of go-fil-markets, Boost and Curio, and of the filters in front of them. */
const PROVIDER_SAYS: RefusalTable = [
  [/price per epoch less than asking price|price.*(too low|below)|asking price|pricing/i, 'price'],
  [/piece size (less|more|greater|larger) than|piece size.*(minimum|maximum)|sector size/i, 'size'],
  // Said of deals as such, before what is said of clients in the same words.
  [/(online|offline) deals are not|libp2p URLs are not/i, 'terms'],
  // The provider's own lack, not ours.
  [/provider has (insufficient funds|no space)/i, 'busy'],
  [
    /not allowed|allow.?list|white.?list|not (authori[sz]ed|permitted|welcome)|block.?list|black.?list|deny.?list|(client|wallet).*blocked|unknown client|introduction/i,
    'not_allowed',
  ],
  [
    /MarketBalance\.Available too small|escrow|insufficient (funds|balance)|not enough funds|DataCap .*too small|data cap|not a verified client/i,
    'funds',
  ],
  [
    /overload|too many|busy|try again|retry|\blater\b|backlog|back-?pressure|maintenance|capacity|no (free )?(space|room)|deal limit|staging area|throttl|temporar|rate limit/i,
    'busy',
  ],
  [
    /duration out of bounds|cannot seal a sector before|start epoch|end epoch|proposal end|collateral (below|above|less|more)|proposed provider collateral|not (considering|accepting)|label/i,
    'terms',
  ],
  // Something of theirs did not work just now.
  [/^(failed validation: )?(internal )?server error: (?!validating signature)/i, 'busy'],
];

/** Words never seen before are `other`. */
export function refusalKindOf(said: string): RefusalKind {
  return kindIn(PROVIDER_SAYS, said) ?? 'other';
}

export function kindIn(table: RefusalTable, said: string): RefusalKind | undefined {
  return table.find(([words]) => words.test(said))?.[1];
}
