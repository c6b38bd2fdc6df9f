import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { HttpTarget } from '../domain/retrieval-ports.ts';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, with a zero at the end. */
const SOCKET_PATH_BYTES_MAX = 103;

export function fitsSocket(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
}

/** Where the gateway of our kubo listens. */
export interface GatewaySocket {
  path(): Promise<string>;
  /** Undefined before its path was asked for. */
  target(): HttpTarget | undefined;
  /** Removes what had to be made for it. */
  close(): Promise<void>;
}

/**
 * A gateway gives everything to everybody who reaches it, so it gets a socket in a directory of ours and no port. Where the
 * state directory's path is too long for a socket, that is a new directory among the temporary ones, ours alone.
 */
export function createGatewaySocket(wanted: string): GatewaySocket {
  let dir: Promise<string> | undefined;
  let socketPath: string | undefined;
  return {
    async path() {
      if (fitsSocket(wanted)) socketPath = wanted;
      else {
        dir ??= mkdtemp(join(tmpdir(), 'fbpd-'));
        socketPath = join(await dir, 'gateway.sock');
      }
      return socketPath;
    },
    target: () => (socketPath === undefined ? undefined : { socketPath }),
    async close() {
      if (dir !== undefined) await rm(await dir, { recursive: true, force: true });
      dir = undefined;
    },
  };
}
