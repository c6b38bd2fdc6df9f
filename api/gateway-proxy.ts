import type { IncomingMessage } from 'node:http';

import type { ParameterizedContext } from 'koa';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import type { HttpTarget, Meter, ReadSource, Retrieval } from '../daemon/domain/retrieval-ports.ts';
import type { Log } from '../daemon/log.ts';
import { badGateway, contentTooLarge, gatewayTimeout, HttpError } from './errors.ts';
import type { Access, Grant } from './gateway-access.ts';
import { Asking, Insistence } from './gateway-asking.ts';
import { replyHeaders, tierHeaders, varyBy } from './gateway-headers.ts';
import { Help } from './gateway-help.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { Patience } from './gateway-patience.ts';
import { pump } from './gateway-pump.ts';
import type { Reader } from './gateway-readers.ts';
import type { Asked } from './gateway-request.ts';
import { Rest } from './gateway-rest.ts';
import { Tallies, type Tally } from './gateway-tally.ts';
import { createUpstream, type UpstreamRequest } from './gateway-upstream.ts';

export interface ProxyOptions {
  target: () => HttpTarget | undefined;
  /** Said to readers when there is no target for good. */
  absent?: string | undefined;
  retrieval: Retrieval;
  meter: Meter;
  access: Pick<Access, 'confirm'>;
  metrics: GatewayMetrics;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
  /** Of a reply with what nobody has pinned here. */
  fetchBytesMax: number;
  bufferBytes: number;
  log: Log;
}

/** What a request leaves for the metrics. */
export interface GatewayState {
  /** `performance.now()` when it came. */
  startedMs: number;
  source?: ReadSource;
  /** The reader went before the reply was there. */
  hasLeft?: boolean;
}

export type GatewayContext = ParameterizedContext<GatewayState>;

export interface Job {
  asked: Asked;
  reader: Reader;
  grant: Grant;
}

export interface Proxy {
  /** Answers a GET or HEAD. Rejects, with nothing sent yet, with what the reader is to be told. */
  serve(ctx: GatewayContext, job: Job): Promise<void>;
  /** For when no reader is connected any more: ends what is still done for them, and resolves when all that was served is counted. */
  close(): Promise<void>;
}

/** The hot tier says the first word of what it has in less; after that a block may be missing against the record. */
const GRACE_MS = 2_000;

