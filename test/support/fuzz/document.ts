import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { ROOT } from '../service.js';

/** As much of JSON Schema as the document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  maxProperties?: number;
}

interface Parameter {
  in: 'path' | 'query';
  name: string;
  schema: Schema;
}

interface Item {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

/** A call of the document, with what may be sent and what may come back. */
export interface Operation extends Item {
  readonly method: string;
  /** With `{name}` where a parameter goes. */
  readonly path: string;
}

/** The OpenAPI document as it is kept in the repository. */
export class Document {
  readonly operations: readonly Operation[];
  readonly #components: Record<string, Schema>;
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor() {
    const document = JSON.parse(readFileSync(`${ROOT}openapi/openapi.json`, 'utf8'));
    this.#components = document.components.schemas;
    this.operations = Object.entries(document.paths as Record<string, Record<string, Item>>).flatMap(
      ([path, items]) =>
        Object.entries(items).map(([method, item]) => ({ ...item, path, method: method.toUpperCase() })),
    );
    this.#ajv = new Ajv2020({ strict: false });
    ajvFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: 'document', ...document });
  }

  /** The schema that a reference leads to. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.#components[schema.$ref.slice('#/components/schemas/'.length)];
    if (found === undefined) throw new Error(`the document has no ${schema.$ref}`);
    return this.resolve(found);
  }

  /**
   * What is wrong with an answer by the document, or undefined.
   * @param bodies what the answer is made of: one, or as many as have come of a stream
   */
  mistakeIn(
    operation: Operation,
    status: number,
    contentType: string,
    bodies: readonly unknown[],
  ): string | undefined {
    const response = operation.responses[status];
    if (response === undefined) return `status ${status} is not documented`;
    const media = contentType.split(';')[0] ?? '';
    if (response.content === undefined)
      return bodies.join('') === '' ? undefined : `status ${status} has no body`;
    if (response.content[media] === undefined) return `"${media}" is not documented for status ${status}`;
    const validate = this.#validator([
      'paths',
      operation.path,
      operation.method.toLowerCase(),
      'responses',
      String(status),
      'content',
      media,
      'schema',
    ]);
    if (bodies.every((body) => validate(body))) return undefined;
    return `the body is not valid: ${this.#ajv.errorsText(validate.errors)}`;
  }

  #validator(keys: readonly string[]): ValidateFunction {
    const pointer = keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const known = this.#validators.get(pointer);
    if (known !== undefined) return known;
    const compiled = this.#ajv.compile({ $ref: `document#/${encodeURI(pointer)}` });
    this.#validators.set(pointer, compiled);
    return compiled;
  }
}
