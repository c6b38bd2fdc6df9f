import type { FundingPurpose, Gas, MessageReceipt, SignedMessage } from './escrow.ts';

/** A message to the market that is not signed yet. */
export interface MessageDraft {
  /** The key address that pays and signs. */
  from: string;
  nonce: number;
  purpose: FundingPurpose;
}

/** What the node said to a message that was handed to it. That no reply came is a rejection `unreachable`, and means: unknown. */
export type PushReply =
  /** It is in the node's pool, from now or from before. */
  | { kind: 'in_pool' }
  /** Its nonce is used up: by itself, or by another message. */
  | { kind: 'nonce_used' }
  | { kind: 'refused'; said: string };

/** Where a message is, as far as the node looks back. */
export type MessageSight =
  | { kind: 'found'; receipt: MessageReceipt }
  /** No block has it, of those that were looked at. */
  | { kind: 'nowhere' }
  /** Another message has its nonce. */
  | { kind: 'other'; said: string };

/**
 * The wallet that pays, as an actor on the chain, and messages that it sends. Only what a public Lotus gateway answers, too. All
 * rejections are ColdErrors.
 */
export interface WalletPort {
  /** The nonce that comes next, with what waits in the node's pool. */
  nextNonce(address: string, signal: AbortSignal): Promise<number>;
  /** At a tip set, or at the head; undefined while the chain has never seen it. */
  actor(
    address: string,
    at: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<{ nonce: number; balanceAtto: bigint } | undefined>;
  /** Bytes of verified deals that it may still make; undefined when it is no verified client. */
  datacap(address: string, signal: AbortSignal): Promise<bigint | undefined>;
  estimate(draft: MessageDraft, signal: AbortSignal): Promise<Gas>;
  /** Signs it and sends nothing. */
  sign(draft: MessageDraft, gas: Gas, epoch: number, signal: AbortSignal): Promise<SignedMessage>;
  push(message: SignedMessage, signal: AbortSignal): Promise<PushReply>;
  /** Looked for in so many epochs below the head, or as many as the node cares to look at. */
  find(message: SignedMessage, lookbackEpochs: number, signal: AbortSignal): Promise<MessageSight>;
}
