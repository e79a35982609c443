// SPDX-License-Identifier: MIT
// tests/http/rest-matrix.test.mjs - every operation of the REST planes, as the
// API description tells them: who may call it, and what it takes.  The
// description is made of the tables that the daemon routes, admits and checks
// by; a row that is missing here is missing there.
import assert from 'node:assert/strict';

import { Validator } from '@seriousme/openapi-schema-validator';

import { Flow } from './lib/flow.mjs';
import { Description, oddBodies, sample } from './lib/openapi.mjs';
import { mustRefuse, roles, startRest } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const scopes = (description) =>
    [...new Set(description.operations().flatMap((one) => one.scopes))];

// The scopes are known once a daemon has told them.
const first = await startRest();
const all = scopes(await Description.of(first));
const rest = await startRest({ clients: { self: {
    type: 'public', pi_flow: true, origins: ['http://127.0.0.1:8099'],
    policies: ['otp'], scopes: all } } });
const description = await Description.of(rest);
const guarded = description.operations().filter(({ open }) => !open);
const user = await rest.user(), stranger = await rest.user();

const nobody = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const named = (path, owner) => path.replace('{env}', rest.env)
    .replace('{user}', owner).replace(/{\w+}/g, nobody);

// What is called would do something if it were let: bodies do not fit.
const call = (one, options, owner = nobody, body = '!') =>
    rest.call(one.method, named(one.path, owner), {
        ...(one.schema ? { type: one.mediaType, body } : {}), ...options });

async function tokenFor(scope)
{
    const flow = await Flow.begin(rest.daemon, { client: 'self',
                                                 params: { scope } });
    await flow.signOn(user);
    return (await flow.redeem({ client: 'self' })).json.access_token;
}

const tokens = { every: await tokenFor(all.join(' ')),
                 none: await tokenFor('openid') };

test('the description is an OpenAPI document', async () => {
    const result = await new Validator().validate(description.document);
    assert.deepEqual(result.errors ?? [], []);
    assert.equal(result.valid, true);
    assert.equal(description.document.openapi, '3.1.0');
});

test('every operation says what it does, and has a name of its own', () => {
    const names = guarded.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, summary } of guarded)
        assert.match(summary ?? '', /\.$/, name);
});

for (const one of guarded) {
    const title = `${one.method} ${one.path} (${one.name})`;
    const isRefused = (reply) => mustRefuse(
        reply, 403, 'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');

    test(`R1: who may call ${title}`, async () => {
        mustRefuse(await call(one, { token: null }), 401, 'ACCESS_FAILED',
                   'INVALID_TOKEN');
        mustRefuse(await call(one, { token: 'a.b.c' }), 401, 'ACCESS_FAILED',
                   'INVALID_TOKEN');
        if (one.roles.length > 0)
            isRefused(await call(one, {
                token: await rest.token('worker-none') }));
        for (const role of roles) {
            const reply = await call(one, { role });
            if (one.roles.length === 0 || one.roles.includes(role))
                assert.ok(![401, 403].includes(reply.status),
                          `${role}: ${reply.text}`);
            else
                isRefused(reply);
        }
    });

    test(`R1: which users may call ${title}`, async () => {
        const own = await call(one, { token: tokens.every }, user.id);
        if (one.scopes.length === 0)
            isRefused(own);
        else
            assert.ok(own.status !== 401, own.text);
        if (one.path.includes('{user}'))
            isRefused(await call(one, { token: tokens.every }, stranger.id));
        isRefused(await call(one, { token: tokens.none }, user.id));
    });
}

for (const one of guarded.filter(({ schema }) => schema)) {
    const title = `${one.method} ${one.path} (${one.name})`;

    test(`R1: what ${title} takes`, async () => {
        const reply = await call(one, {}, user.id, '{');
        if (Object.keys(one.schema.properties).length === 0)
            return; // it looks at no body
        mustRefuse(reply, 400, 'INVALID_REQUEST', undefined);
        mustRefuse(await call(one, { type: 'text/plain' }, user.id, '{}'),
                   415, 'INVALID_REQUEST', undefined);
        for (const { body, code, target, inner } of oddBodies(one.schema)) {
            const answer = await call(one, {}, user.id, body);
            const detail = answer.json.details.find((each) =>
                each.target === target && each.code === code);
            assert.ok(detail && answer.status === 400,
                      `${target} ${code}: ${JSON.stringify(body)} ` +
                      answer.text);
            assert.equal(answer.json.code, 'INVALID_DATA');
            if (inner)
                assert.deepEqual(detail.innerError, inner);
        }
        assert.ok(sample(one.schema));
    });
}

test('R1: an expired token calls nothing', async () => {
    const later = await startRest();
    const token = await later.token('worker-all');
    later.daemon.advance(3601000);
    for (const one of guarded) {
        const path = named(one.path, nobody).replace(rest.env, later.env);
        mustRefuse(await later.call(one.method, path, { token }), 401,
                   'ACCESS_FAILED', 'INVALID_TOKEN');
    }
});

test('nothing of all that changed a user', async () => {
    for (const each of [user, stranger]) {
        const { json } = await rest.get(rest.of(each));
        assert.equal(json.enabled, true);
        assert.equal(json.mfaEnabled, true);
    }
});

await run({ concurrency: 4 });
