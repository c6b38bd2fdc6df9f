import test from 'ava';

import { COUNTED_TYPES } from '../../daemon/accounts/accounts.ts';
import { deleteAccount, finishDeletions } from '../../daemon/accounts/delete-account.ts';
import { createTestAccounts } from '../fixtures/create-accounts.ts';
import { createTestStore } from '../fixtures/create-store.ts';

const NO_USAGE = { forget: async () => undefined };

test('a deleted account loses its pins, those too that came in meanwhile, then what was counted, its tokens and itself', async (t) => {
  const accounts = await createTestAccounts(await createTestStore(t, { countedTypes: [...COUNTED_TYPES] }));
  const account = await accounts.add('alice');
  await accounts.createToken(account.id, { name: 'x', scopes: ['pins:read'] });
  const rounds = [7, 1, 0, 1];
  const states: string[] = [];
  const pins = {
    removeAll: async (id: string) => {
      states.push((await accounts.list()).find((one) => one.id === id)?.state ?? 'gone');
      return rounds.shift() ?? 0;
    },
  };
  const usage = {
    forget: async (id: string) => {
      states.push(id === account.id ? 'forgotten' : 'another');
    },
  };
  t.deepEqual(await deleteAccount({ accounts, pins, usage }, account), { pins: 9, tokens: 1 });
  t.deepEqual(states, ['deleting', 'deleting', 'deleting', 'forgotten', 'gone']);
  t.deepEqual(await accounts.list(), []);
});

test('a deletion that broke off is finished on the next start, and other accounts stay', async (t) => {
  const store = await createTestStore(t, { countedTypes: [...COUNTED_TYPES] });
  const accounts = await createTestAccounts(store);
  const alice = await accounts.add('alice');
  const bob = await accounts.add('bob');
  const broken = { removeAll: () => Promise.reject(new Error('power cut')) };
  await t.throwsAsync(deleteAccount({ accounts, pins: broken, usage: NO_USAGE }, alice), { message: 'power cut' });
  const again = await createTestAccounts(store);
  const finished = await finishDeletions({ accounts: again, pins: { removeAll: async () => 0 }, usage: NO_USAGE });
  t.deepEqual(finished, ['alice']);
  t.deepEqual(await again.list(), [bob]);
});
