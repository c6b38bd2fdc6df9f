import type { ProviderOptions } from './provider.ts';
import type { Timing } from './providers.ts';

export interface DevnetOptions {
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default 0: any free one. */
  port?: number;
  /** Everything is kept here and is there again on the next start; without it a temporary directory goes with the network. */
  dir?: string;
  /** Wall-clock time of an epoch; without it the chain moves only by `advance`. */
  blockTimeMs?: number;
  /** Default: three, of different owners. */
  providers?: readonly ProviderOptions[];
  /** attoFIL in the default wallet. Default 1,000 FIL. */
  walletAtto?: bigint;
  /** Bytes of verified deals that it may make. Default: it is not a verified client. */
  datacapBytes?: bigint;
  /** Default `localnet`. */
  network?: string;
  /** All keys, CIDs and addresses come from it. Default `fbpd`. */
  seed?: string;
  /** Unix time of epoch 0. Default: a fixed moment in 2026. */
  genesisTimestampSeconds?: number;
  /** Seconds of chain time of an epoch, as timestamps and `Version` show it. Default 30. */
  epochSeconds?: number;
  timing?: Partial<Timing>;
  /** Before a deal of the Client API takes its first step. Default 20. */
  firstStepMs?: number;
  /** Default: 518,400 and 1,555,200 epochs, as Lotus' market checks them; mk12 and the market actor allow 3,680,640. */
  minDurationEpochs?: number;
  maxDurationEpochs?: number;
  /** Where the market's cron first looks at a deal: within so many epochs of its start. Default 86,400, 30 days. */
  cronIntervalEpochs?: number;
  /** Least provider collateral, attoFIL. Default 0, as on a young network. */
  collateralMin?: bigint;
  /** Rounds without a block, one in 17. Default true. */
  nullRounds?: boolean;
  /** Whether other clients' deals lie in the publish messages. Default true. */
  otherClients?: boolean;
  /** What `CreationTime` and the like say. */
  now?: () => number;
}

export const DEFAULTS = {
  host: '127.0.0.1',
  walletAtto: 1_000n * 10n ** 18n,
  network: 'localnet',
  seed: 'fbpd',
  genesisTimestampSeconds: 1_785_348_497,
  epochSeconds: 30,
  minDurationEpochs: 518_400,
  maxDurationEpochs: 1_555_200,
  actorMaxDurationEpochs: 3_680_640,
  cronIntervalEpochs: 86_400,
  firstStepMs: 20,
  timing: { confidenceEpochs: 1, publishEpochs: 3, sealEpochs: 5, settleEpochs: 86_400 } satisfies Timing,
} as const;
