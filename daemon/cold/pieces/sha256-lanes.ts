import {
  add,
  and,
  assemble,
  type Code,
  constant,
  countedLoop,
  get,
  load,
  loadAt,
  or,
  pick,
  select,
  set,
  shiftLeft32,
  shiftLeft64,
  shiftRight32,
  shiftRight64,
  store,
  swapBytes,
  type WasmFunction,
  xor,
} from './wasm-assembler.ts';

/** TypeScript knows it only together with a browser's DOM. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => { exports: unknown };
};

/**
 * SHA-256 of messages of 64 bytes, four at a time in the lanes of 128-bit vectors, and the padding of piece
 * commitments. Node's own SHA-256 is faster on long input, but a piece commitment is made of nothing but such short
 * messages, two for each 64 bytes of the piece, and there each call into Node costs more than the hash.
 *
 * Nodes of the tree lie in *groups* of four, 128 bytes a group: the first words of all four, then the second words, and
 * so on to the eighth. Words are as SHA-256 counts with them, so nothing is turned round between levels.
 */
export interface Lanes {
  memory: { readonly buffer: ArrayBuffer };
  /** Expands `quads` times 127 bytes at `from` to as many groups at `to`. Reads up to 16 bytes beyond. */
  pad(from: number, to: number, quads: number): void;
  /** Hashes pairs of neighbouring nodes: two groups at `from` give one at `to`, `groups` times. They may be the same place. */
  level(from: number, to: number, groups: number): void;
}

/** Where memory is free to use. Before it lie the tables. */
export const FREE_AT = 4096;
const KEYS_AT = 0;
const PADDING_KEYS_AT = 1024;

const FROM = 0;
const TO = 1;
const COUNT = 2;
const FIRST_VECTOR = 3;

export function createLanes(memoryBytes: number): Lanes {
  const pages = Math.ceil((FREE_AT + memoryBytes) / 65_536);
  const module = new WebAssembly.Module(assemble([padFunction(), levelFunction()], pages));
  const lanes = new WebAssembly.Instance(module).exports as Lanes;
  const tables = new Uint32Array(lanes.memory.buffer);
  for (let round = 0; round < 64; round++) {
    tables.fill(K[round] ?? 0, (KEYS_AT + 16 * round) / 4, (KEYS_AT + 16 * round) / 4 + 4);
    const key = (K[round] ?? 0) + (PADDING_SCHEDULE[round] ?? 0);
    tables.fill(key, (PADDING_KEYS_AT + 16 * round) / 4, (PADDING_KEYS_AT + 16 * round) / 4 + 4);
  }
  return lanes;
}

// ---------------------------------------------------------------------------------------------------------------
// The constants of SHA-256 (FIPS 180-4), from the primes they are made of

const PRIMES = Array.from({ length: 310 }, (_, i) => i + 2).filter((n) => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
});
const fraction = (value: number): number => Math.floor((value % 1) * 2 ** 32);
const K = PRIMES.slice(0, 64).map((prime) => fraction(Math.cbrt(prime)));
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

/** A message of 64 bytes is followed by a block that is always the same: a one bit, zeros, and the length. */
const PADDING_SCHEDULE = scheduleOf([0x80000000, ...Array<number>(14).fill(0), 512]);

function scheduleOf(words: readonly number[]): number[] {
  const w = [...words];
  const at = (index: number): number => w[index] ?? 0;
  const rotate = (value: number, bits: number): number => (value >>> bits) | (value << (32 - bits));
  for (let t = 16; t < 64; t++) {
    const small0 = rotate(at(t - 15), 7) ^ rotate(at(t - 15), 18) ^ (at(t - 15) >>> 3);
    const small1 = rotate(at(t - 2), 17) ^ rotate(at(t - 2), 19) ^ (at(t - 2) >>> 10);
    w.push((at(t - 16) + small0 + at(t - 7) + small1) >>> 0);
  }
  return w;
}

// ---------------------------------------------------------------------------------------------------------------
// Hashing a level

const W = FIRST_VECTOR;
const STATE = W + 16;

function levelFunction(): WasmFunction {
  const words = Array.from({ length: 8 }, (_, j) => j);
  const child = (j: number, nodes: readonly number[]): number[] => pick(load(FROM, 16 * j), load(FROM, 128 + 16 * j), nodes);
  const body = [
    // Even nodes are left children, odd ones right: the two halves of each message.
    ...words.flatMap((j) => [...child(j, [0, 2, 4, 6]), ...set(W + j)]),
    ...words.flatMap((j) => [...child(j, [1, 3, 5, 7]), ...set(W + 8 + j)]),
    ...words.flatMap((j) => [...splat(INITIAL[j] ?? 0), ...set(STATE + j)]),
    ...rounds((t) => [t < 16 ? [] : extendSchedule(t), add(get(W + (t % 16)), loadAt(KEYS_AT + 16 * t))]),
    ...words.flatMap((j) => store(TO, 16 * j, add(get(STATE + j), splat(INITIAL[j] ?? 0)))),
    ...words.flatMap((j) => [...load(TO, 16 * j), ...set(STATE + j)]),
    ...rounds((t) => [[], loadAt(PADDING_KEYS_AT + 16 * t)]),
    ...words.flatMap((j) => {
      const sum = add(get(STATE + j), load(TO, 16 * j));
      // trunc254: the two highest bits of the last byte are cleared, so that the hash fits the field.
      return store(TO, 16 * j, j === 7 ? and(sum, splat(0xffffff3f)) : sum);
    }),
  ];
  const steps = [
    { local: FROM, by: 256 },
    { local: TO, by: 128 },
  ];
  return { name: 'level', parameters: 3, vectors: 24, body: countedLoop(COUNT, body, steps) };
}