export function createProxy(options: ProxyOptions): Proxy {
  const { retrieval, access, metrics, firstByteTimeoutMs, stallTimeoutMs } = options;
  const upstream = createUpstream(options);
  const tallies = new Tallies(options.meter, options.log);
  const closing = new AbortController();
  const serving = new Set<Promise<void>>();
  const graceMs = Math.min(GRACE_MS, stallTimeoutMs / 2);

  /**
   * How long the tier may be silent: while somebody fetches what it lacks, as long as that may take. When nobody does any more,
   * what it has of a cold content comes at once and the rest never; of a hot one it may only be slow.
   */
  function tierLimitMs(grant: Grant, help: Help, hasBegun: boolean): number {
    if (help.mayStillBring(stallTimeoutMs)) return firstByteTimeoutMs;
    if (grant.from === 'cold' && help.error !== undefined) return graceMs;
    return grant.from === 'network' && !hasBegun ? firstByteTimeoutMs : stallTimeoutMs;
  }

  /** The head of a reply that can be passed on. With `range`, of one that has begun already. */
  async function headOf(ctx: GatewayContext, { asked, grant }: Job, help: Help, asking: Asking, range?: string): Promise<IncomingMessage> {
    const over = Promise.withResolvers<never>();
    let insistence: Insistence | undefined;
    const patience = new Patience({
      graceMs,
      limitMs: () => tierLimitMs(grant, help, range !== undefined),
      onGrace: () => {
        if (grant.from === 'hot') help.begin();
        insistence ??= new Insistence(asking);
      },
      onOver: () => over.reject(help.error ?? gatewayTimeout('no source has given a first byte in time')),
    });
    // Of a hot content the tier may only be slow.
    help.onFailed((error) => {
      if (grant.from === 'cold') over.reject(error);
    });
    const headers = range === undefined ? tierHeaders(ctx.req.headers) : { ...tierHeaders({ accept: ctx.req.headers.accept }), range };
    const request: UpstreamRequest = { method: ctx.method, path: asked.path + asked.tierQuery, headers };
    try {
      return await Promise.race([asking.head((signal) => upstream.ask(request, signal)), over.promise]);
    } finally {
      patience.end();
      insistence?.end();
    }
  }

  /** What was taken down is not given out below something else either. */
  async function confirmRoots(reply: IncomingMessage, { asked }: Job): Promise<void> {
    const roots = reply.headers['x-ipfs-roots'];
    if (!asked.hasSteps || typeof roots !== 'string') return;
    await access.confirm(roots.split(',').slice(1).map(keyOfRoot));
  }

  async function passOn(ctx: GatewayContext, job: Job, reply: IncomingMessage, help: Help, asking: Asking): Promise<void> {
    const { res } = ctx;
    const isPublic = job.reader.kind === 'public';
    ctx.status = reply.statusCode ?? 502;
    ctx.set(replyHeaders(reply.headers, isPublic));
    ctx.vary(varyBy(isPublic));
    ctx.respond = false;
    ctx.state.source = help.source();
    if (ctx.method === 'HEAD' || ctx.status === 304) {
      reply.resume();
      res.end();
      return;
    }
    metrics.firstByte(help.source(), (performance.now() - ctx.state.startedMs) / 1000);
    if (job.grant.from !== 'network') retrieval.noteRead(job.grant.contentKey);
    const of = { accountId: job.reader.accountId, contentKey: job.grant.contentKey };
    const tally = tallies.open(of, () => help.source(), metrics.sent);
    try {
      await passBody(ctx, job, reply, help, tally, asking);
    } finally {
      tally.end();
    }
  }

  async function passBody(ctx: GatewayContext, job: Job, first: IncomingMessage, help: Help, tally: Tally, asking: Asking): Promise<void> {
    const { grant } = job;
    const limitMs = (): number => tierLimitMs(grant, help, true);
    const bytesMax = grant.from === 'network' ? options.fetchBytesMax : Number.POSITIVE_INFINITY;
    const rest = new Rest(first);
    for (let reply = first; ; ) {
      const ended = await pump(reply, ctx.res, {
        readerMs: stallTimeoutMs,
        tierMs: () => rest.turnMs(limitMs()),
        graceMs,
        onQuiet: () => {
          if (grant.from !== 'network') help.begin();
        },
        maxBytes: bytesMax - rest.passedBytes,
        tier: upstream,
        onWritten: (bytes) => tally.add(bytes),
        signal: asking.gone,
      });
      if (ended.end === 'done' || ended.end === 'left') return;
      if (ended.end === 'broken') return breakOff(ctx, job, help, { why: ended.why });
      const range = rest.after(ended.receivedBytes, limitMs());
      if (range === undefined) return breakOff(ctx, job, help, whySilent(help.error));
      asking.anew();
      try {
        reply = await headOf(ctx, job, help, asking, range);
      } catch (error) {
        if (!asking.gone.aborted) breakOff(ctx, job, help, whySilent(error instanceof Error ? error : undefined));
        return;
      }
      if (!rest.fits(reply)) return breakOff(ctx, job, help, { why: 'the tier gives no rest of it' });
    }
  }

  /** By a reset, as without a length an orderly end would look like a whole reply. */
  function breakOff(ctx: GatewayContext, { asked }: Job, help: Help, why: { why: string; reason?: string }): void {
    options.log.warn({ path: asked.path, source: help.source(), ...why }, 'a reply broke off');
    // The reply has no socket of its own yet when it stands in line behind another; the request has.
    ctx.req.socket.resetAndDestroy();
  }

  async function serve(ctx: GatewayContext, job: Job): Promise<void> {
    const { asked, grant } = job;
    const asking = new Asking();
    // A response that is finished closes as well; to make an exception for that would cost more than many a small reply.
    const onClose = () => {
      if (!ctx.res.writableFinished) asking.end();
    };
    const help = new Help(retrieval, grant.contentKey, ctx.method === 'GET' ? 'whole' : 'blocks', grant.from);
    ctx.res.once('close', onClose);
    closing.signal.addEventListener('abort', onClose, { once: true });
    try {
      if (grant.from === 'cold') help.begin();
      const reply = await headOf(ctx, job, help, asking);
      if (isRedirect(reply)) return redirect(ctx, asked, reply);
      checkFrame(ctx, reply);
      if (grant.from === 'network') checkSize(reply, options.fetchBytesMax);
      await confirmRoots(reply, job);
      await passOn(ctx, job, reply, help, asking);
    } catch (error) {
      // A reply that stood in line behind another never had a socket of its own to be destroyed with.
      if (!ctx.res.destroyed && !ctx.req.socket.destroyed) throw error;
      ctx.respond = false;
      ctx.state.hasLeft = true;
    } finally {
      help.release();
      // Whatever is left of the reply is nobody's any more.
      if (!ctx.res.writableEnded || (ctx.res.destroyed && !ctx.res.writableFinished)) asking.end();
      ctx.res.off('close', onClose);
      closing.signal.removeEventListener('abort', onClose);
    }
  }

  return {
    async serve(ctx, job) {
      const served = serve(ctx, job).finally(() => serving.delete(served));
      serving.add(served);
      await served;
    },
    async close() {
      closing.abort();
      upstream.close();
      // Connections are gone a moment before those who served them hear of it; only then do they count what they sent.
      await Promise.allSettled(serving);
      await tallies.settled();
    },
  };
}

/** With what became of the help that there was, and its reason as a reader is told it before the first byte. */
function whySilent(error: Error | undefined): { why: string; reason?: string } {
  if (error === undefined) return { why: 'nothing more came' };
  return { why: `nothing more came: ${error.message}`, ...(error instanceof HttpError ? { reason: error.reason } : {}) };
}

function keyOfRoot(root: string): string {
  try {
    return contentKeyOf(parseCid(root.trim()));
  } catch {
    throw badGateway('the hot tier does not say what it has resolved the path to');
  }
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400 && statusCode !== 304;
}

/** A directory without its slash is the one thing that the tier may send a reader elsewhere for. */
function redirect(ctx: GatewayContext, asked: Asked, reply: IncomingMessage): void {
  reply.resume();
  const [path = ''] = (reply.headers.location ?? '').split('?');
  if (decoded(path) !== `${decoded(asked.path)}/`) throw badGateway('the hot tier sent this request elsewhere');
  ctx.status = reply.statusCode ?? 502;
  ctx.set('Location', `${asked.path}/${asked.query}`);
  ctx.body = '';
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Of a body that says neither its length nor where it ends nobody could tell whether it is whole. */
function checkFrame(ctx: GatewayContext, { headers, statusCode }: IncomingMessage): void {
  const isFramed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (ctx.method !== 'HEAD' && statusCode !== 304 && !isFramed) throw badGateway('the hot tier did not say how long its reply is');
}

function checkSize({ headers }: IncomingMessage, maxBytes: number): void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw contentTooLarge(maxBytes);
}
