import { ColdError, type DealReport, type SendReply } from '../../../domain/cold-ports.ts';
import { refusalKindOf } from '../refusal-words.ts';
import { garbled } from './cbor.ts';
import type { DealResponse, DealStatus, DealStatusResponse } from './messages.ts';

/** By which we know a deal of ours in what providers say. */
export interface DealNames {
  uuid: string;
  /** Of the proposal without its signature. */
  unsignedCid: string;
  /** Of the proposal with its signature. */
  signedCid: string;
}

/** Boost names the deal that has it, Curio the proposal. */
const HAS_IT = /identical to deal|has the same uuid|with the same proposalCID/i;
/** Curio's database, of a second deal with one UUID. */
const HAS_UUID = /\bupdated 0 rows\b/i;
/**
 * A no that is said after the deal may have been written down, from where it is taken up again: Boost v2.5.2's of what comes
 * after its insert, Curio v1.28.4's of a transaction that did not end.
 */
const MAYBE_BEGUN = /server error: (save to db|starting deal thread|creating deal handler)|^store deal\b/i;

/**
 * What the reply to a proposal means. `unreachable` when it leaves open whether the deal was begun.
 */
export function sendReplyOf({ accepted, message }: DealResponse, { uuid, unsignedCid }: DealNames): SendReply {
  if (accepted) return { kind: 'sent', said: message === '' ? 'the provider has taken it' : message };
  if (HAS_UUID.test(message) || (HAS_IT.test(message) && (message.includes(uuid) || message.includes(unsignedCid))))
    return { kind: 'sent', said: 'the provider had it already' };
  if (!HAS_IT.test(message) && MAYBE_BEGUN.test(message))
    throw new ColdError('unreachable', `the provider's no does not say whether the deal was begun: ${message}`);
  return { kind: 'refused', why: refusalKindOf(message), said: message === '' ? 'the provider gave no reason' : message };
}

/** Boost's of a UUID that it does not know, and Curio's, which says the same of some that it knows: either way it proves nothing. */
const NO_SUCH_DEAL = /no storage deal found|^failed to get sealed deal status$|expected 1 row but got 0/i;

/** The deal as the provider has it; undefined when it knows of none. `unreachable` when it tells of another. */
export function statusOf({ uuid, error, deal }: DealStatusResponse, names: Pick<DealNames, 'uuid' | 'signedCid'>): DealStatus | undefined {
  if (uuid !== names.uuid) throw garbled('it is about another deal');
  if (deal !== undefined) {
    // Nobody else can sign for us: what it shows under our UUID is ours, or made up.
    if (deal.signedProposalCid !== names.signedCid) throw garbled('it shows another proposal than was sent');
    return deal;
  }
  if (NO_SUCH_DEAL.test(error)) return undefined;
  throw new ColdError('unreachable', `the provider does not tell of the deal: ${error === '' ? 'it gave no reason' : error}`);
}

type Going = Extract<DealReport, { kind: 'going' }>['state'];

/** Checkpoints of Boost, and what Curio has for them. "Proving" beside them says nothing: it is read from sector 0 at first. */
const CHECKPOINTS: Readonly<Record<string, readonly [state: Going, said: string]>> = {
  Accepted: ['accepted', 'accepted, the data is to be fetched'],
  Transferred: ['accepted', 'the data was fetched'],
  Published: ['published', 'published, not confirmed yet'],
  PublishConfirmed: ['published', 'published'],
  AddedPiece: ['published', 'being sealed'],
  IndexedAndAnnounced: ['published', 'being sealed, and announced'],
  Complete: ['published', 'done'],
  Processing: ['accepted', 'in progress'],
  Sealing: ['published', 'being sealed'],
  Sealed: ['published', 'sealed'],
  'Sealed and Indexed': ['published', 'sealed and announced'],
};

/** What a status says, in the words of this project. An id of 0 is none. */
export function reportOf({ error, status, sealingStatus, publishCid, chainDealId }: DealStatus): DealReport {
  const onChain = { ...(publishCid === undefined ? {} : { publishCid }), ...(chainDealId > 0 ? { chainDealId } : {}) };
  if (error !== '') return { kind: 'doubtful', said: error, ...onChain };
  const [state, said] = Object.hasOwn(CHECKPOINTS, status) ? (CHECKPOINTS[status] ?? []) : [];
  if (state !== undefined && said !== undefined) return { kind: 'going', state, said, ...onChain };
  const isPublished = publishCid !== undefined || chainDealId > 0;
  return { kind: 'going', state: isPublished ? 'published' : 'accepted', said: `${status} (${sealingStatus})`, ...onChain };
}
