import { ColdError } from '../../domain/cold-ports.ts';
import { bytesOf, cidLink, cidOf, fieldsOf, integerOf, textOf } from './fields.ts';
import { unlessRefused } from './lotus-error.ts';
import type { LotusRpc } from './lotus-rpc.ts';

const MARKET_ACTOR = /^[ft]05$/;
export const PUBLISH_STORAGE_DEALS = 4;
/**
 * Lotus v1.26.3, of a message that its store does not have, and of something in it that is none: whoever names a CID may name
 * that of a block.
 */
const NO_SUCH_MESSAGE = /^failed to load message: .*(could not find|not found|cbor input|unmarshaling|wrong type|\bEOF\b)/s;

/** A message that published deals, as the chain has it. */
export interface PublishMessage {
  /** Of the one that took the other's place, if one with more gas did. */
  cid: string;
  params: Uint8Array;
  returned: Uint8Array;
}

/** Undefined while no block has it, `failed` when it had no effect or is another kind of message. */
export async function findPublishMessage(
  rpc: LotusRpc,
  publishCid: string,
  searchEpochs: number,
  signal: AbortSignal,
): Promise<PublishMessage | 'failed' | undefined> {
  const call = (method: string, params: readonly unknown[]): Promise<unknown> => rpc.call(method, params, { signal });
  const found = await unlessRefused(NO_SUCH_MESSAGE, null, call('StateSearchMsg', [[], cidLink(publishCid), searchEpochs, true]));
  if (found === null) return undefined;
  const { Message, Receipt } = fieldsOf(found, 'message look-up');
  const receipt = fieldsOf(Receipt, 'receipt');
  if (integerOf(receipt.ExitCode, 'exit code') !== 0) return 'failed';
  // The look-up names the message that took its place.
  const cid = cidOf(Message, 'message CID');
  const message = fieldsOf(await call('ChainGetMessage', [cidLink(cid)]), 'message');
  if (!MARKET_ACTOR.test(textOf(message.To, 'receiver')) || message.Method !== PUBLISH_STORAGE_DEALS) return 'failed';
  return { cid, params: bytesOf(message.Params, 'parameters'), returned: bytesOf(receipt.Return, 'return value') };
}

/** @throws ColdError `unreachable` for what cannot be read */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ColdError('unreachable', `Lotus sent what cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
