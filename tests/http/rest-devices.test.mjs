// SPDX-License-Identifier: MIT
// tests/http/rest-devices.test.mjs - MFA service API: a user's devices (B.6)
// and pairing keys (B.7), as workers manage them.
import assert from 'node:assert/strict';

import { codeFor, codesTo, devicePolicy, method, second, started }
    from './lib/mfa.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { mustAnswer, mustRefuse, startRest, uuid } from './lib/rest.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const apps = ['Authenticator', 'Second'];
const rest = await startRest({
    mfa: { test_devices: true, applications: apps.map((name) => ({ name })),
           mfa_settings: { pairing: { maxAllowedDevices: 3,
                                      pairingKeyFormat: 'ALPHANUMERIC' } } },
    fallback: { mobile: { enabled: true, applications: apps.map((name) => ({
        name, push: { enabled: true, numberMatching: { enabled: true } },
        otp: { enabled: true } })) } },
    policies: [
        devicePolicy('No text', { sms: { ...method(), pairingDisabled: true } }),
    ] });
const d = rest.daemon;
const nobody = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const policyOf = async (name) => {
    const { stdout } = await d.ctl('--json', 'policies', 'get');
    return JSON.parse(stdout).find((one) => one.name === name).id;
};

const devices = (user) => `${rest.of(user)}/devices`;
const device = (user, { id }) => `${devices(user)}/${id}`;
const make = (user, body, options) => rest.post(devices(user), body, options);
const act = (user, one, action, body) =>
    rest.post(device(user, one), body, { action: `device.${action}` });
const list = async (user, query = '') =>
    mustAnswer(await rest.get(devices(user) + query));
const email = (user, more) => ({ type: 'EMAIL', email: user.email, ...more });
const pending = { status: 'ACTIVATION_REQUIRED' };

