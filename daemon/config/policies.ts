import type { ColdPolicy, HotPolicy } from '../domain/policy.ts';
import { HOT_POLICY_KEYS, POLICY_KEYS } from './cold-keys.ts';
import type { Base } from './kinds.ts';
import { isTable, parseKeys, type Refuse, type Table } from './table.ts';

/** There is always one of this name: it is what pins get that ask for none. */
export const DEFAULT_POLICY = 'default';

/** Names are part of keys, of API values and of lines of text. */
const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;

/** `[policies.NAME.cold]` and `[policies.NAME.hot]` of every name. What a policy leaves out is as by default, not as in the policy `default`. */
export function parsePolicies(raw: unknown, base: Base, refuse: Refuse): { cold: ColdPolicy; hot: HotPolicy }[] {
  const tables = { [DEFAULT_POLICY]: {}, ...tableAt('policies', raw ?? {}, refuse) };
  return Object.entries(tables).map(([name, value]) => {
    const at = `policies.${name}`;
    if (!NAME.test(name)) refuse(at, `${at}: a policy's name is made of a-z, 0-9, - and _, such as [policies.archive.cold]`);
    const { cold = {}, hot = {}, ...others } = tableAt(at, value, refuse);
    const stray = Object.keys(others)[0];
    if (stray !== undefined)
      refuse(`${at}.${stray}`, `unknown key ${at}.${stray}: what a policy says stands in [${at}.cold] and [${at}.hot]`);
    const coldKeys = parseKeys(`${at}.cold`, POLICY_KEYS, tableAt(`${at}.cold`, cold, refuse), base, refuse);
    const hotKeys = parseKeys(`${at}.hot`, HOT_POLICY_KEYS, tableAt(`${at}.hot`, hot, refuse), base, refuse);
    return { cold: { name, ...(coldKeys as Omit<ColdPolicy, 'name'>) }, hot: { name, ...(hotKeys as Omit<HotPolicy, 'name'>) } };
  });
}

function tableAt(name: string, value: unknown, refuse: Refuse): Table {
  return isTable(value) ? value : refuse(name, `${name} is a section, so it is written [${name}]`);
}
