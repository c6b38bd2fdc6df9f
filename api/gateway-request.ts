import type { CID } from 'multiformats/cid';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import { printable, targetTooLong } from './errors.ts';
import { type Parameters, readQueryString } from './query.ts';
import { badField } from './validate.ts';

/** What a reader asked for, checked, and as it is put to the hot tier. */
export interface Asked {
  cid: CID;
  contentKey: string;
  /** `/ipfs/{cid}[/…]`, percent-encoded anew, so that nothing in it means something else to the tier than it did to us. */
  path: string;
  /** There is something below the CID. */
  hasSteps: boolean;
  /** What the tier gets to see of the query: empty, or with its `?`. */
  tierQuery: string;
  /** The whole query as it came: empty, or with its `?`. */
  query: string;
  link?: LinkParameters;
}

/** The query of a signed link, not yet verified. */
export interface LinkParameters {
  account: string;
  expires: string;
  signature: string;
}

const PATH_CHARS_MAX = 4096;
/** What the gateway of the IPFS specifications knows; everything else is ours, or nobody's. */
const TIER_PARAMETERS = ['format', 'filename', 'download', 'dag-scope', 'entity-bytes', 'car-version', 'car-order', 'car-dups'];
/** CIDs in these multibases are spelled alike by everybody; of others the tier gets the usual spelling. */
const USUAL_CID = /^(?:Qm|[bBfFkKzZ])[A-Za-z0-9]+$/;

/**
 * Reads a request's target, which is a path. Undefined when it is not below `/ipfs/`.
 *
 * @throws HttpError 414, FbpdError `BAD_REQUEST` saying what is wrong with it.
 */
export function parseAsked(target: string): Asked | undefined {
  const cut = target.indexOf('?');
  const path = cut === -1 ? target : target.slice(0, cut);
  if (path !== '/ipfs' && !path.startsWith('/ipfs/')) return undefined;
  if (path.length > PATH_CHARS_MAX) throw targetTooLong(PATH_CHARS_MAX);
  if (path.includes('#')) throw badField('path', 'has a # in it; a name with one is written with %23');
  const [cidText = '', ...steps] = path.slice('/ipfs/'.length).split('/').map(readStep);
  if (cidText === '') throw badField('cid', 'is missing: /ipfs/{cid} is right');
  const cid = parseCid(cidText);
  const contentKey = contentKeyOf(cid);
  const query = cut === -1 ? '' : target.slice(cut);
  const parameters = readQueryString(query.slice(1));
  const link = linkParameters(parameters);
  return {
    cid,
    contentKey,
    path: `/ipfs/${USUAL_CID.test(cidText) ? cidText : contentKey}${below(steps)}`,
    hasSteps: steps.some((step) => step !== ''),
    tierQuery: tierQuery(parameters),
    query,
    ...(link === undefined ? {} : { link }),
  };
}

/** A path below a CID, as in a link that is to be made: with or without a slash in front, not encoded. Empty, or with a slash. */
export function pathBelow(path: string): string {
  if (path.length > PATH_CHARS_MAX) throw badField('path', `may have at most ${PATH_CHARS_MAX} characters`);
  const steps = path.replace(/^\//, '').split('/');
  for (const step of steps) checkStep(step, step);
  return path === '' ? '' : below(steps);
}

function readStep(encoded: string): string {
  const step = decode(encoded);
  checkStep(step, encoded);
  return step;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw badField('path', `is not percent-encoded UTF-8: ${printable(encoded)}`);
  }
}

/** A name that would lead elsewhere, in a tier that decodes what was encoded twice or takes dots for steps, is nobody's name. */
function checkStep(step: string, shown: string): void {
  if (step === '.' || step === '..') throw badField('path', `has ${printable(shown)} in it, which leads nowhere: write the path out`);
  if (step.includes('/')) throw badField('path', `has an encoded slash in ${printable(shown)}; names cannot have one`);
  if (/\p{Cc}/u.test(step)) throw badField('path', 'has a control character in it');
  if (!step.isWellFormed()) throw badField('path', 'is not well-formed Unicode');
}

/** Slashes that follow on each other are one; one at the end stays, as it asks for a directory. */
function below(steps: readonly string[]): string {
  if (steps.length === 0) return '';
  const names = steps.filter((step) => step !== '').map((step) => `/${encodeURIComponent(step)}`);
  return steps.at(-1) === '' ? `${names.join('')}/` : names.join('');
}

function tierQuery(parameters: Parameters): string {
  const given = TIER_PARAMETERS.flatMap((name) => {
    const [value] = parameters.get(name) ?? [];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

/** A request without a signature is no link, whatever else it has. What is missing beside one is empty, and fits no signature. */
function linkParameters(parameters: Parameters): LinkParameters | undefined {
  const [signature, again] = parameters.get('signature') ?? [];
  if (signature === undefined) return undefined;
  if (again !== undefined) throw badField('signature', 'is given more than once');
  const once = (name: string): string => {
    const [value = '', ...more] = parameters.get(name) ?? [];
    if (more.length > 0) throw badField(name, 'is given more than once');
    return value;
  };
  return { signature, account: once('account'), expires: once('expires') };
}
