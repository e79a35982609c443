// SPDX-License-Identifier: MIT
// tests/http/rest-rows.test.mjs - MFA service API: what holds for every call
// (section A), and the rows of section B that no other test is about.  Roles
// and scopes are told here by hand, not by the tables of the daemon.
import assert from 'node:assert/strict';

import { secrets } from './lib/clients.mjs';
import { codeFor, devicePolicy, second, wrong } from './lib/mfa.mjs';
import { Flow } from './lib/flow.mjs';
import { form } from './lib/http.mjs';
import { Phone } from './lib/phone.mjs';
import { mustAnswer, mustRefuse, roles, startRest, uuid }
    from './lib/rest.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const scopes = [
    ...['create', 'read', 'update', 'delete'].map((verb) => `p1:${verb}:device`),
    ...['create', 'read', 'delete'].map((verb) => `p1:${verb}:pairingKey`),
    'p1:update:userMfaEnabled', 'p1:read:user', 'p1:update:user'];
const rest = await startRest({
    mfa: { test_devices: true, applications: [{ name: 'Authenticator' }] },
    fallback: { mobile: { enabled: true, applications: [{
        name: 'Authenticator', push: { enabled: true, numberMatching: {
            enabled: true } }, otp: { enabled: true } }] } },
    policies: [devicePolicy('Choose', { authentication: {
        deviceSelection: 'ALWAYS_DISPLAY_DEVICES' } })],
    clients: { self: { type: 'public', pi_flow: true,
                       origins: ['http://127.0.0.1:8099'],
                       policies: ['otp'], scopes } } });
const d = rest.daemon;
const auths = `/${rest.env}/deviceAuthentications`;
const policies = `${rest.base}/deviceAuthenticationPolicies`;
const nobody = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const devices = (user) => `${rest.of(user)}/devices`;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function mailOf(user, more)
{
    d.advance(1);
    return mustAnswer(await rest.post(devices(user), {
        type: 'EMAIL', email: user.email, ...more }), 201);
}
const begin = (user, more, options) =>
    rest.post(auths, { user: { id: user.id }, ...more }, options);
const act = (path, action, body) => rest.post(path, body, { action });
const raw = async (method, path, options = {}) => d.request(method, path, {
    ...options, headers: {
        Authorization: `Bearer ${await rest.token('worker-all')}`,
        ...options.headers } });

// --- A. What is common

test('mfa A.2-3,7,8: the secret in the body, and errors as OAuth has them',
     async () => {
    const ask = (members, headers) => d.request('POST',
        `/${rest.env}/as/token`, { headers: {
            'Content-Type': 'application/x-www-form-urlencoded', ...headers },
                                   body: form(members) });
    const posts = { grant_type: 'client_credentials', client_id: 'bodily',
                    client_secret: secrets.worker };
    const other = await startRest({ clients: { bodily: {
        type: 'confidential', token_endpoint_auth_method: 'client_secret_post',
        secret: rest.daemon.config?.clients?.worker?.secret ??
            (await import('./lib/clients.mjs')).clients(1).worker.secret,
        roles } } });
    const reply = await other.daemon.request('POST',
        `/${other.env}/as/token`, { headers: {
            'Content-Type': 'application/x-www-form-urlencoded' },
                                    body: form(posts) });
    assert.equal(reply.status, 200, reply.text);
    mustAnswer(await other.get(`${other.base}/users?limit=1`, {
        token: reply.json.access_token }));
    for (const [members, status, error] of [
        [{ ...posts, client_secret: 'x' }, 401, 'invalid_client'],
        [{ grant_type: 'client_credentials' }, 401, 'invalid_client'],
        [{ grant_type: 'password' }, 401, 'invalid_client']]) {
        const refused = await ask(members);
        assert.equal(refused.status, status, refused.text);
        assert.equal(refused.json.error, error);
        assert.equal(typeof refused.json.error_description, 'string');
    }
});

