import { fork } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createBlockSource, flatfsBlocks } from '../../daemon/hot/block-source.ts';
import { createLog } from '../../daemon/log.ts';
import { type DownloadReport, runDownloads } from './download.ts';
import { type Figure, quantile } from './figures.ts';
import type { ServeSpec, Serving } from './piece-range-process.ts';
import { rssDuring } from './rss.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const ROUNDS = 3;
/** More than one thread that hashes it all can be asked for; less than what providers' lines bring. */
const WANTED_MIB_PER_SECOND = 200;
const WANTED_MB = 300;

/** A piece of 1 GiB as providers fetch it: out of the blocks of a real kubo's repo, beside a file of the same bytes from the same process. */
export async function benchPieceRange(workspace: Workspace): Promise<Figure[]> {
  const { spec, contentBytes } = await pieceIn(workspace);
  const child = fork(fileURLToPath(new URL('piece-range-process.ts', import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    child.send(spec);
    const [serving] = (await once(child, 'message')) as [Serving];
    const target = { host: '127.0.0.1', port: serving.port, token: serving.token };
    const { carSizeBytes: bytes } = spec.piece;
    const pid = child.pid ?? 0;
    const blocks: DownloadReport[] = [];
    const files: DownloadReport[] = [];
    const {
      beforeMb: idleMb,
      mostMb,
      result: many,
    } = await rssDuring(pid, async () => {
      for (let round = 0; round < (workspace.quick ? 1 : ROUNDS); round++)
        blocks.push(await runDownloads({ target, path: serving.path, downloads: 1, bytes }));
      return await fiveRanges(serving.path, target, bytes);
    });
    for (let round = 0; round < (workspace.quick ? 1 : ROUNDS); round++)
      files.push(await runDownloads({ target, path: serving.filePath, downloads: 1, bytes }));
    const speed = (reports: readonly DownloadReport[]): number =>
      quantile(
        reports.map(({ mibPerSecond }) => mibPerSecond),
        0.5,
      );
    const size = `${Math.round(contentBytes / MIB)} MiB`;
    const baseline = { name: 'a file, from the same process', value: speed(files) };
    return [
      {
        name: `a piece of ${size} out of blocks`,
        value: speed(blocks),
        unit: 'MiB/s',
        wanted: { atLeast: WANTED_MIB_PER_SECOND },
        baseline,
      },
      { name: 'the same in five ranges at once', value: many, unit: 'MiB/s', baseline },
      {
        name: 'RSS while it is served, at most',
        value: mostMb,
        unit: 'MB',
        wanted: { atMost: WANTED_MB },
        baseline: { name: 'before', value: idleMb },
      },
    ];
  } finally {
    child.kill();
  }
}

/** As providers fetch: connections side by side, each with its part. */
async function fiveRanges(path: string, target: Parameters<typeof runDownloads>[0]['target'], bytes: number): Promise<number> {
  const part = Math.floor(bytes / 5);
  const reports = await Promise.all(
    Array.from({ length: 5 }, (_, i) =>
      runDownloads({ target, path, range: `bytes=${i * part}-${(i + 1) * part - 1}`, downloads: 1, bytes: part }),
    ),
  );
  return reports.reduce((sum, { mibPerSecond }) => sum + mibPerSecond, 0);
}

async function pieceIn(workspace: Workspace): Promise<{ spec: ServeSpec; contentBytes: number }> {
  const kubo = await workspace.kubo();
  const blocksDir = join(kubo.repo, 'blocks');
  const contentBytes = (workspace.quick ? 4 : 1024) * MIB;
  const contentKey = contentKeyOf(parseCid(await kubo.addBytes(randomFillSync(Buffer.alloc(contentBytes)), { cidVersion: 1 })));
  const files = flatfsBlocks(blocksDir);
  files.enable(true);
  const manifestDir = await workspace.dir('manifests');
  const works = createPieceWorks({
    dir: await workspace.dir('staging'),
    manifestDir,
    proofsDir: await workspace.dir('proofs'),
    keepsFiles: true,
    blocks: createBlockSource(kubo.rpc, files.blockFile),
    maxPieceBytes: 2 ** 40,
    log: createLog('silent'),
  });
  const built = await works.build('piece', [{ contentKey, sizeBytes: contentBytes }], AbortSignal.timeout(600_000));
  const file = (await works.staged('piece')) ?? '';
  await works.close();
  workspace.say(`a piece of ${built.carSizeBytes} bytes is built`);
  return { spec: { blocksDir, manifestDir, dir: await workspace.dir('empty'), file, piece: { ...built, id: 'piece' } }, contentBytes };
}
