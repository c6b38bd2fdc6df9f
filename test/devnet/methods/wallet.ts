import { link } from '../cids.ts';
import { RpcError } from '../errors.ts';
import { PERMISSIONS, type Permission } from '../tokens.ts';
import { type MethodTable, method, VOID } from './method.ts';
import { asAddress, asAtto, asText, ParamError } from './params.ts';

export const WALLET_METHODS: MethodTable = {
  AuthVerify: method('read', 1, ({ tokens }, [token]) => {
    const allowed = tokens.verify(asText(token));
    if (allowed === undefined) throw new RpcError(1, 'JWT Verification failed: jwt: HMAC verification failed');
    return allowed;
  }),
  AuthNew: method('admin', 1, ({ tokens }, [permissions]) => {
    if (!Array.isArray(permissions) || !permissions.every(isPermission)) throw new ParamError('[]auth.Permission', 'unknown permission');
    return Buffer.from(tokens.create(permissions)).toString('base64');
  }),
  WalletNew: method('write', 1, async ({ wallet, save }, [type]) => {
    if (asText(type) !== 'secp256k1') throw new RpcError(1, `unsupported key type: ${type}`);
    const address = wallet.create();
    await save();
    return address;
  }),
  WalletList: method('write', 0, ({ wallet }) => wallet.list()),
  WalletHas: method('write', 1, ({ wallet }, [address]) => wallet.has(asAddress(address))),
  WalletDefaultAddress: method('write', 0, ({ wallet }) => wallet.default),
  WalletBalance: method('read', 1, ({ accounts }, [address]) => accounts.balance(asAddress(address)).toString()),
  WalletSign: method('sign', 2, ({ wallet, accounts }, [address, data]) => {
    const { type, data: signature } = wallet.sign(accounts.keyAddress(asAddress(address)), Buffer.from(asText(data), 'base64'));
    return { Type: type, Data: Buffer.from(signature).toString('base64') };
  }),
  MarketAddBalance: method('sign', 3, async ({ funds, save }, [wallet, address, amount]) => {
    const cid = funds.add(asAddress(wallet), asAddress(address), asAtto(amount));
    await save();
    return link(cid);
  }),
  MarketReserveFunds: method('sign', 3, async ({ funds, save }, [wallet, address, amount]) => {
    const cid = funds.reserve(asAddress(wallet), asAddress(address), asAtto(amount));
    await save();
    return cid === undefined ? null : link(cid);
  }),
  MarketReleaseFunds: method('sign', 2, async ({ funds, save }, [address, amount]) => {
    funds.release(asAddress(address), asAtto(amount));
    await save();
    return VOID;
  }),
  MarketGetReserved: method('sign', 1, ({ funds }, [address]) => funds.reserved(asAddress(address)).toString()),
  MarketWithdraw: method('sign', 3, async ({ funds, save }, [wallet, address, amount]) => {
    const cid = funds.withdraw(asAddress(wallet), asAddress(address), asAtto(amount));
    await save();
    return link(cid);
  }),
};

function isPermission(value: unknown): value is Permission {
  return PERMISSIONS.some((one) => one === value);
}