// Which role an operation needs, by the rows of A.3.
const who = [
    ['Identity Data Admin', [['POST', 'devices'], ['POST', 'pairingKeys'],
                             ['PUT', 'mfaEnabled'], ['POST', 'auths']]],
    ['Environment Admin', [['PUT', 'settings'], ['POST', 'policies'],
                           ['POST', 'push'], ['PUT', 'application']]],
    ['Help Desk Admin', [['POST', 'unlock'], ['POST', 'unblock']]],
    ['Client Application Developer', [['POST', 'push'],
                                      ['PUT', 'application']]],
];

test('mfa A.3-3..6: what each role may do, and no more', async () => {
    const user = await rest.user();
    const at = {
        devices: [devices(user)], pairingKeys: [`${rest.of(user)}/pairingKeys`],
        mfaEnabled: [`${rest.of(user)}/mfaEnabled`], auths: [auths],
        settings: [`${rest.base}/mfaSettings`], policies: [policies],
        push: [`${rest.base}/applications/${nobody}/pushCredentials`],
        application: [`${rest.base}/applications/${nobody}`],
        unlock: [`${devices(user)}/${nobody}`, 'device.unlock'],
        unblock: [`${devices(user)}/${nobody}`, 'device.unblock'] };
    for (const role of roles)
        for (const [, operations] of who)
            for (const [method, name] of operations) {
                const [path, action] = at[name];
                const reply = await rest.call(method, path, {
                    role, action, ...(action ? {} : { body: '{' }) });
                const may = who.some(([one, list]) => one === role &&
                    list.some((each) => each[1] === name));
                // Who may unlock or unblock besides the help desk: who may
                // change devices.
                if (may || (role === 'Identity Data Admin' && action))
                    assert.notEqual(reply.status, 403, `${role} ${name}`);
                else
                    mustRefuse(reply, 403, 'ACCESS_FAILED',
                               'INSUFFICIENT_PERMISSIONS');
            }
});

test('mfa A.3-7..10: each scope lets a user do one thing of his own',
     async () => {
    const user = await rest.user();
    const at = (part) => rest.of(user) + part;
    const needs = [
        ['p1:create:device', 'POST', at('/devices'), '{'],
        ['p1:read:device', 'GET', at('/devices')],
        ['p1:update:device', 'PUT', at(`/devices/${nobody}/nickname`), '{'],
        ['p1:delete:device', 'DELETE', at(`/devices/${nobody}`)],
        ['p1:create:pairingKey', 'POST', at('/pairingKeys'), '{'],
        ['p1:read:pairingKey', 'GET', at(`/pairingKeys/${nobody}`)],
        ['p1:delete:pairingKey', 'DELETE', at(`/pairingKeys/${nobody}`)],
        ['p1:update:userMfaEnabled', 'PUT', at('/mfaEnabled'), '{'],
        ['p1:read:user', 'GET', at('')],
    ];
    for (const [scope] of needs) {
        const flow = await Flow.begin(d, { client: 'self', params: { scope } });
        await flow.signOn(user);
        const { access_token: token } =
            (await flow.redeem({ client: 'self' })).json;
        for (const [needed, method, path, body] of needs) {
            const reply = await rest.call(method, path, { token, body });
            if (needed === scope)
                assert.ok(![401, 403].includes(reply.status),
                          `${scope}: ${method} ${path} ${reply.text}`);
            else
                mustRefuse(reply, 403, 'ACCESS_FAILED',
                           'INSUFFICIENT_PERMISSIONS');
        }
    }
});

