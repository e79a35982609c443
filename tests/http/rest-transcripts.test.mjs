// SPDX-License-Identifier: MIT
// tests/http/rest-transcripts.test.mjs - MFA service API: the transcripts of
// section E, call by call as they are printed, on a fresh store.  A value that
// a decision changes follows the decision, and is marked with it.
import assert from 'node:assert/strict';

import { secrets } from './lib/clients.mjs';
import { codeFor, devicePolicy, minute, resting, second, wrong }
    from './lib/mfa.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { startRest } from './lib/rest.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const rest = await startRest({
    mfa: { test_devices: true, applications: [{ name: 'Authenticator' }] },
    policies: [devicePolicy('Rests', { sms: resting })],
    fallback: { mobile: { enabled: true, applications: [{
        name: 'Authenticator', push: { enabled: true,
                                       numberMatching: { enabled: true } },
        otp: { enabled: true } }] } } });
const d = rest.daemon, { env } = rest;
const token = await rest.token('worker-all');
const api = `/v1/environments/${env}`;
const json = 'application/json';
const vendor = (action) => `application/vnd.pingidentity.${action}+json`;

// A call as it stands on the wire; body: an object, a text or nothing.
const call = (line, body, type = json, more = { Authorization:
    `Bearer ${token}` }) => {
    const [verb, path] = line.split(' ');
    return d.request(verb, path, {
        headers: { ...more, ...(body === undefined ? {}
            : { 'Content-Type': type }) },
        body: typeof body === 'object' ? JSON.stringify(body) : body ?? '' });
};

// What is printed: members one by one (others may stand beside them, "..."),
// whole(): these and no others; a pattern or a function where the value
// differs from run to run.
const whole = (members) => Object.assign(Object.create({ whole: true }),
                                         members);

function same(seen, printed, at = '')
{
    if (printed instanceof RegExp)
        return assert.match(seen, printed, at);
    if (typeof printed === 'function')
        return assert.ok(printed(seen), `${at}: ${JSON.stringify(seen)}`);
    if (printed === null || typeof printed !== 'object')
        return assert.equal(seen, printed, at);
    assert.equal(typeof seen, 'object', at);
    if (Array.isArray(printed) || printed.whole)
        assert.deepEqual(Object.keys(seen).sort(), Object.keys(printed).sort(),
                         at);
    for (const [name, value] of Object.entries(printed))
        same(seen[name], value, `${at}/${name}`);
}

const id = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const digits = /^\d{6}$/;
const to = (path) => ({ href: d.base + path });

function answers(reply, status, printed)
{
    assert.equal(reply.status, status, reply.text);
    assert.match(reply.headers['correlation-id'], id);
    if (status !== 204)
        assert.match(reply.headers['content-type'], /^application\/json\b/);
    if (printed)
        same(reply.json, printed);
    return reply.json;
}

// The error body: id, code, message and details as they are printed, and
// innerError only where it is.
function refuses(reply, status, code, detail)
{
    const { message, ...printed } = detail ?? {};
    answers(reply, status, { id, code, message: /./,
                             ...(detail ? { details: [{
                                 ...printed, message: message ?? /./ }] }
                                 : {}) });
    return reply.json.details[0];
}

let serial = 0;
async function paula(more)
{
    const username = `paula-${++serial}`;
    await d.user({ username, mfaEnabled: true, ...more });
    const query = encodeURIComponent(`username eq "${username}"`);
    const { json: found } = await call(`GET ${api}/users?filter=${query}`);
    const [user] = found._embedded.users;
    return { id: user.id, at: `${api}/users/${user.id}`,
             devices: `${api}/users/${user.id}/devices` };
}

const deviceLinks = (user, made, more) => whole({
    self: to(`${user.devices}/${made.id}`), environment: to(api),
    user: to(user.at), ...more });

test('mfa E.1, A.2-1,2,4: a token', async () => {
    const reply = await call(`POST /${env}/as/token`,
        'grant_type=client_credentials', 'application/x-www-form-urlencoded',
        { Authorization: `Basic ${Buffer.from(
            `worker:${secrets.worker}`).toString('base64')}` });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers['cache-control'], 'no-store');
    assert.match(reply.headers['content-type'], /^application\/json/);
    same(reply.json, { access_token: /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/,
                       token_type: 'Bearer', expires_in: 3600 });
});

