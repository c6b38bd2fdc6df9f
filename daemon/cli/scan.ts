import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { parseAttoFil } from '../domain/fil.ts';
import { formatSize, parseSizeBytes } from '../domain/units.ts';
import { fil, wrap } from './cold-output.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { positiveInteger } from './options.ts';
import { type Column, counted, renderTable } from './output.ts';
import { createProgress } from './progress.ts';

type Scan = components['schemas']['Scan'];
type Found = Scan['found'][number];
type Tally = Scan['tally'];

interface ScanOptions {
  country?: string;
  maxPrice?: string;
  minPiece?: number;
  limit?: number;
}

/** `fbpd providers scan`. */
export function addScanCommand(providers: Command): void {
  providers
    .command('scan')
    .description('look for providers on the chain and ask them; goes on where the last scan stopped, and gives nobody a deal')
    .option('--country <code>', 'only in this country, such as DE', countryCode)
    .option('--max-price <fil>', 'only those that ask no more per GiB and epoch, such as "0.5 nanoFIL"', attoFil)
    .option('--min-piece <size>', 'only those that take pieces of this size, such as 4GiB', pieceBytes)
    .option('--limit <count>', 'stop when so many are found', positiveInteger)
    .action(async ({ country, maxPrice, minPiece, limit }: ScanOptions, command: Command) => {
      const context = new Context(command);
      const scan = await runScan(context, {
        ...(country === undefined ? {} : { country }),
        ...(maxPrice === undefined ? {} : { maxPrice }),
        ...(minPiece === undefined ? {} : { pieceBytes: minPiece }),
        ...(limit === undefined ? {} : { limit }),
      });
      context.print(scan, () => renderScan(scan));
      if (scan.error !== undefined) throw new CliError(EXIT.environment, `it stopped before its end: ${scan.error}`);
    });
}

async function runScan(context: Context, body: components['schemas']['NewScan']): Promise<Scan> {
  const progress = createProgress({ label: 'looking', screen: process.stderr, quiet: context.json });
  let found = 0;
  try {
    for await (const line of context.client().stream('post', '/admin/providers/scan', { body })) {
      if (line.report !== undefined) return line.report;
      if (line.error !== undefined) throw new CliError(EXIT.failed, `the scan broke off: ${line.error}`);
      if (line.found !== undefined) found += 1;
      if (line.tally !== undefined) progress.say(`looking: ${line.tally.looked} of ${line.tally.miners}, ${found} found`);
    }
  } finally {
    progress.end();
  }
  throw new CliError(EXIT.failed, 'the daemon ended before the scan did; what was found is kept, and the next one goes on there');
}

const COLUMNS: readonly Column<Found>[] = [
  { heading: 'PROVIDER', cell: ({ id }) => id },
  { heading: 'OWNER', cell: ({ owner }) => owner },
  { heading: 'IN', cell: ({ country }) => country ?? '' },
  { heading: 'SECTORS', cell: ({ sectorBytes }) => formatSize(sectorBytes), align: 'right' },
  { heading: 'NANOFIL/GIB/EPOCH', cell: ({ ask }) => nanoFil(ask.price), align: 'right' },
  { heading: 'TAKES', cell: ({ ask }) => `${formatSize(ask.minPieceBytes)} to ${formatSize(ask.maxPieceBytes)}` },
  { heading: 'OVER', cell: ({ over }) => over },
  { heading: 'TRUSTED', cell: ({ trusted }) => (trusted ? 'yes' : 'no') },
];

function nanoFil(atto: string): string {
  return fil(String(BigInt(atto) * 1_000_000_000n)).replace(/ FIL$/, '');
}

function renderScan({ tally, complete, found }: Scan): string {
  const table = found.length === 0 ? 'nobody was found who fits\n' : renderTable(found, COLUMNS);
  const next = found.some(({ trusted }) => !trusted) ? wrap('`fbpd providers trust ID` has deals made with one of them.', 2) : '';
  return `${table}${wrap(tallyText(tally, complete), 2)}${next}`;
}

function tallyText({ miners, looked, powered, nowhere, hidden, silent, unusable, answered }: Tally, complete: boolean): string {
  const parts = [
    [answered, 'answered'],
    [silent, 'did not'],
    [nowhere, 'announce no address'],
    [hidden, 'announce only addresses that may not be dialled'],
    [unusable, 'tell an ask that cannot be'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  const end = complete ? 'All on the chain were looked at.' : 'The next scan goes on from here.';
  const asked = powered === 0 ? 'none with power was left to ask' : `${powered} asked now ${powered === 1 ? 'has' : 'have'} power`;
  return `${looked} of ${counted(miners, 'provider')} looked at; ${asked}${said.length === 0 ? '' : `: ${said.join(', ')}`}. ${end}`;
}

function countryCode(text: string): string {
  if (!/^[A-Z]{2}$/.test(text)) throw new InvalidArgumentError('Expected two letters such as DE.');
  return text;
}

function attoFil(text: string): string {
  const atto = parseAttoFil(text);
  if (atto === undefined) throw new InvalidArgumentError('Expected an amount such as "0.5 nanoFIL".');
  return String(atto);
}

function pieceBytes(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined || bytes < 128) throw new InvalidArgumentError('Expected a size such as 4GiB.');
  return bytes;
}
