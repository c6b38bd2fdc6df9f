/** What a token may do. */
export const SCOPES = ['pins:read', 'pins:write', 'retrieve', 'account:read', 'metrics:read'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Account {
  /** UUID. */
  id: string;
  /** Unique, chosen by the operator: 1..64 of `a-z 0-9 . _ -`. */
  name: string;
  createdMs: number;
  state: 'active' | 'suspended' | 'deleting';
}

/** A token at rest. The secret itself is shown once and never stored. */
export interface Token {
  /** Short public id, used to list and revoke. */
  id: string;
  accountId: string;
  /** What it is for, chosen by the operator. */
  name: string;
  scopes: readonly Scope[];
  createdMs: number;
  expiresMs?: number;
}

/** Who is asking, as the API's `auth` step found out. */
export interface Caller {
  account: Account;
  token: Token;
}
