import { readFile, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import type { Command } from 'commander';

import type { Checked, Finding } from '../receipts/check.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { counted, formatTime, printable, renderTable } from './output.ts';

/** For all that a node is asked about one receipt. */
const CHAIN_DEADLINE_MS = 120_000;

/** `fbpd receipts export|verify`. */
export function addReceiptsCommand(program: Command): void {
  const receipts = program.command('receipts').description('proof, for anybody, that what is pinned lies in storage deals');

  receipts
    .command('export <requestId>')
    .description("a receipt of a pin: its root block's place in each piece, and the signed proposals of its active deals")
    .option('-o, --output <file>', 'write it there; without it, or with -, to standard output')
    .action(async (requestId: string, { output }: { output?: string }, command: Command) => {
      const context = new Context(command);
      const receipt = await context.client().call('get', '/admin/pins/{requestId}/receipt', { path: { requestId } });
      const text = `${JSON.stringify(receipt, null, 2)}\n`;
      if (output === undefined || output === '-') {
        process.stdout.write(text);
        return;
      }
      await write(output, text);
      const { cid, pieces } = receipt;
      const deals = pieces.reduce((sum, piece) => sum + piece.deals.length, 0);
      context.print({ cid, pieces: pieces.length, deals, target: resolve(output) }, () => '');
      if (!context.json)
        context.note(`${printable(output)}: ${cid} in ${counted(pieces.length, 'piece')}, ${counted(deals, 'active deal')}`);
    });

  receipts
    .command('verify <file>')
    .description('check a receipt, from whomever it is, with no daemon and no network; - reads standard input')
    .option('--lotus <url>', 'ask a Lotus node, as http://127.0.0.1:1234/rpc/v1, for what takes the chain to tell')
    .action(async (file: string, { lotus }: { lotus?: string }, command: Command) => {
      const context = new Context(command);
      const url = lotus === undefined ? undefined : nodeAddress(lotus);
      const { checkReceipt } = await import('../receipts/check.ts');
      const checked = checkReceipt(await read(file));
      const onChain = url === undefined || checked.receipt === undefined ? [] : await askNode(checked, url);
      const findings = [...checked.findings, ...onChain];
      const failed = findings.filter(({ state }) => state === 'failed').length;
      const verified = failed === 0;
      context.print(
        { verified, chain: url !== undefined, ...(checked.receipt === undefined ? {} : { cid: checked.receipt.cid }), findings },
        () => render(checked, findings),
      );
      if (!verified) throw new CliError(EXIT.failed, `${printable(file)} is not verified: ${counted(failed, 'thing')} marked FAILED`);
      if (!context.json) context.note(summary(findings, url !== undefined));
    });
}

function summary(findings: readonly Finding[], chain: boolean): string {
  const about = 'The root block is proven, and not the blocks below it.';
  if (!chain) return `Verified, as far as that goes with no network. ${about} What is claimed takes the chain to tell: --lotus URL.`;
  const unknown = findings.filter(({ state }) => state === 'unknown').length;
  return `Verified. ${about}${unknown === 0 ? '' : ` The node cannot tell ${counted(unknown, 'thing')} that the receipt claims.`}`;
}

/** What the chain has said is shown in place of what was only claimed. */
function render({ receipt }: Checked, findings: readonly Finding[]): string {
  const parts: string[] = [];
  if (receipt !== undefined)
    parts.push(`Receipt of ${receipt.cid}, made ${formatTime(receipt.made)}, network ${printable(receipt.claims.network)}\n`);
  for (const [about, group] of Map.groupBy(findings, headingOf)) {
    if (about !== '') parts.push(`\n${printable(about)}\n`);
    parts.push(renderTable(group, COLUMNS).split('\n').slice(1).join('\n'));
  }
  return parts.join('');
}

function headingOf({ piece, deal }: Finding): string {
  if (piece === undefined) return '';
  return deal === undefined ? `Piece ${piece}` : `Deal ${deal} about ${piece}`;
}

const MARKS = { proven: 'proven', claimed: 'claimed', unknown: 'unknown', failed: 'FAILED' } as const;

const COLUMNS = [
  { heading: '', cell: ({ state }: Finding) => `  ${MARKS[state]}` },
  { heading: '', cell: ({ text }: Finding) => text },
] as const;

async function askNode(checked: Checked, url: string): Promise<Finding[]> {
  const { checkOnChain } = await import('../receipts/check-chain.ts');
  try {
    return await checkOnChain(checked, url, AbortSignal.timeout(CHAIN_DEADLINE_MS));
  } catch (error) {
    // A node that does not answer says nothing about the receipt.
    if (!(error instanceof Error && error.name === 'ColdError')) throw error;
    throw new CliError(
      EXIT.environment,
      `the chain could not be asked: ${error.message}; see to it that --lotus is the address of a Lotus node`,
    );
  }
}

function nodeAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new CliError(EXIT.wrongUse, `--lotus ${printable(text)} is no address of a node such as http://127.0.0.1:1234/rpc/v1`);
  return url.href;
}

async function read(file: string): Promise<string> {
  const { RECEIPT_BYTES_MAX } = await import('../receipts/form.ts');
  try {
    if (file === '-') return await readInput(RECEIPT_BYTES_MAX);
    const { size } = await stat(file);
    if (size > RECEIPT_BYTES_MAX) throw tooLarge(file, RECEIPT_BYTES_MAX);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.wrongUse, `${printable(file)} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

async function readInput(bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of process.stdin as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > bytesMax) throw tooLarge('standard input', bytesMax);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function tooLarge(what: string, bytesMax: number): CliError {
  return new CliError(EXIT.failed, `${printable(what)} has more than ${bytesMax} bytes: no receipt is that large`);
}

/** Half a receipt is none, and is not taken for one. */
async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: Error) => {
    throw new CliError(EXIT.failed, `${printable(path)} could not be written: ${error.message}`);
  });
}
