import { relative } from 'node:path';

import { FbpdError } from './errors.ts';

/** Linux has 108 bytes for the address of a unix socket, one of which ends it; the BSDs have 104. */
const MAX_PATH_SIZE_BYTES = 107;

/**
 * The path by which to bind or reach a unix socket: the absolute one, or the one from the working directory where that
 * alone is short enough for the kernel.
 *
 * @throws FbpdError `BAD_CONFIG` when neither is.
 */
export function socketAddress(path: string, cwd: string): string {
  const shortest = [path, relative(cwd, path)].find((candidate) => Buffer.byteLength(candidate) <= MAX_PATH_SIZE_BYTES);
  if (shortest !== undefined) return shortest;
  const subject = 'api.admin_socket';
  throw new FbpdError(
    'BAD_CONFIG',
    `${subject}: ${path} has more than the ${MAX_PATH_SIZE_BYTES} bytes a socket's path may have; choose a shorter one`,
    {
      subject,
    },
  );
}
