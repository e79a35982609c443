// SPDX-License-Identifier: MIT
// tests/http/rest-access.test.mjs - who may call the REST planes: workers by
// role, users by scope, at the token endpoint of either name (A.2, A.3).
import assert from 'node:assert/strict';

import { Flow } from './lib/flow.mjs';
import { form } from './lib/http.mjs';
import { secrets } from './lib/clients.mjs';
import { mustAnswer, mustRefuse, startRest } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const self = (policy) => ({
    type: 'public', pi_flow: true, origins: ['http://127.0.0.1:8099'],
    policies: [policy],
    scopes: ['p1:read:user', 'p1:update:userMfaEnabled', 'p1:read:device'] });
const rest = await startRest({
    signOn: { alone: { steps: [{ adapter: 'password' }] } },
    clients: { self: self('otp'), 'self-alone': self('alone') } });
const d = rest.daemon;
const other = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

// A token of a user's own, for these scopes.
async function tokenOf(user, scope, client = 'self')
{
    const flow = await Flow.begin(d, { client, params: { scope } });
    if (client === 'self')
        await flow.signOn(user);
    else
        await flow.password(user);
    const { json } = await flow.redeem({ client });
    assert.ok(json.access_token, JSON.stringify(json));
    return json.access_token;
}

test('mfa A.2-1, A.2-5: a worker finds its token at /{env}/as/token',
     async () => {
    const ask = (env) => d.request('POST', `/${env}/as/token`, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded',
                   Authorization: 'Basic ' + Buffer.from(
                       `worker:${secrets.worker}`).toString('base64') },
        body: form({ grant_type: 'client_credentials' }) });
    const reply = await ask(rest.env);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.token_type, 'Bearer');
    const path = `${rest.base}/users?limit=1`;
    mustAnswer(await rest.get(path, { token: reply.json.access_token }));
    assert.equal((await ask(other)).status, 404);
});

test('mfa A.6-3, A.8-15, F-18: 401 without a token, and with none of ours', async () => {
    const path = `${rest.base}/users?limit=1`;
    for (const token of [null, 'x.y.z', `${await rest.token('worker')}x`]) {
        const reply = await rest.get(path, { token });
        mustRefuse(reply, 401, 'ACCESS_FAILED', 'INVALID_TOKEN');
        assert.match(reply.headers['www-authenticate'], /^Bearer /);
    }
});

test('P6: a token that was taken before is nothing once it is altered',
     async () => {
    const path = `${rest.base}/users?limit=1`;
    const token = await rest.newToken('worker-all');
    for (let i = 0; i < 3; i++)
        mustAnswer(await rest.get(path, { token }));
    const at = token.split('.').map((part) => part.length);
    for (const place of [at[0] - 2, at[0] + 10, at[0] + at[1] - 1,
                         at[0] + at[1] + 20, token.length - 2]) {
        const other = token[place] === 'A' ? 'B' : 'A';
        mustRefuse(await rest.get(path, { token: token.slice(0, place) +
            other + token.slice(place + 1) }), 401, 'ACCESS_FAILED',
                   'INVALID_TOKEN');
    }
    mustAnswer(await rest.get(path, { token }));
    const later = await startRest();
    const short = await later.newToken('worker-all');
    mustAnswer(await later.get(`${later.base}/users`, { token: short }));
    later.daemon.advance(3601000);
    mustRefuse(await later.get(`${later.base}/users`, { token: short }), 401,
               'ACCESS_FAILED', 'INVALID_TOKEN');
});

test('mfa A.6-4, A.3-1: 403 without the role', async () => {
    const path = `${rest.base}/users`;
    mustAnswer(await rest.get(path, { role: 'Identity Data Read Only' }));
    const reply = await rest.post(path, { username: 'x' },
                                  { role: 'Identity Data Read Only' });
    mustRefuse(reply, 403, 'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
    mustRefuse(await rest.get(path, { role: 'Environment Admin' }), 403,
               'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
});

test('mfa A.3-2: users act for themselves, by scope', async () => {
    const user = await rest.user(), stranger = await rest.user();
    const token = await tokenOf(user, 'p1:read:user p1:delete:device openid');
    assert.equal(mustAnswer(await rest.get(rest.of(user), { token })).id,
                 user.id);
    for (const path of [rest.of(stranger), `${rest.of(user)}/mfaEnabled`,
                        `${rest.base}/users`])
        mustRefuse(await rest.get(path, { token }), 403, 'ACCESS_FAILED',
                   'INSUFFICIENT_PERMISSIONS');
    const plain = await tokenOf(user, 'openid');
    mustRefuse(await rest.get(rest.of(user), { token: plain }), 403,
               'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
});

test('a user turns MFA off only behind a second factor', async () => {
    const user = await rest.user();
    const scope = 'p1:update:userMfaEnabled';
    const path = `${rest.of(user)}/mfaEnabled`;
    const weak = await tokenOf(user, scope, 'self-alone');
    mustAnswer(await rest.get(path, { token: weak }));
    mustRefuse(await rest.put(path, { mfaEnabled: false }, { token: weak }),
               403, 'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
    const token = await tokenOf(user, scope);
    mustAnswer(await rest.put(path, { mfaEnabled: false }, { token }));
    assert.equal(mustAnswer(await rest.get(path)).mfaEnabled, false);
});

test('a user who is gone or disabled has a token no more', async () => {
    const user = await rest.user();
    const token = await tokenOf(user, 'p1:read:user');
    mustAnswer(await rest.get(rest.of(user), { token }));
    mustAnswer(await rest.put(`${rest.of(user)}/enabled`, { enabled: false }));
    mustRefuse(await rest.get(rest.of(user), { token }), 401, 'ACCESS_FAILED',
               'INVALID_TOKEN');
});

test('mfa A.4-10: a preflight lets the token through', async () => {
    const reply = await d.request('OPTIONS', `${rest.base}/users`, { headers: {
        Origin: 'https://console.test',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type' } });
    assert.equal(reply.status, 204);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.match(reply.headers['access-control-allow-headers'],
                 /authorization/);
    assert.equal(reply.headers['access-control-allow-methods'],
                 'GET, POST, OPTIONS');
});

await run();
