import { readFileSync } from 'node:fs';

import type { ValidateFunction } from 'ajv';
import { parse } from 'yaml';

import type { components, operations } from '../spec/fbpd.ts';
import { badField, createAjv, refusal } from './validate.ts';

type Schemas = components['schemas'];
type BodyName = 'NewAccount' | 'NewToken' | 'NewPin' | 'NewBlock' | 'NewNote' | 'NewDrill' | 'NewScan' | 'NewLink' | 'NewAccountLink';
type Operation =
  | 'listTokens'
  | 'listPins'
  | 'listDeals'
  | 'listProviders'
  | 'getPlan'
  | 'getWallet'
  | 'uploadCar'
  | 'uploadFiles'
  | 'readContent'
  | 'getUsage'
  | 'getAccountUsage';
type Query<O extends Operation> = NonNullable<operations[O]['parameters']['query']>;

/** The validators of requests, compiled from `spec/fbpd.yaml`. All of them throw `BAD_REQUEST` naming the field. */
export interface AdminValidators {
  /** A body, with the schema's defaults filled in. */
  body<N extends BodyName>(name: N, body: unknown): Schemas[N];
  /** The query of an operation, with the schema's defaults filled in. A parameter that it doesn't have is refused. */
  query<O extends Operation>(operation: O, queryString: string): Query<O>;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  schema: { type?: string };
}

interface Document {
  paths: Record<string, Record<string, { operationId?: string; parameters?: Parameter[] }>>;
  components: { parameters: Record<string, Parameter> };
}

const SPEC_FILE = new URL('../spec/fbpd.yaml', import.meta.url);

let shared: AdminValidators | undefined;

/** One for the process: reading and compiling the specification takes its time. */
export function adminValidators(): AdminValidators {
  shared ??= compileValidators();
  return shared;
}

function compileValidators(): AdminValidators {
  const document = parse(readFileSync(SPEC_FILE, 'utf8')) as Document;
  const ajv = createAjv({ useDefaults: true });
  ajv.addSchema(document, 'fbpd');
  const bodies = new Map<string, ValidateFunction>();
  const queries = new Map<string, (queryString: string) => Record<string, unknown>>();

  function bodyValidator(name: string): ValidateFunction {
    const validate = bodies.get(name) ?? ajv.compile({ $ref: `fbpd#/components/schemas/${name}` });
    bodies.set(name, validate);
    return validate;
  }

  function queryReader(operation: string): (queryString: string) => Record<string, unknown> {
    const parameters = parametersOf(document, operation);
    const properties = Object.fromEntries(parameters.map(({ name, schema }) => [name, absoluteRefs(schema)]));
    const required = parameters.filter((parameter) => parameter.in === 'query' && parameter.required === true).map(({ name }) => name);
    const validate = ajv.compile({ type: 'object', additionalProperties: false, properties, required });
    return (queryString) => {
      const query = deserialize(new URLSearchParams(queryString), parameters);
      if (!validate(query)) throw refusal(validate.errors, undefined, query, 'query');
      return query;
    };
  }

  return {
    body<N extends BodyName>(name: N, body: unknown) {
      const validate = bodyValidator(name);
      if (!validate(body)) throw refusal(validate.errors, undefined, body);
      return body as Schemas[N];
    },
    query<O extends Operation>(operation: O, queryString: string) {
      const read = queries.get(operation) ?? queryReader(operation);
      queries.set(operation, read);
      return read(queryString) as Query<O>;
    },
  };
}

function parametersOf(document: Document, operation: string): Parameter[] {
  const found = Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .find(({ operationId }) => operationId === operation);
  return (found?.parameters ?? []).map((parameter) => {
    const name = parameter.$ref?.split('/').at(-1);
    return name === undefined ? parameter : (document.components.parameters[name] ?? parameter);
  });
}

/** References inside the document work from outside of it when they name it. */
function absoluteRefs(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"fbpd#/')) as object;
}

function deserialize(given: URLSearchParams, parameters: readonly Parameter[]): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  for (const [name, text] of given) {
    if (Object.hasOwn(query, name)) throw badField(name.slice(0, 80), 'is given more than once');
    const type = parameters.find((parameter) => parameter.name === name)?.schema.type;
    if (type === 'array') query[name] = text.split(',');
    else if (type === 'boolean' && /^(true|false)$/.test(text)) query[name] = text === 'true';
    else query[name] = type === 'integer' && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  }
  return query;
}
