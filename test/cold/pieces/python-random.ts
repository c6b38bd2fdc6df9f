/**
 * `random.seed(seed); random.randbytes(length)` of Python 3.9 and later: the bytes of which the deals recorded from real
 * nodes were made. MT19937 of Matsumoto and Nishimura, begun with a seed of one word.
 */
export function pythonRandomBytes(seed: number, length: number): Buffer {
  const state = seeded(seed);
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  for (let at = 0, index = SIZE; at < length; at += 4, index++) {
    if (index === SIZE) {
      twist(state);
      index = 0;
    }
    bytes.writeUInt32LE(tempered(state[index] ?? 0), at);
  }
  return bytes.subarray(0, length);
}

const SIZE = 624;
const MIDDLE = 397;

function seeded(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE);
  const at = (index: number): number => state[index] ?? 0;
  const mix = (index: number): number => at(index - 1) ^ (at(index - 1) >>> 30);
  state[0] = 19_650_218;
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1_812_433_253, mix(i)) + i;
  let i = 1;
  const next = (): void => {
    i += 1;
    if (i < SIZE) return;
    state[0] = at(SIZE - 1);
    i = 1;
  };
  for (let k = SIZE; k > 0; k--, next()) state[i] = (at(i) ^ Math.imul(mix(i), 1_664_525)) + seed;
  for (let k = SIZE - 1; k > 0; k--, next()) state[i] = (at(i) ^ Math.imul(mix(i), 1_566_083_941)) - i;
  state[0] = 0x80000000;
  return state;
}

function twist(state: Uint32Array): void {
  const at = (index: number): number => state[index % SIZE] ?? 0;
  for (let i = 0; i < SIZE; i++) {
    const both = (at(i) & 0x80000000) | (at(i + 1) & 0x7fffffff);
    state[i] = at(i + MIDDLE) ^ (both >>> 1) ^ (both & 1 ? 0x9908b0df : 0);
  }
}

function tempered(word: number): number {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return (y ^ (y >>> 18)) >>> 0;
}