test('mfa A.4-1: names and enumerations are told apart by case', async () => {
    const user = await rest.user();
    mustRefuse(await rest.post(devices(user), { Type: 'TOTP' }), 400,
               'INVALID_DATA', 'REQUIRED_VALUE', 'type');
    mustRefuse(await rest.post(devices(user), { type: 'totp' }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'type');
});

test('mfa A.4-2, A.6-8, A.9-1: media types: of one kind, without case, with ' +
     'parameters', async () => {
    const user = await rest.user(), one = await mailOf(user);
    const at = `${devices(user)}/${one.id}`;
    for (const type of ['application/vnd.pingidentity.device.BLOCK+json',
                        'Application/Vnd.PingIdentity.device.block+json; ' +
                            'charset=UTF-8'])
        mustAnswer(await rest.call('POST', at, { type, body: '' }));
    mustAnswer(await rest.call('POST', devices(user), {
        type: 'APPLICATION/JSON;charset=utf-8', body: '{"type":"TOTP"}' }),
               201);
    for (const type of ['text/plain', 'application/xml',
                        'application/vnd.pingidentity.device.paint+json',
                        'application/json-patch+json'])
        mustRefuse(await rest.call('POST', at, { type, body: '{}' }), 415,
                   'INVALID_REQUEST');
});

test('mfa A.4-4, A.6-6: no PATCH: 405, and what there is', async () => {
    const user = await rest.user();
    for (const [method, path, allow] of [
        ['PATCH', `${rest.base}/mfaSettings`, 'GET, HEAD, PUT, DELETE, OPTIONS'],
        ['PATCH', rest.of(user), null], ['DELETE', auths, null]]) {
        const reply = await raw(method, path);
        mustRefuse(reply, 405, 'INVALID_REQUEST');
        assert.match(reply.headers['correlation-id'], uuid);
        assert.equal(reply.json.id, reply.headers['correlation-id']);
        if (allow)
            assert.equal(reply.headers.allow, allow);
        else
            assert.ok(reply.headers.allow);
    }
});

test('mfa A.4-6,8: ids are UUIDs in small letters, times are UTC', async () => {
    const user = await rest.user(), one = await mailOf(user);
    assert.match(one.id, uuid);
    assert.match(one.createdAt, time);
    assert.equal(Date.parse(one.createdAt), d.now());
    const read = await rest.get(`${devices(user)}/${one.id.toUpperCase()}`);
    assert.ok([200, 404].includes(read.status), read.text);
    if (read.status === 200)
        assert.equal(read.json.id, one.id);
});

test('mfa A.4-9,11: foreign headers and parameters change nothing',
     async () => {
    const user = await rest.user();
    await mailOf(user);
    const auth = mustAnswer(await begin(user, {}, { headers: {
        'X-Ping-External-Transaction-ID': 'ä'.repeat(3) + '<script>',
        'X-Ping-External-Session-ID': 'x'.repeat(4000) } }), 201);
    assert.equal(mustAnswer(await rest.get(
        `${auths}/${auth.id}?expand=embedded&nothing=1`)).id, auth.id);
});

test('mfa A.1-1..3, A.5-1..3,6..10: what every answer has', async () => {
    const user = await rest.user();
    const post = await raw('POST', devices(user), { headers: {
        'Content-Type': 'application/json' }, body: '{"type":"TOTP"}' });
    const one = mustAnswer(post, 201);
    const at = `${devices(user)}/${one.id}`;
    assert.equal(post.headers.location, d.base + at);
    assert.equal(one._links.self.href, d.base + at);
    assert.deepEqual([one.environment, one.user],
                     [{ id: rest.env }, { id: user.id }]);
    const got = await raw('GET', at);
    assert.deepEqual(mustAnswer(got), one);
    const begun = mustAnswer(await begin(user), 201);
    assert.equal(begun._links['otp.check'].href,
                 `${d.base}${auths}/${begun.id}`);
    const gone = await raw('DELETE', at);
    assert.equal(gone.status, 204);
    assert.equal(gone.text, '');
    const none = await raw('GET', at);
    mustRefuse(none, 404, 'NOT_FOUND');
    for (const { headers, status } of [post, got, gone, none]) {
        assert.match(headers['correlation-id'], uuid);
        assert.ok(Date.parse(headers.date));
        assert.equal(headers['cache-control'],
                     'no-cache, no-store, max-age=0, must-revalidate');
        assert.equal(headers.pragma, 'no-cache');
        assert.equal(headers.expires, '0');
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['access-control-allow-origin'], '*');
        if (status !== 204)
            assert.match(headers['content-type'],
                         /^application\/json;charset=utf-8$/i);
    }
});

