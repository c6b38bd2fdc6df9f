/** Called by `bootstrap.mjs` with the words of the command line. */
export async function run(args: readonly string[]): Promise<void> {
  process.stdout.write(`${args.join(' ')}\n`);
}
