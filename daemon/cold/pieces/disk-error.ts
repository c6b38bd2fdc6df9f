import { open } from 'node:fs/promises';

import { PieceError } from '../../domain/cold-ports.ts';

/** A directory in which pieces leave files, as people know it. */
export interface Place {
  /** `the staging directory` */
  name: string;
  /** What helps when its disk is full, beside freeing space. */
  elsewhere: string;
}

/** Full, over quota, read-only, gone, not ours: in each case there is no room for pieces until somebody sees to it. */
export function diskError(error: unknown, { name, elsewhere }: Place): PieceError {
  if (error instanceof PieceError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
  const message = full
    ? `the disk of ${name} is full (${code}): free some space, or ${elsewhere}`
    : `${name} cannot be used (${code}): see to it that it exists, is writable and belongs to fbpd`;
  return new PieceError('no_room', message, { cause: error });
}

/** A name that was given in it is there after a power cut, too. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
