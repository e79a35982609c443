// SPDX-License-Identifier: MIT
// tests/http/resources.test.mjs - resources of adapters for devices and for
// anyone: on the public listener, to every origin, held back on request.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { execute, factord, freePort, source, startDaemon, until }
    from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { form, request } from './lib/http.mjs';
import { pluginFolder } from './lib/plugins.mjs';
import { run, skip, test } from './lib/tap.mjs';
import { secrets } from './lib/clients.mjs';

const bellParts = ['bell-ready.mjs', 'bell-broken.mjs'];
const adminPort = await freePort();
const d = await startDaemon({
    plugin_directory: pluginFolder(['adapter-bell'], bellParts),
    adapters: { bell: { plugin: 'bell' } },
    flow: { parked_limit: '20s' },
    policies: { bell: { steps: [
        { adapter: 'password' },
        { adapter: 'bell', input: { userId: 'password.userId',
                                    policy: { value: 'ping-widget' },
                                    odd: { value: [1, { value: null }] } } },
    ] } },
    clients: { spa: { policies: ['bell'] } },
    server: { rest_on_public: false,
              admin_listen: `127.0.0.1:${adminPort}`,
              admin_base_url: `http://127.0.0.1:${adminPort}` },
});
const admin = `http://127.0.0.1:${adminPort}`;
const env = (await d.control('GET', '/status')).json.environment;

const post = (path, body, headers = {}) => d.request('POST', path, {
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body) });
const ring = (bell, tone = 'ding') => post(`/bells/${bell}`, { tone });
const listen = (bell, seen, headers) =>
    post(`/${env}/bells/${bell}/wait`, { seen }, headers);
const patient = (seconds) => ({ Prefer: `wait=${seconds}` });
const parked = async () =>
    (await d.control('GET', '/status')).json.parked ?? 0;

function mustBeOpen(reply)
{
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-allow-credentials'], undefined);
    assert.ok(Math.abs(reply.json.time - d.now() / 1000) <= 2, reply.text);
    assert.ok(Number.isInteger(reply.json.time));
}

const took = async (promise) => {
    const began = Date.now();
    const reply = await promise;
    return { reply, ms: Date.now() - began };
};

test('R1: resources for anyone are on the public listener alone', async () => {
    const reply = await ring('where');
    assert.equal(reply.status, 201);
    mustBeOpen(reply);
    for (const path of ['/bells/where', `/${env}/bells/where/wait`])
        assert.equal((await request('POST', admin + path, {
            headers: { 'Content-Type': 'application/json' },
            body: '{"tone":"ding"}' })).status, 404, path);
});

test('R1: resources with a role are on the admin listener alone', async () => {
    const path = `/v1/environments/${env}/bells`;
    const granted = await d.request('POST', '/as/token.oauth2', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded',
                   Authorization: 'Basic ' + Buffer.from(
                       `worker:${secrets.worker}`).toString('base64') },
        body: form({ grant_type: 'client_credentials' }) });
    const headers = { Authorization: `Bearer ${granted.json.access_token}` };
    assert.equal((await d.get(path, { headers })).status, 404);
    assert.equal((await request('GET', admin + path)).status, 401);
    const reply = await request('GET', admin + path, { headers });
    assert.equal(reply.json.code, 'NOT_FOUND', reply.text);
    assert.equal(reply.json.time, undefined);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-allow-credentials'], undefined);
});

test('a plugin that was built with contract 1.0 still runs', async () => {
    if (process.arch !== 'x64')
        skip('the one that is kept is for x86-64');
    const old = await startDaemon({
        plugin_directory: pluginFolder([], bellParts, {
            'adapter-bell.so': 'adapter-bell-1.0-x86_64.so' }),
        adapters: { bell: { plugin: 'bell' } } });
    const call = (method, body) => old.request(method, '/bells/kept', {
        headers: { 'Content-Type': 'application/json' },
        body: body ? JSON.stringify(body) : '' });
    assert.equal((await call('POST', { tone: 'ding' })).status, 201);
    const { json } = await call('GET');
    assert.equal(json.rung, 1);
    const wrong = await call('POST', { tone: 'dong' });
    assert.equal(wrong.json.details[0].code, 'WRONG_TONE');
    const missing = await call('POST', {});
    assert.equal(missing.json.details[0].code, 'REQUIRED_VALUE');
});

test('R2: plugins know who we are', async () => {
    const { json } = await ring('who');
    assert.equal(json.issuer, d.base);
    assert.equal(json.environment, env);
    const { keys } = (await d.get('/pf/JWKS')).json;
    assert.ok(keys.some((key) => key.kid === json.thumbprint));
});

test('R2: another environment is refused, to every origin', async () => {
    const other = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
    const reply = await post(`/${other}/bells/b/wait`, {});
    assert.equal(reply.status, 403);
    assert.equal(reply.json.code, 'ACCESS_FAILED');
    mustBeOpen(reply);
});

