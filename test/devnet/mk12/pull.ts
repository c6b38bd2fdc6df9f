import { type FileHandle, open } from 'node:fs/promises';
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { request as requestSecurely, Agent as SecureAgent } from 'node:https';

/** How far a transfer has come; kept between its attempts. */
export interface Progress {
  /** Bytes of each of Boost's parts; of the one that Curio has. */
  parts: number[];
}

export interface Pull {
  url: string;
  headers: Readonly<Record<string, string>>;
  sizeBytes: number;
  file: string;
  progress: Progress;
  signal: AbortSignal;
}

/** A transfer that is not tried again. */
export class TransferRefused extends Error {
  override readonly name = 'TransferRefused';
}

const PARTS = 5;
const STALL_MS = 30_000;
const REDIRECTS_MAX = 3;
/** What a client may not have sent along, by Curio. */
const FORBIDDEN_HEADER = /^(host|range|forwarded|x-forwarded-.*|connection|content-length|transfer-encoding)$/i;

/** Bytes `[from, to]` that a part covers, of which the last is one of the next part, or one past the end of the file. */
export function partsOf(sizeBytes: number): readonly { from: number; to: number }[] {
  const length = Math.floor(sizeBytes / PARTS);
  return Array.from({ length: PARTS }, (_, part) => ({
    from: part * length,
    to: part === PARTS - 1 ? sizeBytes : (part + 1) * length,
  }));
}

/** As Boost 2.2 does it: a HEAD, then five ranges at once, each from where it was broken off. */
export async function pullAsBoost(pull: Pull): Promise<void> {
  const head = await ask(pull, 'HEAD', {});
  head.resume();
  if (head.statusCode !== 200) throw failed(head);
  if (head.headers['content-length'] !== String(pull.sizeBytes)) {
    throw new Error(`content length is ${head.headers['content-length']}, the deal's size ${pull.sizeBytes}`);
  }
  const together = new AbortController();
  const signal = AbortSignal.any([pull.signal, together.signal]);
  await withFile(pull.file, async (file) => {
    const parts = partsOf(pull.sizeBytes).map((part, index) =>
      pullPart({ ...pull, signal }, file, part, index).catch((error: unknown) => {
        together.abort(error);
        throw error;
      }),
    );
    // The file stays open until the last of them has let go of it.
    const ends = await Promise.allSettled(parts);
    const broken = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason as Error);
    const first = broken.find((reason) => reason instanceof TransferRefused) ?? broken[0];
    if (first !== undefined) throw first;
  });
}

/** As Curio does it: one stream, a range only to go on where it was broken off. */
export async function pullAsCurio(pull: Pull): Promise<void> {
  const { username, password } = new URL(pull.url);
  if (username !== '' || password !== '') throw new TransferRefused('URL userinfo is not allowed');
  const forbidden = Object.keys(pull.headers).find((name) => FORBIDDEN_HEADER.test(name));
  if (forbidden !== undefined) throw new TransferRefused(`header ${forbidden} is not allowed`);
  const have = pull.progress.parts[0] ?? 0;
  await withFile(pull.file, async (file) => {
    const response = await ask(pull, 'GET', have === 0 ? {} : { Range: `bytes=${have}-` });
    if (response.statusCode !== (have === 0 ? 200 : 206)) throw failed(response);
    await keep(file, response, pull.progress, { part: 0, from: 0, until: pull.sizeBytes });
  });
}

/** Begins as a transfer does and reads nothing, until it is told to let go. */
export async function pullForEver(pull: Pull): Promise<void> {
  const response = await ask(pull, 'GET', {});
  response.pause();
  await new Promise((resolve) => response.once('close', resolve));
}

async function pullPart(pull: Pull, file: FileHandle, { from, to }: { from: number; to: number }, part: number): Promise<void> {
  const have = pull.progress.parts[part] ?? 0;
  const until = Math.min(to + 1, pull.sizeBytes);
  if (from + have >= until) return;
  const response = await ask(pull, 'GET', { Range: `bytes=${from + have}-${to}` });
  if (response.statusCode !== 206) throw failed(response);
  await keep(file, response, pull.progress, { part, from, until });
}

async function keep(
  file: FileHandle,
  response: IncomingMessage,
  progress: Progress,
  { part, from, until }: { part: number; from: number; until: number },
): Promise<void> {
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const at = from + (progress.parts[part] ?? 0);
    if (at + chunk.length > until) throw new Error(`more bytes than the ${until - from} that were asked for`);
    await file.write(chunk, 0, chunk.length, at);
    progress.parts[part] = at + chunk.length - from;
  }
  if (from + (progress.parts[part] ?? 0) !== until) throw new Error('unexpected EOF');
}

function failed(response: IncomingMessage): Error {
  const { statusCode = 0, statusMessage = '' } = response;
  response.destroy();
  const why = `http req failed: code: ${statusCode}, status: ${statusCode} ${statusMessage}`;
  return statusCode >= 400 && statusCode < 500 ? new TransferRefused(why) : new Error(why);
}

async function ask(pull: Pull, method: 'HEAD' | 'GET', headers: OutgoingHttpHeaders, redirects = 0): Promise<IncomingMessage> {
  const response = await send(pull, method, headers);
  const { statusCode = 0 } = response;
  const { location } = response.headers;
  if (statusCode < 300 || statusCode >= 400 || location === undefined) return response;
  response.destroy();
  if (redirects === REDIRECTS_MAX) throw new TransferRefused(`stopped after ${REDIRECTS_MAX} redirects`);
  return ask({ ...pull, url: new URL(location, pull.url).href }, method, headers, redirects + 1);
}

function send({ url, headers: own, signal }: Pull, method: 'HEAD' | 'GET', headers: OutgoingHttpHeaders): Promise<IncomingMessage> {
  const isSecure = url.startsWith('https:');
  const all = { 'User-Agent': 'Go-http-client/1.1', ...own, ...headers };
  // A connection for each request, so that nothing of ours keeps a client's server from closing.
  const agent = isSecure ? new SecureAgent() : new Agent();
  return new Promise((resolve, reject) => {
    const sent = (isSecure ? requestSecurely : request)(url, { method, headers: all, agent, signal }, resolve);
    sent.setTimeout(STALL_MS, () => sent.destroy(new Error('no bytes for too long')));
    sent.once('error', reject);
    sent.end();
  });
}

/** Opened before anything is asked for: what comes then is read at once, or a connection that breaks would take it along. */
async function withFile(path: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  // Not emptied: an earlier attempt may have left its part of it.
  const file = await open(path, 'r+').catch(() => open(path, 'w+'));
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
