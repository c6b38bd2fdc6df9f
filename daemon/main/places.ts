import { once } from 'node:events';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

import { type Config, TRACES_OF_USE } from '../config.ts';
import { FbpdError } from '../domain/errors.ts';

export interface Endpoints {
  /** Where the pinning API listens: `http://HOST:PORT`. */
  api: string;
  /** Where contents are read. */
  gateway: string;
}

export async function makeStateDir({ state }: Config): Promise<void> {
  try {
    await mkdir(state.dir, { recursive: true, mode: 0o750 });
    await access(state.dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `state.dir: ${state.dir} cannot be used (${why}); make it, or give it to this user`, {
      subject: 'state.dir',
      cause,
    });
  }
}

/**
 * Its traces are made after the store, so where there is one of them, there was a store: it is not made anew behind
 * anybody's back when all of it has vanished.
 */
export async function isFirstStart({ state }: Config): Promise<boolean> {
  const found = await Promise.allSettled(TRACES_OF_USE.map((name) => access(join(state.dir, name))));
  return found.every(({ status }) => status === 'rejected');
}

/** An occupied port is found before anything is made. The listener itself comes last and looks again. */
export async function assertFree(key: string, { host, port }: { host: string; port: number }): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port });
    await once(probe, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `${key}: cannot listen on ${host}:${port} (${why}); stop what has it, or choose another`, {
      subject: key,
      cause,
    });
  }
  probe.close();
  await once(probe, 'close');
}

export function urlOf({ address: host, port }: AddressInfo): string {
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

function endpointsFile(config: Config): string {
  return join(config.state.dir, 'endpoints.json');
}

/** Who starts us with port 0 reads here which one it became. */
export async function writeEndpoints(config: Config, endpoints: Endpoints): Promise<void> {
  const file = endpointsFile(config);
  await writeFile(`${file}.new`, `${JSON.stringify(endpoints)}\n`);
  await rename(`${file}.new`, file);
}

/** What is not there any more is not to be found. */
export async function removeEndpoints(config: Config): Promise<void> {
  await rm(endpointsFile(config), { force: true });
}