test('R1: a preflight is answered for every origin', async () => {
    const reply = await d.request('OPTIONS', '/bells/b', { headers: {
        Origin: 'https://phone.test', 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,prefer' } });
    assert.equal(reply.status, 204);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-allow-methods'],
                 'GET, POST, DELETE, OPTIONS');
    assert.equal(reply.headers['access-control-allow-headers'],
                 'authorization, content-type, prefer');
    assert.equal(reply.headers['access-control-max-age'], '600');
    assert.equal(reply.headers['access-control-allow-credentials'], undefined);
});

test('R1: cookies are neither taken nor given', async () => {
    const reply = await post('/bells/cookie', { tone: 'ding' }, {
        Cookie: 'PF=planted.secret', Origin: 'https://evil.test' });
    assert.equal(reply.status, 201);
    assert.equal(reply.headers['set-cookie'], undefined);
    mustBeOpen(reply);
});

test('R1: what does not fit is an error envelope with the time', async () => {
    const rows = [
        [await post('/bells/b', {}), 400, 'INVALID_DATA', 'REQUIRED_VALUE'],
        [await post('/bells/b', { tone: 7 }), 400, 'INVALID_DATA',
         'INVALID_VALUE'],
        [await post('/bells/b', 'x'), 400, 'INVALID_REQUEST'],
        [await d.request('POST', '/bells/b', {
            headers: { 'Content-Type': 'text/plain' }, body: '{}' }),
         415, 'INVALID_REQUEST'],
        [await d.get('/bells/nobody'), 404, 'NOT_FOUND'],
        [await d.request('DELETE', '/bells/b'), 500, 'UNEXPECTED_ERROR'],
    ];
    for (const [reply, status, code, detail] of rows) {
        assert.equal(reply.status, status, reply.text);
        assert.equal(reply.json.code, code);
        assert.equal(reply.json.details[0]?.code, detail);
        mustBeOpen(reply);
    }
});

test('R1: a body over the limit is refused', async () => {
    const reply = await post('/bells/b', { tone: 'x'.repeat(70000) });
    assert.equal(reply.status, 413);
});

test('R1: what a refusal counted is committed', async () => {
    for (const left of [1, 0]) {
        const reply = await ring('strict', 'dong');
        assert.equal(reply.status, 400);
        assert.equal(reply.json.code, 'INVALID_DATA');
        assert.deepEqual(reply.json.details, [{
            code: 'WRONG_TONE', message: "Not this bell's tone.",
            target: 'tone',
            innerError: { tone: 'dong', attemptsRemaining: left } }]);
        assert.equal(reply.headers['retry-after'], undefined);
        mustBeOpen(reply);
    }
    const reply = await ring('strict', 'dong');
    assert.equal(reply.status, 429);
    assert.equal(reply.json.code, 'REQUEST_LIMITED');
    assert.equal(reply.headers['retry-after'], '3');
    assert.equal((await d.get('/bells/strict')).json.wrong, 3);
});

test('S7: an answer for now is given at once to who does not wait', async () => {
    const { reply, ms } = await took(listen('calm', 0));
    assert.equal(reply.status, 200);
    assert.equal(reply.json.rung, 0);
    assert.equal(reply.headers['preference-applied'], undefined);
    mustBeOpen(reply);
    assert.ok(ms < 1000);
});

test('S7: Prefer: wait=N is held back until a record moves', async () => {
    const waiting = took(listen('one', 0, patient(15)));
    await until('a parked request', async () => await parked() === 1);
    assert.equal((await ring('one')).status, 201);
    const { reply, ms } = await waiting;
    assert.equal(reply.json.rung, 1);
    assert.equal(reply.headers['preference-applied'], 'wait=15');
    mustBeOpen(reply);
    assert.ok(ms < 5000, `${ms} ms`);
});

test('S7: a move that brings nothing new does not end the wait', async () => {
    await ring('two');
    const waiting = took(listen('two', 1, patient(15)));
    for (let i = 0; i < 3; i++) {
        await until('a parked request', async () => await parked() === 1);
        assert.equal((await ring('two', 'dong')).status, i < 2 ? 400 : 429);
    }
    await until('a parked request', async () => await parked() === 1);
    await ring('two');
    const { reply } = await waiting;
    assert.deepEqual([reply.json.rung, reply.json.wrong], [2, 3]);
});

test('S7: at the end of the wait the answer is given as it is', async () => {
    const { reply, ms } = await took(listen('three', 0, patient(1)));
    assert.equal(reply.status, 200);
    assert.equal(reply.json.rung, 0);
    assert.equal(reply.headers['preference-applied'], 'wait=1');
    assert.ok(ms >= 950 && ms < 5000, `${ms} ms`);
});

test('S7: of three that wait on one path the oldest is answered', async () => {
    const order = [];
    const waits = [];
    for (let i = 0; i < 3; i++) {
        waits.push(listen('four', 0, patient(15))
            .then((reply) => { order.push(i); return reply; }));
        await until('a parked request',
                    async () => await parked() === Math.min(i + 1, 2));
    }
    const other = listen('five', 0, patient(15));
    await until('a parked request', async () => await parked() === 3);
    const first = await took(waits[0]);
    assert.equal(first.reply.json.rung, 0);
    assert.ok(first.ms < 5000, `${first.ms} ms`);
    assert.deepEqual(order, [0]);
    await ring('four');
    assert.equal((await waits[1]).json.rung, 1);
    assert.equal((await waits[2]).json.rung, 1);
    await ring('five');
    assert.equal((await other).json.rung, 1);
});

test('S7: an error is never held back', async () => {
    const { reply, ms } = await took(post(`/${env}/bells/b/wait`,
                                          { seen: 'x' }, patient(15)));
    assert.equal(reply.status, 400);
    assert.ok(ms < 2000);
});

test('R1: paths of ours are not taken by a variable first segment', async () => {
    const json = { 'Content-Type': 'application/json' };
    // POST /{env}/{rest} is the plugin's, and would fit all of these.
    for (const [path, status] of [['/pf/JWKS', 405], ['/signon/x', 405],
                                  ['/as/token.oauth2', 401],
                                  ['/healthz', 405]]) {
        const reply = await d.request('POST', path, { headers: json,
                                                      body: '{}' });
        assert.notEqual(reply.json?.code, 'ACCESS_FAILED', path);
        assert.ok([status, 400].includes(reply.status),
                  `${path}: ${reply.status}`);
    }
    assert.equal((await d.get('/pf/JWKS')).status, 200);
    assert.equal((await d.request('POST', `/${env}/x`)).json.code,
                 'NOT_FOUND');
    assert.equal((await d.request('POST', `/${env}/x/y/z`)).status, 404);
});

test('P1: a policy gives an adapter constants beside attributes', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.password(user), 'READY');
    const { userId, ...constants } = flow.state.inputs;
    assert.match(userId, /^[0-9a-f-]{36}$/);
    assert.deepEqual(constants, { policy: 'ping-widget',
                                  odd: [1, { value: null }] });
});

