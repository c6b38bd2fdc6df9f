import type { components } from '../../spec/fbpd.ts';
import { minute } from './cold-output.ts';
import { counted } from './output.ts';

type ColdStatus = components['schemas']['ColdStatus'];

/** What to do about each reason for which nothing is spent. Those that are not here say it themselves. */
const HINTS: Readonly<Record<string, string>> = {
  lotus_down: 'see that it runs and that lotus.rpc is right',
  lotus_token: 'make one with `lotus auth create-token --perm admin`, put it into lotus.token_file; it is read anew',
  lotus_behind: 'it goes on by itself when the node has caught up; `lotus sync wait` shows how far it is',
  other_network: 'point lotus.rpc back at the node of before, or use another state.dir for this network',
  wallet_empty: 'send FIL to the wallet',
  funds_in_doubt: 'if it stays so, spending is frozen until you say go on; nothing is lost',
  funds_short: 'send FIL to the wallet, or wait until deals have ended',
};

/** Why nothing is spent, and what to do, in one sentence; undefined while it may be. */
export function heldText({ held, breaker, funds }: ColdStatus): string | undefined {
  if (breaker !== undefined) {
    const who = breaker.by === 'operator' ? 'an operator' : 'fbpd itself';
    const why = breaker.text === '' ? '' : `: ${breaker.text}`;
    const hint = breaker.text.includes('fbpd unfreeze') ? '' : '; `fbpd unfreeze` lets it go on';
    return `frozen by ${who} since ${minute(breaker.at)}${why}${hint}`;
  }
  if (held === undefined) return undefined;
  const hint = HINTS[held.code];
  // What names the wallet says already what it needs.
  if (hint === undefined || (funds !== undefined && held.text.includes(funds.address))) return held.text;
  const wallet = held.code === 'wallet_empty' && funds !== undefined ? ` (${funds.address})` : '';
  return `${held.text}: ${hint}${wallet}`;
}

/** How many pieces lack copies and wait, and for what; undefined when none does. */
export function shortText({ short }: ColdStatus): string | undefined {
  if (short === undefined) return undefined;
  const { pieces, belowMin, more, reason } = short;
  const urgent = belowMin === 0 ? '' : `, ${belowMin === pieces ? 'and' : `${belowMin} of them`} fewer than min`;
  const most = pieces === 1 ? '' : 'most of them ';
  return `${counted(pieces, 'piece')}${more ? ' or more' : ''} with fewer copies than wanted${urgent}; ${most}because ${reason.text}`;
}
