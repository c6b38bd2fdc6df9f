import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import Router from '@koa/router';
import Koa from 'koa';

import type { ApiState, Auth } from '../../api/auth.ts';
import { createTransferSigner, createTransfers } from '../../api/piece-tokens.ts';
import { addPieceRoutes } from '../../api/pieces.ts';
import { createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import type { BuiltPiece } from '../../daemon/domain/piece.ts';
import { createBlockSource, flatfsBlocks } from '../../daemon/hot/block-source.ts';
import type { KuboRpc } from '../../daemon/hot/kubo-rpc.ts';
import { createLog } from '../../daemon/log.ts';
import { createMetrics } from '../../daemon/metrics.ts';
import { createDeal } from '../fixtures/create-cold-records.ts';

/** Started by `benchPieceRange`, told what to serve in one message, answers with where. */

export interface ServeSpec {
  blocksDir: string;
  manifestDir: string;
  /** Where nothing is staged. */
  dir: string;
  /** The CAR as a file. */
  file: string;
  piece: BuiltPiece & { id: string };
}

export interface Serving {
  port: number;
  /** The piece out of blocks. */
  path: string;
  token: string;
  /** The same bytes out of a file, as Node sends files. */
  filePath: string;
}

async function serve({ blocksDir, manifestDir, dir, file, piece }: ServeSpec): Promise<Serving> {
  const log = createLog('error');
  const files = flatfsBlocks(blocksDir);
  files.enable(true);
  const blocks = createBlockSource({} as KuboRpc, files.blockFile);
  const works = createPieceWorks({
    dir,
    manifestDir,
    proofsDir: join(dir, 'proofs'),
    keepsFiles: false,
    blocks,
    maxPieceBytes: 2 ** 40,
    log,
  });
  const deal = createDeal(1, { pieceId: piece.id, state: 'accepted' });
  const signer = createTransferSigner(Buffer.alloc(32));
  const router = new Router<ApiState>();
  addPieceRoutes(router, {
    auth: { refusal: (_, error) => error } as Auth,
    deals: { deal: async () => ({ value: deal, version: 1 }), built: async () => piece },
    bytes: { open: (one) => works.open(one) },
    // It is fetched more often than by any provider.
    gates: { perDeal: 8, perProvider: 16, all: 128, timesOver: 1_000 },
    signer,
    metrics: createMetrics(),
    log,
  });
  router.get('/file', async (ctx) => {
    ctx.length = (await stat(file)).size;
    ctx.body = createReadStream(file, { highWaterMark: 256 * 1024 });
  });
  const server = createServer(new Koa().use(router.routes()).callback()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const offer = createTransfers(signer, () => '').offer(deal.id, piece, piece.carSizeBytes);
  const token = offer.headers.Authorization?.replace('Bearer ', '') ?? '';
  return { port: (server.address() as AddressInfo).port, path: offer.url, token, filePath: '/file' };
}

process.once('message', (spec: ServeSpec) => void serve(spec).then((serving) => process.send?.(serving)));