const splat = (word: number): number[] => constant([word, word, word, word]);
const rotateRight = (a: Code, bits: number): number[] => or(shiftRight32(a, bits), shiftLeft32(a, 32 - bits));
const xor3 = (a: Code, b: Code, c: Code): number[] => xor(xor(a, b), c);

/**
 * 64 rounds on the state. `input` gives what is to be done before a round, and the sum of its key and message word.
 * The variables do not move from round to round, their names do: after 64 rounds each is where it began.
 */
function rounds(input: (t: number) => readonly [before: Code, word: Code]): number[] {
  return Array.from({ length: 64 }, (_, t) => {
    const at = (variable: number): number => STATE + ((((variable - t) % 8) + 8) % 8);
    const [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(at) as [number, number, number, number, number, number, number, number];
    const [before, word] = input(t);
    const sigma1 = xor3(rotateRight(get(e), 6), rotateRight(get(e), 11), rotateRight(get(e), 25));
    const choice = select(get(f), get(g), get(e));
    const sigma0 = xor3(rotateRight(get(a), 2), rotateRight(get(a), 13), rotateRight(get(a), 22));
    const majority = select(get(c), get(a), xor(get(a), get(b)));
    return [
      ...before,
      ...add(add(add(get(h), word), choice), sigma1),
      ...set(h),
      ...add(get(d), get(h)),
      ...set(d),
      ...add(add(get(h), majority), sigma0),
      ...set(h),
    ];
  }).flat();
}

function extendSchedule(t: number): number[] {
  const w = (back: number): number[] => get(W + ((t - back) % 16));
  const small0 = xor3(rotateRight(w(15), 7), rotateRight(w(15), 18), shiftRight32(w(15), 3));
  const small1 = xor3(rotateRight(w(2), 17), rotateRight(w(2), 19), shiftRight32(w(2), 10));
  return [...add(add(w(16), w(7)), add(small0, small1)), ...set(W + (t % 16))];
}

// ---------------------------------------------------------------------------------------------------------------
// Padding

/**
 * fr32: of each 127 bytes, read as one little-endian number, every 254 bits become a node of 256. Node k begins at bit
 * 254 k, which is 2 k bits before byte 32 k. The four nodes make one group.
 */
function padFunction(): WasmFunction {
  const body = [0, 1].flatMap((half) => {
    const nodes = [0, 1, 2, 3].flatMap((k) => [...halfNode(k, half), ...set(W + k), ...swapBytes(W + k), ...set(W + k)]);
    return [...nodes, ...storeTransposed(64 * half)];
  });
  const steps = [
    { local: FROM, by: 127 },
    { local: TO, by: 128 },
  ];
  return { name: 'pad', parameters: 3, vectors: 24, body: countedLoop(COUNT, body, steps) };
}

/** 128 bits of node k. A shift takes 64 bits at most, so the bits from above come with a load of their own. */
function halfNode(k: number, half: number): number[] {
  const begin = 32 * k + 16 * half;
  if (k === 0) return half === 0 ? load(FROM, begin) : and(load(FROM, begin), TOP_CLEAR);
  const bits = or(shiftRight64(load(FROM, begin - 1), 8 - 2 * k), shiftLeft64(load(FROM, begin + 7), 56 + 2 * k));
  return half === 0 ? bits : and(bits, TOP_CLEAR);
}

const TOP_CLEAR = constant([0xffffffff, 0xffffffff, 0xffffffff, 0x3fffffff]);

/** From words by node to nodes by word. */
function storeTransposed(offset: number): number[] {
  const [a, b, c, d] = [get(W), get(W + 1), get(W + 2), get(W + 3)] as const;
  const low = { ab: W + 4, cd: W + 5 };
  const high = { ab: W + 6, cd: W + 7 };
  return [
    ...[...pick(a, b, [0, 4, 1, 5]), ...set(low.ab)],
    ...[...pick(c, d, [0, 4, 1, 5]), ...set(low.cd)],
    ...[...pick(a, b, [2, 6, 3, 7]), ...set(high.ab)],
    ...[...pick(c, d, [2, 6, 3, 7]), ...set(high.cd)],
    ...store(TO, offset, pick(get(low.ab), get(low.cd), [0, 1, 4, 5])),
    ...store(TO, offset + 16, pick(get(low.ab), get(low.cd), [2, 3, 6, 7])),
    ...store(TO, offset + 32, pick(get(high.ab), get(high.cd), [0, 1, 4, 5])),
    ...store(TO, offset + 48, pick(get(high.ab), get(high.cd), [2, 3, 6, 7])),
  ];
}
