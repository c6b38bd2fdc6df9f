import { createHmac, timingSafeEqual } from 'node:crypto';

export const PERMISSIONS = ['read', 'write', 'sign', 'admin'] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** What a caller without any token may do. */
export const ANONYMOUS: readonly Permission[] = ['read'];

/** API tokens as Lotus makes them: JWTs, HS256, that list what they allow. */
export class Tokens {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  create(allow: readonly Permission[]): string {
    const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ Allow: allow })}`;
    return `${body}.${this.#sign(body)}`;
  }

  /** A token that allows everything up to that permission. */
  upTo(permission: Permission): string {
    return this.create(PERMISSIONS.slice(0, PERMISSIONS.indexOf(permission) + 1));
  }

  /** Undefined for one that is not ours. */
  verify(token: string): readonly Permission[] | undefined {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const expected = Buffer.from(this.#sign(`${header}.${payload}`));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    const { Allow } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { Allow: readonly Permission[] };
    return Allow;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#secret).update(body).digest('base64url');
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
