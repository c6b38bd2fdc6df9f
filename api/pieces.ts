import { setInterval } from 'node:timers';

import type Router from '@koa/router';
import type { Context } from 'koa';
import { Counter, Gauge, type Registry } from 'prom-client';

import type { PieceReader } from '../daemon/domain/cold-ports.ts';
import type { ColdStore } from '../daemon/domain/cold-store-port.ts';
import { type Deal, LIVE_STATES } from '../daemon/domain/deal.ts';
import type { BuiltPiece } from '../daemon/domain/piece.ts';
import type { PieceBytes } from '../daemon/domain/transfer-port.ts';
import type { Log } from '../daemon/log.ts';
import { type ApiState, type Auth, bearerOf } from './auth.ts';
import { noRange, noTransfer, transferOver, transferRefused, unauthorized, unavailable } from './errors.ts';
import { GATE_LIMITS, type GateLimits, PieceGates } from './piece-gates.ts';
import { pumpPiece } from './piece-pump.ts';
import { type Span, spanOf } from './piece-range.ts';
import type { TransferSigner } from './piece-tokens.ts';

/** What providers fetch from us, and how it is told who may. */
export interface PieceTransfers {
  deals: Pick<ColdStore, 'deal' | 'built'>;
  bytes: PieceBytes;
  signer: TransferSigner;
  /** A provider, or the source of the bytes, may be silent for so long. Default a minute. */
  stallMs?: number;
  gates?: GateLimits;
}

export interface PieceRoutesOptions extends PieceTransfers {
  auth: Auth;
  metrics: Registry;
  log: Log;
}

export interface PieceRoutes {
  /** Ends the replies that run, which providers take up again elsewhere in the piece. */
  close(): void;
}

const STALL_MS = 60_000;
/** A deal that has started or is over meanwhile ends the replies that run for it. */
const RECHECK_MS = 60_000;
const RETRY_SECONDS = 30;
const ZEROS = Buffer.alloc(256 * 1024);

/** One reply to be. */
interface Job {
  deal: Deal;
  piece: BuiltPiece & { id: string };
  servedBytes: number;
}

/**
 * `GET|HEAD /v1/pieces/{deal}/{bytes}`: the CAR of a deal's piece for the provider of the deal, with zeros behind it up to so many
 * bytes, as `spec/fbpd.yaml` has it. Any 4xx ends a real provider's transfer for good, and so does anything but a 200 to its HEAD:
 * what may only take a while is a 503 to a GET, and a HEAD is answered from what is known of the piece.
 */
