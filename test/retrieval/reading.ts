import type { ExecutionContext } from 'ava';

import type { TestDag, TestRetrieval } from '../fixtures/create-retrieval.ts';
import { poll } from '../fixtures/poll.ts';

const WAIT_MS = 10_000;

/** Reads all of it, and resolves when nothing is under way any more. */
export async function readWhole(t: ExecutionContext, { retrieval, content }: TestRetrieval): Promise<void> {
  const reading = retrieval.read(content.key, 'whole');
  const failed = reading.failed.catch((error: unknown) => error);
  await poll('the retrieval is over', WAIT_MS, () => retrieval.running() === 0);
  reading.release();
  t.is(await Promise.race([failed, Promise.resolve('well')]), 'well');
}

/** Every block, under the CID by which it is linked. */
export function isHere(t: ExecutionContext, dag: TestDag, { intake }: TestRetrieval): void {
  for (const { cid, bytes } of dag.blocks) t.deepEqual(Buffer.from(intake.here.get(cid.toString()) ?? []), Buffer.from(bytes));
}
