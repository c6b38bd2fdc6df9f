import type Router from '@koa/router';

import { FbpdError } from '../daemon/domain/errors.ts';
import type { Accounts } from '../daemon/domain/ports.ts';
import { type AdminValidators, adminValidators } from './admin-validate.ts';
import type { ApiState, Auth } from './auth.ts';
import { readJson } from './body.ts';
import { createLink, type LinksOptions } from './links.ts';
import { accountOf } from './pins.ts';

export interface LinkRoutesOptions {
  links: LinksOptions;
  auth: Auth;
  bodyBytes: number;
}

/** `/v1/links`, as `spec/fbpd.yaml` has it. */
export function addLinkRoutes(router: Router<ApiState>, { links, auth, bodyBytes }: LinkRoutesOptions): void {
  const validators = adminValidators();
  router.post('/v1/links', auth.requires('retrieve'), async (ctx) => {
    const asked = validators.body('NewLink', await readJson(ctx.req, bodyBytes));
    await auth.confirm(ctx.state.caller);
    const link = await createLink(links, accountOf(ctx), asked);
    ctx.status = 201;
    ctx.body = link;
  });
}

export interface AdminLinksOptions {
  links: LinksOptions;
  accounts: Accounts;
  validators: AdminValidators;
  bodyBytes: number;
}

/** `/admin/links`: the same, on account of any account. */
export function addAdminLinkRoutes(router: Router, { links, accounts, validators, bodyBytes }: AdminLinksOptions): void {
  router.post('/admin/links', async (ctx) => {
    const { account, ...asked } = validators.body('NewAccountLink', await readJson(ctx.req, bodyBytes));
    const owner = await accounts.find(account);
    if (owner.state !== 'active')
      throw new FbpdError('CONFLICT', `account ${owner.name} is not active, so its links are dead`, { subject: 'account' });
    const link = await createLink(links, owner.id, asked);
    ctx.status = 201;
    ctx.body = link;
  });
}
