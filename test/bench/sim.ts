import { liveYear } from '../sim/year.ts';
import type { Figure } from './figures.ts';
import type { Workspace } from './workspace.ts';

/** How fast deals grow old in the simulation: what long searches for bad stories cost. */
export async function benchSim({ quick, say }: Workspace): Promise<Figure[]> {
  const beganMs = performance.now();
  const { dealYears, deals } = await liveYear({ pins: quick ? 50 : 1_000, days: quick ? 60 : 365, seed: 1, onProgress: say });
  const seconds = (performance.now() - beganMs) / 1_000;
  return [{ name: 'simulated deal-years per second', value: dealYears / seconds, unit: '/s', more: { dealYears, deals, seconds } }];
}