// The id of a policy, by its name.
async function policyOf(name)
{
    const { json: list } =
        await call(`GET ${api}/deviceAuthenticationPolicies`);
    return list._embedded.deviceAuthenticationPolicies
        .find((one) => one.name === name).id;
}

test('mfa E.2: pair an e-mail device in test mode, and activate it',
     async () => {
    const user = await paula();
    const policy = await policyOf('Default');
    const reply = await call(`POST ${user.devices}`, {
        type: 'EMAIL', email: 'paula@mail.example.org',
        status: 'ACTIVATION_REQUIRED', testMode: true,
        policy: { id: policy } });
    const made = answers(reply, 201);
    const at = `${user.devices}/${made.id}`;
    assert.equal(reply.headers.location, d.base + at);
    const device = { id, environment: { id: env }, user: { id: user.id },
        type: 'EMAIL', lock: whole({ status: 'UNLOCKED' }),
        block: whole({ status: 'UNBLOCKED' }), createdAt: time,
        updatedAt: time, email: 'paula@mail.example.org', testMode: true };
    same(made, whole({ ...device,
        _links: deviceLinks(user, made, { activate: to(at) }),
        status: 'ACTIVATION_REQUIRED', test: whole({ otp: digits }) }));

    answers(await call(`POST ${at}`, { otp: made.test.otp },
                       vendor('device.activate')), 200,
            whole({ ...device, _links: deviceLinks(user, made),
                    id: made.id, status: 'ACTIVE' }));
});

test('mfa E.3, A.8-10, F-17: pair SMS: wrong code, resend, right code', async () => {
    const user = await paula();
    const phone = '+15125550144'; // E.164: "+1.5125550144" in the transcript
    const made = answers(await call(`POST ${user.devices}`, {
        type: 'SMS', phone: '+1.5125550144', status: 'ACTIVATION_REQUIRED' }),
                         201, { id, type: 'SMS', phone,
                                status: 'ACTIVATION_REQUIRED' });
    const at = `${user.devices}/${made.id}`;
    const code = await codeFor(d, phone);
    const activate = (otp) => call(`POST ${at}`, { otp },
                                   vendor('device.activate'));
    refuses(await activate(wrong(code)), 400, 'INVALID_DATA',
            { code: 'INVALID_OTP', target: 'otp' });
    answers(await call(`POST ${at}`, '', vendor('device.sendActivationCode')),
            200, { id: made.id, status: 'ACTIVATION_REQUIRED' });
    answers(await activate(await codeFor(d, phone)), 200,
            { id: made.id, status: 'ACTIVE' });
});

test('mfa E.4, F-16: pair TOTP', async () => {
    const user = await paula();
    const made = answers(await call(`POST ${user.devices}`, {
        type: 'TOTP', status: 'ACTIVATION_REQUIRED' }), 201, {
        id, type: 'TOTP', status: 'ACTIVATION_REQUIRED',
        secret: /^[A-Z2-7]{32}$/ });
    secret('TOTP secret', made.secret);
    const uri = new URL(made.keyUri);
    assert.equal(uri.protocol + uri.host, 'otpauth:totp');
    assert.match(decodeURIComponent(uri.pathname), /^\/[^:]+:paula-\d+$/);
    assert.equal(uri.searchParams.get('secret'), made.secret);
    assert.ok(uri.searchParams.get('issuer'));
    const active = answers(await call(`POST ${user.devices}/${made.id}`, {
        otp: totp(made.secret, d.now()) }, vendor('device.activate')), 200,
                           { id: made.id, status: 'ACTIVE' });
    assert.equal('secret' in active || 'keyUri' in active, false);
});

// A user with the two devices of E.5.
async function withDevices()
{
    const user = await paula();
    const devices = [];
    for (const [type, member, value] of [
        ['EMAIL', 'email', `paula${serial}@mail.example.org`],
        ['SMS', 'phone', `+1512556${String(serial).padStart(4, '0')}`]]) {
        d.advance(second);
        devices.push({ ...answers(await call(`POST ${user.devices}`, {
            type, [member]: value }), 201), value });
    }
    return { ...user, mail: devices[0], text: devices[1] };
}

