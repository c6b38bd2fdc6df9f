import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { epochText, fil } from './cold-output.ts';
import { Context } from './context.ts';
import { type Column, counted, formatTime, renderFields, renderTable } from './output.ts';

type Provider = components['schemas']['Provider'];

const COLUMNS: readonly Column<Provider>[] = [
  { heading: 'PROVIDER', cell: ({ id }) => id },
  { heading: 'IN', cell: ({ country }) => country ?? '' },
  { heading: 'SCORE', cell: ({ score }) => score.toFixed(2), align: 'right' },
  { heading: 'DEALS', cell: ({ liveDeals }) => String(liveDeals), align: 'right' },
  { heading: 'NANOFIL/GIB/EPOCH', cell: ({ ask }) => (ask === undefined ? '' : nanoFil(ask.price)), align: 'right' },
  {
    heading: 'TAKES',
    cell: ({ ask }) => (ask === undefined ? '' : `${formatSize(ask.minPieceBytes)} to ${formatSize(ask.maxPieceBytes)}`),
  },
  { heading: 'NOW', cell: standing },
];

/** `fbpd providers ls|ask|suspend|unsuspend`. */
export function addProvidersCommand(program: Command): void {
  const providers = program.command('providers').description('the storage providers that keep the cold copies');

  providers
    .command('ls')
    .description('list them with what they ask and their scores')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const { providers: found } = await context.client().call('get', '/admin/providers', {});
      context.print(found, () => (found.length === 0 ? 'no providers\n' : renderTable(found, COLUMNS)));
    });

  providers
    .command('ask <provider>')
    .description('ask chain and provider now: owner, addresses, prices, sizes')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/ask', { path: { provider } });
      context.print(found, () => renderProvider(found));
    });

  providers
    .command('suspend <provider> [text...]')
    .description('make no new deals with it; those there are go on. TEXT says why')
    .action(async (provider: string, words: string[], _options: unknown, command: Command) => {
      const context = new Context(command);
      const body = { text: words.join(' ') };
      const found = await context.client().call('post', '/admin/providers/{provider}/suspend', { path: { provider }, body });
      context.print(
        found,
        () => `suspended ${found.id}, with ${counted(found.liveDeals, 'deal')} that ${found.liveDeals === 1 ? 'goes' : 'go'} on\n`,
      );
    });

  providers
    .command('unsuspend <provider>')
    .description('make deals with it again')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/unsuspend', { path: { provider } });
      context.print(found, () => `${found.id} is asked for deals again\n`);
    });
}

/** In a few words, what matters most first. */
function standing({ suspended, unreachable, trusted, ask, notBeforeEpoch }: Provider): string {
  if (suspended !== undefined) return 'suspended';
  if (!trusted) return 'not trusted';
  if (unreachable !== undefined) return 'unreachable';
  if (ask === undefined) return 'not asked yet';
  return notBeforeEpoch === undefined ? 'ok' : `rests to ${notBeforeEpoch}`;
}

function nanoFil(atto: string): string {
  return fil(String(BigInt(atto) * 1_000_000_000n)).replace(/ FIL$/, '');
}

function renderProvider(provider: Provider): string {
  const { chain, ask, suspended } = provider;
  const fields = renderFields([
    ['provider', provider.country === undefined ? provider.id : `${provider.id} (${provider.country})`],
    ['trusted', provider.trusted ? undefined : 'no: providers.trusted does not name it'],
    ['suspended', suspended && `since ${formatTime(suspended.at)}${suspended.text === '' ? '' : `: ${suspended.text}`}`],
    ['unreachable', provider.unreachable],
    ['owner', chain?.owner],
    ['worker', chain?.worker],
    ['beneficiary', chain?.beneficiary],
    ['peer', chain === undefined ? undefined : (chain.peerId ?? 'it announces none')],
    ['hosts', chain === undefined ? undefined : chain.hosts.join(', ') || 'it announces none'],
    ['sectors', chain && formatSize(chain.sectorBytes)],
    ['asks', ask && `${fil(ask.price)} per GiB and epoch; ${fil(ask.verifiedPrice)} for verified deals`],
    ['takes', ask && `pieces of ${formatSize(ask.minPieceBytes)} to ${formatSize(ask.maxPieceBytes)}`],
    ['not before', provider.notBeforeEpoch === undefined ? undefined : epochText(provider.notBeforeEpoch, provider.notBefore)],
    ['score', `${provider.score.toFixed(2)}: ${provider.scoreReasons.join(', ')}`],
    ['live deals', String(provider.liveDeals)],
    ['read at', provider.refreshedEpoch === undefined ? undefined : epochText(provider.refreshedEpoch, provider.refreshed)],
  ]);
  return provider.events.length === 0 ? fields : `${fields}\n${renderTable(provider.events, EVENT_COLUMNS)}`;
}

const EVENT_COLUMNS: readonly Column<Provider['events'][number]>[] = [
  { heading: 'TIME', cell: ({ at }) => formatTime(at) },
  { heading: 'EVENT', cell: ({ kind }) => kind },
  { heading: 'WHAT', cell: ({ text }) => text },
];
