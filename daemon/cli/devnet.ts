import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { type Command, InvalidArgumentError, Option } from 'commander';

import type { Devnet } from '../../test/devnet/devnet.ts';
import { formatFil, parseAttoFil } from '../domain/fil.ts';
import { parseDurationMs } from '../domain/units.ts';
import { CliError, EXIT } from './exit.ts';
import { positiveInteger } from './options.ts';
import { renderFields, renderTable } from './output.ts';
import { stopSignal } from './run-daemon.ts';

/** What `npm start` and its config need to know of a development network. */
export interface StartedDevnet {
  /** JSON-RPC, as of a Lotus node. */
  rpcUrl: string;
  /** Holds an admin token. */
  tokenFile: string;
  /** Holds a token for `sign`. */
  signTokenFile: string;
  /** The wallet that pays, `f1…`. */
  wallet: string;
  /** With what they speak to clients of today's market, and where. */
  providers: readonly { id: string; country: string; mk12: string; address: string }[];
  /** A directory that the network sees under the same path. */
  stagingDir: string;
  /** What is left in the wallet, attoFIL. */
  walletAtto: bigint;
  stop(): Promise<void>;
}

export interface StartDevnetOptions {
  /** Everything of the network is kept here, and is there again on the next start. */
  dir: string;
  host?: string;
  port?: number;
  blockTimeMs?: number;
  providers?: number;
  /** attoFIL in the wallet of a new network. */
  walletAtto?: bigint;
  /** Least length of a deal, in epochs. */
  minDurationEpochs?: number;
}

interface CommandOptions {
  listen: { host: string; port: number };
  dir: string;
  blockTime: number;
  providers: number;
  balance: bigint;
  minDuration?: number;
}

const BLOCK_TIME_MS = 200;
const PROVIDERS = 5;
const WALLET = '1000 FIL';
const LISTEN = '127.0.0.1:1234';
const TRANSPORTS = { boost: 'libp2p', curio: 'HTTP', both: 'HTTP, libp2p' } as const;

/** `fbpd devnet`: a Filecoin network on this machine, to try things out with. */
export function addDevnetCommand(program: Command): void {
  program
    .command('devnet')
    .description('run a development Filecoin network on this machine, for trying out; nothing is stored on Filecoin')
    .addOption(read('--listen <address:port>', 'where its JSON-RPC listens; port 0 for any free one', listenAddress, LISTEN))
    .option('--dir <directory>', 'where it keeps everything', join('.fbpd', 'devnet'))
    .addOption(read('--block-time <duration>', 'how long an epoch takes', blockTimeMs, `${BLOCK_TIME_MS}ms`))
    .option('--providers <count>', 'storage providers', positiveInteger, PROVIDERS)
    .addOption(read('--balance <amount>', 'FIL in the wallet of a new network', amount, WALLET))
    .option('--min-duration <epochs>', 'the shortest deal that providers take; 518400, 180 days, as on real networks', positiveInteger)
    .action(async (options: CommandOptions) => {
      const stopRequested = stopSignal();
      const { listen, dir, blockTime, providers, balance, minDuration } = options;
      const devnet = await startDevnet({
        ...listen,
        dir: resolve(dir),
        blockTimeMs: blockTime,
        providers,
        walletAtto: balance,
        ...(minDuration === undefined ? {} : { minDurationEpochs: minDuration }),
      });
      process.stdout.write(render(devnet));
      await stopRequested;
      await devnet.stop();
    });
}

/** Starts the network, or goes on with the one that is in the directory. */
export async function startDevnet(options: StartDevnetOptions): Promise<StartedDevnet> {
  const stagingDir = join(options.dir, 'staging');
  await mkdir(stagingDir, { recursive: true });
  const { createDevnet } = await import('../../test/devnet/devnet.ts');
  const { dir, host, port, walletAtto, minDurationEpochs, blockTimeMs: blocks = BLOCK_TIME_MS, providers = PROVIDERS } = options;
  const devnet = await createDevnet({
    dir,
    blockTimeMs: blocks,
    // Another one than the last that was in this directory: deals with that one are not looked for here.
    seed: randomUUID(),
    providers: Array.from({ length: providers }, () => ({})),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(walletAtto === undefined ? {} : { walletAtto }),
    ...(minDurationEpochs === undefined ? {} : { minDurationEpochs }),
  }).catch((error: unknown) => {
    throw new CliError(EXIT.environment, describe(error, options));
  });
  return {
    rpcUrl: devnet.rpcUrl,
    tokenFile: devnet.tokenFile,
    signTokenFile: devnet.signTokenFile,
    wallet: devnet.wallet,
    providers: devnet.providers.map(({ id, country, mk12, multiaddrs: [address = ''] }) => ({
      id,
      country,
      mk12: TRANSPORTS[mk12],
      address,
    })),
    stagingDir,
    walletAtto: balanceOf(devnet),
    stop: () => devnet.stop(),
  };
}

function balanceOf(devnet: Devnet): bigint {
  return BigInt(devnet.truth().balance);
}

function describe(error: unknown, { host = '127.0.0.1', port = 0, dir }: StartDevnetOptions): string {
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return `the development network cannot listen on ${host}:${port}: the port is taken; choose another with --listen`;
  }
  if (error instanceof Error && error.name === 'DirInUse') {
    return `the development network in ${dir} runs already, by \`npm start\` or \`fbpd devnet\`; stop that one first`;
  }
  return `the development network in ${dir} did not start: ${error instanceof Error ? error.message : error}`;
}

function render(devnet: StartedDevnet): string {
  return `A development network on this machine. Nothing here is stored on Filecoin, and its FIL is worth nothing.

${renderFields([
  ['rpc', devnet.rpcUrl],
  ['admin token', devnet.tokenFile],
  ['sign token', devnet.signTokenFile],
  ['wallet', `${devnet.wallet} (${formatFil(devnet.walletAtto)})`],
  ['staging', devnet.stagingDir],
])}
${renderTable(devnet.providers, [
  { heading: 'PROVIDER', cell: ({ id }) => id },
  { heading: 'COUNTRY', cell: ({ country }) => country },
  { heading: 'MK12', cell: ({ mk12 }) => mk12 },
  { heading: 'ADDRESS', cell: ({ address }) => address },
])}
Ctrl-C stops it; it goes on from here the next time.
`;
}

/** An option whose default stands in the help as one would type it. */
function read<T>(flags: string, text: string, parse: (text: string) => T, fallback: string): Option {
  return new Option(flags, text).argParser(parse).default(parse(fallback), fallback);
}

function blockTimeMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('Expected a duration such as 200ms or 30s.');
  return ms;
}

function amount(text: string): bigint {
  const atto = parseAttoFil(text);
  if (atto === undefined) throw new InvalidArgumentError('Expected an amount such as "100 FIL".');
  return atto;
}

function listenAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^([\d.]+|localhost):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('Expected an address and a port, as 127.0.0.1:1234.');
  return { host, port: Number(port) };
}
