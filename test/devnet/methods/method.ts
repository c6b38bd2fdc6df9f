import type { Permission } from '../tokens.ts';
import type { World } from '../world.ts';

/** The result of a method that returns nothing: its reply has no `result` at all. */
export const VOID = Symbol('void');

export interface Call {
  params: readonly unknown[];
  /** Aborted when the caller is gone; only those that would wait for ever care. */
  signal: AbortSignal;
}

export interface Method {
  permission: Permission;
  /** How many parameters there must be. */
  arity: number;
  run: (world: World, call: Call) => unknown;
}

export type MethodTable = Readonly<Record<string, Method>>;

export function method(
  permission: Permission,
  arity: number,
  run: (world: World, params: readonly unknown[], call: Call) => unknown,
): Method {
  return { permission, arity, run: (world, call) => run(world, call.params, call) };
}
