// SPDX-License-Identifier: MIT
// tests/http/rest-auths.test.mjs - MFA service API: device authentications
// (B.1), their authenticators (C), and that they are one with flows.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { execute, until } from './lib/daemon.mjs';
import { codeFor, codesTo, devicePolicy, method, minute, recordsOf, resting,
         second, started, wrong } from './lib/mfa.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { mustAnswer, mustRefuse, startRest, uuid } from './lib/rest.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const mobile = { enabled: true, applications: [{ name: 'Authenticator',
    push: { enabled: true, numberMatching: { enabled: true } },
    otp: { enabled: true }, pushTimeout: { duration: 40,
                                           timeUnit: 'SECONDS' } }] };
const rest = await startRest({
    mfa: { test_devices: true, applications: [{ name: 'Authenticator' }] },
    fallback: { mobile, email: resting },
    policies: [
        devicePolicy('First', { mobile, authentication: {
            deviceSelection: 'DEFAULT_TO_FIRST' } }),
        devicePolicy('Open', { mobile, blockUsersWithDisabledMfa: false }),
        devicePolicy('Always', { mobile, authentication: {
            deviceSelection: 'ALWAYS_DISPLAY_DEVICES' } }),
        ...['Vouch', 'Silent'].map((name) => devicePolicy(name, { mobile: {
            ...mobile, applications: [{ ...mobile.applications[0],
                deviceAuthorization: { enabled: true, ...(name === 'Silent'
                    ? { extraVerification: 'restrictive' } : {}) } }] } })),
        devicePolicy('No text', { mobile, sms: { ...method(),
                                                 enabled: false } }),
    ],
    signOn: { alone: { steps: [{ adapter: 'password' }] } },
    clients: { self: { type: 'public', pi_flow: true,
                       origins: ['http://127.0.0.1:8099'],
                       policies: ['alone'],
                       scopes: ['p1:create:deviceAuthentication',
                                'p1:read:deviceAuthentication',
                                'p1:update:deviceAuthentication'] } } });
const d = rest.daemon;
const nobody = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const base = `/${rest.env}/deviceAuthentications`;
const policies = JSON.parse((await d.ctl('--json', 'policies', 'get')).stdout);
const policy = (name) => ({ id: policies.find((one) => one.name === name).id });

const begin = (user, more, options) =>
    rest.post(base, { user: { id: user.id }, ...more }, options);
const at = ({ id }) => `${base}/${id}`;
const read = (auth, options) => rest.get(at(auth), options);
const select = (auth, { id }, options) =>
    rest.post(at(auth), { device: { id } }, { action: 'device.select',
                                              ...options });
const check = (auth, otp, options) =>
    rest.post(at(auth), { otp }, { action: 'otp.check', ...options });
const cancel = (auth) => rest.post(at(auth), { reason: 'CHANGE_DEVICE' },
                                   { action: 'cancel.push.authentication' });

const devices = (user) => `${rest.of(user)}/devices`;
// One after the other: devices of one instant have no order.
async function device(user, body)
{
    d.advance(1);
    return mustAnswer(await rest.post(devices(user), body), 201);
}
const mailOf = (user) => device(user, { type: 'EMAIL', email: user.email });
const textOf = (user) => device(user, { type: 'SMS', phone: user.phone });

async function appOf(user)
{
    const made = await device(user, { type: 'TOTP',
                                      status: 'ACTIVATION_REQUIRED' });
    secret('TOTP secret', made.secret);
    mustAnswer(await rest.post(`${devices(user)}/${made.id}`, {
        otp: totp(made.secret, d.now()) }, { action: 'device.activate' }));
    d.advance(30 * second);
    return { ...made, code: () => totp(made.secret, d.now()) };
}

async function phoneOf(user)
{
    const key = mustAnswer(await rest.post(`${rest.of(user)}/pairingKeys`, {}),
                           201);
    secret('pairing key', key.code);
    const phone = await Phone.make(d);
    assert.equal((await phone.pair(key.code)).status, 201);
    return phone;
}

// How many events of the log name both; null: there is no sqlite3.
async function logged(daemon, one, two)
{
    const done = await execute('sqlite3', ['-readonly', '-cmd',
        '.timeout 5000', join(daemon.state, 'store.db'),
        `SELECT count(*) FROM audit WHERE event LIKE '%${one}%'
             AND event LIKE '%${two}%'`], { quiet: true }).catch(() => null);
    return done && Number(done.stdout);
}

const links = ({ _links }) => Object.keys(_links).sort();

