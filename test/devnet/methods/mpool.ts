import { CID } from 'multiformats/cid';

import { blakeCid, decodeCbor, encodeCbor, link } from '../cids.ts';
import { RpcError } from '../errors.ts';
import type { Signature } from '../keys.ts';
import { signatureBytes } from '../market-cbor.ts';
import { type PushedMessage, unsignedBytes } from '../messages.ts';
import type { World } from '../world.ts';
import { type MethodTable, method } from './method.ts';
import { asAddress, asAtto, asInteger, asRecord, asText } from './params.ts';

const TYPE = 'types.Message';
/** By method: what Lotus v1.26.3 estimated for a transfer and for the market's methods. */
const GAS_LIMIT_SEND = 1_565_328;
const GAS_LIMIT_CALL = 5_673_576;
const GAS_FEE_CAP = 784_221n;
const GAS_PREMIUM = 100_974n;

export const MPOOL_METHODS: MethodTable = {
  MpoolGetNonce: method('read', 1, ({ messages }, [address]) => messages.nextNonce(asAddress(address))),
  MpoolPush: method('write', 1, async ({ messages, save }, [signed]) => {
    const { Message, Signature: signature } = asRecord(signed, 'types.SignedMessage');
    const cid = messages.pushSigned(asMessage(Message), asSignature(signature));
    await save();
    return link(cid);
  }),
  MpoolPushMessage: method('sign', 2, async (world, [value]) => {
    const asked = asMessage(value);
    const message = estimated(world, { ...asked, nonce: world.messages.nextNonce(asked.from) });
    const signed = signedBy(world, message.from, message);
    world.messages.pushSigned(message, signed.signature);
    await world.save();
    return signed.rendered;
  }),
  WalletSignMessage: method('sign', 2, (world, [address, value]) => signedBy(world, asAddress(address), asMessage(value)).rendered),
  GasEstimateMessageGas: method('read', 3, (world, [value]) => render(estimated(world, asMessage(value)))),
  GasEstimateGasLimit: method('read', 2, (_world, [value]) => gasLimitOf(asMessage(value))),
  GasEstimateFeeCap: method('read', 3, (_world, [value, rounds]) => {
    asMessage(value);
    asInteger(rounds);
    return GAS_FEE_CAP.toString();
  }),
  GasEstimateGasPremium: method('read', 4, (_world, [rounds]) => {
    asInteger(rounds);
    return GAS_PREMIUM.toString();
  }),
};

/** What is missing is put in; the rest stays as it was asked for. */
function estimated({ accounts }: World, message: PushedMessage): PushedMessage {
  if (accounts.find(message.from) === undefined) throw new RpcError(1, `resolve address ${message.from}: actor not found`);
  return {
    ...message,
    gasLimit: message.gasLimit > 0 ? message.gasLimit : gasLimitOf(message),
    gasFeeCap: message.gasFeeCap > 0n ? message.gasFeeCap : GAS_FEE_CAP,
    gasPremium: message.gasPremium > 0n ? message.gasPremium : GAS_PREMIUM,
  };
}

function gasLimitOf({ method: number }: PushedMessage): number {
  return number === 0 ? GAS_LIMIT_SEND : GAS_LIMIT_CALL;
}

function signedBy({ wallet, accounts }: World, address: string, message: PushedMessage) {
  const unsigned = unsignedBytes(message);
  const unsignedCid = CID.parse(blakeCid(unsigned));
  const signature = wallet.sign(accounts.keyAddress(address), unsignedCid.bytes);
  const cid = blakeCid(encodeCbor([decodeCbor(unsigned), signatureBytes(signature)]));
  const rendered = {
    Message: render(message),
    Signature: { Type: signature.type, Data: Buffer.from(signature.data).toString('base64') },
    CID: link(cid),
  };
  return { rendered, signature };
}

function asMessage(value: unknown): PushedMessage {
  const message = asRecord(value, TYPE);
  const params = message.Params;
  return {
    to: asAddress(message.To),
    from: asAddress(message.From),
    nonce: asInteger(message.Nonce ?? 0),
    value: asAtto(message.Value ?? '0'),
    gasLimit: asInteger(message.GasLimit ?? 0),
    gasFeeCap: asAtto(message.GasFeeCap ?? '0'),
    gasPremium: asAtto(message.GasPremium ?? '0'),
    method: asInteger(message.Method ?? 0),
    params: params === null || params === undefined ? null : Buffer.from(asText(params), 'base64'),
  };
}

function asSignature(value: unknown): Signature {
  const { Type, Data } = asRecord(value, 'crypto.Signature');
  return { type: asInteger(Type), data: Buffer.from(asText(Data), 'base64') };
}

function render(message: PushedMessage): Record<string, unknown> {
  const { to, from, nonce, value, gasLimit, gasFeeCap, gasPremium, method: number, params } = message;
  return {
    Version: 0,
    To: to,
    From: from,
    Nonce: nonce,
    Value: value.toString(),
    GasLimit: gasLimit,
    GasFeeCap: gasFeeCap.toString(),
    GasPremium: gasPremium.toString(),
    Method: number,
    Params: params === null ? null : Buffer.from(params).toString('base64'),
    CID: link(blakeCid(unsignedBytes(message))),
  };
}