test('mfa B.6-1, E.2: an e-mail device in test mode', async () => {
    const user = await rest.user();
    const reply = await make(user, email(user, { ...pending, testMode: true,
        policy: { type: 'DEFAULT' } }));
    const made = mustAnswer(reply, 201);
    assert.match(made.id, uuid);
    assert.equal(reply.headers.location, made._links.self.href);
    assert.equal(made._links.activate.href, made._links.self.href);
    assert.equal(made._links.user.href, d.base + rest.of(user));
    assert.deepEqual(
        [made.type, made.status, made.email, made.testMode, made.lock,
         made.block, made.environment, made.user],
        ['EMAIL', 'ACTIVATION_REQUIRED', user.email, true,
         { status: 'UNLOCKED' }, { status: 'UNBLOCKED' },
         { id: rest.env }, { id: user.id }]);
    assert.match(made.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(made.test.otp, /^\d{6}$/);
    const active = mustAnswer(await act(user, made, 'activate',
                                        { otp: made.test.otp }));
    assert.equal(active.status, 'ACTIVE');
    assert.equal('activate' in active._links, false);
    assert.equal('test' in active, false);
});

test('M11: a test device gets no message and proves nobody', async () => {
    const user = await rest.user();
    const made = mustAnswer(await make(user, email(user, { testMode: true })),
                            201);
    assert.equal(made.status, 'ACTIVE');
    mustBe((await started(d, user, 'open')).reply, 'OTP_REQUIRED');
    assert.equal(codesTo(d, user.email), 0);
    const strict = await startRest();
    const other = await strict.user();
    const plain = mustAnswer(await strict.post(
        `${strict.of(other)}/devices`, email(other, { ...pending,
                                                      testMode: true })), 201);
    assert.equal('testMode' in plain, false);
    assert.equal('test' in plain, false);
});

test('mfa E.3: SMS, a wrong code, again, the right one', async () => {
    const user = await rest.user();
    const phone = '+1 (512) 555-0144';
    const made = mustAnswer(await make(user, { type: 'SMS', phone,
                                               ...pending }), 201);
    assert.equal(made.phone, '+15125550144');
    const first = await codeFor(d, '+15125550144');
    const wrong = first === '000000' ? '000001' : '000000';
    const detail = mustRefuse(await act(user, made, 'activate',
                                        { otp: wrong }), 400, 'INVALID_DATA',
                              'INVALID_OTP', 'otp');
    assert.equal(detail.innerError.attemptsRemaining, 2);
    const sent = mustAnswer(await act(user, made, 'sendActivationCode'));
    assert.equal(sent.status, 'ACTIVATION_REQUIRED');
    const again = await codeFor(d, '+15125550144');
    assert.equal(again, first);
    assert.equal(mustAnswer(await act(user, made, 'activate',
                                      { otp: again })).status, 'ACTIVE');
    mustRefuse(await act(user, made, 'activate', { otp: again }), 400,
               'INVALID_REQUEST', 'INVALID_REQUEST');
});

test('mfa B.6.5: after the last try a new code is needed', async () => {
    const user = await rest.user();
    const made = mustAnswer(await make(user, email(user, pending)), 201);
    const right = await codeFor(d, user.email);
    const wrong = right === '000000' ? '000001' : '000000';
    for (const left of [2, 1, 0])
        assert.equal(mustRefuse(await act(user, made, 'activate',
            { otp: wrong }), 400, 'INVALID_DATA', 'INVALID_OTP', 'otp')
            .innerError.attemptsRemaining, left);
    mustRefuse(await act(user, made, 'activate', { otp: right }), 400,
               'INVALID_DATA', 'INVALID_OTP', 'otp');
    mustAnswer(await act(user, made, 'sendActivationCode'));
    const next = await codeFor(d, user.email);
    assert.notEqual(next, right);
    mustAnswer(await rest.put(device(user, made), { otp: next },
                              { action: 'device.activate' }));
});

test('mfa E.4: TOTP, by its secret, which is told once', async () => {
    const user = await rest.user();
    const made = mustAnswer(await make(user, { type: 'TOTP', ...pending }),
                            201);
    secret('TOTP secret', made.secret);
    assert.match(made.keyUri, /^otpauth:\/\/totp\//);
    assert.equal(new URL(made.keyUri).searchParams.get('secret'), made.secret);
    const read = mustAnswer(await rest.get(device(user, made)));
    assert.equal('secret' in read || 'keyUri' in read, false);
    mustRefuse(await act(user, made, 'sendActivationCode'), 400,
               'INVALID_REQUEST', 'INVALID_REQUEST');
    assert.equal(mustAnswer(await act(user, made, 'activate', {
        otp: totp(made.secret, d.now()) })).status, 'ACTIVE');
});

test('mfa B.6.3: what cannot be made', async () => {
    const user = await rest.user();
    const value = (reply, target) =>
        mustRefuse(reply, 400, 'INVALID_DATA', 'INVALID_VALUE', target);
    for (const type of ['MOBILE', 'FIDO2', 'OATH_TOKEN', 'WHATSAPP', 'x'])
        assert.deepEqual(value(await make(user, { type }), 'type').innerError,
                         { allowedValues: ['EMAIL', 'SMS', 'VOICE', 'TOTP'] });
    mustRefuse(await make(user, {}), 400, 'INVALID_DATA', 'REQUIRED_VALUE',
               'type');
    mustRefuse(await make(user, { type: 'EMAIL' }), 400, 'INVALID_DATA',
               'REQUIRED_VALUE', 'email');
    value(await make(user, { type: 'EMAIL', email: 'nobody' }), 'email');
    value(await make(user, { type: 'SMS', phone: '555' }), 'phone');
    value(await make(user, { type: 'VOICE', phone: '+15125550100',
                             extension: '12' }), 'extension');
    value(await make(user, email(user, { policy: {
        id: nobody } })), 'policy');
    value(await make(user, email(user, { policy: {
        id: await policyOf('No text'), type: 'DEFAULT' } })), 'policy');
    value(await make(user, { type: 'SMS', phone: user.phone, policy: {
        id: await policyOf('No text') } }), 'type');
    mustAnswer(await make(user, email(user)), 201);
    mustRefuse(await make(user, email(user)), 400, 'INVALID_DATA',
               'UNIQUENESS_VIOLATION', 'email');
    assert.equal((await list(user))._embedded.devices.length, 1);
});

test('mfa E.11: one device too many', async () => {
    const user = await rest.user();
    for (let i = 0; i < 3; i++)
        mustAnswer(await make(user, { type: 'TOTP' }), 201);
    const detail = mustRefuse(await make(user, { type: 'TOTP' }), 400,
                              'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.deepEqual(detail.innerError, { maximumAllowed: 3 });
});

test('mfa B.6.3: fifty that wait for activation', async () => {
    const user = await rest.user();
    for (let i = 0; i < 50; i++)
        mustAnswer(await make(user, { type: 'TOTP', ...pending }), 201);
    mustRefuse(await make(user, { type: 'TOTP', ...pending }), 400,
               'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    // A day later they are gone.
    d.advance(24 * 3600 * second + 1);
    rest.tokens.clear();
    assert.equal((await list(user)).count, 0);
});

test('mfa B.6.7, F-13: listed in order, filtered, reordered', async () => {
    const user = await rest.user();
    const mail = mustAnswer(await make(user, email(user)), 201);
    d.advance(second);
    const app = mustAnswer(await make(user, { type: 'TOTP' }), 201);
    const waiting = mustAnswer(await make(user, {
        type: 'SMS', phone: user.phone, ...pending }), 201);
    const ids = ({ _embedded }) => _embedded.devices.map(({ id }) => id);
    const all = await list(user);
    assert.deepEqual([all.count, all.size], [3, 3]);
    assert.deepEqual(ids(all), [mail.id, app.id, waiting.id]);
    assert.equal(all._links['devices.reorder'].href, d.base + devices(user));
    assert.equal(all._embedded.devices[0]._links.self.href,
                 d.base + device(user, mail));
    const filter = (text) => `?filter=${encodeURIComponent(text)}`;
    assert.deepEqual(ids(await list(user, filter('(status eq "ACTIVE")'))),
                     [mail.id, app.id]);
    assert.deepEqual(ids(await list(user,
        filter('status eq "ACTIVE" and type eq "TOTP"'))), [app.id]);
    mustRefuse(await rest.get(devices(user) + filter('id eq "x"')), 400,
               'INVALID_REQUEST', 'INVALID_FILTER', 'filter');

    const reorder = (...order) => rest.post(devices(user), {
        order: order.map(({ id }) => ({ id })) },
                                            { action: 'devices.reorder' });
    for (const wrong of [[app], [app, app], [app, mail, waiting],
                         [app, { id: nobody }]])
        mustRefuse(await reorder(...wrong), 400, 'INVALID_DATA',
                   'INVALID_VALUE', 'order');
    assert.deepEqual(ids(mustAnswer(await reorder(app, mail))),
                     [app.id, mail.id, waiting.id]);
    const expanded = await list(user, '?expand=order');
    assert.deepEqual(expanded._embedded.order,
                     [{ id: app.id }, { id: mail.id }]);
    for (const verb of ['POST', 'DELETE'])
        assert.equal((await rest.call(verb, devices(user), {
            action: 'devices.order.remove' })).status, 204);
    assert.deepEqual((await list(user, '?expand=order'))._embedded.order, []);
    assert.equal((await rest.delete(device(user, mail))).status, 204);
    mustRefuse(await rest.get(device(user, mail)), 404, 'NOT_FOUND');
    assert.deepEqual(ids(await list(user)), [app.id, waiting.id]);
});

test('mfa B.6-10..12: blocked, unblocked, named', async () => {
    const user = await rest.user();
    const mail = mustAnswer(await make(user, email(user)), 201);
    const blocked = mustAnswer(await act(user, mail, 'block'));
    assert.equal(blocked.status, 'ACTIVE');
    assert.equal(blocked.block.status, 'BLOCKED');
    assert.match(blocked.block.blockedAt, /Z$/);
    assert.deepEqual(mustAnswer(await act(user, mail, 'block')), blocked);
    assert.deepEqual(mustAnswer(await act(user, mail, 'unblock')).block,
                     { status: 'UNBLOCKED' });
    const nickname = (text) => rest.put(`${device(user, mail)}/nickname`,
                                        { nickname: text });
    assert.equal(mustAnswer(await nickname('Büro')).nickname, 'Büro');
    assert.equal(mustAnswer(await nickname('ü'.repeat(100))).nickname.length,
                 100);
    mustRefuse(await nickname('ü'.repeat(101)), 400, 'INVALID_DATA',
               'SIZE_LIMIT_EXCEEDED', 'nickname');
    assert.equal('nickname' in mustAnswer(await nickname('')), false);
});

test('another user\'s device is not there', async () => {
    const one = await rest.user(), other = await rest.user();
    const mail = mustAnswer(await make(one, email(one)), 201);
    const path = device(other, mail);
    mustRefuse(await rest.get(path), 404, 'NOT_FOUND');
    mustRefuse(await rest.delete(path), 404, 'NOT_FOUND');
    for (const action of ['activate', 'sendActivationCode', 'unlock', 'block',
                          'unblock'])
        mustRefuse(await act(other, mail, action, { otp: '123456' }), 404,
                   'NOT_FOUND');
    mustRefuse(await rest.put(`${path}/nickname`, { nickname: 'x' }), 404,
               'NOT_FOUND');
    mustAnswer(await rest.get(device(one, mail)));
});

test('a device made here signs on there, and a lock made there shows here',
     async () => {
    const user = await rest.user();
    const app = mustAnswer(await make(user, { type: 'TOTP', ...pending }),
                           201);
    secret('TOTP secret', app.secret);
    mustAnswer(await act(user, app, 'activate',
                         { otp: totp(app.secret, d.now()) }));
    const guess = async () => {
        const flow = await Flow.begin(d, { params: {
            acr_values: 'urn:test:open' } });
        await flow.password(user);
        await flow.act('authenticate');
        mustBe(flow.reply, 'OTP_REQUIRED');
        for (let i = 0; i < 3; i++)
            await flow.act('checkOtp', { otp: '000000' });
    };
    await guess();
    const locked = mustAnswer(await rest.get(device(user, app)));
    assert.equal(locked.lock.status, 'LOCKED');
    assert.equal(locked.lock.reason, 'OTP');
    assert.match(locked.lock.expiresAt, /Z$/);
    assert.deepEqual(mustAnswer(await act(user, app, 'unlock')).lock,
                     { status: 'UNLOCKED' });
    d.advance(60 * second);
    const flow = await Flow.begin(d, { params: {
        acr_values: 'urn:test:open' } });
    await flow.password(user);
    await flow.act('authenticate');
    mustBe(await flow.act('checkOtp', { otp: totp(app.secret, d.now()) }),
           'MFA_COMPLETED');
});

// --- Pairing keys

const keys = (user) => `${rest.of(user)}/pairingKeys`;
const application = async (name) => {
    const { stdout } = await d.ctl('--json', 'applications', 'get');
    return JSON.parse(stdout).find((one) => one.name === name).id;
};

test('mfa E.8: a pairing key, claimed by a phone', async () => {
    const user = await rest.user();
    const id = await application('Authenticator');
    const reply = await rest.post(keys(user), { applications: [{ id }] });
    const key = mustAnswer(reply, 201);
    secret('pairing key', key.code);
    assert.equal(reply.headers.location, key._links.self.href);
    assert.deepEqual([key.status, key.applications],
                     ['UNCLAIMED', [{ id }]]);
    assert.equal(Date.parse(key.expiresAt) - Date.parse(key.createdAt),
                 600 * second);
    const path = `${keys(user)}/${key.id}`;
    const unclaimed = mustAnswer(await rest.get(path));
    assert.equal('code' in unclaimed || 'uri' in unclaimed, false);

    const phone = await Phone.make(d);
    assert.equal((await phone.pair(key.code)).status, 201);
    assert.equal(mustAnswer(await rest.get(path)).status, 'CLAIMED');
    const [found] = (await list(user))._embedded.devices;
    assert.deepEqual([found.type, found.status, found.application.name],
                     ['MOBILE', 'ACTIVE', 'Authenticator']);
});

test('mfa B.7: for several applications, and for one of them', async () => {
    const user = await rest.user();
    const first = await application('Authenticator');
    const second_ = await application('Second');
    const both = mustAnswer(await rest.post(keys(user), {
        applications: [{ id: first }, { id: second_ }] }), 201);
    secret('pairing key', both.code);
    assert.deepEqual(both.applications, [{ id: first }, { id: second_ }]);
    const phone = await Phone.make(d);
    assert.equal((await phone.pair(both.code)).status, 201);
    const other = mustAnswer(await rest.post(keys(user), {
        applications: [{ id: second_ }] }), 201);
    secret('pairing key', other.code);
    const wrong = await Phone.make(d);
    assert.equal((await wrong.pair(other.code)).status, 400);
    const failed = mustAnswer(await rest.get(`${keys(user)}/${other.id}`));
    assert.equal(failed.status, 'FAILED');
    assert.equal(typeof failed.error.code, 'string');
    mustRefuse(await rest.post(keys(user), { applications: [
        { id: nobody }] }), 400, 'INVALID_DATA', 'INVALID_VALUE',
               'applications');
    mustRefuse(await rest.post(keys(user), { policy: { id: nobody } }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'policy');
});

test('mfa B.7: taken back, expired, and twenty at most', async () => {
    const user = await rest.user(), other = await rest.user();
    const made = mustAnswer(await rest.post(keys(user), {}), 201);
    secret('pairing key', made.code);
    const path = `${keys(user)}/${made.id}`;
    mustRefuse(await rest.get(`${keys(other)}/${made.id}`), 404, 'NOT_FOUND');
    mustRefuse(await rest.delete(`${keys(other)}/${made.id}`), 404,
               'NOT_FOUND');
    assert.equal((await rest.delete(path)).status, 204);
    mustRefuse(await rest.get(path), 404, 'NOT_FOUND');
    const phone = await Phone.make(d);
    assert.equal((await phone.pair(made.code)).status, 400);

    for (let i = 0; i < 20; i++)
        secret('pairing key', mustAnswer(
            await rest.post(keys(user), {}), 201).code);
    const detail = mustRefuse(await rest.post(keys(user), {}), 400,
                              'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.deepEqual(detail.innerError, { maximumAllowed: 20 });
    d.advance(601 * second);
    const late = mustAnswer(await rest.post(keys(user), {}), 201);
    secret('pairing key', late.code);
    d.advance(601 * second);
    mustRefuse(await rest.get(`${keys(user)}/${late.id}`), 404, 'NOT_FOUND');
});

await run();
