import { setTimeout } from 'node:timers/promises';

import type { Figure } from './figures.ts';
import { RawConnection } from './raw-connection.ts';
import { rssMb } from './rss.ts';
import type { Workspace } from './workspace.ts';

const WANTED_MB = 350;
const SCANS = 200;

/** What the daemon's own process takes of memory with very many pins; its kubo is another process. */
export async function benchMemory(workspace: Workspace): Promise<Figure[]> {
  const empty = await workspace.daemon();
  await settle(workspace);
  const emptyMb = await rssMb(empty.pid());
  await empty.stop();

  const { daemon, pins, token } = await workspace.filled(workspace.quick ? 2_000 : 1_000_000);
  await daemon.start();
  await settle(workspace);
  const idleMb = await rssMb(daemon.pid());
  const connection = new RawConnection(daemon.apiUrl());
  let mostMb = idleMb;
  for (let scan = 0; scan < (workspace.quick ? 10 : SCANS); scan++) {
    await connection.request('GET', `/pins?limit=1000&name=img_${scan}&match=ipartial&status=queued,pinning,pinned,failed`, token);
    mostMb = Math.max(mostMb, await rssMb(daemon.pid()));
  }
  connection.close();
  await daemon.stop();
  const baseline = { name: 'without pins', value: emptyMb };
  return [
    { name: `RSS with ${pins} pins, idle`, value: idleMb, unit: 'MB', wanted: { atMost: WANTED_MB }, baseline },
    { name: `RSS with ${pins} pins, most while listing`, value: mostMb, unit: 'MB', wanted: { atMost: WANTED_MB }, baseline },
  ];
}

/** What was read to start is garbage a little later. */
async function settle({ quick }: Workspace): Promise<void> {
  await setTimeout(quick ? 500 : 10_000);
}