export function addPieceRoutes(router: Router<ApiState>, options: PieceRoutesOptions): PieceRoutes {
  const { auth, deals, signer, bytes, log, stallMs = STALL_MS } = options;
  const gates = new PieceGates(options.gates ?? GATE_LIMITS);
  const sent = transferMetrics(options.metrics, gates);
  const closing = new AbortController();

  async function jobOf(ctx: Context, dealId: string, size: string): Promise<Job> {
    const token = bearerOf(ctx.req);
    if (token === undefined) throw auth.refusal(ctx.req, unauthorized('send the Authorization header that came with the deal'));
    const servedBytes = /^[1-9]\d{0,14}$/.test(size) ? Number(size) : 0;
    if (!signer.verify({ dealId, servedBytes }, token)) throw auth.refusal(ctx.req, transferRefused());
    const deal = (await deals.deal(dealId))?.value;
    const built = deal === undefined ? undefined : await deals.built(deal.pieceId);
    if (deal === undefined || built === undefined || built.carSizeBytes > servedBytes) throw noTransfer();
    if (!isFetchable(deal)) throw transferOver(deal.state);
    return { deal, piece: { ...built, id: deal.pieceId }, servedBytes };
  }

  async function readerOf({ deal, piece }: Job): Promise<PieceReader> {
    const reader = await bytes.open(piece);
    if (reader !== undefined) return reader;
    log.warn(
      { deal: deal.id, piece: piece.id, provider: deal.provider },
      'a provider asks for a piece whose bytes are not at hand; it is told to ask again',
    );
    throw unavailable('the bytes of this piece are not at hand just now; try again', RETRY_SECONDS);
  }

  async function serve(ctx: Context, job: Job): Promise<void> {
    const { deal, piece, servedBytes } = job;
    const span = spanOf(ifRange(ctx, piece, servedBytes), servedBytes);
    if (span === 'none') throw noRange(servedBytes);
    const cut = new AbortController();
    const admitted = gates.enter({ dealId: deal.id, provider: deal.provider, pieceBytes: servedBytes, cut: () => cut.abort() });
    try {
      const reader = await readerOf(job);
      const whole = span ?? { from: 0, to: servedBytes };
      ctx.set(headersOf(job));
      ctx.status = span === undefined ? 200 : 206;
      ctx.length = whole.to - whole.from;
      if (span !== undefined) ctx.set('Content-Range', `bytes ${span.from}-${span.to - 1}/${servedBytes}`);
      await send(
        ctx,
        job,
        (signal) => bytesOf(reader, whole, signal),
        cut,
        (count) => {
          admitted.sent(count);
          sent.inc({ provider: deal.provider }, count);
        },
      );
    } finally {
      admitted.leave();
    }
  }

  async function send(
    ctx: Context,
    { deal, piece }: Job,
    open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
    cut: AbortController,
    onSent: (bytes: number) => void,
  ): Promise<void> {
    ctx.respond = false;
    const recheck = setInterval(() => void stillFetchable(deal.id, cut), RECHECK_MS);
    const ended = await pumpPiece(open, ctx.res, { stallMs, onSent, signal: AbortSignal.any([cut.signal, closing.signal]) });
    clearInterval(recheck);
    if (ended.end === 'done') return;
    const of = { deal: deal.id, piece: piece.id, pieceCid: piece.pieceCid, provider: deal.provider };
    if (ended.end === 'broken') log.error({ ...of, err: ended.error }, 'a transfer broke off: the bytes of its piece could not be read');
    else if (ended.end === 'stalled') log.info(of, 'a provider took nothing any more of a piece that it fetches, and was cut off');
    else log.debug({ ...of, end: ended.end }, 'a transfer was ended before it was through');
    // A reset, so that no provider takes a part for what it asked for.
    ctx.req.socket.resetAndDestroy();
  }

  async function stillFetchable(dealId: string, cut: AbortController): Promise<void> {
    const deal = (await deals.deal(dealId).catch(() => undefined))?.value;
    if (deal !== undefined && !isFetchable(deal)) cut.abort();
  }

  router.get('/v1/pieces/:deal/:bytes', async (ctx) => {
    const job = await jobOf(ctx, ctx.params.deal ?? '', ctx.params.bytes ?? '');
    if (ctx.method !== 'HEAD') return await serve(ctx, job);
    ctx.set(headersOf(job));
    ctx.status = 200;
    ctx.length = job.servedBytes;
    ctx.respond = false;
    ctx.res.end();
  });
  return { close: () => closing.abort() };
}

/** It may still have to be fetched: nobody has seen it start, nor end. */
function isFetchable({ state }: Deal): boolean {
  return state !== 'active' && (LIVE_STATES as readonly string[]).includes(state);
}

function headersOf({ piece, servedBytes }: Job): Record<string, string> {
  return {
    'Accept-Ranges': 'bytes',
    // A CAR that a proxy compresses has no length.
    'Cache-Control': 'no-store, no-transform',
    'Content-Type': 'application/vnd.ipld.car',
    ETag: etagOf(piece, servedBytes),
  };
}

function etagOf({ pieceCid }: BuiltPiece, servedBytes: number): string {
  return `"${pieceCid}.${servedBytes}"`;
}

/** The Range header, unless it was meant for other bytes. */
function ifRange(ctx: Context, piece: BuiltPiece, servedBytes: number): string | undefined {
  const meant = ctx.req.headers['if-range'];
  return meant === undefined || meant === etagOf(piece, servedBytes) ? ctx.req.headers.range : undefined;
}

/** The CAR, then zeros. */
async function* bytesOf(reader: PieceReader, { from, to }: Span, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const { carSizeBytes } = reader;
  if (from < carSizeBytes) yield* reader.read(from, Math.min(to, carSizeBytes), signal);
  for (let left = to - Math.max(from, carSizeBytes); left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}

/** Providers are few, and known by name. */
function transferMetrics(registry: Registry, gates: PieceGates): Counter {
  const registers = [registry];
  new Gauge({
    name: 'fbpd_transfers',
    help: 'Replies under way to providers that fetch a piece',
    registers,
    collect() {
      this.set(gates.running);
    },
  });
  return new Counter({
    name: 'fbpd_transfer_bytes_total',
    help: 'Bytes of pieces that providers fetched',
    labelNames: ['provider'],
    registers,
  });
}
