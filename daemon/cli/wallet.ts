import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { fil, minute, wrap } from './cold-output.ts';
import { Context } from './context.ts';
import { positiveInteger } from './options.ts';
import { counted, renderFields, renderTable } from './output.ts';

type Wallet = components['schemas']['Wallet'];
type Message = components['schemas']['FundingMessage'];

/** `fbpd wallet`. */
export function addWalletCommand(program: Command): void {
  program
    .command('wallet')
    .description('the wallet that pays, its escrow with the market, and what was added, paid and spent on gas')
    .option('--lines <count>', 'so many of the newest lines of the book, up to 1000', positiveInteger, 10)
    .action(async ({ lines }: { lines: number }, command: Command) => {
      const context = new Context(command);
      const wallet = await context.client().call('get', '/admin/wallet', { query: { lines } });
      context.print(wallet, () => renderWallet(wallet));
    });
}

function renderWallet(wallet: Wallet): string {
  const { funds, escrow, message, held, lines } = wallet;
  const fields = renderFields([
    ['address', funds?.address ?? 'not known yet'],
    ['wallet', funds && fil(funds.wallet)],
    ['escrow', balanceText(escrow ?? funds)],
    ['free', escrow && freeText(escrow)],
    ['level', levelText(wallet)],
    ['lasts', escrow?.runwayDays === undefined ? undefined : `${lastingText(escrow.runwayDays)} at the pace of the last week`],
    ['DataCap', escrow?.datacapBytes === undefined ? undefined : formatSize(Number(escrow.datacapBytes))],
  ]);
  const notes = [
    ...(escrow === undefined ? [] : [escrow.state.text]),
    ...(message === undefined ? [] : [messageText(message)]),
    ...(escrow?.warnings.map(({ text }) => `LOW: ${text}`) ?? []),
    ...(held === undefined ? [] : [`not spending: ${held.text}`]),
  ];
  return [fields, ...notes.map((text) => wrap(text, 4)), lines.length === 0 ? '' : `\n${renderLines(lines)}`].join('');
}

/** At the head where the escrow is ours to see to, at finality else. */
function balanceText(balance: Pick<NonNullable<Wallet['funds']>, 'escrow' | 'locked'> | undefined): string | undefined {
  return balance && `${fil(balance.escrow)}, ${fil(balance.locked)} of it locked`;
}

function freeText({ escrow, locked, free }: NonNullable<Wallet['escrow']>): string {
  const keptAtto = BigInt(escrow) - BigInt(locked) - BigInt(free);
  return `${fil(free)} for new deals${keptAtto > 0n ? `; ${fil(keptAtto.toString())} are kept for deals under way` : ''}`;
}

const YEAR_DAYS = 365;
const YEARS_MAX = 100;

/** Cheap deals make it long. */
function lastingText(days: number): string {
  const years = Math.floor(days / YEAR_DAYS);
  if (years > YEARS_MAX) return `more than ${YEARS_MAX} years`;
  return `about ${years > 1 ? counted(years, 'year') : counted(days, 'day')}`;
}

function levelText({ maker, escrow }: Wallet): string | undefined {
  if (escrow === undefined) return maker === 'lotus-client' ? 'Lotus sees to the escrow' : undefined;
  return escrow.level === '0' ? '0 FIL: nothing is added' : fil(escrow.level);
}

function messageText({ kind, amount, nonce, cid, versions, sinceEpoch, feeAtMost, seenHeight, deals = [] }: Message): string {
  const what = kind === 'top_up' ? `message of ${fil(amount)} to the escrow` : `message that settles ${counted(deals.length, 'deal')}`;
  const where = seenHeight === undefined ? 'not on the chain yet' : `on the chain since epoch ${seenHeight}, not final yet`;
  const again = versions === 1 ? '' : `, signed ${versions} times with more gas each`;
  return `${what}, nonce ${nonce}, since epoch ${sinceEpoch}${again}, for ${fil(feeAtMost)} of gas at most: ${where} (${cid})`;
}

function renderLines(lines: Wallet['lines']): string {
  return renderTable(lines, [
    { heading: 'EPOCH', cell: ({ epoch }) => String(epoch), align: 'right' },
    { heading: 'AT', cell: ({ at }) => minute(at) },
    { heading: 'WHAT', cell: ({ kind }) => kind },
    { heading: 'AMOUNT', cell: ({ amount }) => fil(amount), align: 'right' },
    { heading: 'ABOUT', cell: ({ message, text }) => text ?? (message === undefined ? '' : `…${message.slice(-12)}`) },
  ]);
}
