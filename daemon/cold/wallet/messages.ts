import type { Gas, MessageReceipt, SignedMessage } from '../../domain/escrow.ts';
import type { MessageSight, PushReply, WalletPort } from '../../domain/wallet-port.ts';
import { attoOf, cidLink, cidOf, fieldsOf, integerOf } from '../chain/fields.ts';
import { LotusRefusal, unlessRefused } from '../chain/lotus-error.ts';
import type { LotusRpc } from '../chain/lotus-rpc.ts';
import { bytesToSign, messageOf, NO_GAS, renderMessage, signedMessageCid } from '../chain/message.ts';
import type { Signer } from './signer.ts';

export interface WalletMessagesOptions {
  rpc: LotusRpc;
  signer: Signer;
}

/** Lotus v1.26.3, in its words. */
const NO_SUCH_ACTOR = /\bactor not found$/;
const NO_SUCH_MESSAGE = /^failed to load message: .*(could not find|not found)/;
const SAME_IN_POOL = /already in mpool: message with nonce already exists$/;
const NONCE_USED = /message nonce too low$/;
const OTHER_AT_NONCE = /found message with equal nonce as the one we are looking for/;

/**
 * Signs messages itself and hands them to a Lotus node, which may be a public gateway: nothing here needs the node's wallet but a
 * signer that has its key there.
 */
export function createWalletMessages({ rpc, signer }: WalletMessagesOptions): WalletPort {
  const call = (method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> => rpc.call(method, params, { signal });

  async function nextNonce(address: string, signal: AbortSignal): Promise<number> {
    return integerOf(await unlessRefused<unknown>(NO_SUCH_ACTOR, 0, call('MpoolGetNonce', [address], signal)), 'nonce');
  }

  return {
    nextNonce,
    async actor(address, at, signal) {
      const actor = await unlessRefused<unknown>(
        NO_SUCH_ACTOR,
        undefined,
        call('StateGetActor', [address, (at ?? []).map(cidLink)], signal),
      );
      if (actor === undefined) return undefined;
      const { Nonce, Balance } = fieldsOf(actor, 'actor');
      return { nonce: integerOf(Nonce, 'nonce'), balanceAtto: attoOf(Balance, 'balance') };
    },
    async datacap(address, signal) {
      const status = await unlessRefused<unknown>(NO_SUCH_ACTOR, null, call('StateVerifiedClientStatus', [address, []], signal));
      return status === null ? undefined : attoOf(status, 'DataCap');
    },
    async estimate(draft, signal) {
      return gasOf(await call('GasEstimateMessageGas', [renderMessage(messageOf(draft, NO_GAS)), null, []], signal));
    },
    async sign(draft, gas, epoch, signal) {
      const message = messageOf(draft, gas);
      const signature = await signer.sign(bytesToSign(message), signal);
      const cid = signedMessageCid(message, signature);
      const body = {
        Message: renderMessage(message),
        Signature: { Type: signature.type, Data: Buffer.from(signature.data).toString('base64') },
      };
      return { cid, gas, body, epoch };
    },
    async push({ body }, signal) {
      try {
        await call('MpoolPush', [body], signal);
        return { kind: 'in_pool' };
      } catch (error) {
        if (!(error instanceof LotusRefusal) || error.failure !== 'refused') throw error;
        return pushRefusal(error.said);
      }
    },
    find: (message, lookbackEpochs, signal) => find(call, message, lookbackEpochs, signal),
  };
}

function pushRefusal(said: string): PushReply {
  if (SAME_IN_POOL.test(said)) return { kind: 'in_pool' };
  return NONCE_USED.test(said) ? { kind: 'nonce_used' } : { kind: 'refused', said };
}

type Call = (method: string, params: readonly unknown[], signal: AbortSignal) => Promise<unknown>;

/** Also when another version of the same message is what the chain has. */
async function find(call: Call, { cid }: SignedMessage, lookbackEpochs: number, signal: AbortSignal): Promise<MessageSight> {
  let found: unknown;
  try {
    found = await unlessRefused(NO_SUCH_MESSAGE, null, call('StateSearchMsg', [[], cidLink(cid), lookbackEpochs, true], signal));
  } catch (error) {
    if (error instanceof LotusRefusal && OTHER_AT_NONCE.test(error.said)) return { kind: 'other', said: error.said };
    throw error;
  }
  return found === null ? { kind: 'nowhere' } : { kind: 'found', receipt: receiptOf(found) };
}

function receiptOf(value: unknown): MessageReceipt {
  const { Message, Receipt, Height } = fieldsOf(value, 'message look-up');
  const receipt = fieldsOf(Receipt, 'receipt');
  return {
    cid: cidOf(Message, 'message CID'),
    height: integerOf(Height, 'height'),
    exitCode: integerOf(receipt.ExitCode, 'exit code'),
    gasUsed: integerOf(receipt.GasUsed, 'gas used'),
  };
}

function gasOf(value: unknown): Gas {
  const { GasLimit, GasFeeCap, GasPremium } = fieldsOf(value, 'estimated message');
  return {
    limit: integerOf(GasLimit, 'gas limit'),
    feeCapAtto: attoOf(GasFeeCap, 'gas fee cap'),
    premiumAtto: attoOf(GasPremium, 'gas premium'),
  };
}