const auths = `/${env}/deviceAuthentications`;
const selects = (at, device) =>
    call(`POST ${at}`, { device: { id: device.id }, compatibility: 'FULL' },
         vendor('device.select'));
const checks = (at, otp) => call(`POST ${at}`, { otp }, vendor('otp.check'));

test('mfa E.5, F-1, F-7: a device authentication with a passcode', async () => {
    const user = await withDevices();
    const reply = await call(`POST ${auths}`, { user: { id: user.id } });
    const at = `${auths}/${reply.json.id}`;
    const device = { status: 'ACTIVE',
                     usableStatus: whole({ status: 'ENABLED' }) };
    const auth = answers(reply, 201, {
        _links: whole({ self: to(at), environment: to(api),
                        'device.select': to(at) }),
        _embedded: whole({ devices: [
            { id: user.mail.id, type: 'EMAIL', ...device,
              email: 'pa****@mail.example.org' },
            { id: user.text.id, type: 'SMS', ...device,
              phone: `*******${user.text.value.slice(-2)}` }],
                           blockedDevices: [] }),
        id, environment: whole({ id: env }),
        status: 'DEVICE_SELECTION_REQUIRED', policy: whole({ id }),
        user: whole({ id: user.id }), bypassAllowed: false,
        userBypassEnabled: false, createdAt: time, updatedAt: time });
    assert.equal(reply.headers.location, d.base + at);

    answers(await selects(at, user.text), 200, {
        id: auth.id, status: 'OTP_REQUIRED',
        selectedDevice: whole({ id: user.text.id }),
        _links: whole({ self: to(at), environment: to(api),
                        'otp.check': to(at), 'device.select': to(at) }) });
    const code = await codeFor(d, user.text.value);
    refuses(await checks(at, wrong(code)), 400, 'INVALID_DATA',
            { code: 'INVALID_OTP', target: 'otp' });
    answers(await checks(at, code), 200, { status: 'COMPLETED',
                                           authenticators: ['mfa', 'sms'] });
});

test('mfa E.5, A.7-19, A.8-11: the last allowed attempt', async () => {
    const user = await withDevices();
    const begun = answers(await call(`POST ${auths}`, {
        user: { id: user.id }, policy: { id: await policyOf('Rests') },
        selectedDevice: { id: user.text.id } }), 201);
    const at = `${auths}/${begun.id}`;
    const code = await codeFor(d, user.text.value);
    for (const by of [1, 2])
        refuses(await checks(at, wrong(code, by)), 400, 'INVALID_DATA',
                { code: 'INVALID_OTP', target: 'otp' });
    refuses(await checks(at, wrong(code, 3)), 400, 'REQUEST_FAILED', {
        code: 'QUOTA_EXCEEDED', target: 'otp', innerError: {
            coolDownExpiresAt: (at_ms) => Number.isInteger(at_ms) &&
                at_ms > d.now() && at_ms <= d.now() + 2 * minute } });
});

test('mfa E.6: a one-time device', async () => {
    const user = await paula();
    const reply = await call(`POST ${auths}`, {
        user: { id: user.id },
        selectedDevice: { oneTime: { type: 'SMS', phone: '+15125550199',
                                     testMode: true } },
        notification: { template: { name: 'transaction', locale: 'en',
                                    variables: { amount: '250.00' } } } });
    const at = `${auths}/${reply.json.id}`;
    answers(reply, 201, {
        status: 'OTP_REQUIRED',
        selectedDevice: whole({ oneTime: whole({ type: 'SMS',
                                                 phone: '*******99' }) }),
        test: whole({ otp: digits }), _links: { 'otp.check': to(at) } });
    // M11: what was told to the caller proves nothing.
    answers(await checks(at, reply.json.test.otp), 200,
            { status: 'COMPLETED',
              authenticators: (all) => !all.includes('mfa') });
});

