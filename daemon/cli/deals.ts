import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import type { AdminClient } from './client.ts';
import { dayText, epochText, fil, stateText } from './cold-output.ts';
import { Context } from './context.ts';
import { positiveInteger, wordsOf } from './options.ts';
import { type Column, counted, formatTime, renderFields, renderTable } from './output.ts';

type Deal = components['schemas']['Deal'];
type DealState = components['schemas']['DealState'];

const STATES = ['intended', 'proposed', 'accepted', 'published', 'active', 'expired', 'rejected', 'failed', 'missed', 'lost'] as const;

interface ListOptions {
  state?: DealState[];
  unknown?: true;
  provider?: string;
  piece?: string;
  cid?: string;
  after?: string;
  limit: number;
}

const COLUMNS: readonly Column<Deal>[] = [
  { heading: 'STATE', cell: stateText },
  { heading: 'PROVIDER', cell: ({ provider }) => provider },
  { heading: 'ENDS', cell: ({ endEpoch, end }) => dayText(endEpoch, end) },
  { heading: 'COST', cell: ({ cost }) => fil(cost), align: 'right' },
  { heading: 'ID', cell: ({ id }) => id },
];

/** `fbpd deals ls|get`. */
export function addDealsCommand(program: Command): void {
  const deals = program.command('deals').description('storage deals, each one copy of a piece with one provider');

  deals
    .command('ls')
    .description('list deals')
    .option('--state <states>', `some of ${STATES.join(',')}`, wordsOf(STATES))
    .option('--unknown', 'those of which it is not known whether they were made')
    .option('--provider <id>', 'with one provider')
    .option('--piece <id>', 'about one piece')
    .option('--cid <cid>', 'about pieces that have one content')
    .option('--after <id>', 'behind this one, as the end of the page before says')
    .option('--limit <count>', 'at most so many, up to 1000', positiveInteger, 20)
    .action(async (options: ListOptions, command: Command) => {
      const context = new Context(command);
      const page = await readPage(context.client(), options);
      context.print(page, () => (page.deals.length === 0 ? 'no deals\n' : renderTable(page.deals, COLUMNS)));
      if (context.json) return;
      if (page.deals.some(({ outcome }) => outcome === 'unknown'))
        context.note('? it is not known whether it was made; the chain will tell');
      if (page.next !== undefined) context.note(`there are more: --after ${page.next}`);
    });

  deals
    .command('get <id>')
    .description('one deal with its history and evidence')
    .action(async (deal: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('get', '/admin/deals/{deal}', { path: { deal } });
      context.print(found, () => renderDeal(found));
    });
}

/** The daemon ends a page early when many deals were passed over; a page here is full or the last one. */
async function readPage(client: AdminClient, { unknown, limit, ...filters }: ListOptions): Promise<{ deals: Deal[]; next?: string }> {
  const deals: Deal[] = [];
  let after = filters.after;
  for (;;) {
    const query = {
      ...filters,
      ...(unknown === undefined ? {} : { unknown: 'true' as const }),
      ...(after === undefined ? {} : { after }),
      limit: limit - deals.length,
    };
    const page = await client.call('get', '/admin/deals', { query });
    deals.push(...page.deals);
    if (page.next === undefined) return { deals };
    if (deals.length >= limit) return { deals, next: page.next };
    after = page.next;
  }
}

function renderDeal(deal: Deal): string {
  const { failureDomain, activeEvidence: active, retrievalEvidence: retrieved, retrievalFailure: failure } = deal;
  const fields = renderFields([
    ['deal', deal.id],
    ['state', deal.outcome === 'unknown' ? `${deal.state}; it is not known whether it was made, the chain will tell` : deal.state],
    ['provider', deal.country === undefined ? deal.provider : `${deal.provider} (${deal.country})`],
    ['why', deal.replaces === undefined ? deal.reason : `${deal.reason}; replaces ${deal.replaces}`],
    ['piece', deal.piece],
    ['piece cid', deal.pieceCid],
    ['number on chain', deal.dealId === undefined ? undefined : String(deal.dealId)],
    ['proposal', deal.proposalCid],
    ['published by', deal.publishCid],
    ['starts', epochText(deal.startEpoch, deal.start)],
    ['ends', epochText(deal.endEpoch, deal.end)],
    ['price per epoch', fil(deal.pricePerEpoch)],
    ['collateral', `${fil(deal.clientCollateral)} of ours, ${fil(deal.providerCollateral)} of the provider's`],
    ['cost', `${fil(deal.cost)}, booked on day ${deal.budgetDay}${deal.verified ? '; a verified deal' : ''}`],
    ['made by', `${deal.maker}, sent ${deal.sends === 1 ? 'once' : `${deal.sends} times`}`],
    ['said last', deal.said],
    ['missing since', deal.suspectSinceEpoch === undefined ? undefined : `epoch ${deal.suspectSinceEpoch}, as the final chain had it`],
    ['owner', failureDomain.owner],
    ['peer', failureDomain.peerId],
    ['hosts', failureDomain.hosts.length === 0 ? undefined : failureDomain.hosts.join(', ')],
    [
      'on the chain',
      active && `in a sector since epoch ${active.sectorStartEpoch}; seen at epoch ${active.seenEpoch}, ${formatTime(active.at)}`,
    ],
    ['bytes back', retrieved && `${counted(retrieved.bytes, 'byte')} in ${retrieved.tookMs} ms, ${formatTime(retrieved.at)}`],
    ['bytes not back', failure && `${formatTime(failure.at)}: ${failure.text}`],
    ['looked at again', deal.dueEpoch === undefined ? 'no more' : `epoch ${deal.dueEpoch}`],
  ]);
  return `${fields}\n${renderTable(deal.history, EVENT_COLUMNS)}`;
}

const EVENT_COLUMNS: readonly Column<Deal['history'][number]>[] = [
  { heading: 'TIME', cell: ({ at }) => formatTime(at) },
  { heading: 'EPOCH', cell: ({ epoch }) => String(epoch), align: 'right' },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'WHY', cell: ({ reason }) => reason },
];