test('mfa A.5-4,5, A.10-3..5: lists: filtered, expanded, in their order',
     async () => {
    const user = await rest.user();
    const one = await mailOf(user);
    d.advance(1);
    const two = mustAnswer(await rest.post(devices(user), {
        type: 'TOTP', status: 'ACTIVATION_REQUIRED' }), 201);
    secret('TOTP secret', two.secret);
    const list = async (query = '') =>
        mustAnswer(await rest.get(devices(user) + query));
    const all = await list();
    assert.deepEqual([all.count, all.size], [2, 2]);
    assert.deepEqual(all._embedded.devices.map(({ id }) => id),
                     [one.id, two.id]);
    const filter = encodeURIComponent('(status eq "ACTIVE")');
    const active = await list(`?filter=${filter}`);
    assert.deepEqual(active._embedded.devices.map(({ id }) => id), [one.id]);
    assert.equal(active.size, 1);
    assert.deepEqual((await list('?expand=order'))._embedded.order,
                     [{ id: one.id }]);
    assert.deepEqual((await list('?sort=-type'))._embedded.devices.map(
        ({ id }) => id), [one.id, two.id]);
});

test('mfa A.6-1,2, A.7-1..8, A.8-1..5: each fault, with its path', async () => {
    const user = await rest.user();
    const policy = { name: '', sms: { enabled: 'maybe', otp: {
        failure: { count: 99, coolDown: { duration: 0,
                                          timeUnit: 'AGES' } } } } };
    const reply = await rest.post(policies, policy);
    assert.equal(reply.status, 400);
    assert.deepEqual([reply.json.id, reply.json.code],
                     [reply.headers['correlation-id'], 'INVALID_DATA']);
    const by = Object.fromEntries(reply.json.details.map((one) =>
        [one.target, one]));
    for (const [target, code] of [
        ['name', 'EMPTY_VALUE'], ['email', 'REQUIRED_VALUE'],
        ['sms.enabled', 'INVALID_VALUE'],
        ['sms.otp.failure.count', 'OUT_OF_RANGE'],
        ['sms.otp.failure.coolDown.timeUnit', 'INVALID_VALUE'],
        ['sms.otp.lifeTime', 'REQUIRED_VALUE']])
        assert.equal(by[target]?.code, code, `${target}: ${reply.text}`);
    assert.deepEqual(by['sms.otp.failure.coolDown.timeUnit'].innerError,
                     { allowedValues: ['MINUTES', 'SECONDS'] });
    const long = mustRefuse(await rest.put(
        `${devices(user)}/${(await mailOf(user)).id}/nickname`, {
            nickname: 'x'.repeat(101) }), 400, 'INVALID_DATA',
                            'SIZE_LIMIT_EXCEEDED', 'nickname');
    assert.equal(typeof long.message, 'string');
});

test('mfa A.7-9,11..13,20,21: innerError says what would do', async () => {
    const user = await rest.user(), one = await mailOf(user);
    const inner = (reply) => reply.json.details[0].innerError;
    assert.deepEqual(inner(await rest.put(
        `${devices(user)}/${one.id}/nickname`, {
            nickname: 'x'.repeat(101) })), { maximumValue: 100 });
    assert.deepEqual(inner(await rest.post(devices(user), {
        type: 'FAX' })), { allowedValues: ['EMAIL', 'SMS', 'VOICE', 'TOTP'] });
    assert.deepEqual(inner(await rest.put(`${rest.base}/mfaSettings`, {
        pairing: { maxAllowedDevices: 99,
                   pairingKeyFormat: 'ALPHANUMERIC' } })),
                     { rangeMinimumValue: 1, rangeMaximumValue: 15 });
    for (let i = 0; i < 4; i++)
        mustAnswer(await rest.post(devices(user), {
            type: 'EMAIL', email: `${i}.${user.email}` }), 201);
    assert.deepEqual(inner(await rest.post(devices(user), {
        type: 'EMAIL', email: `5.${user.email}` })), { maximumAllowed: 5 });
    const auth = mustAnswer(await begin(user, { selectedDevice: {
        id: one.id } }), 201);
    const code = await codeFor(d, user.email);
    assert.deepEqual(inner(await act(`${auths}/${auth.id}`, 'otp.check', {
        otp: wrong(code) })), { attemptsRemaining: 2 });
});