test('a page part is named with its state, and served', async () => {
    const flow = await Flow.begin(d);
    assert.deepEqual(Object.keys(flow.state._links.self), ['href']);
    mustBe(await flow.password(await d.user()), 'READY');
    const { part } = flow.state._links.self;
    assert.equal(part, '/parts/bell/bell-ready.mjs');
    assert.deepEqual(Object.keys(flow.state._links.pass), ['href']);
    const file = await d.get(part);
    assert.equal(file.text, readFileSync(
        join(source, 'tests/plugins/bell-ready.mjs'), 'utf8'));
    assert.match(file.headers['content-type'], /^text\/javascript/);
    assert.equal(file.headers['cache-control'], 'no-cache');
    const again = await d.get(part, { headers: {
        'If-None-Match': file.headers.etag } });
    assert.deepEqual([again.status, again.text], [304, '']);
    assert.equal((await d.get(part, { headers: {
        'If-None-Match': '"other"' } })).status, 200);
});

test('pages have an ETag', async () => {
    const page = await d.get('/signon/');
    assert.match(page.headers.etag, /^"[\w-]{20}"$/);
    assert.equal((await d.get('/signon/', { headers: {
        'If-None-Match': page.headers.etag } })).status, 304);
});

test('only what is declared is served as a part', async () => {
    for (const path of ['/parts/bell/adapter-bell.so', '/parts/bell/x.mjs',
                        '/parts/otp/bell-ready.mjs', '/parts/bell/',
                        '/parts/bell/..%2Fbell%2Fbell-ready.mjs', '/parts/'])
        assert.equal((await d.get(path)).status, 404, path);
    assert.equal((await request('GET', `${admin}/parts/bell/bell-ready.mjs`))
        .status, 404);
});

test('a page part that is missing, or open to others, is told', async () => {
    const check = async (folder) => {
        d.config.plugin_directory = folder;
        d.writeConfig();
        const { status, stderr } = await execute(
            factord, ['--config', d.configFile, '--check-config']);
        return { status, stderr };
    };
    const whole = pluginFolder(['adapter-bell'], bellParts);
    assert.equal((await check(whole)).status, 0);
    chmodSync(join(whole, bellParts[0]), 0o666);
    const open = await check(whole);
    assert.equal(open.status, 78);
    assert.match(open.stderr, /bell-ready\.mjs.*others may write/);
    const missing = await check(pluginFolder(['adapter-bell'],
                                             [bellParts[0]]));
    assert.equal(missing.status, 78);
    assert.match(missing.stderr,
                 /the page part bell-broken\.mjs of the adapter bell: /);
});

await run();
