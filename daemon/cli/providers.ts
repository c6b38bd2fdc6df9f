import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { epochText, fil } from './cold-output.ts';
import { Context } from './context.ts';
import { type Column, counted, formatTime, renderFields, renderTable } from './output.ts';
import { addScanCommand } from './scan.ts';

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

/** `fbpd providers ls|scan|ask|trust|untrust|suspend|unsuspend`. */
export function addProvidersCommand(program: Command): void {
  const providers = program.command('providers').description('the storage providers that keep the cold copies');

  providers
    .command('ls')
    .description('list them with what they ask and their scores')
    .option('--all', 'also those that a scan has found and nobody trusts')
    .action(async ({ all = false }: { all?: boolean }, command: Command) => {
      const context = new Context(command);
      const { providers: found } = await context.client().call('get', '/admin/providers', { query: { all } });
      context.print(found, () => (found.length === 0 ? 'no providers\n' : renderTable(found, COLUMNS)));
    });

  addScanCommand(providers);

  providers
    .command('ask <provider>')
    .description('ask chain and provider now: owner, addresses, prices, sizes')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/ask', { path: { provider } });
      context.print(found, () => renderProvider(found));
    });

  providers
    .command('trust <provider>')
    .description('make deals with it, beside those that providers.trusted names')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/trust', { path: { provider } });
      context.print(found, () => `${found.id} is trusted: it is asked for deals as those in providers.trusted are\n`);
    });

  providers
    .command('untrust <provider>')
    .description('take that back; deals there are go on')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/untrust', { path: { provider } });
      context.print(found, () => `${found.id} is no longer trusted: it gets no new deals\n`);
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
    .description('make deals with it again, also where it was set aside for failing in a row')
    .action(async (provider: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const found = await context.client().call('post', '/admin/providers/{provider}/unsuspend', { path: { provider } });
      context.print(found, () => `${found.id} ${unsuspendedText(found)}\n`);
    });
}

function unsuspendedText({ id, trusted }: Provider): string {
  if (trusted) return 'is asked for deals again';
  return `gets no deals still, as it is not trusted: \`fbpd providers trust ${id}\``;
}

/** In a few words, what matters most first. */
function standing({ suspended, setAside, introduce, unreachable, trusted, ask, notBeforeEpoch }: Provider): string {
  if (suspended !== undefined) return 'suspended';
  if (!trusted) return 'not trusted';
  if (setAside !== undefined) return `set aside to ${setAside.untilEpoch}`;
  if (introduce !== undefined) return 'needs introduction';
  if (unreachable !== undefined) return 'unreachable';
  if (ask === undefined) return 'not asked yet';
  return notBeforeEpoch === undefined ? 'ok' : `rests to ${notBeforeEpoch}`;
}

function nanoFil(atto: string): string {
  return fil(String(BigInt(atto) * 1_000_000_000n)).replace(/ FIL$/, '');
}

function renderProvider(provider: Provider): string {
  const { chain, ask, suspended, setAside } = provider;
  const fields = renderFields([
    ['provider', provider.id],
    ['country', countryText(provider)],
    ['trusted', provider.trusted ? undefined : 'no: providers.trusted does not name it, nor did `fbpd providers trust`'],
    ['suspended', suspended && `since ${formatTime(suspended.at)}${suspended.text === '' ? '' : `: ${suspended.text}`}`],
    ['set aside', setAside && setAsideText(setAside)],
    ['introduction', provider.introduce && `it takes deals from known clients only: ask its operator to allow ${provider.introduce}`],
    ['unreachable', provider.unreachable],
    ['owner', chain?.owner],
    ['worker', chain?.worker],
    ['beneficiary', chain?.beneficiary],
    ['peer', chain === undefined ? undefined : (chain.peerId ?? 'it announces none')],
    ['hosts', chain === undefined ? undefined : chain.hosts.join(', ') || 'it announces none'],
    ['sectors', chain && formatSize(chain.sectorBytes)],
    ['asks', ask && `${fil(ask.price)} per GiB and epoch; ${fil(ask.verifiedPrice)} for verified deals`],
    ['ask ends', ask && epochText(ask.expiryEpoch, undefined)],
    ['takes', ask && `pieces of ${formatSize(ask.minPieceBytes)} to ${formatSize(ask.maxPieceBytes)}`],
    ['not before', provider.notBeforeEpoch === undefined ? undefined : epochText(provider.notBeforeEpoch, provider.notBefore)],
    ['score', `${provider.score.toFixed(2)}: ${provider.scoreReasons.join(', ')}`],
    ['live deals', String(provider.liveDeals)],
    ['read at', provider.refreshedEpoch === undefined ? undefined : epochText(provider.refreshedEpoch, provider.refreshed)],
  ]);
  return provider.events.length === 0 ? fields : `${fields}\n${renderTable(provider.events, EVENT_COLUMNS)}`;
}

function countryText({ country, countryFrom, countryUnknown }: Provider): string | undefined {
  if (country === undefined) return countryUnknown && `unknown: ${countryUnknown}`;
  return `${country}, by ${countryFrom === 'address' ? 'its addresses' : 'providers.places'}`;
}

function setAsideText({ text, untilEpoch, until, triedEpoch }: NonNullable<Provider['setAside']>): string {
  const trial = triedEpoch === undefined ? 'then its ask is read and one deal tried' : `tried with one deal since epoch ${triedEpoch}`;
  return `until ${epochText(untilEpoch, until)}, as it ${text}; ${trial}`;
}

const EVENT_COLUMNS: readonly Column<Provider['events'][number]>[] = [
  { heading: 'TIME', cell: ({ at }) => formatTime(at) },
  { heading: 'EVENT', cell: ({ kind }) => kind },
  { heading: 'WHAT', cell: ({ text }) => text },
];
