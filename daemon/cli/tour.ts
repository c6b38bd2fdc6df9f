import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Overrides } from '../config/render.ts';
import type { Config } from '../config.ts';
import { type StartedDevnet, startDevnet } from './devnet.ts';

/** In the directory of the config file. */
const DIR = 'devnet';
const TOKEN_FILE = 'sign-token';
/** What a config says that was made when the tour made deals by the Client API. */
const FORMER_TOKEN_FILE = 'token';
/** Where the API listens unless it is told otherwise; providers are on this machine, too. */
const PUBLIC_URL = 'http://127.0.0.1:5080';
/** Shorter than on any real network, so that deals come about and are renewed before one's eyes. */
const MIN_DURATION_EPOCHS = 180;
/** The network names its providers in this order. */
const PLACES = ['f01000=DE', 'f01001=FR', 'f01002=NL', 'f01003=PL', 'f01004=SE'] as const;

/**
 * Makes deals with a development network that runs inside of `fbpd start`. An epoch takes 0.2 s there: a deal starts after
 * a minute, lasts for an hour, and is renewed ten minutes before its end. Port 0: wherever the network finds one free.
 */
export const TOUR: Overrides = {
  'lotus.rpc': 'http://127.0.0.1:0/rpc/v1',
  'lotus.token_file': `${DIR}/${TOKEN_FILE}`,
  'cold.maker': 'mk12',
  'api.public_url': PUBLIC_URL,
  'chain.finality': 20,
  'chain.confirm_lost': 20,
  'chain.start_lead': 300,
  'providers.trusted': PLACES.map((place) => place.split('=')[0] ?? ''),
  'providers.places': PLACES,
  'providers.private_addresses': true,
  'providers.routing': 'none',
  'policies.default.cold.duration': 18_000,
  'policies.default.cold.renew_before': 3_000,
  'policies.default.cold.max_wait': '5s',
  'policies.default.cold.min_fill': '4MiB',
  'limits.piece_max': '8MiB',
  'schedule.create': '* * * * * *',
  'schedule.verify': '*/2 * * * * *',
  'schedule.renew': '*/5 * * * * *',
};

export interface Tour {
  /** Points `lotus.rpc` at the network, and its providers at where the API really listens. */
  onNetwork(config: Config): Config;
  stop(): Promise<void>;
  /** Stops it and removes what this start made, as nothing came of it. */
  undo(): Promise<void>;
}

/** Starts the development network when the config's token is that of one beside it; undefined when it is not. */
export async function startTour({ file, cold, lotus }: Config): Promise<Tour | undefined> {
  const dir = join(dirname(file), DIR);
  const isOurs = [TOKEN_FILE, FORMER_TOKEN_FILE].some((name) => lotus.tokenFile === join(dir, name));
  if (cold.maker === 'none' || !isOurs) return undefined;
  const isNew = !existsSync(dir);
  const { hostname: host, port } = new URL(lotus.rpc ?? '');
  const devnet: StartedDevnet = await startDevnet({ dir, host, port: Number(port), minDurationEpochs: MIN_DURATION_EPOCHS });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= devnet.stop();
    return stopped;
  };
  return {
    onNetwork: ({ api, ...config }) => ({
      ...config,
      api: api.publicUrl === PUBLIC_URL ? { ...api, publicUrl: undefined } : api,
      lotus: { ...config.lotus, rpc: devnet.rpcUrl },
    }),
    stop,
    async undo() {
      await stop();
      if (isNew) await rm(dir, { recursive: true, force: true });
    },
  };
}
