import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { components } from '../../spec/fbpd.ts';
import { parseCid } from '../domain/cid.ts';
import { type AdminClient, errorOf } from './client.ts';
import type { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { formOf, listFiles } from './files.ts';
import { printable } from './output.ts';
import { createProgress } from './progress.ts';

type Pin = components['schemas']['Pin'];

const ASK_EVERY_MS = 500;

/** Whether something is to be sent, or a CID pinned: a file of that name wins. */
export async function whatIsMeant(given: string, context: Context): Promise<'path' | 'cid'> {
  const isThere = await stat(given).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    if (isCid(given)) return 'cid';
    throw new CliError(EXIT.wrongUse, `${printable(given)} is neither a file or directory here nor a CID`);
  }
  if (isCid(given)) context.note(`${given} is a file here and is what is pinned; to pin the CID, say it in another directory`);
  return 'path';
}

function isCid(text: string): boolean {
  try {
    parseCid(text);
    return true;
  } catch {
    return false;
  }
}

/** Sends a file or directory; resolves with its pin, which is accepted. */
export async function pinPath(path: string, { account, name }: { account: string; name?: string }, context: Context): Promise<Pin> {
  const { entries, bytes } = await listFiles(path);
  const progress = createProgress({ label: 'sending', totalBytes: bytes, screen: process.stderr, quiet: context.json });
  const query = { account, bytes, ...(name === undefined ? {} : { name }) };
  try {
    const form = formOf(entries, (sent) => progress.update(sent));
    for await (const line of context.client().upload('post', '/admin/uploads', { query }, form)) {
      if (line.error !== undefined) throw errorOf(line.error.reason, line.error.details ?? line.error.reason);
      if (line.pin !== undefined) return line.pin;
    }
  } finally {
    progress.end();
  }
  throw new CliError(EXIT.failed, 'the daemon ended before the upload did; send it again');
}

/** Follows a pin until it is pinned. Rejects with why when it fails. */
export async function untilPinned(pin: Pin, client: AdminClient, context: Context): Promise<Pin> {
  const progress = createProgress({ label: '', screen: process.stderr, quiet: context.json });
  let now = pin;
  try {
    while (now.status === 'queued' || now.status === 'pinning') {
      progress.say(describe(now));
      await sleep(ASK_EVERY_MS);
      now = await client.call('get', '/admin/pins/{requestId}', { path: { requestId: pin.requestId } });
    }
  } finally {
    progress.end();
  }
  if (now.status === 'failed') throw new CliError(EXIT.failed, `${now.requestId} failed: ${now.reason?.text ?? 'it was given up'}`);
  const { content: _, ...plain } = now;
  return plain;
}

function describe({ status, reason, content }: Pin): string {
  if (reason !== undefined) return `${status}: ${printable(reason.text)}`;
  return content?.progress === undefined ? status : `${status}: ${content.progress.blocks} blocks`;
}
