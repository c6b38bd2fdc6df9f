import { join } from 'node:path';

import { Level } from 'level';

export class DirInUse extends Error {
  override readonly name = 'DirInUse';
}

export interface DirLock {
  release(): Promise<void>;
}

/**
 * Two networks in one directory would each write what the other does not know. The lock is LevelDB's, which the kernel
 * takes away when the process dies, however it dies.
 *
 * @throws DirInUse when somebody has it.
 */
export async function lockDir(dir: string): Promise<DirLock> {
  const level = new Level(join(dir, 'lock'));
  try {
    await level.open();
  } catch (error) {
    if (isLocked(error)) throw new DirInUse('another network runs there');
    throw error;
  }
  return { release: () => level.close() };
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
}
