import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type Router from '@koa/router';

import { contentKeyOf } from '../daemon/domain/cid.ts';
import type { PinRequest } from '../daemon/domain/pin.ts';
import type { FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import { type Upload, UploadError, type Uploaded, type Uploads } from '../daemon/domain/upload-port.ts';
import type { components } from '../spec/fbpd.ts';
import type { AdminValidators } from './admin-validate.ts';
import type { ApiState, Auth } from './auth.ts';
import type { ColdSide } from './cold-side.ts';
import { readColdInfo } from './cold-summary.ts';
import { bodyTooLarge, unsupportedMediaType } from './errors.ts';
import { accountOf } from './pins.ts';
import { delegatesOf, renderPin } from './render.ts';

export interface UploadRoutesOptions {
  uploads: Uploads;
  pins: PinStore;
  fetches: FetchView;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  hotStatus: () => HotStatusReport;
  auth: Auth;
  validators: AdminValidators;
  /** The largest body that a client which asks first is told to send without a look at what it is for. */
  bodyBytes: number;
  /** No upload is longer than this. */
  uploadBytes: number;
  /** Lets a request take longer to arrive than others may, until the returned function is called. */
  patient(req: IncomingMessage): () => void;
}

const CAR = 'application/vnd.ipld.car';
/** Of an upload that was refused, so much is still read, so that the client gets to read why. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MS = 2_000;

/** `POST /v1/uploads`: a CAR from a client that has no node, and then a pin of its root. */
export function addUploadRoutes(router: Router<ApiState>, options: UploadRoutesOptions): void {
  const { uploads, pins, auth, validators } = options;

  router.post('/v1/uploads', auth.requires('pins:write'), async (ctx) => {
    const { name } = validators.query('uploadCar', ctx.querystring);
    assertCar(ctx.req, options.uploadBytes);
    // Asked for before anything is written, as with other pins.
    const delegates = delegatesOf(options.hotStatus());
    const gone = goneWith(ctx.req);
    const done = options.patient(ctx.req);
    let upload: Upload | undefined;
    try {
      upload = await uploads.begin(accountOf(ctx), gone);
      inviteBody(ctx.req, ctx.res, options.bodyBytes);
      const taken = await upload.takeCar(bodyOf(ctx.req));
      // That took its time, and the account may be gone by now.
      await auth.confirm(ctx.state.caller);
      const pin = await upload.pin(requestOf(taken, name));
      const [content, cold] = await Promise.all([pins.content(pin.contentKey), readColdInfo(options.cold, [pin.contentKey])]);
      ctx.status = 202;
      const body: components['schemas']['Upload'] = {
        cid: pin.cid,
        bytes: taken.bytes,
        blocks: taken.blocks ?? 0,
        pin: renderPin(pin, delegates, options.fetches, content, cold),
      };
      ctx.body = body;
    } catch (error) {
      ctx.set('Connection', 'close');
      // What came of it is nobody's by now, and whoever waits for room is not to wait for the client to read why.
      upload?.end();
      if (!isSilent(error)) await drain(ctx.req);
      throw error;
    } finally {
      upload?.end();
      done();
    }
  });
}

/** The pin of what was uploaded. */
export function requestOf({ root }: Uploaded, name: string | undefined): PinRequest {
  return { cid: root.toString(), contentKey: contentKeyOf(root), origins: [], ...(name === undefined ? {} : { name }) };
}

/** The body as it comes. Leaving it does not end the connection, over which the reply still has to go. */
export function bodyOf(req: IncomingMessage): AsyncIterable<Uint8Array> {
  return req.iterator({ destroyOnReturn: false });
}

/** Fires when the client goes away before all of its request has come. */
export function goneWith(req: IncomingMessage): AbortSignal {
  const gone = new AbortController();
  req.once('close', () => {
    if (!req.complete) gone.abort(new Error('the client went away while it uploaded'));
  });
  return gone.signal;
}

function assertCar(req: IncomingMessage, bytesMax: number): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw unsupportedMediaType(`${encoding}-encoded`, CAR);
  const type = req.headers['content-type'] ?? '';
  if (type.split(';')[0]?.trim().toLowerCase() !== CAR) throw unsupportedMediaType(type, CAR);
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
}

/** A client that asks before it sends hears yes only now; one with a small body has heard it already. */
function inviteBody(req: IncomingMessage, res: ServerResponse, bodyBytes: number): void {
  if (req.headers.expect !== undefined && Number(req.headers['content-length'] ?? 0) > bodyBytes) res.writeContinue();
}

function isSilent(error: unknown): boolean {
  return error instanceof UploadError && error.fault === 'stalled';
}

/** Reads on for a moment, or until all has come. */
async function drain(req: IncomingMessage): Promise<void> {
  if (req.complete || req.destroyed || req.headers.expect !== undefined) return;
  const enough = new AbortController();
  let bytes = 0;
  const count = (chunk: Uint8Array): void => {
    bytes += chunk.length;
    if (bytes > DRAIN_BYTES) enough.abort();
  };
  const stop = (): void => enough.abort();
  req.on('data', count).once('end', stop).once('close', stop);
  await sleep(DRAIN_MS, undefined, { signal: enough.signal }).catch(() => undefined);
  req.off('data', count).off('end', stop).off('close', stop).pause();
}