test('mfa A.7-14, A.6-7: who has it already: existingId', async () => {
    const user = await rest.user(), one = await mailOf(user);
    const detail = mustRefuse(await rest.post(devices(user), {
        type: 'EMAIL', email: user.email }), 400, 'INVALID_DATA',
                              'UNIQUENESS_VIOLATION', 'email');
    assert.deepEqual(detail.innerError, { existingId: one.id });
});

test('mfa A.7-17, A.8-6: filters that are none', async () => {
    const user = await rest.user();
    const filtered = (text) => rest.get(
        `${devices(user)}?filter=${encodeURIComponent(text)}`);
    const detail = mustRefuse(await filtered('colour eq "red"'), 400,
                              'INVALID_REQUEST', 'INVALID_FILTER', 'filter');
    assert.deepEqual(detail.innerError.supportedAttributes.sort(),
                     ['status', 'type']);
    assert.deepEqual(detail.innerError.supportedOperators.sort(),
                     ['and', 'eq']);
    for (const text of ['status', 'status co "A"', '(status eq "A"', ''])
        mustRefuse(await filtered(text), 400, 'INVALID_REQUEST',
                   'INVALID_FILTER', 'filter');
    mustRefuse(await rest.get(`${rest.base}/users?limit=0`), 400,
               'INVALID_REQUEST', 'INVALID_PARAMETER', 'limit');
});

// --- B. What the resources have

