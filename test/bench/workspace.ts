import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startableDaemon, type TestDaemon, type TestDaemonOptions } from '../fixtures/create-daemon.ts';
import { startTestKubo, type TestKubo, type TestKuboOptions } from '../fixtures/create-kubo.ts';
import { createFilledDaemon, type FilledDaemon } from './filled-daemon.ts';

/** What the benches of one run share. Everything made through it is gone after `close`, but for plots. */
export interface Workspace {
  /** Small amounts, to see that everything runs. */
  quick: boolean;
  /** Progress. */
  say(text: string): void;
  dir(name: string): Promise<string>;
  /** Writes a plot that stays, and says where it is. */
  plot(name: string, svg: string): Promise<void>;
  /** Started, unless `start` is false. */
  daemon(options?: TestDaemonOptions & { start?: boolean }): Promise<TestDaemon>;
  kubo(options?: TestKuboOptions): Promise<TestKubo>;
  /** A stopped daemon with so many pins; made once a run. */
  filled(pins: number): Promise<FilledDaemon>;
  close(): Promise<void>;
}

export interface WorkspaceOptions extends Pick<Workspace, 'quick' | 'say'> {
  /** Where plots go; a temporary directory of their own otherwise. */
  plots?: string | undefined;
}

export async function openWorkspace({ quick, say, plots }: WorkspaceOptions): Promise<Workspace> {
  const root = await mkdtemp(join(tmpdir(), 'fbpd-bench-'));
  const endings: (() => Promise<unknown>)[] = [];
  const filled = new Map<number, Promise<FilledDaemon>>();
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await Promise.all(endings.map((end) => end().catch((error: unknown) => say(`not taken down: ${error}`))));
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }

  const workspace: Workspace = {
    quick,
    say,
    dir: (name) => mkdtemp(join(root, `${name}-`)),
    async plot(name, svg) {
      const dir = plots ?? (await mkdtemp(join(tmpdir(), 'fbpd-plots-')));
      await mkdir(dir, { recursive: true });
      const path = join(dir, `${name}.svg`);
      await writeFile(path, svg);
      say(`plot: ${path}`);
    },
    async daemon({ start = true, ...options } = {}) {
      const daemon = await startableDaemon(await workspace.dir('daemon'), { ...options, config: quiet(options.config) });
      endings.push(() => daemon.stop());
      if (start) await daemon.start();
      return daemon;
    },
    async kubo(options) {
      const kubo = await startTestKubo(await workspace.dir('kubo'), options);
      endings.push(() => kubo.stop());
      return kubo;
    },
    filled(pins) {
      const made = filled.get(pins) ?? createFilledDaemon(workspace, pins);
      filled.set(pins, made);
      return made;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
  return workspace;
}

/** As `npm start` has it: a line of log for every pin that waits would be measured too. */
function quiet(config: TestDaemonOptions['config'] = {}): NonNullable<TestDaemonOptions['config']> {
  return { ...config, log: { level: 'warn', ...config.log } };
}
