import type { Account } from '../domain/account.ts';
import type { Accounts, PinStore } from '../domain/ports.ts';

export interface DeletionOptions {
  accounts: Accounts;
  pins: Pick<PinStore, 'removeAll'>;
  /** What was served to its readers; `forget` removes it, and counts nothing more. */
  usage: { forget(accountId: string): Promise<void> };
}

/**
 * Ends an account for good: first it refuses everything, then its pins go, then what was counted of its readers, then its
 * tokens and itself. Resolves with how many pins and tokens went. Broken off half-way, it is still `deleting`, and {@link finishDeletions} goes on.
 */
export async function deleteAccount(options: DeletionOptions, account: Account): Promise<{ pins: number; tokens: number }> {
  const { accounts, pins, usage } = options;
  await accounts.setState(account.id, 'deleting');
  const tokens = await accounts.tokens(account.id);
  let removed = await pins.removeAll(account.id);
  // A request that was let in just before the state changed may have added one meanwhile.
  for (let late = removed; late > 0; removed += late) late = await pins.removeAll(account.id);
  await usage.forget(account.id);
  await accounts.remove(account.id);
  // Nobody could name a pin of an account that is gone, so the last request that was let in is looked for once more.
  removed += await pins.removeAll(account.id);
  return { pins: removed, tokens: tokens.length };
}

/** On start: ends the accounts whose deletion was broken off. Resolves with their names. */
export async function finishDeletions(options: DeletionOptions): Promise<string[]> {
  const begun = (await options.accounts.list()).filter(({ state }) => state === 'deleting');
  for (const account of begun) await deleteAccount(options, account);
  return begun.map(({ name }) => name);
}
