import { defaultCacheDir, readEnvironment } from '../../daemon/config.ts';
import { findKubo } from '../../daemon/hot/kubo-binary.ts';

/** The `ipfs` program that the tests run, found or made as the daemon does it; what takes long is said as it goes. */
export async function testKubo(out: NodeJS.WritableStream = process.stdout): Promise<string> {
  const { kuboBinary, variables } = readEnvironment();
  const { path, version, how } = await findKubo({
    configured: undefined,
    kuboBinary,
    cacheDir: defaultCacheDir(),
    environment: variables,
    onProgress: (text) => out.write(`${text}\n`),
  });
  out.write(`kubo ${version}: ${path} (${how.split(' ')[0]})\n`);
  return path;
}
