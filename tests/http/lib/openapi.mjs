// SPDX-License-Identifier: MIT
// tests/http/lib/openapi.mjs - the daemon's API description, as tests use it:
// every operation, and answers validated against what it promises.
import assert from 'node:assert/strict';

import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export class Description {
    constructor(document)
    {
        this.document = document;
        this.ajv = new Ajv2020({ strict: false, allErrors: true });
        addFormats(this.ajv);
        this.ajv.addSchema(document, 'api');
        this.validators = new Map();
    }

    static async of(rest)
    {
        const { status, json } = await rest.daemon.get('/openapi.json');
        assert.equal(status, 200);
        return new Description(json);
    }

    // { path, method, name, mediaType, roles, scopes, open, schema }: schema of
    // the body, if it has one.
    operations()
    {
        return Object.entries(this.document.paths).flatMap(([path, item]) =>
            Object.entries(item).flatMap(([method, operation]) =>
                operation['x-operations'].map((one) => ({
                    ...one, path, method: method.toUpperCase(),
                    name: one.operationId, parameters: operation.parameters,
                    schema: operation.requestBody?.content[one.mediaType]
                        ?.schema }))));
    }

    // The operation whose path this is.
    find(method, path)
    {
        const [plain] = path.split('?');
        const same = (pattern) => {
            const want = pattern.split('/'), have = plain.split('/');
            return want.length === have.length && want.every((part, i) =>
                part.startsWith('{') || part === have[i]);
        };
        const found = Object.keys(this.document.paths).filter(same)
            .sort((a, b) => a.split('{').length - b.split('{').length)
            .find((at) => method.toLowerCase() in this.document.paths[at]);
        return found && { path: found,
                          method: method.toLowerCase() };
    }

    validator({ path, method }, status)
    {
        const escaped = path.replaceAll('~', '~0').replaceAll('/', '~1');
        const response = this.document.paths[path][method].responses[status];
        const at = response?.$ref
            ? 'api#/components/schemas/Error'
            : `api#/paths/${encodeURIComponent(escaped)}/${method}/responses/` +
              `${status}/content/application~1json/schema`;
        if (response && !response.$ref && !response.content)
            return null;
        assert.ok(response, `${method} ${path}: ${status} is not described`);
        if (!this.validators.has(at))
            this.validators.set(at, this.ajv.compile({ $ref: at }));
        return this.validators.get(at);
    }

    // An answer is what was promised.
    check(method, path, reply)
    {
        const operation = this.find(method, path);
        if (!operation)
            return;
        const validate = this.validator(operation, reply.status);
        if (validate && !validate(reply.json))
            throw new Error(
                `${method} ${operation.path} ${reply.status}: ` +
                this.ajv.errorsText(validate.errors, { separator: '\n' }) +
                `\n${reply.text}`);
    }
}

// --- What fits a schema, and what does not.

export function sample(schema)
{
    if (schema.enum)
        return schema.enum[0];
    if (schema.type === 'string')
        return { uuid: '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
                 'date-time': '2026-03-04T10:15:30.123Z' }[schema.format] ??
            'x';
    if (schema.type === 'integer')
        return schema.minimum ?? 1;
    if (schema.type === 'boolean')
        return true;
    if (schema.type === 'array')
        return [sample(schema.items)];
    if (schema.additionalProperties === true)
        return { one: { two: [3] } };
    if (schema.additionalProperties)
        return { one: sample(schema.additionalProperties) };
    return Object.fromEntries(Object.entries(schema.properties)
        .filter(([, member]) => !member.readOnly)
        .map(([name, member]) => [name, sample(member)]));
}

const odd = (schema, value, code, target, inner) =>
    ({ value, code, target, inner });

function* oddValues(schema, target)
{
    const wrong = schema.type === 'string' || schema.type === 'array'
        ? { a: 1 } : [1];
    yield odd(schema, wrong, 'INVALID_VALUE', target);
    if (schema.enum)
        yield odd(schema, 'none of these', 'INVALID_VALUE', target,
                  { allowedValues: schema.enum });
    else if (schema.maxLength)
        yield odd(schema, 'x'.repeat(schema.maxLength + 1),
                  'SIZE_LIMIT_EXCEEDED', target,
                  { maximumValue: schema.maxLength });
    if (['uuid', 'date-time'].includes(schema.format))
        yield odd(schema, 'none', 'INVALID_VALUE', target);
    if (schema.minLength)
        yield odd(schema, '', 'EMPTY_VALUE', target);
    if (schema.minimum !== undefined)
        for (const value of [schema.minimum - 1, schema.maximum + 1])
            yield odd(schema, value, 'OUT_OF_RANGE', target, {
                rangeMinimumValue: schema.minimum,
                rangeMaximumValue: schema.maximum });
    if (schema.type === 'array' && schema.maxItems)
        yield odd(schema, Array(schema.maxItems + 1).fill(
            sample(schema.items)), 'SIZE_LIMIT_EXCEEDED', target,
                  { maximumValue: schema.maxItems });
}

// Every value that is not that of its schema: { body, code, target, inner }.
export function* oddBodies(schema, target = '', put = (value) => value)
{
    if (target)
        for (const one of oddValues(schema, target))
            yield { ...one, body: put(one.value) };
    if (schema.type === 'array')
        yield* oddBodies(schema.items, `${target}[0]`,
                         (value) => put([value]));
    if (schema.type !== 'object' || !schema.properties)
        return;
    const whole = sample(schema);
    for (const [name, member] of Object.entries(schema.properties)) {
        if (member.readOnly)
            continue;
        const at = target ? `${target}.${name}` : name;
        const { [name]: left, ...others } = whole;
        if (schema.required?.includes(name))
            yield { body: put(others), code: 'REQUIRED_VALUE', target: at };
        yield* oddBodies(member, at, (value) => put({ ...others,
                                                      [name]: value }));
    }
}
