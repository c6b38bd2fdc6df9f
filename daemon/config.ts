import { existsSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { tooFewProvidersIn } from './config/cold-contradictions.ts';
import type { Settings } from './config/keys.ts';
import { parseSettings } from './config/parse.ts';
import { FbpdError } from './domain/errors.ts';

/** What the daemon takes from its environment variables. No other file reads them. */
export interface Environment {
  /** `KUBO_BINARY`: an `ipfs` program to run. */
  kuboBinary: string | undefined;
  path: string;
  home: string;
  /** True where `CI` is set: nobody is watching, nobody can answer. */
  ci: boolean;
  /** All of them, to hand on to child processes. */
  variables: Readonly<Record<string, string>>;
}

/** Everything the sysadmin decides: what stands in the config file, its defaults, and the environment. */
export interface Config extends Omit<Settings, 'state' | 'hot' | 'lotus' | 'cold'> {
  /** The file it was read from. */
  file: string;
  state: Omit<Settings['state'], 'cacheDir'> & { cacheDir: string };
  /** `rpcToken` is the secret itself; absent too when the config was read without secrets. */
  hot: Settings['hot'] & { rpcToken: string | undefined };
  /** `token` and `walletKey` are the secrets themselves; absent too when the config was read without secrets. */
  lotus: Settings['lotus'] & { token: string | undefined; walletKey: string | undefined };
  cold: Omit<Settings['cold'], 'staging' | 'threads'> & { staging: string; threads: number };
  env: Environment;
}

/** Where the search for a config file starts when it isn't named. */
export const CONFIG_SEARCH = ['./.fbpd/fbpd.toml', '/etc/fbpd/fbpd.toml'] as const;

export interface LoadOptions {
  /** From `--config`. */
  file?: string | undefined;
  /** False for commands that only talk to the daemon: they may run as somebody who cannot read the secrets. Default true. */
  secrets?: boolean;
  cwd?: string;
  variables?: NodeJS.ProcessEnv;
}

/**
 * Finds and reads the config file: `--config`, `FBPD_CONFIG`, then {@link CONFIG_SEARCH}.
 *
 * @throws FbpdError `BAD_CONFIG`: none found, unreadable, or a key in it is wrong.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const variables = options.variables ?? process.env;
  const file = findConfigFile(options);
  if (file === undefined) {
    throw new FbpdError(
      'BAD_CONFIG',
      `no config file: looked for ${CONFIG_SEARCH.join(' and ')}; \`fbpd init\` writes one, --config FILE names one`,
    );
  }
  return parseConfig(readText(file, 'config file'), { file, variables, secrets: options.secrets ?? true });
}

/** The config file that {@link loadConfig} would read; one that is named is returned whether or not it exists. */
export function findConfigFile({ file, cwd = process.cwd(), variables = process.env }: LoadOptions = {}): string | undefined {
  const named = file ?? (variables.FBPD_CONFIG || undefined);
  if (named !== undefined) return resolve(cwd, named);
  return CONFIG_SEARCH.map((candidate) => resolve(cwd, candidate)).find((candidate) => existsSync(candidate));
}

/**
 * Makes a config of a file's text. Relative paths in it start at the file's directory.
 *
 * @throws FbpdError `BAD_CONFIG`.
 */
export function parseConfig(
  text: string,
  { file, variables, secrets = true }: { file: string; variables: NodeJS.ProcessEnv; secrets?: boolean },
): Config {
  const settings = parseSettings(text, file, { dir: dirname(file) });
  assertEnoughProviders(settings, file);
  const env = readEnvironment(variables);
  return {
    ...settings,
    file,
    state: { ...settings.state, cacheDir: settings.state.cacheDir ?? defaultCacheDir(variables) },
    hot: { ...settings.hot, rpcToken: secrets ? readSecret('hot.rpc_token', settings.hot.rpcTokenFile, variables) : undefined },
    lotus: { ...settings.lotus, ...(secrets ? lotusSecrets(settings, file, variables) : { token: undefined, walletKey: undefined }) },
    cold: {
      ...settings.cold,
      staging: settings.cold.staging ?? join(settings.state.dir, 'staging'),
      threads: settings.cold.threads ?? Math.max(1, availableParallelism() - 1),
    },
    env,
  };
}

/** What the hot tier leaves in the state directory, managed or external: where there is one of them, there was a store. */
export const TRACES_OF_USE = ['kubo', 'external-kubo.json'] as const;

/** The store may hold more providers, which `fbpd providers trust` has put there: then too few are only warned of. */
function assertEnoughProviders(settings: Settings, file: string): void {
  const tooFew = tooFewProvidersIn(settings);
  if (tooFew === undefined || TRACES_OF_USE.some((name) => existsSync(join(settings.state.dir, name)))) return;
  throw new FbpdError('BAD_CONFIG', `${file}: ${tooFew.key} ${tooFew.problem}`, { subject: tooFew.key });
}

/** Making deals takes a token, unless they are signed here; reading the chain does not. */
function lotusSecrets({ lotus, cold }: Settings, file: string, variables: NodeJS.ProcessEnv): Pick<Config['lotus'], 'token' | 'walletKey'> {
  const token = readSecret('lotus.token', lotus.tokenFile, variables);
  const walletKey = cold.maker === 'mk12' ? readSecret('lotus.wallet_key', lotus.walletKeyFile, variables, assertPrivate) : undefined;
  if (token !== undefined || walletKey !== undefined || cold.maker === 'none') return { token, walletKey };
  throw new FbpdError(
    'BAD_CONFIG',
    `${file}: cold.maker is "${cold.maker}" without a token: set lotus.token_file, or hand over a systemd credential named lotus.token${cold.maker === 'mk12' ? '; or sign with a key of your own, lotus.wallet_key_file' : ''}`,
    { subject: 'cold.maker' },
  );
}

/** Where things that can be made again go unless the config says so. systemd's `CacheDirectory=` sets the first. */
export function defaultCacheDir(variables: NodeJS.ProcessEnv = process.env): string {
  const base = variables.XDG_CACHE_HOME || join(variables.HOME || homedir(), '.cache');
  return variables.CACHE_DIRECTORY || join(base, 'fbpd');
}

export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const defined = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    kuboBinary: variables.KUBO_BINARY || undefined,
    path: variables.PATH ?? '',
    home: variables.HOME || homedir(),
    ci: !['', 'false', '0'].includes(variables.CI ?? ''),
    variables: Object.fromEntries(defined),
  };
}

