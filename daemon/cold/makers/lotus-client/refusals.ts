import type { RefusalKind } from '../../../domain/cold-ports.ts';
import { kindIn, type RefusalTable, refusalKindOf } from '../refusal-words.ts';

/**
 * Errors in reply to ClientStartDeal that Lotus v1.26.3 gives before it begins to track the deal: nothing was begun.
 * Whatever is not here may have come after, and says nothing.
 */
const NOT_BEGUN: RefusalTable = [
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
  return { why: refusalKindOf(said), said };
}
