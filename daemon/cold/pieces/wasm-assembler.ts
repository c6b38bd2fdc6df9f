/** Just enough of WebAssembly's binary format to write functions over 128-bit vectors by hand. */

/** Instructions, as bytes. */
export type Code = readonly number[];

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

export const get = (local: number): number[] => [0x20, ...unsigned(local)];
export const set = (local: number): number[] => [0x21, ...unsigned(local)];
const i32 = (value: number): number[] => [0x41, ...signed(value)];

const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
/** Both take alignment 0: addresses may be any. */
export const load = (base: number, offset: number): number[] => [...get(base), ...vector(0x00), 0x00, ...unsigned(offset)];
export const loadAt = (address: number): number[] => [...i32(0), ...vector(0x00), 0x00, ...unsigned(address)];
export const store = (base: number, offset: number, value: Code): number[] => [
  ...get(base),
  ...value,
  ...vector(0x0b),
  0x00,
  ...unsigned(offset),
];

export const or = (a: Code, b: Code): number[] => [...a, ...b, ...vector(0x50)];
export const and = (a: Code, b: Code): number[] => [...a, ...b, ...vector(0x4e)];
export const xor = (a: Code, b: Code): number[] => [...a, ...b, ...vector(0x51)];
/** Bits of `a` where `mask` has ones, of `b` elsewhere. */
export const select = (a: Code, b: Code, mask: Code): number[] => [...a, ...b, ...mask, ...vector(0x52)];
/** Four sums of 32 bits. */
export const add = (a: Code, b: Code): number[] => [...a, ...b, ...vector(0xae)];
export const shiftLeft32 = (a: Code, bits: number): number[] => [...a, ...i32(bits), ...vector(0xab)];
export const shiftRight32 = (a: Code, bits: number): number[] => [...a, ...i32(bits), ...vector(0xad)];
export const shiftLeft64 = (a: Code, bits: number): number[] => [...a, ...i32(bits), ...vector(0xcb)];
export const shiftRight64 = (a: Code, bits: number): number[] => [...a, ...i32(bits), ...vector(0xcd)];
/** The 32-bit words of `a` (0–3) and `b` (4–7), four of them, in this order. */
export const pick = (a: Code, b: Code, words: readonly number[]): number[] => [
  ...a,
  ...b,
  ...vector(0x0d),
  ...words.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]),
];
/** The bytes of each 32-bit word the other way round. */
export const swapBytes = (local: number): number[] => [
  ...get(local),
  ...get(local),
  ...vector(0x0d),
  ...[3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12],
];
export const constant = (words: readonly number[]): number[] => [
  ...vector(0x0c),
  ...words.flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]),
];

/** Repeats the body as often as the local `count` says, at least once; the pointers move on by their steps each time. */
export function countedLoop(count: number, body: Code, steps: readonly { local: number; by: number }[]): number[] {
  const step = ({ local, by }: { local: number; by: number }): number[] => [...get(local), ...i32(by), 0x6a, ...set(local)];
  return [0x03, 0x40, ...body, ...steps.flatMap(step), ...step({ local: count, by: -1 }), ...get(count), 0x0d, 0x00, 0x0b];
}

export interface WasmFunction {
  name: string;
  /** All parameters are 32-bit integers; it returns nothing. */
  parameters: number;
  /** Vector locals, numbered after the parameters. */
  vectors: number;
  body: Code;
}

const I32 = 0x7f;
const V128 = 0x7b;

/** A module of these functions and one memory of its own, exported as `memory`. */
export function assemble(functions: readonly WasmFunction[], memoryPages: number): Uint8Array<ArrayBuffer> {
  const section = (id: number, items: readonly Code[]): number[] => {
    const content = [...unsigned(items.length), ...items.flat()];
    return [id, ...unsigned(content.length), ...content];
  };
  const name = (text: string): number[] => [...unsigned(text.length), ...Buffer.from(text)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      functions.map(({ parameters }) => [0x60, ...unsigned(parameters), ...Array<number>(parameters).fill(I32), 0x00]),
    ),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(5, [[0x00, ...unsigned(memoryPages)]]),
    ...section(7, [[...name('memory'), 0x02, 0x00], ...functions.map((one, index) => [...name(one.name), 0x00, ...unsigned(index)])]),
    ...section(
      10,
      functions.map(({ vectors, body }) => {
        const code = [0x01, ...unsigned(vectors), V128, ...body, 0x0b];
        return [...unsigned(code.length), ...code];
      }),
    ),
  ]);
}