/** A secret from the file the config names, or from the systemd credential of that name. */
function readSecret(
  credential: string,
  file: string | undefined,
  variables: NodeJS.ProcessEnv,
  check: (file: string, subject: string) => void = () => undefined,
): string | undefined {
  const directory = variables.CREDENTIALS_DIRECTORY;
  const handed = directory === undefined || directory === '' ? undefined : join(directory, credential);
  const source = file ?? (handed !== undefined && existsSync(handed) ? handed : undefined);
  if (source === undefined) return undefined;
  check(source, file === undefined ? credential : `${credential}_file`);
  const secret = readText(source, file === undefined ? 'credential' : `${credential}_file`).trim();
  if (secret === '')
    throw new FbpdError('BAD_CONFIG', `${source}: is empty, but should hold the secret ${credential}`, { subject: credential });
  return secret;
}

/** Who reads a key can spend what it holds. */
function assertPrivate(file: string, subject: string): void {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & OTHERS) === 0) return;
  throw new FbpdError(
    'BAD_CONFIG',
    `${subject} ${file}: other users of this machine can read or change it; take that from them: chmod o=,g-w ${file}`,
    { subject },
  );
}

/** Bits of a file's mode: anything for everybody, or writing for the group. */
const OTHERS = 0o027;

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const problem =
      code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'no permission to read it' : `cannot be read (${code})`;
    throw new FbpdError('BAD_CONFIG', `${what} ${file}: ${problem}`, { cause });
  }
}
