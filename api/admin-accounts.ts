import type Router from '@koa/router';

import type { Account, Token } from '../daemon/domain/account.ts';
import type { Accounts, Clock, PinStore } from '../daemon/domain/ports.ts';
import type { UsageView } from '../daemon/domain/usage.ts';
import type { components } from '../spec/fbpd.ts';
import { renderAccount, renderToken } from './admin-render.ts';
import type { AdminValidators } from './admin-validate.ts';
import { readJson } from './body.ts';
import { PUBLIC_ACCOUNT, readAccountUsage } from './usage.ts';

export interface AdminAccountsOptions {
  accounts: Accounts;
  pins: PinStore;
  usage: UsageView;
  /** Ends an account with its pins and tokens; resolves with how many went. */
  deleteAccount: (account: Account) => Promise<{ pins: number; tokens: number }>;
  clock: Clock;
  validators: AdminValidators;
  bodyBytes: number;
}

type AccountBody = components['schemas']['Account'];

/** `/admin/accounts…` and `/admin/tokens…`. */
export function addAccountRoutes(router: Router, options: AdminAccountsOptions): void {
  const { accounts, pins, clock, validators, bodyBytes } = options;

  async function render(account: Account): Promise<AccountBody> {
    return renderAccount(account, pins.accountTotals(account.id), (await accounts.tokens(account.id)).length);
  }

  router.get('/admin/accounts', async (ctx) => {
    const tokens = countByAccount(await accounts.tokens());
    const all = await accounts.list();
    ctx.body = { accounts: all.map((account) => renderAccount(account, pins.accountTotals(account.id), tokens.get(account.id) ?? 0)) };
  });

  router.post('/admin/accounts', async (ctx) => {
    const { name } = validators.body('NewAccount', await readJson(ctx.req, bodyBytes));
    const account = await accounts.add(name);
    ctx.status = 201;
    ctx.body = await render(account);
  });

  router.get('/admin/accounts/:account', async (ctx) => {
    ctx.body = await render(await accounts.find(ctx.params.account ?? ''));
  });

  router.get('/admin/accounts/:account/usage', async (ctx) => {
    const { contents: limit, ...query } = validators.query('getAccountUsage', ctx.querystring);
    const { id, name } = ctx.params.account === PUBLIC_ACCOUNT.id ? PUBLIC_ACCOUNT : await accounts.find(ctx.params.account ?? '');
    const body = await readAccountUsage(options, id, query);
    const found = limit ? await options.usage.contents(id, body, limit) : { contents: [], isWhole: true };
    const contents = found.contents.map(({ contentKey, served }) => ({ cid: contentKey, served }));
    ctx.body = { account: name, accountId: id, ...body, contents, contentsWhole: found.isWhole };
  });

  router.delete('/admin/accounts/:account', async (ctx) => {
    const account = await accounts.find(ctx.params.account ?? '');
    const removed = await options.deleteAccount(account);
    ctx.body = { id: account.id, name: account.name, ...removed };
  });

  for (const [action, state] of [
    ['suspend', 'suspended'],
    ['unsuspend', 'active'],
  ] as const) {
    router.post(`/admin/accounts/:account/${action}`, async (ctx) => {
      const account = await accounts.find(ctx.params.account ?? '');
      ctx.body = await render(await accounts.setState(account.id, state));
    });
  }

  router.get('/admin/tokens', async (ctx) => {
    const { account } = validators.query('listTokens', ctx.querystring);
    const only = account === undefined ? undefined : await accounts.find(account);
    const names = new Map((await accounts.list()).map(({ id, name }) => [id, name]));
    const tokens = await accounts.tokens(only?.id);
    ctx.body = { tokens: tokens.map((token) => renderToken(token, names.get(token.accountId) ?? '', clock.nowMs())) };
  });

  router.post('/admin/tokens', async (ctx) => {
    const wanted = validators.body('NewToken', await readJson(ctx.req, bodyBytes));
    const account = await accounts.find(wanted.account);
    const lifetime = wanted.expiresInSeconds === undefined ? {} : { expiresMs: clock.nowMs() + wanted.expiresInSeconds * 1_000 };
    const { token, secret } = await accounts.createToken(account.id, { name: wanted.name, scopes: wanted.scopes, ...lifetime });
    ctx.status = 201;
    ctx.body = { token: renderToken(token, account.name, clock.nowMs()), secret };
  });

  router.delete('/admin/tokens/:token', async (ctx) => {
    const token = await accounts.revoke(ctx.params.token ?? '');
    const owner = (await accounts.list()).find(({ id }) => id === token.accountId);
    ctx.body = renderToken(token, owner?.name ?? '', clock.nowMs());
  });
}

function countByAccount(tokens: readonly Token[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { accountId } of tokens) counts.set(accountId, (counts.get(accountId) ?? 0) + 1);
  return counts;
}