// A pairing key of the one application, and the phone that claims it.
async function pairing(user)
{
    const { json: list } = await call(`GET ${api}/applications`);
    const [{ id: application }] = list._embedded.applications;
    const made = await call(`POST ${user.at}/pairingKeys`, {
        applications: [{ id: application }],
        policy: { id: await policyOf('Default') } });
    secret('pairing key', made.json.code);
    return { made, application, claim: async () => {
        const phone = await Phone.make(d);
        assert.equal((await phone.pair(made.json.code)).status, 201);
        return phone;
    } };
}

test('mfa E.7: a push, approved, timed out, cancelled', async () => {
    const user = await withDevices();
    const phone = await (await pairing(user)).claim();
    const begin = async () => {
        const { id: made } = answers(await call(`POST ${auths}`, {
            user: { id: user.id } }), 201,
                                     { status: 'DEVICE_SELECTION_REQUIRED' });
        const at = `${auths}/${made}`;
        const asked = answers(await selects(at, { id: phone.device }), 200, {
            status: 'PUSH_CONFIRMATION_REQUIRED',
            selectedDevice: { id: phone.device },
            _links: { self: to(at), 'device.select': to(at) } });
        return { at, asked };
    };
    const first = await begin();
    answers(await call(`GET ${first.at}`), 200,
            { status: 'PUSH_CONFIRMATION_REQUIRED' });
    await phone.answer(await phone.waiting(), 'approve', {
        number: first.asked.selectedDevice.push.numberMatching.value,
        method: 'face' });
    answers(await call(`GET ${first.at}`), 200, { status: 'COMPLETED',
        authenticators: ['face', 'mca', 'mfa', 'user'] });

    const late = await begin();
    d.advance(41 * second);
    answers(await call(`GET ${late.at}`), 200,
            { status: 'PUSH_CONFIRMATION_TIMED_OUT' });
    const taken = await begin();
    answers(await call(`POST ${taken.at}`, { reason: 'CHANGE_DEVICE' },
                       vendor('cancel.push.authentication')), 200,
            { status: 'DEVICE_SELECTION_REQUIRED' });
});

test('mfa E.8: a pairing key', async () => {
    const user = await paula();
    const { made, application, claim } = await pairing(user);
    const at = `${user.at}/pairingKeys/${made.json.id}`;
    const key = { id, environment: { id: env }, user: { id: user.id },
                  applications: [whole({ id: application })],
                  createdAt: time, updatedAt: time, expiresAt: time,
                  _links: whole({ self: to(at), environment: to(api),
                                  user: to(user.at) }) };
    answers(made, 201, { ...key, status: 'UNCLAIMED',
                         code: /^[A-Z0-9-]{12,}$/ }); // M9: letters too
    assert.equal(made.headers.location, d.base + at);
    await claim();
    answers(await call(`GET ${at}`), 200, { ...key, status: 'CLAIMED' });
    answers(await call(`DELETE ${at}`), 204);
    refuses(await call(`GET ${at}`), 404, 'NOT_FOUND');
});

const minutes = (duration) => ({ duration, timeUnit: 'MINUTES' });
const otpOf = (life, rests) => ({ lifeTime: minutes(life), failure: {
    count: 3, coolDown: minutes(rests) } });

