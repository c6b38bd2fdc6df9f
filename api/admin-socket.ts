import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';

import { FbpdError } from '../daemon/domain/errors.ts';
import { socketAddress } from '../daemon/domain/socket-path.ts';

export interface AdminSocketOptions {
  /** Absolute. */
  path: string;
  /** Name or number of a group that may use it too. */
  group?: string;
  handle: RequestListener;
}

export interface AdminSocket {
  /** Accepts no more, lets running requests finish for a moment, and takes the socket away. */
  close(): Promise<void>;
}

const CLOSE_DEADLINE_MS = 2_000;
const SUBJECT = 'api.admin_socket';

/**
 * Serves on a unix socket of mode 0600, or 0660 with a group.
 *
 * @throws FbpdError `BAD_CONFIG`: a path too long, no such group. `BAD_ENVIRONMENT`: somebody listens there already, or
 * the socket cannot be made.
 */
export async function listenOnSocket(options: AdminSocketOptions): Promise<AdminSocket> {
  const address = socketAddress(options.path, process.cwd());
  const groupId = options.group === undefined ? undefined : await groupIdOf(options.group);
  await mkdir(dirname(options.path), { recursive: true }).catch((cause: unknown) => {
    throw cannot(`make the directory of ${options.path}`, cause);
  });
  await removeStale(options.path, address);
  const server = createServer(options.handle);
  // No reply is ever late here: removing an account's million pins may take minutes.
  server.requestTimeout = 0;
  await bind(server, address, options.path, groupId);
  return { close: () => close(server) };
}

async function bind(server: Server, address: string, path: string, groupId: number | undefined): Promise<void> {
  try {
    listenPrivately(server, address);
    if (server.listening) protect(address, groupId);
    await once(server, 'listening');
  } catch (cause) {
    server.close();
    throw cannot(`listen on ${path}`, cause);
  }
}

/** It listens before its mode can be changed, so it is made with one that lets nobody else in, whatever the umask is. */
function listenPrivately(server: Server, address: string): void {
  // Workers may not change what is their process's.
  const before = isMainThread ? process.umask(0o077) : undefined;
  try {
    // The socket is bound when this returns.
    server.listen({ path: address });
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

function protect(address: string, groupId: number | undefined): void {
  chmodSync(address, 0o600);
  if (groupId === undefined) return;
  chownSync(address, -1, groupId);
  chmodSync(address, 0o660);
}

/** After a crash the socket is still there, and in the way. One that answers is somebody's. */
async function removeStale(path: string, address: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket())
    throw new FbpdError('BAD_ENVIRONMENT', `${SUBJECT}: ${path} is there already and is not a socket`, { subject: SUBJECT });
  if (await answers(address)) {
    throw new FbpdError('BAD_ENVIRONMENT', `${SUBJECT}: another daemon listens on ${path}; stop it, or choose another path`, {
      subject: SUBJECT,
    });
  }
  await rm(path, { force: true });
}

async function answers(address: string): Promise<boolean> {
  const socket = connect({ path: address });
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    const refused = error instanceof Error && 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
    return !refused;
  } finally {
    socket.destroy();
  }
}

async function groupIdOf(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const subject = 'api.admin_socket_group';
  try {
    // Groups may come from a directory service, which the C library asks and Node does not.
    const { stdout } = await promisify(execFile)('getent', ['group', group]);
    return Number(stdout.split(':')[2]);
  } catch (cause) {
    throw new FbpdError('BAD_CONFIG', `${subject}: there is no group ${JSON.stringify(group)}`, { subject, cause });
  }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_DEADLINE_MS);
  await closed;
  clearTimeout(deadline);
}

function cannot(what: string, cause: unknown): FbpdError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FbpdError('BAD_ENVIRONMENT', `${SUBJECT}: cannot ${what}: ${why}`, { subject: SUBJECT, cause });
}
