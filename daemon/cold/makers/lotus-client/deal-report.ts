import { ColdError, type DealReport } from '../../../domain/cold-ports.ts';
import { cidOf, fieldsOf, integerOf, textOf } from '../../chain/fields.ts';
import { refusedDeal } from './refusals.ts';

type Going = Extract<DealReport, { kind: 'going' }>['state'];

/**
 * What the states of go-fil-markets say, in the words of this project. The provider asks for the data only once it has
 * agreed to the terms; that the deal is on the chain is Lotus's own finding from 29 on, before that it is the
 * provider's word. States that a client never shows are not here.
 */
const GOING: Readonly<Record<number, readonly [Going, string]>> = {
  3: ['accepted', 'accepted, and said to be published'],
  5: ['published', 'being sealed'],
  6: ['published', 'being sealed'],
  7: ['published', 'active'],
  11: ['proposed', 'failing'],
  12: ['proposed', 'being offered to the provider'],
  13: ['accepted', 'the provider checks the data'],
  16: ['accepted', 'the transfer begins'],
  17: ['accepted', 'the data is being transferred'],
  18: ['accepted', 'the provider waits for the data'],
  21: ['proposed', 'funds are being reserved'],
  23: ['proposed', 'funds are on their way to the escrow'],
  27: ['accepted', 'the transfer is to be taken up again'],
  28: ['accepted', 'the transfer is taken up again'],
  29: ['published', 'published, to be sealed'],
  30: ['accepted', 'the transfer waits for its turn'],
};

const ERROR = 26;
/** States in which something went wrong, of which the chain alone knows what. */
const ENDED: Readonly<Record<number, string>> = {
  0: 'unknown',
  1: 'not found',
  2: 'rejected',
  8: 'expired',
  9: 'slashed',
  10: 'rejecting',
  26: 'failed',
};

/**
 * Reads what ClientGetDealInfo gave. DealInfo knows no message CID; a deal id of 0 is none.
 * `unreachable` when it is of another deal or shape.
 */
export function reportOf(value: unknown, proposalCid: string): DealReport {
  const info = fieldsOf(value, 'deal');
  if (cidOf(info.ProposalCid, 'proposal CID') !== proposalCid)
    throw new ColdError('unreachable', 'Lotus told of another deal than the one asked for');
  const state = integerOf(info.State, 'deal state');
  const message = textOf(info.Message, 'message');
  const chainDealId = integerOf(info.DealID, 'deal id');
  const onChain = chainDealId > 0 ? { chainDealId } : {};
  const going = GOING[state];
  if (going !== undefined)
    return { kind: 'going', state: going[0], said: message === '' ? going[1] : `${going[1]}: ${message}`, ...onChain };
  // With an id it was published, whatever the message says.
  const refusal = state === ERROR && chainDealId === 0 ? refusedDeal(message) : undefined;
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const word = ENDED[state] ?? `in state ${state}`;
  return { kind: 'doubtful', said: message === '' ? word : `${word}: ${message}`, ...onChain };
}