test('mfa E.5: select, a wrong passcode, the right one', async () => {
    const user = await rest.user();
    const mail = await mailOf(user), text = await textOf(user);
    const reply = await begin(user);
    const auth = mustAnswer(reply, 201);
    assert.match(auth.id, uuid);
    assert.equal(reply.headers.location, d.base + at(auth));
    assert.equal(auth.status, 'DEVICE_SELECTION_REQUIRED');
    assert.deepEqual(links(auth), ['device.select', 'environment', 'self']);
    assert.equal(auth._links['device.select'].href, d.base + at(auth));
    assert.deepEqual([auth.user, auth.environment, auth.bypassAllowed,
                      auth.userBypassEnabled],
                     [{ id: user.id }, { id: rest.env }, false, false]);
    const [one, two] = auth._embedded.devices;
    assert.deepEqual([one.id, one.type, one.status, one.usableStatus],
                     [mail.id, 'EMAIL', 'ACTIVE', { status: 'ENABLED' }]);
    assert.deepEqual([one.lock, one.block], [{ status: 'UNLOCKED' },
                                             { status: 'UNBLOCKED' }]);
    assert.match(one.email, /^..\*\*\*\*@example\.com$/);
    assert.equal(two.phone, `*******${user.phone.slice(-2)}`);
    assert.deepEqual(auth._embedded.blockedDevices, []);

    const asked = mustAnswer(await select(auth, text));
    assert.deepEqual([asked.status, asked.selectedDevice],
                     ['OTP_REQUIRED', { id: text.id }]);
    assert.deepEqual(links(asked), ['device.select', 'environment',
                                    'otp.check', 'self']);
    const code = await codeFor(d, user.phone);
    const detail = mustRefuse(await check(auth, wrong(code)), 400,
                              'INVALID_DATA', 'INVALID_OTP', 'otp');
    assert.deepEqual(detail.innerError, { attemptsRemaining: 2 });
    d.advance(second);
    const done = mustAnswer(await check(auth, code));
    assert.deepEqual([done.status, done.authenticators],
                     ['COMPLETED', ['mfa', 'sms']]);
    assert.equal(auth.updatedAt, auth.createdAt);
    assert.equal(done.createdAt, auth.createdAt);
    assert.ok(Date.parse(done.updatedAt) >=
              Date.parse(auth.createdAt) + second);
    assert.deepEqual(links(done), ['environment', 'self']);
    assert.deepEqual(mustAnswer(await read(auth)).authenticators,
                     ['mfa', 'sms']);
    mustRefuse(await check(auth, code), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
    mustRefuse(await select(auth, mail), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
});

test('mfa B.1.4: the policy says which device is asked first', async () => {
    const user = await rest.user();
    const mail = await mailOf(user);
    assert.equal(mustAnswer(await begin(user), 201).status, 'OTP_REQUIRED');
    await textOf(user);
    assert.equal(mustAnswer(await begin(user), 201).status,
                 'DEVICE_SELECTION_REQUIRED');
    const first = mustAnswer(await begin(user, { policy: policy('First') }),
                             201);
    assert.deepEqual([first.status, first.selectedDevice.id],
                     ['OTP_REQUIRED', mail.id]);
    assert.equal(mustAnswer(await begin(user, {
        policy: policy('Always') }), 201).status,
                 'DEVICE_SELECTION_REQUIRED');
    const { _embedded } = mustAnswer(await begin(user, {
        policy: policy('No text') }), 201);
    assert.deepEqual(_embedded.devices.map(({ type }) => type), ['EMAIL']);
    mustRefuse(await begin(user, { policy: { id: nobody } }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'policy.id');
});

test('mfa B.6.7: who took the order away is asked each time', async () => {
    const user = await rest.user();
    const mail = await mailOf(user), text = await textOf(user);
    const status = async () => mustAnswer(await begin(user, {
        policy: policy('First') }), 201).status;
    const order = (action, body) => rest.post(devices(user), body, { action });
    assert.equal(await status(), 'OTP_REQUIRED');
    await order('devices.order.remove');
    assert.equal(await status(), 'DEVICE_SELECTION_REQUIRED');
    mustAnswer(await order('devices.reorder', {
        order: [{ id: text.id }, { id: mail.id }] }));
    assert.equal(await status(), 'OTP_REQUIRED');
});

test('mfa C, F-15: authenticators of every kind of code', async () => {
    const user = await rest.user();
    const app = await appOf(user);
    const voice = await device(user, { type: 'VOICE', phone: user.phone });
    const mail = await mailOf(user);
    for (const [one, address, amr] of [
        [mail, user.email, ['email', 'mfa']],
        [voice, user.phone, ['mfa', 'tel']]]) {
        const auth = mustAnswer(await begin(user, {
            selectedDevice: { id: one.id } }), 201);
        assert.equal(auth.status, 'OTP_REQUIRED');
        const done = mustAnswer(await check(auth, await codeFor(d, address)));
        assert.deepEqual(done.authenticators, amr);
    }
    const auth = mustAnswer(await begin(user, {
        selectedDevice: { id: app.id } }), 201);
    const code = app.code();
    assert.deepEqual(mustAnswer(await check(auth, code)).authenticators,
                     ['mfa', 'otp']);
    // O9: the same code again is none.
    const again = mustAnswer(await begin(user, {
        selectedDevice: { id: app.id } }), 201);
    mustRefuse(await check(again, code), 400, 'INVALID_DATA', 'INVALID_OTP',
               'otp');
});

test('mfa B.1.2: a passcode that is known beforehand', async () => {
    const user = await rest.user();
    const one = await appOf(user), two = await appOf(user);
    const done = mustAnswer(await begin(user, {
        selectedDevice: { otp: two.code() } }), 201);
    assert.deepEqual([done.status, done.selectedDevice.id],
                     ['COMPLETED', two.id]);
    const locks = (await rest.get(devices(user))).json._embedded.devices;
    assert.deepEqual(locks.map(({ lock }) => lock.status),
                     ['UNLOCKED', 'UNLOCKED']);
    mustRefuse(await begin(user, { selectedDevice: { id: one.id,
                                                     otp: '000000' } }),
               400, 'INVALID_DATA', 'INVALID_OTP', 'selectedDevice.otp');
    const mail = await mailOf(user);
    mustRefuse(await begin(user, { selectedDevice: { id: mail.id,
                                                     otp: '000000' } }),
               400, 'INVALID_DATA', 'INVALID_VALUE', 'selectedDevice.id');
});

test('mfa B.1.2: a passcode of no device is a guess at each of them',
     async () => {
    const user = await rest.user();
    const one = await appOf(user), two = await appOf(user);
    const guess = (selectedDevice) => begin(user, {
        selectedDevice: { otp: '000000', ...selectedDevice } });
    // The first alone, so that the two would rest at different times.
    mustRefuse(await guess({ id: one.id }), 400, 'INVALID_DATA',
               'INVALID_OTP', 'selectedDevice.otp');
    for (let i = 0; i < 2; i++)
        mustRefuse(await guess(), 400, 'INVALID_DATA', 'INVALID_OTP',
                   'selectedDevice.otp');
    // Three on the first: it rests; two on the second: one more is allowed.
    const rests = mustRefuse(await guess({ id: one.id }), 400,
                             'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.equal(rests.innerError.deliveryMethod, 'TOTP');
    const used = mustRefuse(await guess({ id: two.id }), 400,
                            'REQUEST_FAILED', 'QUOTA_EXCEEDED',
                            'selectedDevice.otp');
    assert.ok(used.innerError.coolDownExpiresAt > d.now());
    mustRefuse(await guess(), 400, 'REQUEST_FAILED', 'NO_USABLE_DEVICES');
    // A right one would not be judged either.
    mustRefuse(await begin(user, { selectedDevice: { otp: two.code() } }),
               400, 'REQUEST_FAILED', 'NO_USABLE_DEVICES');
});

test('mfa E.6: a one-time device, that locks nobody', async () => {
    const user = await rest.user();
    const email = `once-${user.username}@example.org`;
    const auth = mustAnswer(await begin(user, {
        selectedDevice: { oneTime: { type: 'EMAIL', email } },
        notification: { template: { name: 'transaction', locale: 'de',
                                    variables: { amount: '250.00' } } } }),
                            201);
    assert.equal(auth.status, 'OTP_REQUIRED');
    assert.deepEqual(auth._embedded.devices, []);
    assert.match(auth.selectedDevice.oneTime.email, /^on\*\*\*\*@example.org$/);
    const message = await d.message(email);
    assert.match(message.text, /Er bestätigt: amount: 250\.00/);
    assert.equal((await rest.get(devices(user))).json.count, 0);
    for (let i = 1; i < 3; i++)
        mustRefuse(await check(auth, wrong(message.code, i)), 400,
                   'INVALID_DATA', 'INVALID_OTP', 'otp');
    mustRefuse(await check(auth, wrong(message.code, 3)), 400,
               'REQUEST_FAILED', 'QUOTA_EXCEEDED', 'otp');
    assert.equal(mustAnswer(await read(auth)).status, 'FAILED');

    const next = mustAnswer(await begin(user, { selectedDevice: {
        oneTime: { type: 'SMS', phone: '+1 512 555 0199', testMode: true } } }),
                            201);
    assert.equal(next.selectedDevice.oneTime.phone, '*******99');
    assert.equal(codesTo(d, '+15125550199'), 0);
    const done = mustAnswer(await check(next, next.test.otp));
    assert.deepEqual(done.authenticators, ['sms']); // M11: no "mfa"

    const refuse = async (selectedDevice, target) => mustRefuse(
        await begin(user, { selectedDevice }), 400, 'INVALID_DATA',
        'INVALID_VALUE', target);
    await refuse({ id: nobody, oneTime: { type: 'EMAIL', email } },
                 'selectedDevice');
    await refuse({ oneTime: { type: 'EMAIL', email: 'none' } },
                 'selectedDevice.oneTime.email');
    await refuse({ oneTime: { type: 'SMS' } },
                 'selectedDevice.oneTime.phone');
    await refuse({ oneTime: { type: 'TOTP' } },
                 'selectedDevice.oneTime.type');
});

test('mfa B.1.2, D2: the user reads all of a transaction, and no link',
     async () => {
    const user = await rest.user();
    await mailOf(user);
    const send = (variables, more) => begin(user, { notification: {
        template: { name: 'transaction', variables, ...more } } });
    const iban = 'DE02 1203 0000 0000 2020 51', payee = 'Ä'.repeat(54);
    mustAnswer(await send({
        amount: '250.00 EUR', payee, iban, code: '000000',
        'see https://a.test': 'http://evil.test/ now', end: '@evil.test',
        more: '#123456\n\u202e' }, { locale: 'fr' }), 201);
    const code = await codeFor(d, user.email);
    const { text } = d.messages().find((one) => one.code === code);
    assert.ok(text.includes(`It confirms: amount: 250.00 EUR, payee: ${payee}` +
        `, iban: ${iban}, `), text);
    assert.ok(text.startsWith(`${code} is your passcode`));
    assert.doesNotMatch(text, /:\/\/|\u202e/);
    for (const [variables, name, most] of [
        [{ payee: 'x'.repeat(58) }, 'payee', 57],
        [{ ['x'.repeat(70)]: '1' }, 'x'.repeat(70), 0]])
        assert.deepEqual(mustRefuse(await send(variables), 400,
            'INVALID_DATA', 'SIZE_LIMIT_EXCEEDED',
            `notification.template.variables.${name}`).innerError,
                         { maximumValue: most });
});

test('mfa E.7, F-6: a push with its number, approved', async () => {
    const user = await rest.user();
    const phone = await phoneOf(user);
    const auth = mustAnswer(await begin(user, {
        notification: { clientContext: { order: 4711, lines: [{ a: null }] } },
        applicationName: 'Branch desk', ip: '192.0.2.7' }), 201);
    assert.equal(auth.status, 'PUSH_CONFIRMATION_REQUIRED');
    assert.deepEqual(links(auth), ['cancel.push.authentication',
                                   'device.select', 'environment', 'self']);
    const [shown] = auth._embedded.devices;
    assert.deepEqual([shown.id, shown.type, shown.os, shown.otpEnabled,
                      shown.application.name],
                     [phone.device, 'MOBILE', { type: 'ANDROID' }, true,
                      'Authenticator']);
    const { numberMatching } = auth.selectedDevice.push;
    assert.equal(numberMatching.type, 'ENTER_MANUALLY');
    assert.match(numberMatching.value, /^\d{6}$/);
    const asked = await phone.waiting();
    assert.deepEqual([asked.context, asked.client_name, asked.address],
                     [{ order: 4711, lines: [{ a: null }] }, 'Branch desk',
                      '192.0.2.7']);

    const held = read(auth, { headers: { Prefer: 'wait=20' } });
    assert.equal((await phone.answer(asked, 'approve', {
        number: numberMatching.value, method: 'face' })).status, 200);
    const done = mustAnswer(await held);
    assert.deepEqual([done.status, done.authenticators],
                     ['COMPLETED', ['face', 'mca', 'mfa', 'user']]);
});

test('mfa C: a phone that vouches for its own sign-on', async () => {
    const user = await rest.user(), other = await rest.user();
    const phone = await phoneOf(user);
    await mailOf(user);
    await mailOf(other);
    const mobilePayload = await phone.payload('worker-all');
    const done = mustAnswer(await begin(user, {
        mobilePayload, policy: policy('Vouch') }), 201);
    assert.deepEqual([done.status, done.authenticators,
                      done.selectedDevice.id],
                     ['COMPLETED', ['mfa', 'swk'], phone.device]);
    assert.match(done.application.id, uuid);
    // Once, for this client, and for its own user.
    for (const body of [
        { mobilePayload },
        { mobilePayload: await phone.payload('self') }])
        mustRefuse(await begin(user, { ...body, policy: policy('Vouch') }),
                   400, 'INVALID_DATA', 'INVALID_VALUE', 'mobilePayload');
    assert.equal(mustAnswer(await begin(other, {
        mobilePayload: await phone.payload('worker-all'),
        policy: policy('Vouch') }), 201).status, 'OTP_REQUIRED');

    const silent = async () => mustAnswer(await begin(user, {
        mobilePayload: await phone.payload('worker-all'),
        application: done.application, policy: policy('Silent') }), 201);
    const asked = await silent();
    assert.deepEqual([asked.status, asked.application],
                     ['PUSH_CONFIRMATION_REQUIRED', done.application]);
    const request = await phone.waiting();
    assert.equal(request.kind, 'silent');
    assert.equal((await phone.answer(request, 'approve')).status, 200);
    assert.deepEqual(mustAnswer(await read(asked)).authenticators,
                     ['mca', 'mfa', 'swk']);
    const ignored = await silent();
    d.advance(41 * second);
    assert.equal(mustAnswer(await read(ignored)).status,
                 'PUSH_CONFIRMATION_TIMED_OUT');
});

test('mfa B.1.2: the caller\'s session stands in the audit', async () => {
    const user = await rest.user();
    const mail = await mailOf(user);
    const id = `session-${user.username}`;
    mustAnswer(await begin(user, { session: { id } }), 201);
    const found = await logged(d, id, mail.id);
    if (found !== null)
        assert.equal(found, 1);
});

test('mfa E.7, F-5: denied, timed out, cancelled', async () => {
    const user = await rest.user();
    const phone = await phoneOf(user);
    const denied = mustAnswer(await begin(user), 201);
    await phone.answer(await phone.waiting(), 'deny', { reason: 'NONE' });
    const seen = mustAnswer(await read(denied));
    assert.deepEqual([seen.status, seen.error.code],
                     ['FAILED', 'PUSH_CONFIRMATION_REJECTED']);

    const late = mustAnswer(await begin(user), 201);
    d.advance(41 * second);
    assert.equal(mustAnswer(await read(late)).status,
                 'PUSH_CONFIRMATION_TIMED_OUT');
    assert.equal(mustAnswer(await select(late, { id:
        late.selectedDevice.id })).status, 'PUSH_CONFIRMATION_REQUIRED');
    const free = mustAnswer(await cancel(late));
    assert.equal(free.status, 'DEVICE_SELECTION_REQUIRED');
    assert.equal('selectedDevice' in free, false);
    mustRefuse(await cancel(late), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
});

test('mfa F-2,4: the last try, and until when the device rests', async () => {
    const user = await rest.user();
    const mail = await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    const code = await codeFor(d, user.email);
    for (let i = 1; i < 3; i++)
        mustRefuse(await check(auth, wrong(code, i)), 400, 'INVALID_DATA',
                   'INVALID_OTP', 'otp');
    const detail = mustRefuse(await check(auth, wrong(code, 3)), 400,
                              'REQUEST_FAILED', 'QUOTA_EXCEEDED', 'otp');
    assert.equal(detail.innerError.deliveryMethod, 'EMAIL');
    assert.ok(Math.abs(detail.innerError.coolDownExpiresAt - d.now() -
                       2 * minute) < 5 * second);
    // The lock is the device's: a flow sees it too.
    assert.equal((await started(d, user, 'open')).reply.json.status,
                 'MFA_FAILED');
    const none = mustRefuse(await begin(user), 400, 'REQUEST_FAILED',
                            'NO_USABLE_DEVICES');
    assert.deepEqual(none.innerError.unavailableDevices, [{ id: mail.id }]);
    d.advance(second);
    const text = await textOf(user);
    const other = mustAnswer(await begin(user, {
        policy: policy('Always') }), 201);
    assert.deepEqual(other._embedded.devices.map(({ usableStatus }) =>
        usableStatus), [{ status: 'DISABLED', reason: 'LOCKED' },
                        { status: 'ENABLED' }]);
    const resting_ = mustRefuse(await select(other, mail), 400,
                                'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.equal(resting_.innerError.coolDownExpiresAt,
                 detail.innerError.coolDownExpiresAt);
    mustAnswer(await select(other, text));
});

test('a lock of a flow is seen here', async () => {
    const user = await rest.user();
    await mailOf(user);
    const flow = await started(d, user, 'open');
    const code = await codeFor(d, user.email);
    for (let i = 1; i <= 3; i++)
        await flow.act('checkOtp', { otp: wrong(code, i) });
    mustRefuse(await begin(user), 400, 'REQUEST_FAILED',
               'NO_USABLE_DEVICES');
});

test('mfa B.1.4: users who are disabled, or whose MFA is off', async () => {
    const user = await rest.user();
    await mailOf(user);
    mustAnswer(await rest.put(`${rest.of(user)}/mfaEnabled`,
                              { mfaEnabled: false }));
    mustRefuse(await begin(user), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
    const passed = mustAnswer(await begin(user, { policy: policy('Open') }),
                              201);
    assert.deepEqual([passed.status, passed.authenticators],
                     ['COMPLETED', []]);
    mustAnswer(await rest.put(`${rest.of(user)}/mfaEnabled`,
                              { mfaEnabled: true }));
    mustAnswer(await rest.put(`${rest.of(user)}/bypassMFA`, {
        bypassMFAEnabledUntil: new Date(d.now() + minute).toISOString() }));
    const open = mustAnswer(await begin(user), 201);
    assert.deepEqual([open.bypassAllowed, open.userBypassEnabled],
                     [true, true]);
    mustAnswer(await rest.put(`${rest.of(user)}/enabled`,
                              { enabled: false }));
    mustRefuse(await begin(user), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
});

const vendorPost = (user, { id }, action) =>
    rest.post(`${devices(user)}/${id}`, undefined, { action });

test('mfa F-3: the last device is gone, and comes back', async () => {
    const user = await rest.user();
    const mail = await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    const code = await codeFor(d, user.email);
    mustAnswer(await vendorPost(user, mail, 'device.block'));
    const seen = mustAnswer(await read(auth));
    assert.deepEqual([seen.status, seen.error.code,
                      seen.error.unavailableDevices],
                     ['FAILED', 'NO_USABLE_DEVICES', [{ id: mail.id }]]);
    assert.deepEqual(seen._embedded.blockedDevices.map(({ id, block }) =>
        [id, block.status]), [[mail.id, 'BLOCKED']]);
    assert.deepEqual(links(seen), ['environment', 'self']);
    const detail = mustRefuse(await check(auth, code), 400,
                              'REQUEST_FAILED', 'NO_USABLE_DEVICES');
    assert.deepEqual(detail.innerError.unavailableDevices,
                     [{ id: mail.id }]);
    mustAnswer(await vendorPost(user, mail, 'device.unblock'));
    assert.equal(mustAnswer(await read(auth)).error.code,
                 'NO_USABLE_DEVICES');
    mustRefuse(await check(auth, code), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');

    const next = mustAnswer(await begin(user), 201);
    assert.equal((await rest.delete(`${devices(user)}/${mail.id}`)).status,
                 204);
    assert.deepEqual(mustAnswer(await read(next)).error.unavailableDevices,
                     []);
    mustRefuse(await select(next, mail), 400, 'REQUEST_FAILED',
               'NO_USABLE_DEVICES');
});

test('mfa B.1.4: who is disabled meanwhile is not authenticated', async () => {
    const user = await rest.user();
    const enable = async (enabled) => mustAnswer(
        await rest.put(`${rest.of(user)}/enabled`, { enabled }));
    const phone = await phoneOf(user);
    const pushed = mustAnswer(await begin(user), 201);
    const mail = await mailOf(user);
    const auth = mustAnswer(await begin(user, {
        selectedDevice: { id: mail.id } }), 201);
    const code = await codeFor(d, user.email);
    await enable(false);
    mustRefuse(await check(auth, code), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
    await phone.answer((await phone.waiting()), 'approve', {
        number: pushed.selectedDevice.push.numberMatching.value });
    const seen = mustAnswer(await read(pushed));
    assert.deepEqual([seen.status, seen.error.code, seen.authenticators],
                     ['FAILED', 'ACCOUNT_NOT_USABLE', undefined]);
    mustRefuse(await select(pushed, mail), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
    await enable(true);
    for (const one of [auth, pushed])
        assert.equal(mustAnswer(await read(one)).error.code,
                     'ACCOUNT_NOT_USABLE');
    mustRefuse(await check(auth, code), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
});

test('mfa F-8: over its life it is not found', async () => {
    const user = await rest.user();
    await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    const code = await codeFor(d, user.email);
    d.advance(6 * minute);
    mustRefuse(await check(auth, code), 400, 'INVALID_DATA', 'INVALID_OTP',
               'otp');
    d.advance(10 * minute);
    mustRefuse(await read(auth), 404, 'NOT_FOUND');
    mustRefuse(await check(auth, code), 404, 'NOT_FOUND');
});

test('what is another\'s, a flow\'s or of no user is not there', async () => {
    const user = await rest.user(), other = await rest.user();
    const mail = await mailOf(user);
    await mailOf(other);
    mustRefuse(await begin({ id: nobody }), 400, 'INVALID_DATA',
               'INVALID_VALUE', 'user.id');
    const auth = mustAnswer(await begin(other, {
        policy: policy('Always') }), 201);
    mustRefuse(await select(auth, mail), 400, 'INVALID_DATA',
               'INVALID_VALUE', 'device.id');
    mustRefuse(await begin(other, { selectedDevice: { id: mail.id } }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'selectedDevice.id');
    const flow = await started(d, user, 'open');
    const records = await recordsOf(d, flow);
    const id = /^mfa\.auth\|([0-9a-f-]+)\|/m.exec(records ?? '')?.[1];
    if (records)
        mustRefuse(await read({ id }), 404, 'NOT_FOUND');
    mustRefuse(await read({ id: nobody }), 404, 'NOT_FOUND');
    for (const [method, body] of [['GET'], ['POST', { otp: '123456' }]])
        mustRefuse(await rest.call(method, `/${nobody}/deviceAuthentications/` +
            auth.id, { body, action: body && 'otp.check' }), 403,
                   'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
    mustRefuse(await read({ id: 'x'.repeat(200) }), 404, 'NOT_FOUND');
});

test('R3, mfa A.9-4,6, B.1-5,7, B.2-1..3: what is not offered', async () => {
    const user = await rest.user();
    await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    mustRefuse(await rest.post(at(auth), {}, { action: 'assertion.check' }),
               400, 'INVALID_DATA', 'INVALID_VALUE', 'assertion');
    for (const [body, target] of [
        [{ rp: { id: 'example.org' } }, 'rp'],
        [{ webAuthn: { challenge: 'A'.repeat(43) } }, 'webAuthn'],
        [{ notification: { message: 'Call us' } }, 'notification.message'],
        [{ notification: { policy: { id: nobody } } },
         'notification.policy'],
        [{ application: { id: nobody } }, 'application.id'],
        [{ mobilePayload: 'x' }, 'mobilePayload']])
        mustRefuse(await begin(user, body), 400, 'INVALID_DATA',
                   'INVALID_VALUE', target);
    mustAnswer(await check(auth, await codeFor(d, user.email)));
    mustRefuse(await rest.post(at(auth), {}, { action: 'assertion.check' }),
               400, 'INVALID_REQUEST', 'INVALID_REQUEST');
    mustRefuse(await rest.post(base, {}, { action: 'payload.check' }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'payload.type');
    mustRefuse(await rest.post(at(auth), '{}', { type: 'text/plain' }), 415,
               'INVALID_REQUEST');
    assert.equal((await d.get(`/${rest.env}/authenticationCodes/x`, {
        headers: { Authorization: `Bearer ${await rest.token('worker-all')}` },
    })).status, 404);
});

test('mfa A.3-2: a user authenticates himself, and nobody else', async () => {
    const user = await rest.user(), other = await rest.user();
    await mailOf(user);
    await mailOf(other);
    const flow = await Flow.begin(d, { client: 'self', params: {
        scope: 'p1:create:deviceAuthentication ' +
            'p1:read:deviceAuthentication p1:update:deviceAuthentication' } });
    await flow.password(user);
    const token = (await flow.redeem({ client: 'self' })).json.access_token;
    const auth = mustAnswer(await begin(user, {}, { token }), 201);
    mustAnswer(await check(auth, await codeFor(d, user.email), { token }));
    // Not by an address of his own, and not with words of his own.
    const template = { name: 'transaction', variables: { call: '0800' } };
    for (const body of [
        { selectedDevice: { oneTime: { type: 'SMS',
                                       phone: '+15125550142' } } },
        { notification: { template } },
        { notification: { clientContext: { call: '0800' } } }])
        mustRefuse(await begin(user, body, { token }), 403, 'ACCESS_FAILED',
                   'INSUFFICIENT_PERMISSIONS');
    assert.equal(codesTo(d, '+15125550142'), 0);
    mustRefuse(await begin(other, {}, { token }), 403, 'ACCESS_FAILED',
               'INSUFFICIENT_PERMISSIONS');
    const theirs = mustAnswer(await begin(other), 201);
    mustRefuse(await read(theirs, { token }), 403, 'ACCESS_FAILED',
               'INSUFFICIENT_PERMISSIONS');
    mustRefuse(await check(theirs, '123456', { token }), 403,
               'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
});

test('where a push comes from: a back end says it of its user, no user of ' +
     'himself', async () => {
    const user = await rest.user();
    const phone = await phoneOf(user);
    const place = { ip: '192.0.2.7', applicationName: 'Branch desk',
                    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) ' +
                        'Gecko/20100101 Firefox/133.0' };
    const shown = async (body, options) => {
        const auth = mustAnswer(await begin(user, body, options), 201);
        const { address, agent, client_name: name } = await phone.waiting();
        mustAnswer(await cancel(auth));
        return { address, agent, name };
    };
    assert.deepEqual(await shown(place), {
        address: '192.0.2.7', agent: 'Firefox on Linux',
        name: 'Branch desk' });
    const silent = await shown({});
    assert.deepEqual([silent.address, silent.agent], [undefined, undefined]);
    const flow = await Flow.begin(d, { client: 'self', params: {
        scope: 'p1:create:deviceAuthentication' } });
    await flow.password(user);
    const token = (await flow.redeem({ client: 'self' })).json.access_token;
    const own = await shown(place, { token });
    assert.notEqual(own.address, '192.0.2.7');
    assert.notEqual(own.name, 'Branch desk');
});

test('a hundred guesses at once, and no more than three are judged',
     async () => {
    const user = await rest.user();
    await mailOf(user);
    const auth = mustAnswer(await begin(user), 201);
    const code = await codeFor(d, user.email);
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) =>
        check(auth, wrong(code, i + 1))));
    const judged = replies.filter(({ json }) => ['INVALID_OTP',
        'QUOTA_EXCEEDED'].includes(json.details[0]?.code));
    assert.equal(judged.filter(({ json }) =>
        json.details[0].innerError?.attemptsRemaining !== undefined).length,
                 2);
    assert.ok(replies.every(({ status }) => [400, 429].includes(status)));
    mustRefuse(await check(auth, code), 400, 'INVALID_REQUEST',
               'INVALID_REQUEST');
});

test('nor of a hundred authentications that begin with a guess', async () => {
    const user = await rest.user();
    await appOf(user);
    const replies = await Promise.all(Array.from({ length: 100 }, () =>
        begin(user, { selectedDevice: { otp: '000000' } })));
    const codes = replies.map(({ json }) => json.details[0]?.code);
    assert.equal(codes.filter((code) => code === 'INVALID_OTP').length, 3);
    assert.ok(replies.every(({ status }) => [400, 429].includes(status)));
});

test('a right passcode is taken once, and by its own authentication alone',
     async () => {
    const user = await rest.user();
    const mail = await mailOf(user);
    const first = mustAnswer(await begin(user), 201);
    const old = await codeFor(d, user.email);
    const second_ = mustAnswer(await begin(user), 201);
    const code = await codeFor(d, user.email);
    if (old !== code)
        mustRefuse(await check(second_, old), 400, 'INVALID_DATA',
                   'INVALID_OTP', 'otp');
    const replies = await Promise.all(Array.from({ length: 20 }, () =>
        check(second_, code)));
    assert.equal(replies.filter(({ status }) => status === 200).length, 1);
    assert.ok(replies.every(({ status, json: { details } }) =>
        status === 200 || status === 429 ||
        details[0].code === 'INVALID_REQUEST'));
    // A code of before is none once the device was asked anew.
    d.advance(3 * second);
    mustAnswer(await select(first, mail));
    const fresh = await codeFor(d, user.email);
    d.advance(3 * second);
    mustAnswer(await select(first, mail));
    const last = await codeFor(d, user.email);
    if (fresh !== last)
        mustRefuse(await check(first, fresh), 400, 'INVALID_DATA',
                   'INVALID_OTP', 'otp');
    mustAnswer(await check(first, last));
});

test('an account is locked here and in flows as one, and never by an address ' +
     'of once', async () => {
    const strict = await startRest({ mfa: { mfa_settings: {
        lockout: { failureCount: 5, durationSeconds: 3600 } } } });
    const s = strict.daemon, all = `/${strict.env}/deviceAuthentications`;
    const start = (user, more) => strict.post(all, { user: { id: user.id },
                                                     ...more });
    const guess = ({ id }, otp) => strict.post(`${all}/${id}`, { otp },
                                               { action: 'otp.check' });
    const withMail = async () => {
        const user = await strict.user();
        mustAnswer(await strict.post(`${strict.of(user)}/devices`, {
            type: 'EMAIL', email: user.email }), 201);
        return user;
    };
    const user = await withMail(), other = await withMail();

    for (let i = 0; i < 3; i++) {
        const once = mustAnswer(await start(user, { selectedDevice: {
            oneTime: { type: 'EMAIL', email: `${i}@example.org` } } }), 201);
        const code = await codeFor(s, `${i}@example.org`);
        for (let by = 1; by <= 3; by++)
            assert.equal((await guess(once, wrong(code, by))).status, 400);
    }
    const two = [];
    for (let i = 0; i < 3; i++) {
        const auth = mustAnswer(await start(user), 201);
        two.push({ auth, code: await codeFor(s, user.email) });
    }
    for (let i = 0; i < 5; i++)
        mustRefuse(await guess(two[i % 2].auth, wrong(two[i % 2].code, i + 1)),
                   400, i < 4 ? 'INVALID_DATA' : 'REQUEST_FAILED',
                   i < 4 ? 'INVALID_OTP' : 'QUOTA_EXCEEDED', 'otp');
    const locked = mustRefuse(await start(user), 400, 'REQUEST_FAILED',
                              'ACCOUNT_NOT_USABLE');
    assert.ok(locked.innerError.coolDownExpiresAt > s.now());
    // What was begun before goes no further, with a right code neither.
    mustRefuse(await guess(two[2].auth, two[2].code), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
    mustRefuse(await strict.post(`${all}/${two[2].auth.id}`, {
        device: { id: two[2].auth.selectedDevice.id } }, {
        action: 'device.select' }), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
    assert.equal((await started(s, user, 'open')).reply.json.status,
                 'MFA_FAILED');

    // One passcode that is tried on three devices is three guesses.
    const third = await strict.user();
    for (let i = 0; i < 3; i++) {
        const path = `${strict.of(third)}/devices`;
        const { id, secret: key } = mustAnswer(await strict.post(path, {
            type: 'TOTP', status: 'ACTIVATION_REQUIRED' }), 201);
        secret('TOTP secret', key);
        mustAnswer(await strict.post(`${path}/${id}`, {
            otp: totp(key, s.now()) }, { action: 'device.activate' }));
    }
    for (let i = 0; i < 2; i++)
        mustRefuse(await start(third, { selectedDevice: { otp: '000000' } }),
                   400, 'INVALID_DATA', 'INVALID_OTP', 'selectedDevice.otp');
    mustRefuse(await start(third), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');

    for (const tries of [3, 2]) {
        const flow = await started(s, other, 'open');
        const code = await codeFor(s, other.email);
        for (let i = 1; i <= tries; i++)
            await flow.act('checkOtp', { otp: wrong(code, i) });
    }
    mustRefuse(await start(other), 400, 'REQUEST_FAILED',
               'ACCOUNT_NOT_USABLE');
});

test('a device is asked again, and not too soon', async () => {
    const slow = await startRest({ mfa: { resend_cooldown: '20s' } });
    const user = await slow.user();
    const made = mustAnswer(await slow.post(`${slow.of(user)}/devices`, {
        type: 'EMAIL', email: user.email }), 201);
    const auth = mustAnswer(await slow.post(
        `/${slow.env}/deviceAuthentications`, { user: { id: user.id } }), 201);
    // M11: a code is not told where the adapter has no test_devices.
    const once = mustAnswer(await slow.post(
        `/${slow.env}/deviceAuthentications`, {
            user: { id: user.id }, selectedDevice: { oneTime: {
                type: 'SMS', phone: '+15125550166', testMode: true } } }),
                            201);
    assert.equal(once.test, undefined);
    await codeFor(slow.daemon, '+15125550166');
    const again = () => slow.post(
        `/${slow.env}/deviceAuthentications/${auth.id}`,
        { device: { id: made.id } }, { action: 'device.select' });
    mustAnswer(await again()); // the same click
    slow.daemon.advance(3 * second);
    const detail = mustRefuse(await again(), 400, 'REQUEST_FAILED',
                              'LIMIT_EXCEEDED');
    assert.equal(detail.innerError.deliveryMethod, 'EMAIL');
    assert.ok(detail.innerError.coolDownExpiresAt > slow.daemon.now());
    slow.daemon.advance(20 * second);
    mustAnswer(await again());
    await until('the second message', () =>
        codesTo(slow.daemon, user.email) === 2);
});

test('M11: a code is told of test devices, while the adapter has them',
     async () => {
    const own = await startRest({ mfa: { test_devices: true } });
    const t = own.daemon, all = `/${own.env}/deviceAuthentications`;
    const user = await own.user();
    mustAnswer(await own.post(`${own.of(user)}/devices`, {
        type: 'EMAIL', email: user.email, testMode: true }), 201);
    const auth = mustAnswer(await own.post(all, { user: { id: user.id } }),
                            201);
    assert.match(auth.test.otp, /^\d{6}$/);
    t.config.adapters.mfa.test_devices = false;
    await t.restart();
    const after = mustAnswer(await own.get(`${all}/${auth.id}`));
    assert.deepEqual([after.status, after.test], ['OTP_REQUIRED', undefined]);
    const done = mustAnswer(await own.post(`${all}/${auth.id}`, {
        otp: auth.test.otp }, { action: 'otp.check' }));
    assert.deepEqual(done.authenticators, ['email']);
    assert.equal(codesTo(t, user.email), 0);
});

test('what a user is sent in a day counts here and in flows as one',
     async () => {
    const few = await startRest({ limits: { sends_per_account_day: 3 } });
    const f = few.daemon, all = `/${few.env}/deviceAuthentications`;
    const user = await few.user({ locale: 'de' });
    const made = mustAnswer(await few.post(`${few.of(user)}/devices`, {
        type: 'EMAIL', email: user.email }), 201);
    const start = () => few.post(all, { user: { id: user.id } });
    mustAnswer(await start(), 201);
    await codeFor(f, user.email);
    assert.match(f.messages().find(({ to, code }) => to === user.email &&
                                                     code).text, /Einmalcode/);
    assert.equal((await started(f, user, 'open')).reply.json.status,
                 'OTP_REQUIRED');
    // To another address it is the same user's; to a phone, too.
    mustAnswer(await few.post(all, { user: { id: user.id }, selectedDevice: {
        oneTime: { type: 'SMS', phone: '+15125550177' } } }), 201);
    const full = mustAnswer(await start(), 201);
    assert.equal(full.status, 'DEVICE_SELECTION_REQUIRED');
    const detail = mustRefuse(await few.post(`${all}/${full.id}`, {
        device: { id: made.id } }, { action: 'device.select' }), 400,
                              'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.equal(detail.innerError.deliveryMethod, 'EMAIL');
    mustRefuse(await few.post(all, { user: { id: user.id }, selectedDevice: {
        oneTime: { type: 'SMS', phone: '+15125550178' } } }), 400,
               'REQUEST_FAILED', 'LIMIT_EXCEEDED');
    assert.equal((await started(f, user, 'open')).reply.json.status,
                 'DEVICE_SELECTION_REQUIRED');
    assert.equal(codesTo(f, user.email), 2);
    assert.equal(codesTo(f, '+15125550178'), 0);
});

await run();
