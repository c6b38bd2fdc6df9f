import type { components } from '../../spec/fbpd.ts';
import { heldText, shortText } from './cold-hints.ts';
import { fil, minute } from './cold-output.ts';

type ColdStatus = components['schemas']['ColdStatus'];
type Field = readonly [name: string, value: string | undefined];

/** The cold layer's lines of `fbpd status`. */
export function coldFields(cold: ColdStatus): Field[] {
  if (cold.maker === 'none') return [['cold layer', 'off: no storage deals are made, cold.maker is "none"']];
  const held = heldText(cold);
  return [
    ['cold layer', `${cold.maker}${held === undefined ? ', making deals as they are needed' : ''}`],
    ['not spending', held],
    ['chain', chainText(cold)],
    ['funds', fundsText(cold)],
    ['escrow', escrowText(cold)],
    ['money', moneyText(cold)],
    ['budget', budgetText(cold)],
    ['deals', dealsText(cold)],
    ['pieces', countsText(cold.pieces)],
    ['too few copies', shortText(cold)],
    ['set aside', setAsideText(cold)],
  ];
}

function chainText({ chain }: ColdStatus): string {
  if (chain === undefined) return 'not seen yet';
  const behind = chain.behindSeconds === undefined ? '' : `, ${Math.round(chain.behindSeconds)} s behind the clock`;
  return `${chain.network} at epoch ${chain.headEpoch}, final up to ${chain.finalizedEpoch}${behind}; seen ${minute(chain.at)}`;
}

function fundsText({ funds }: ColdStatus): string | undefined {
  if (funds === undefined) return undefined;
  return `${fil(funds.wallet)} in ${funds.address}; ${fil(funds.escrow)} in escrow, ${fil(funds.locked)} of it locked`;
}

function escrowText({ escrow }: ColdStatus): string | undefined {
  return escrow && `${fil(escrow.free)} free for new deals; ${escrow.state.text}`;
}

/** Of what will be short, if nobody does something. */
function moneyText({ escrow }: ColdStatus): string | undefined {
  const warnings = escrow?.warnings ?? [];
  return warnings.length === 0 ? undefined : `LOW: ${warnings.map(({ text }) => text).join('; ')}`;
}

function budgetText({ budget, committed }: ColdStatus): string | undefined {
  if (budget === undefined) return undefined;
  const live = committed === undefined ? '' : `; ${fil(committed)} in live deals`;
  return `${fil(budget.committed)} of ${fil(budget.perDay)} promised today${live}`;
}

function dealsText({ deals, unknownDeals = 0 }: ColdStatus): string {
  return `${countsText(deals)}${unknownDeals === 0 ? '' : `; of ${unknownDeals} it is not known whether they were made`}`;
}

function setAsideText({ setAside = [] }: ColdStatus): string | undefined {
  if (setAside.length === 0) return undefined;
  return setAside.map(({ provider, reason }) => `${provider} until epoch ${reason.untilEpoch} (${reason.text})`).join('; ');
}

function countsText(counts: Readonly<Record<string, number>> = {}): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return shown.length === 0 ? 'none' : shown.map(([state, count]) => `${count} ${state}`).join(', ');
}