test('mfa A.9-2,3,5,7..13, B.1-1..4,6, B.6-1..12: each action by its media ' +
     'type', async () => {
    const user = await rest.user();
    const one = await mailOf(user, { status: 'ACTIVATION_REQUIRED' });
    const at = `${devices(user)}/${one.id}`;
    mustAnswer(await act(at, 'device.sendActivationCode'));
    const code = await codeFor(d, user.email);
    assert.equal(mustAnswer(await act(at, 'device.activate', {
        otp: code })).status, 'ACTIVE');
    const { status, blockedAt } =
        mustAnswer(await act(at, 'device.block')).block;
    assert.equal(status, 'BLOCKED');
    assert.match(blockedAt, time);
    assert.deepEqual(mustAnswer(await act(at, 'device.unblock', {})).block,
                     { status: 'UNBLOCKED' });
    assert.deepEqual(mustAnswer(await act(at, 'device.unlock')).lock,
                     { status: 'UNLOCKED' });
    assert.equal(mustAnswer(await rest.put(`${at}/nickname`, {
        nickname: 'Desk' })).nickname, 'Desk');
    const two = mustAnswer(await rest.post(devices(user), {
        type: 'SMS', phone: user.phone }), 201);
    mustAnswer(await act(devices(user), 'devices.reorder', {
        order: [{ id: two.id }, { id: one.id }] }));
    assert.deepEqual(mustAnswer(await rest.get(devices(user)))
        ._embedded.devices.map(({ id }) => id), [two.id, one.id]);
    // Without an order nobody is first: the user is asked.
    for (const method of ['POST', 'DELETE']) {
        const reply = await rest.call(method, devices(user), {
            action: 'devices.order.remove' });
        assert.ok([200, 204].includes(reply.status), reply.text);
    }
    const begun = await begin(user);
    const auth = mustAnswer(begun, 201);
    const path = `${auths}/${auth.id}`;
    assert.equal(mustAnswer(await rest.get(path)).id, auth.id);
    assert.equal(mustAnswer(await act(path, 'device.select', {
        device: { id: two.id } })).status, 'OTP_REQUIRED');
    mustRefuse(await act(path, 'cancel.push.authentication', {
        reason: 'CHANGE_DEVICE' }), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
    assert.equal(mustAnswer(await act(path, 'otp.check', {
        otp: await codeFor(d, user.phone) })).status, 'COMPLETED');
    assert.equal(mustAnswer(await rest.get(at)).id, one.id);
    assert.equal((await rest.delete(at)).status, 204);
    mustRefuse(await rest.get(at), 404, 'NOT_FOUND');
});

test('mfa A.8-13,14, F-3: no device; a user who cannot be used', async () => {
    const user = await rest.user(), off = await rest.user();
    mustRefuse(await begin(user), 400, 'REQUEST_FAILED', 'NO_USABLE_DEVICES');
    await mailOf(off);
    mustAnswer(await rest.put(`${rest.of(off)}/enabled`, { enabled: false }));
    mustRefuse(await begin(off), 400, 'REQUEST_FAILED', 'ACCOUNT_NOT_USABLE');
});

test('mfa B.1.3, B.1-89..94: the resource, and the devices in it', async () => {
    const user = await rest.user();
    const one = await mailOf(user, { nickname: 'Desk' });
    const two = await mailOf(user, { email: `two.${user.email}` });
    mustAnswer(await act(`${devices(user)}/${two.id}`, 'device.block'));
    const { json: list } = await rest.get(policies);
    const choose = list._embedded.deviceAuthenticationPolicies.find(
        ({ name }) => name === 'Choose');
    const auth = mustAnswer(await begin(user, { policy: { id: choose.id } }),
                            201);
    assert.equal(auth.status, 'DEVICE_SELECTION_REQUIRED');
    assert.deepEqual(Object.keys(auth).sort(), [
        '_embedded', '_links', 'bypassAllowed', 'createdAt', 'environment',
        'id', 'policy', 'status', 'updatedAt', 'user', 'userBypassEnabled']);
    assert.deepEqual(auth.policy, { id: choose.id });
    const [shown] = auth._embedded.devices, [blocked] =
        auth._embedded.blockedDevices;
    assert.deepEqual([shown.id, shown.nickname, shown.type, shown.status,
                      shown.usableStatus, shown.lock, shown.block],
                     [one.id, 'Desk', 'EMAIL', 'ACTIVE',
                      { status: 'ENABLED' }, { status: 'UNLOCKED' },
                      { status: 'UNBLOCKED' }]);
    assert.deepEqual([blocked.id, blocked.block.status], [two.id, 'BLOCKED']);
    mustRefuse(await act(`${auths}/${auth.id}`, 'device.select', {
        device: { id: two.id } }), 400, 'INVALID_DATA', 'INVALID_VALUE',
               'device.id');
});

test('mfa B.1-82..84,88: what actions take', async () => {
    const user = await rest.user(), one = await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    const go = (action, body) => act(`${auths}/${auth.id}`, action, body);
    mustRefuse(await go('device.select', {}), 400, 'INVALID_DATA',
               'REQUIRED_VALUE', 'device');
    mustRefuse(await go('device.select', { device: { id: nobody } }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'device.id');
    mustRefuse(await go('device.select', { device: { id: one.id },
                                           compatibility: 'SOME' }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'compatibility');
    mustAnswer(await go('device.select', { device: { id: one.id },
                                           compatibility: 'NONE' }));
    mustRefuse(await go('otp.check', {}), 400, 'INVALID_DATA',
               'REQUIRED_VALUE', 'otp');
    mustRefuse(await go('cancel.push.authentication', {}), 400,
               'INVALID_DATA', 'REQUIRED_VALUE', 'reason');
});

test('mfa B.1-100..102,109,113: a phone, as far as it tells of itself',
     async () => {
    const user = await rest.user();
    const key = mustAnswer(await rest.post(`${rest.of(user)}/pairingKeys`, {}),
                           201);
    secret('pairing key', key.code);
    const phone = await Phone.make(d);
    assert.equal((await phone.pair(key.code)).status, 201);
    const device = mustAnswer(await rest.get(
        `${devices(user)}/${phone.device}`));
    assert.equal(typeof device.os.type, 'string');
    assert.equal(typeof device.model.name, 'string');
    assert.match(device.application.id, uuid);
    assert.equal(device.application.name, 'Authenticator');
    assert.deepEqual([typeof device.pushEnabled, device.otpEnabled],
                     ['boolean', true]);
});

test('mfa B.6-14..24: what every device has', async () => {
    const user = await rest.user();
    const waits = await mailOf(user, { status: 'ACTIVATION_REQUIRED',
        nickname: 'x'.repeat(100), policy: { type: 'DEFAULT' },
        notification: { template: { locale: 'de' } } });
    assert.deepEqual(Object.keys(waits).sort(), [
        '_links', 'block', 'createdAt', 'email', 'environment', 'id', 'lock',
        'nickname', 'status', 'type', 'updatedAt', 'user']);
    assert.deepEqual(Object.keys(waits._links).sort(),
                     ['activate', 'environment', 'self', 'user']);
    assert.match((await d.message(user.email)).text, /Adresse/);
    mustRefuse(await rest.post(devices(user), {
        type: 'EMAIL', email: `x.${user.email}`, nickname: 'x'.repeat(101) }),
               400, 'INVALID_DATA', 'SIZE_LIMIT_EXCEEDED', 'nickname');
});

test('mfa B.6-41..45: states of a device stand beside each other', async () => {
    const user = await rest.user(), one = await mailOf(user);
    const at = `${devices(user)}/${one.id}`;
    const blocked = mustAnswer(await act(at, 'device.block'));
    assert.deepEqual([blocked.status, blocked.lock, blocked.block.status],
                     ['ACTIVE', { status: 'UNLOCKED' }, 'BLOCKED']);
    mustAnswer(await act(at, 'device.unblock'));
    const old = await mailOf(user, { email: `old.${user.email}`,
                                     status: 'ACTIVATION_REQUIRED' });
    d.advance(24 * 3600 * second);
    rest.tokens.clear();
    mustRefuse(await rest.get(`${devices(user)}/${old.id}`), 404,
               'NOT_FOUND');
    assert.equal(mustAnswer(await rest.get(at)).status, 'ACTIVE');
});

test('mfa B.7-4..12,14..17: a pairing key', async () => {
    const user = await rest.user();
    const keys = `${rest.of(user)}/pairingKeys`;
    const { _embedded: { applications: [{ id: application }] } } =
        mustAnswer(await rest.get(`${rest.base}/applications`));
    const { json: list } = await rest.get(policies);
    const [{ id: policy }] = list._embedded.deviceAuthenticationPolicies;
    const key = mustAnswer(await rest.post(keys, {
        applications: [{ id: application }], policy: { id: policy } }), 201);
    secret('pairing key', key.code);
    assert.deepEqual([key.status, key.applications, key.policy,
                      Object.keys(key._links).sort()],
                     ['UNCLAIMED', [{ id: application }], { id: policy },
                      ['environment', 'self', 'user']]);
    assert.equal(Date.parse(key.expiresAt) - Date.parse(key.createdAt),
                 600 * second);
    const phone = await Phone.make(d);
    assert.equal((await phone.pair(key.code)).status, 201);
    assert.equal(mustAnswer(await rest.get(`${keys}/${key.id}`)).status,
                 'CLAIMED');
    const device = mustAnswer(await rest.get(
        `${devices(user)}/${phone.device}`));
    assert.deepEqual([device.type, device.status], ['MOBILE', 'ACTIVE']);
});

test('R3, mfa B.6-13, B.9-1..6: paths that are not in', async () => {
    const user = await rest.user(), one = await mailOf(user);
    for (const path of ['fido2Policies', 'fidoPolicies', 'oathTokens',
                        'fidoDevicesMetadata', 'notificationsPolicies',
                        `users/${user.id}/rememberedDevices`])
        mustRefuse(await raw('GET', `${rest.base}/${path}`), 404, 'NOT_FOUND');
    mustRefuse(await raw('PUT', `${devices(user)}/${one.id}/logs`), 404,
               'NOT_FOUND');
});

test('mfa B.9-7: a user is found by name', async () => {
    const user = await rest.user();
    const filter = encodeURIComponent(`username eq "${user.username}"`);
    const { _embedded } = mustAnswer(await rest.get(
        `${rest.base}/users?filter=${filter}`));
    assert.deepEqual(_embedded.users.map(({ id }) => id), [user.id]);
});

await run();