test('mfa E.9: a policy', async () => {
    const path = `${api}/deviceAuthenticationPolicies`;
    const { json: apps } = await call(`GET ${api}/applications`);
    const [{ id: application }] = apps._embedded.applications;
    const body = {
        name: 'Branch staff', default: false,
        sms: { enabled: true, otp: { ...otpOf(10, 2), otpLength: 6 } },
        voice: { enabled: false, otp: otpOf(30, 0) },
        email: { enabled: true, otp: otpOf(30, 0) },
        mobile: { enabled: true,
                  otp: { failure: { count: 3, coolDown: minutes(2) } },
                  applications: [{
                      id: application,
                      push: { enabled: true,
                              numberMatching: { enabled: true } },
                      otp: { enabled: true },
                      pushTimeout: { duration: 60, timeUnit: 'SECONDS' } }] },
        totp: { enabled: true,
                otp: { failure: { count: 3, coolDown: minutes(2) } },
                uriParameters: { issuer: 'Example Bank' } },
        fido2: { enabled: false } };
    const made = answers(await call(`POST ${path}`, body), 201, {
        ...body, id, authentication: { deviceSelection: 'DEFAULT_TO_FIRST' },
        notificationsPolicy: whole({}), forSignOnPolicy: false,
        createdAt: time, updatedAt: time, default: false });
    const at = `${path}/${made.id}`;

    const former = (await call(`GET ${path}`)).json._embedded
        .deviceAuthenticationPolicies.find((one) => one.default);
    answers(await call(`PUT ${at}`, { ...body, default: true }), 200,
            { id: made.id, default: true });
    answers(await call(`GET ${path}/${former.id}`), 200, { default: false });
    refuses(await call(`DELETE ${at}`), 400, 'INVALID_DATA', {
        code: 'CONSTRAINT_VIOLATION', message: 'It is not possible to remove ' +
            'default device authentication policy.' });
    const { _links, environment, ...back } = former;
    answers(await call(`PUT ${path}/${former.id}`, { ...back,
                                                     default: true }), 200);
    answers(await call(`DELETE ${at}`), 204);

    const nine = structuredClone(body);
    nine.sms.otp.failure.count = 9;
    refuses(await call(`POST ${path}`, nine), 400, 'INVALID_DATA', {
        code: 'OUT_OF_RANGE', target: 'sms.otp.failure.count',
        innerError: whole({ rangeMinimumValue: 1, rangeMaximumValue: 7 }) });
});

test('mfa E.10, F-9: settings', async () => {
    const path = `${api}/mfaSettings`;
    const fresh = { environment: whole({ id: env }),
        pairing: whole({ maxAllowedDevices: 5,
                         pairingKeyFormat: 'ALPHANUMERIC' }), // M9
        authentication: whole({ deviceSelection: 'DEFAULT_TO_FIRST' }),
        phoneExtensions: whole({ enabled: false }),
        users: whole({ mfaEnabled: false }) };
    const links = { _links: { self: to(path), environment: to(api) } };
    const before = answers(await call(`GET ${path}`), 200,
                           { ...links, ...fresh });
    assert.equal('lockout' in before, false);
    const put = { pairing: { maxAllowedDevices: 8,
                             pairingKeyFormat: 'ALPHANUMERIC' },
                  lockout: { failureCount: 10, durationSeconds: 900 } };
    answers(await call(`PUT ${path}`, put), 200,
            { ...links, ...put, updatedAt: time });
    answers(await call(`DELETE ${path}`), 204);
    answers(await call(`GET ${path}`), 200, { ...links, ...fresh });
});

test('mfa E.11: user flag and other errors', async () => {
    const user = await paula({ mfaEnabled: false });
    const flag = `${user.at}/mfaEnabled`;
    answers(await call(`PUT ${flag}`, { mfaEnabled: true }), 200, whole({
        _links: { self: to(flag), user: to(user.at) }, mfaEnabled: true }));
    refuses(await call(`POST ${auths}`, { user: { id: user.id } }), 400,
            'REQUEST_FAILED', { code: 'NO_USABLE_DEVICES' });
    for (let i = 0; i < 5; i++)
        answers(await call(`POST ${user.devices}`, {
            type: 'EMAIL', email: `p${i}@mail.example.org` }), 201);
    refuses(await call(`POST ${user.devices}`, {
        type: 'EMAIL', email: 'p5@mail.example.org' }), 400, 'REQUEST_FAILED',
            { code: 'LIMIT_EXCEEDED', innerError: whole({
                maximumAllowed: 5 }) });
    const none = `${user.devices}/9e27c1d8-5b64-4f0a-8d13-6c2fa07be451`;
    refuses(await call(`GET ${none}`), 404, 'NOT_FOUND');
    refuses(await call(`GET ${none}`, undefined, json, {}), 401,
            'ACCESS_FAILED', { code: 'INVALID_TOKEN' });
    const begun = await call(`POST ${auths}`, { user: { id: user.id } });
    refuses(await call(`POST ${auths}/${begun.json.id}`, 'otp=1',
                       'text/plain'), 415, 'INVALID_REQUEST');
});

await run();
