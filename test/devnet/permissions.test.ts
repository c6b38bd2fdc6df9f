import test from 'ava';

import { METHODS } from './methods/index.ts';
import type { Permission } from './tokens.ts';

/** As Lotus v1.26.3 declares them, for the methods that fbpd and its users meet. */
const LOTUS: Readonly<Record<Permission, readonly (string | RegExp)[]>> = {
  read: [
    /^Chain/,
    /^State/,
    'WalletBalance',
    'MpoolGetNonce',
    /^GasEstimate/,
    'ClientQueryAsk',
    'ClientGetDealInfo',
    'ClientFindData',
    'ClientMinerQueryOffer',
  ],
  write: ['MpoolPush', 'WalletNew', 'WalletList', 'WalletHas', 'WalletDefaultAddress', 'ClientListDeals', 'ClientCalcCommP'],
  sign: ['WalletSign', 'WalletSignMessage', 'MpoolPushMessage', /^Market/],
  admin: ['ClientStartDeal', 'ClientImport', 'ClientRemoveImport', 'ClientRetrieve', 'ClientRetrieveWait', 'ClientExport', 'AuthNew'],
};

for (const [permission, patterns] of Object.entries(LOTUS)) {
  test(`what needs ${permission} in Lotus needs it here`, (t) => {
    for (const pattern of patterns) {
      const names = Object.keys(METHODS['/rpc/v1']).filter((name) => (typeof pattern === 'string' ? name === pattern : pattern.test(name)));
      t.true(names.length > 0, `${pattern}`);
      for (const name of names) t.is(METHODS['/rpc/v1'][name]?.permission as string, permission, name);
    }
  });
}
