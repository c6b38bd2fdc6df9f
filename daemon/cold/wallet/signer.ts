import type { Reason } from '../../domain/pin.ts';
import { isKeyAddress } from '../chain/address.ts';
import { booleanOf, bytesOf, fieldsOf, integerOf, textOf } from '../chain/fields.ts';
import type { LotusRpc } from '../chain/lotus-rpc.ts';

/** As Lotus's WalletSign gives it: type 1 is secp256k1, 2 BLS. */
export interface Signature {
  type: number;
  data: Uint8Array;
}

/** The key that pays, wherever it lies. All rejections are ColdErrors. The same bytes have the same signature each time. */
export interface Signer {
  /** As its key address, `f1…` or `f3…`. */
  address(signal: AbortSignal): Promise<string>;
  /** Signs those bytes as Lotus does: a secp256k1 key their blake2b-256. */
  sign(bytes: Uint8Array, signal: AbortSignal): Promise<Signature>;
  /** Why it cannot sign now; undefined when it can. */
  problem(signal: AbortSignal): Promise<Reason | undefined>;
  /** Something that is not wrong, but of which the operator should hear; undefined for nothing. */
  advice(signal: AbortSignal): Promise<string | undefined>;
}

const NEEDED = 'sign';
const BEYOND = 'admin';

/**
 * Signs with a key in the wallet of a Lotus node.
 *
 * @param wallet - any address of it; without one the node's default wallet
 */
export function createLotusSigner(rpc: LotusRpc, wallet: string | undefined): Signer {
  async function address(signal: AbortSignal): Promise<string> {
    const named = wallet ?? textOf(await rpc.call('WalletDefaultAddress', [], { signal }), 'default wallet');
    return isKeyAddress(named) ? named : textOf(await rpc.call('StateAccountKey', [named, []], { signal }), 'key address');
  }

  return {
    address,
    async sign(bytes, signal) {
      const params = [await address(signal), Buffer.from(bytes).toString('base64')];
      const reply = fieldsOf(await rpc.call('WalletSign', params, { signal }), 'signature');
      return { type: integerOf(reply.Type, 'kind of a signature'), data: bytesOf(reply.Data, 'signature') };
    },
    async problem(signal) {
      const permissions = await rpc.permissions(signal);
      if (!permissions.includes(NEEDED)) {
        const has = permissions.length === 0 ? 'no token' : `a token for ${permissions.join(', ')}`;
        return { code: 'lotus_token', text: `making deals needs a Lotus token with the permission sign; there is ${has}` };
      }
      const paying = await address(signal);
      if (booleanOf(await rpc.call('WalletHas', [paying], { signal }), 'answer about the wallet')) return undefined;
      return { code: 'wallet_missing', text: `the Lotus node does not have the key of wallet ${paying}` };
    },
    async advice(signal) {
      if (!(await rpc.permissions(signal)).includes(BEYOND)) return undefined;
      return 'the Lotus token may do everything (admin), where sign would do: make another with `lotus auth create-token --perm sign`';
    },
  };
}
