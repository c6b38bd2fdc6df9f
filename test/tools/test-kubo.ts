/** The `ipfs` program that tests run. */
export async function testKubo(): Promise<string> {
  const named = process.env.KUBO_BINARY;
  if (named === undefined) throw new Error('KUBO_BINARY is not set');
  return named;
}
