import { readFileSync } from 'node:fs';

import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

import { FbpdError } from '../daemon/domain/errors.ts';
import type { components, operations } from '../spec/pinning.ts';
import { printable } from './errors.ts';
import { parseTimestamp } from './timestamps.ts';

export type PinBody = components['schemas']['Pin'];
export type ListParameter = keyof NonNullable<operations['getPins']['parameters']['query']>;

/** What a parameter becomes once it has been read as its schema says. */
export type ParameterValue = string | number | readonly string[] | Readonly<Record<string, string>>;

/** The validators of requests, compiled from `spec/pinning.yaml`. All of them throw `BAD_REQUEST` naming the field. */
export interface Validators {
  /** The body of `POST /pins` and `POST /pins/{requestid}`. */
  pin(body: unknown): PinBody;
  /** The text of a query parameter, read and checked; the schema's default, if any, when there is no text. */
  parameter(name: ListParameter, text: string | undefined): ParameterValue | undefined;
  /** An object of strings, under the schema of `meta`. */
  meta(value: unknown): Record<string, string>;
}

interface Schema {
  $ref?: string;
  type?: string;
  default?: ParameterValue;
}

interface Parameter {
  name: ListParameter;
  schema?: Schema;
  content?: unknown;
}

interface Document {
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> };
}

const SPEC_FILE = new URL('../spec/pinning.yaml', import.meta.url);
/** The specification hangs this limit on the values instead of the object, where no validator sees it. */
const MAX_META_ENTRIES = 1000;

let shared: Validators | undefined;

/** One for the process: reading and compiling the specification takes its time. */
export function pinningValidators(): Validators {
  shared ??= compileValidators();
  return shared;
}

function compileValidators(): Validators {
  const document = parse(readFileSync(SPEC_FILE, 'utf8')) as Document;
  const ajv = createAjv();
  ajv.addSchema(document, 'pinning');
  const compiled = (pointer: string): ValidateFunction => ajv.compile({ $ref: `pinning#${pointer}` });

  const pin = compiled('/components/schemas/Pin');
  const metaSchema = compiled('/components/schemas/PinMeta');
  const readers = new Map<ListParameter, (text: string | undefined) => ParameterValue | undefined>();
  for (const [key, parameter] of Object.entries(document.components.parameters)) {
    if (parameter.schema === undefined) continue;
    readers.set(parameter.name, parameterReader(parameter, document, compiled(`/components/parameters/${key}/schema`)));
  }

  function meta(value: unknown): Record<string, string> {
    if (!metaSchema(value)) throw refusal(metaSchema.errors, 'meta', value);
    const entries = value as Record<string, string>;
    checkMeta(entries);
    return entries;
  }

  return {
    pin(body) {
      if (!pin(body)) throw refusal(pin.errors, undefined, body);
      const checked = body as PinBody;
      if (checked.name?.isWellFormed() === false) throw badField('name', 'is not well-formed Unicode');
      if (checked.meta !== undefined) checkMeta(checked.meta);
      return checked;
    },
    parameter: (name, text) => readers.get(name)?.(text),
    meta,
  };
}

/** An Ajv for OpenAPI 3.0 schemas, whose unknown keywords (`example`, `xml`, …) mean nothing here. */
export function createAjv(options: Options = {}): Ajv {
  return new Ajv({
    ...options,
    strict: false,
    formats: {
      'date-time': (text: string) => parseTimestamp(text) !== undefined,
      int32: { type: 'number', validate: (value: number) => value >= -(2 ** 31) && value < 2 ** 31 },
    },
  });
}

function checkMeta(meta: Readonly<Record<string, string>>): void {
  const entries = Object.entries(meta);
  if (entries.length > MAX_META_ENTRIES) throw badField('meta', `may have at most ${MAX_META_ENTRIES} entries`);
  for (const [key, value] of entries) {
    if (!key.isWellFormed() || !value.isWellFormed()) throw badField('meta', `${printable(key)} is not well-formed Unicode`);
  }
}

function parameterReader(parameter: Parameter, document: Document, check: ValidateFunction) {
  const { name } = parameter;
  const schema = dereference(parameter.schema ?? {}, document);
  return (text: string | undefined): ParameterValue | undefined => {
    if (text === undefined) return schema.default;
    const value = deserialize(schema.type, text);
    if (!check(value)) throw refusal(check.errors, name, value);
    return value;
  };
}

function dereference(schema: Schema, document: Document): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? schema);
}

/** `style: form, explode: false` arrays are comma separated; a number that isn't one stays text, for the validator to refuse. */
function deserialize(type: string | undefined, text: string): ParameterValue {
  if (type === 'array') return text.split(',');
  if (type === 'integer' && /^-?\d{1,10}$/.test(text)) return Number(text);
  return text;
}

/** `BAD_REQUEST` about a field, its name first. */
export function badField(field: string, what: string): FbpdError {
  return new FbpdError('BAD_REQUEST', `${field} ${what}`, { subject: field });
}

/**
 * The first thing that Ajv found, as a sentence that names the field, what came, and what would be right. `whole` is what the
 * fields are in, for what is wrong with none of them.
 */
export function refusal(
  errors: ErrorObject[] | null | undefined,
  parameter: string | undefined,
  root: unknown,
  whole: 'body' | 'query' = 'body',
): FbpdError {
  const error = errors?.[0];
  if (error === undefined) return badField(parameter ?? whole, 'is not as the specification wants it');
  const steps = error.instancePath.split('/').slice(1).map(unescapePointer);
  const field = fieldName(parameter === undefined ? steps : [parameter, ...steps]) ?? whole;
  return badField(field, complaint(error, valueAt(root, steps)));
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function fieldName(steps: readonly string[]): string | undefined {
  const [first, ...rest] = steps;
  if (first === undefined) return undefined;
  return first + rest.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step.slice(0, 80)}`)).join('');
}

function valueAt(root: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], root);
}

/** Never the inside of an object: printing one that is nested thousands deep would overflow the stack. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? printable(value) : String(value);
}

function complaint(error: ErrorObject, value: unknown): string {
  const { params } = error;
  const got = `got ${shown(value)}`;
  switch (error.keyword) {
    case 'required':
      return `has no ${params.missingProperty}, which it must have`;
    case 'additionalProperties':
      return `has ${printable(String(params.additionalProperty))}, which is unknown here`;
    case 'type':
      return `must be ${params.type === 'object' ? 'an object' : params.type === 'array' ? 'an array' : `of type ${params.type}`}; ${got}`;
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}; ${got}`;
    case 'format':
      return `must be an RFC 3339 date-time such as 2020-07-27T17:32:28.276Z; ${got}`;
    case 'maxLength':
      return `may have at most ${params.limit} characters`;
    case 'maxItems':
      return `may have at most ${params.limit} items`;
    case 'minItems':
      return `must have at least ${params.limit} items`;
    case 'uniqueItems':
      return `has the same item twice, at ${params.j} and ${params.i}`;
    case 'minimum':
    case 'maximum':
      return `must be ${error.message?.replace('must be ', '') ?? 'in range'}; ${got}`;
    default:
      return error.message ?? 'is not as the specification wants it';
  }
}
