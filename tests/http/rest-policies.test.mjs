// SPDX-License-Identifier: MIT
// tests/http/rest-policies.test.mjs - MFA service API: device authentication
// policies (B.4, E.9).
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder } from './lib/daemon.mjs';
import { mustBe } from './lib/flow.mjs';
import { addDevice, codeFor, devicePolicy, json, mobile, mustComplete, started,
         mfaUser } from './lib/mfa.mjs';
import { mustAnswer, mustRefuse, startRest, uuid, vendor } from
    './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const branch = { acr: 'urn:test:branch', steps: [
    { adapter: 'password' },
    { adapter: 'mfa', input: { userId: 'password.userId',
                               policy: { value: 'Branch staff' } } }] };
const rest = await startRest({
    policies: [devicePolicy('Below', { mobile: mobile({
        push: { enabled: true, numberMatching: { enabled: false } } }) })],
    mfa: { policy_by_acr: { 'urn:test:nobody': 'Ping widget' } },
    signOn: { branch },
    clients: { spa: { policies: ['otp', 'mfa', 'mfa-ping', 'open', 'branch',
                                 'Below'] } } });
const path = `${rest.base}/deviceAuthenticationPolicies`;
const [{ id: app }] = (await json(rest.daemon, 'policies', 'get'))
    .flatMap((one) => one.mobile.applications);

const minutes = (duration) => ({ duration, timeUnit: 'MINUTES' });
const seconds = (duration) => ({ duration, timeUnit: 'SECONDS' });
const failure = (coolDown = minutes(2)) => ({ count: 3, coolDown });
const sent = (enabled, otp) => ({ enabled, otp: {
    lifeTime: minutes(30), failure: failure(minutes(0)), ...otp } });
const phone = (members) => ({ id: app, push: { enabled: true,
                                               numberMatching: { enabled:
                                                                 true } },
                              otp: { enabled: true }, ...members });
const mobiles = (...applications) => ({
    enabled: true, otp: { failure: failure() }, applications });
let made = 0;
const policy = (over) => ({
    name: `Policy ${made++}`, default: false,
    sms: sent(true), voice: sent(false), email: sent(true),
    mobile: mobiles(), totp: { enabled: true, otp: { failure: failure() } },
    fido2: { enabled: false }, ...over });

const post = async (over) => mustAnswer(await rest.post(path, policy(over)),
                                        201);
const list = async () => mustAnswer(await rest.get(path));
const policies = async () =>
    (await list())._embedded.deviceAuthenticationPolicies;
const drop = async ({ id }) =>
    assert.equal((await rest.delete(`${path}/${id}`)).status, 204);

// What is refused, and why.
const refuse = async (over, detail, target, inner) => {
    const told = mustRefuse(await rest.post(path, policy(over)), 400,
                            'INVALID_DATA', detail, target);
    if (inner)
        assert.deepEqual(told.innerError, inner);
    return told;
};
const range = (rangeMinimumValue, rangeMaximumValue) =>
    ({ rangeMinimumValue, rangeMaximumValue });

// --- One policy

test('mfa B.4-1: the list has the policies of the configuration file',
     async () => {
         const all = await list();
         assert.equal(all.count, all.size);
         const names = all._embedded.deviceAuthenticationPolicies.map(
             ({ name }) => name);
         for (const name of ['Default', 'Ping widget', 'Below'])
             assert.ok(names.includes(name), name);
         const [first] = all._embedded.deviceAuthenticationPolicies;
         assert.equal(first.default, true);
         assert.equal(first._links.self.href,
                      `${rest.daemon.base}${path}/${first.id}`);
     });

test('mfa B.4-2,4,7, mfa E.9: a policy is made and read', async () => {
    const reply = await rest.post(path, policy({
        name: 'Transcript', sms: sent(true, {
            lifeTime: minutes(10), failure: failure(), otpLength: 6 }),
        mobile: mobiles(phone({ pushTimeout: seconds(60) })),
        totp: { enabled: true, otp: { failure: failure() },
                uriParameters: { issuer: 'Example Bank' } } }));
    const one = mustAnswer(reply, 201);
    assert.match(one.id, uuid);
    assert.equal(reply.headers.location, one._links.self.href);
    assert.equal(one._links.self.href,
                 `${rest.daemon.base}${path}/${one.id}`);
    assert.equal(one._links.applications.href,
                 `${rest.daemon.base}${rest.base}/applications`);
    assert.deepEqual(one.environment, { id: rest.env });
    assert.equal(one.name, 'Transcript');
    assert.equal(one.default, false);
    assert.equal(one.forSignOnPolicy, false);
    assert.deepEqual(one.authentication,
                     { deviceSelection: 'DEFAULT_TO_FIRST' });
    assert.deepEqual(one.notificationsPolicy, {});
    assert.equal(one.createdAt, one.updatedAt);
    assert.deepEqual(one.sms.otp.lifeTime, minutes(10));
    assert.deepEqual(one.totp.uriParameters, { issuer: 'Example Bank' });
    assert.deepEqual(one.mobile.applications[0].pushTimeout, seconds(60));
    assert.deepEqual(mustAnswer(await rest.get(`${path}/${one.id}`)), one);
});

test('mfa B.4-10..29,36,37,62,63,68,73,78..85, F-11,12: each is printed, by ' +
     'default', async () => {
         const { id, name, environment, _links, createdAt, updatedAt,
                 ...shown } = await post({ fido2: undefined });
         const off = { enabled: false, pairingDisabled: false,
                       promptForNicknameOnPairing: false };
         const on = { ...off, enabled: true };
         const printed = (enabled) => ({ ...off, enabled, otp: {
             ...sent().otp, otpLength: 6 } });
         assert.deepEqual(shown, {
             default: false, forSignOnPolicy: false,
             authentication: { deviceSelection: 'DEFAULT_TO_FIRST' },
             newDeviceNotification: 'EMAIL_THEN_SMS', ignoreUserLock: false,
             blockUsersWithDisabledMfa: true, notificationsPolicy: {},
             rememberMe: { web: { enabled: false, lifeTime: {
                 duration: 30, timeUnit: 'DAYS' } } },
             sms: printed(true), voice: printed(false), email: printed(true),
             whatsApp: printed(false),
             mobile: { ...on, otp: { failure: failure() },
                       applications: [] },
             totp: { ...on, otp: { failure: failure() },
                     passcodeGracePeriod: 5, uriParameters: {} },
             fido2: { ...off, failure: failure() },
             oathToken: { ...off, otp: { failure: failure() } },
             yubikey: { ...off, otp: { failure: failure() } },
             pingIdDesktopGen2: { ...off, otp: { failure: failure() } },
             desktop: { ...off, otp: { failure: failure() },
                        pairingKeyLifetime: { duration: 48,
                                              timeUnit: 'HOURS' } } });
     });

test('mfa B.4-5,11..15, mfa A.4-3: PUT clears what is left out', async () => {
    const all = {
        authentication: { deviceSelection: 'ALWAYS_DISPLAY_DEVICES' },
        newDeviceNotification: 'NONE', ignoreUserLock: true,
        blockDisabledUsers: true, blockUsersWithDisabledMfa: false,
        email: { ...sent(true), pairingDisabled: true,
                 promptForNicknameOnPairing: true } };
    const { id, name, createdAt, ...one } = await post(all);
    for (const [member, value] of Object.entries(all))
        if (member !== 'email')
            assert.deepEqual(one[member], value, member);
    assert.equal(one.email.pairingDisabled, true);
    const cleared = mustAnswer(await rest.put(`${path}/${id}`,
                                              policy({ name })));
    assert.equal(cleared.id, id);
    assert.equal(cleared.createdAt, createdAt);
    assert.ok(Date.parse(cleared.updatedAt) >= Date.parse(createdAt));
    assert.equal(cleared.newDeviceNotification, 'EMAIL_THEN_SMS');
    assert.equal(cleared.ignoreUserLock, false);
    assert.equal(cleared.blockUsersWithDisabledMfa, true);
    assert.equal('blockDisabledUsers' in cleared, false);
    assert.equal(cleared.email.pairingDisabled, false);
    assert.deepEqual(mustAnswer(await rest.get(`${path}/${id}`)), cleared);
});

test('mfa B.4-4..6: what is not there is not found', async () => {
    for (const id of [randomUUID(), 'x'.repeat(300), '..%2f', 'Default']) {
        const at = `${path}/${id}`;
        mustRefuse(await rest.get(at), 404, 'NOT_FOUND');
        mustRefuse(await rest.put(at, policy()), 404, 'NOT_FOUND');
        mustRefuse(await rest.delete(at), 404, 'NOT_FOUND');
    }
});

// --- Names and the default

test('mfa B.4-8, mfa A.8-7: a name: there, short, taken once', async () => {
    const one = await post();
    const taken = await refuse({ name: one.name }, 'UNIQUENESS_VIOLATION',
                               'name');
    assert.deepEqual(taken.innerError, { existingId: one.id });
    const other = await post();
    mustRefuse(await rest.put(`${path}/${other.id}`,
                              policy({ name: one.name })), 400,
               'INVALID_DATA', 'UNIQUENESS_VIOLATION', 'name');
    mustAnswer(await rest.put(`${path}/${one.id}`,
                              policy({ name: one.name })));
    await refuse({ name: one.id }, 'UNIQUENESS_VIOLATION', 'name');
    await refuse({ name: 'x'.repeat(257) }, 'SIZE_LIMIT_EXCEEDED', 'name',
                 { maximumValue: 256 });
    await refuse({ name: '' }, 'EMPTY_VALUE', 'name');
    await refuse({ name: undefined }, 'REQUIRED_VALUE', 'name');
    await drop(await post({ name: 'x'.repeat(256) }));
});

test('mfa B.4-5,6,9, A.8-8, E.9: always exactly one default', async () => {
    const defaults = async () => (await policies())
        .filter((one) => one.default).map(({ id }) => id);
    const [old] = await defaults();
    const one = await post({ default: true });
    assert.deepEqual(await defaults(), [one.id]);
    const refused = mustRefuse(await rest.delete(`${path}/${one.id}`), 400,
                               'INVALID_DATA', 'CONSTRAINT_VIOLATION',
                               undefined);
    assert.match(refused.message,
                 /remove default device authentication policy/);
    mustRefuse(await rest.put(`${path}/${one.id}`, policy()), 400,
               'INVALID_DATA', 'CONSTRAINT_VIOLATION', 'default');
    const { _links, environment, ...before } =
        mustAnswer(await rest.get(`${path}/${old}`));
    mustAnswer(await rest.put(`${path}/${old}`, { ...before,
                                                  default: true }));
    assert.deepEqual(await defaults(), [old]);
    await drop(one);
    assert.deepEqual(await defaults(), [old]);
});

test('two that become the default at once: one is', async () => {
    const ones = await Promise.all([1, 2, 3, 4].map(() => post()));
    const [old] = (await policies()).filter((one) => one.default);
    await Promise.all(ones.map(({ id, name }) =>
        rest.put(`${path}/${id}`, policy({ name, default: true }))));
    assert.equal((await policies()).filter((one) => one.default).length, 1);
    const { _links, ...back } = old;
    mustAnswer(await rest.put(`${path}/${old.id}`, { ...back,
                                                     default: true }));
    for (const one of ones)
        await drop(one);
});

test('a policy that policy_by_acr names stays, under its name', async () => {
    const { _links, ...one } = (await policies()).find(
        ({ name }) => name === 'Ping widget');
    const told = mustRefuse(await rest.delete(`${path}/${one.id}`), 400,
                            'INVALID_DATA', 'CONSTRAINT_VIOLATION', undefined);
    assert.match(told.message, /policy_by_acr .*"Ping widget"/);
    mustRefuse(await rest.put(`${path}/${one.id}`, { ...one, name: 'Else' }),
               400, 'INVALID_DATA', 'CONSTRAINT_VIOLATION', undefined);
    mustAnswer(await rest.put(`${path}/${one.id}`, one));
});

// --- Ranges

const sentRanges = [
    [{ lifeTime: minutes(121) }, 'lifeTime.duration', range(1, 120)],
    [{ lifeTime: seconds(7201) }, 'lifeTime.duration', range(1, 7200)],
    [{ lifeTime: minutes(0) }, 'lifeTime.duration', range(1, 7200)],
    [{ failure: { ...failure(), count: 0 } }, 'failure.count', range(1, 7)],
    [{ failure: { ...failure(), count: 9 } }, 'failure.count', range(1, 7)],
    [{ failure: failure(minutes(31)) }, 'failure.coolDown.duration',
     range(0, 30)],
    [{ failure: failure(seconds(1801)) }, 'failure.coolDown.duration',
     range(0, 1800)],
    [{ otpLength: 5 }, 'otpLength', range(6, 8)],
    [{ otpLength: 9 }, 'otpLength', range(6, 8)],
    [{ otpLength: 10 }, 'otpLength', range(6, 8)],
];
for (const method of ['sms', 'voice', 'email'])
    test(`mfa B.4-20,27,30..35, F-10, E.9: what ${method} may be`, async () => {
        for (const [otp, target, inner] of sentRanges)
            await refuse({ [method]: sent(true, otp) }, 'OUT_OF_RANGE',
                         `${method}.otp.${target}`, inner);
        const most = sent(true, { lifeTime: minutes(120), otpLength: 8,
                                  failure: { count: 7,
                                             coolDown: seconds(1800) } });
        const one = await post({ [method]: most });
        assert.deepEqual(one[method].otp, most.otp);
        await drop(one);
        await refuse({ [method]: undefined }, 'REQUIRED_VALUE', method);
        await refuse({ [method]: { otp: sent().otp } }, 'REQUIRED_VALUE',
                     `${method}.enabled`);
        await refuse({ [method]: sent(true, { lifeTime: {
            duration: 1, timeUnit: 'HOURS' } }) }, 'INVALID_VALUE',
                     `${method}.otp.lifeTime.timeUnit`,
                     { allowedValues: ['MINUTES', 'SECONDS'] });
    });

test('mfa A.4-5,7, mfa B.4-16: integers as texts and fractions; unknown members',
     async () => {
         const one = await post({
             bypassBlockedWhenMfaDisabled: true, nobody: 'knows this',
             sms: sent(true, { failure: { count: '4',
                                          coolDown: minutes(1.9) } }) });
         assert.deepEqual(one.sms.otp.failure, { count: 4,
                                                 coolDown: minutes(1) });
         assert.equal('bypassBlockedWhenMfaDisabled' in one, false);
         assert.equal('nobody' in one, false);
         await drop(one);
     });

const times = (least, most) => [
    [minutes(Math.ceil(least / 60)), null], [seconds(most), null],
    [seconds(least), null],
    ...(least > 1 ? [[seconds(least - 1), range(least, most)]] : []),
    [minutes(most / 60 + 1), range(Math.ceil(least / 60), most / 60)]];

test('mfa B.4-38..40: passcodes of phones', async () => {
    for (const [coolDown, inner] of times(120, 1800)) {
        const over = { mobile: { ...mobiles(),
                                 otp: { failure: failure(coolDown) } } };
        if (inner)
            await refuse(over, 'OUT_OF_RANGE',
                         'mobile.otp.failure.coolDown.duration', inner);
        else
            await drop(await post(over));
    }
    const one = await post({ mobile: { ...mobiles(), otp: {
        failure: failure(), window: { stepSize: seconds(30) } } } });
    assert.deepEqual(one.mobile.otp, { failure: failure() });
    await refuse({ mobile: { ...mobiles(), otp: {
        failure: failure(), window: { stepSize: seconds(60) } } } },
                 'OUT_OF_RANGE', 'mobile.otp.window.stepSize.duration',
                 range(30, 30));
    await drop(one);
});

test('mfa B.4-64..67: TOTP', async () => {
    const totp = (members) => ({ totp: {
        enabled: true, otp: { failure: failure() }, ...members } });
    for (const [coolDown, inner] of times(1, 1800)) {
        const over = totp({ otp: { failure: failure(coolDown) } });
        if (inner)
            await refuse(over, 'OUT_OF_RANGE',
                         'totp.otp.failure.coolDown.duration', inner);
        else
            await drop(await post(over));
    }
    for (const passcodeGracePeriod of [0, 11])
        await refuse(totp({ passcodeGracePeriod }), 'OUT_OF_RANGE',
                     'totp.passcodeGracePeriod', range(1, 10));
    await refuse(totp({ uriParameters: { issuer: 7 } }), 'INVALID_VALUE',
                 'totp.uriParameters.issuer');
});

// --- Applications of a policy

const applicationRows = [
    [{ id: randomUUID() }, 'INVALID_VALUE', 'id'],
    [{ id: 'none' }, 'INVALID_VALUE', 'id'],
    [{ id: undefined }, 'REQUIRED_VALUE', 'id'],
    [{ push: {} }, 'REQUIRED_VALUE', 'push.enabled'],
    [{ push: { enabled: true, numberMatching: {} } }, 'REQUIRED_VALUE',
     'push.numberMatching.enabled'],
    [{ otp: {} }, 'REQUIRED_VALUE', 'otp.enabled'],
    [{ pushTimeout: seconds(151) }, 'OUT_OF_RANGE', 'pushTimeout.duration',
     range(1, 150)],
    [{ pushTimeout: minutes(1) }, 'INVALID_VALUE', 'pushTimeout.timeUnit'],
    [{ pairingKeyLifetime: { duration: 49, timeUnit: 'HOURS' } },
     'OUT_OF_RANGE', 'pairingKeyLifetime.duration', range(1, 48)],
    [{ pushLimit: { count: 51 } }, 'OUT_OF_RANGE', 'pushLimit.count',
     range(1, 50)],
    [{ pushLimit: { timePeriod: seconds(59) } }, 'OUT_OF_RANGE',
     'pushLimit.timePeriod.duration', range(60, 7200)],
    [{ pushLimit: { lockDuration: minutes(121) } }, 'OUT_OF_RANGE',
     'pushLimit.lockDuration.duration', range(1, 120)],
    [{ deviceAuthorization: {} }, 'REQUIRED_VALUE',
     'deviceAuthorization.enabled'],
    [{ deviceAuthorization: { enabled: true,
                              extraVerification: 'permissive' } },
     'INVALID_VALUE', 'deviceAuthorization.extraVerification'],
    [{ autoEnrollment: {} }, 'REQUIRED_VALUE', 'autoEnrollment.enabled'],
    [{ integrityDetection: 'restrictive' }, 'INVALID_VALUE',
     'integrityDetection'],
    [{ type: 'pingIdAppConfig' }, 'INVALID_VALUE', 'type'],
    [{ biometricsEnabled: true }, 'INVALID_VALUE', 'biometricsEnabled'],
    [{ ipPairingConfiguration: { anyIPAdress: true } }, 'INVALID_VALUE',
     'ipPairingConfiguration'],
    [{ newRequestDurationConfiguration: {} }, 'INVALID_VALUE',
     'newRequestDurationConfiguration'],
];
test('mfa B.4-41..61: what an application may be allowed',
     async () => {
         for (const [members, detail, target, inner] of applicationRows)
             await refuse({ mobile: mobiles(phone(members)) }, detail,
                          `mobile.applications[0].${target}`, inner);
         await refuse({ mobile: mobiles(phone(), phone()) }, 'INVALID_VALUE',
                      'mobile.applications[1].id');
         const all = phone({
             pushTimeout: seconds(1),
             pairingKeyLifetime: { duration: 48, timeUnit: 'HOURS' },
             pushLimit: { count: 50, timePeriod: minutes(120),
                          lockDuration: seconds(1) },
             deviceAuthorization: { enabled: true,
                                    extraVerification: 'restrictive' },
             autoEnrollment: { enabled: true },
             integrityDetection: 'permissive', pairingDisabled: true,
             pairingConfirmation: { enabled: false } });
         const one = await post({ mobile: mobiles(all) });
         const { refuseSameClient, ...push } =
             one.mobile.applications[0].push;
         assert.equal(refuseSameClient, false);
         assert.deepEqual({ ...one.mobile.applications[0], push }, all);
         await drop(one);
     });

test('mfa B.4-45, M2: number matching is on, and off only where it was',
     async () => {
         const below = { enabled: true, numberMatching: { enabled: false } };
         const one = await post({ mobile: mobiles(phone({
             push: { enabled: true } })) });
         assert.deepEqual(one.mobile.applications[0].push.numberMatching,
                          { enabled: true });
         const told = await refuse(
             { mobile: mobiles(phone({ push: below })) }, 'INVALID_VALUE',
             'mobile.applications[0].push.numberMatching.enabled');
         assert.match(told.message, /below the standard .* ping_defaults/);
         mustRefuse(await rest.put(`${path}/${one.id}`, policy({
             name: one.name, mobile: mobiles(phone({ push: below })) })), 400,
                    'INVALID_DATA', 'INVALID_VALUE',
                    'mobile.applications[0].push.numberMatching.enabled');
         // A push that is off needs no number; switched on, it does.
         const off = { ...below, enabled: false };
         mustAnswer(await rest.put(`${path}/${one.id}`, policy({
             name: one.name, mobile: mobiles(phone({ push: off })) })));
         mustRefuse(await rest.put(`${path}/${one.id}`, policy({
             name: one.name, mobile: mobiles(phone({ push: below })) })), 400,
                    'INVALID_DATA', 'INVALID_VALUE',
                    'mobile.applications[0].push.numberMatching.enabled');
         const { _links, ...weak } = (await policies()).find(
             ({ name }) => name === 'Below');
         assert.equal(mustAnswer(await rest.put(`${path}/${weak.id}`, weak))
             .mobile.applications[0].push.numberMatching.enabled, false);
         await drop(one);
     });

test('mfa B.4-45,53, M2, M10: ping_defaults lets them pass',
     async () => {
         const weak = await startRest({ mfa: { ping_defaults: true } });
         const [{ id }] = mustAnswer(
             await weak.get(`${weak.base}/applications`))
             ._embedded.applications;
         const one = mustAnswer(await weak.post(
             `${weak.base}/deviceAuthenticationPolicies`, policy({
                 mobile: mobiles({ id, push: { enabled: true },
                                   deviceAuthorization: {
                     enabled: true, extraVerification: 'permissive' } }) })),
                                201);
         const [entry] = one.mobile.applications;
         assert.equal(entry.push.numberMatching.enabled, false);
         assert.equal(entry.deviceAuthorization.extraVerification,
                      'permissive');
     });

// --- What is not in (R3)

const foreign = ['whatsApp', 'fido2', 'oathToken', 'desktop', 'yubikey',
                 'pingIdDesktopGen2'];
test('R3, mfa B.4-14,17..19,21,24..26,68..77: off alone',
     async () => {
         for (const name of foreign) {
             await refuse({ [name]: { enabled: true } }, 'INVALID_VALUE',
                          `${name}.enabled`);
             await refuse({ [name]: {} }, 'REQUIRED_VALUE', `${name}.enabled`);
             const block = { enabled: false, pairingDisabled: true };
             block[name === 'fido2' ? 'failure' : 'otp'] =
                 name === 'fido2' ? failure(minutes(7))
                                  : { failure: failure(minutes(7)) };
             const one = await post({ [name]: block });
             assert.equal(one[name].enabled, false);
             const { coolDown } = (one[name].otp ?? one[name]).failure;
             assert.deepEqual(coolDown, minutes(name === 'whatsApp' ? 0 : 2));
             await drop(one);
         }
         await refuse({ fido2: { enabled: false,
                                 failure: { ...failure(), count: 8 } } },
                      'OUT_OF_RANGE', 'fido2.failure.count', range(1, 7));
         await refuse({ rememberMe: { web: { enabled: true } } },
                      'INVALID_VALUE', 'rememberMe.web.enabled');
         await refuse({ notificationsPolicy: { id: randomUUID() } },
                      'INVALID_VALUE', 'notificationsPolicy.id');
         await refuse({ blockDisabledUsers: false }, 'INVALID_VALUE',
                      'blockDisabledUsers');
         await drop(await post({ fido2: { enabled: false,
                                          fido2PolicyId: null } }));
     });

test('R3, mfa B.4-3, mfa A.9-14: FIDO2 policies are not moved to', async () => {
    const action = 'deviceAuthenticationPolicy.fido2.migrate';
    const [{ id }] = await policies();
    const reply = await rest.post(path, { migrationData: [
        { deviceAuthenticationPolicyId: id }] }, { type: vendor(action) });
    mustRefuse(reply, 400, 'INVALID_DATA', 'INVALID_VALUE', 'migrationData');
    mustRefuse(await rest.post(path, {}, { type: vendor(action) }), 400,
               'INVALID_DATA', 'REQUIRED_VALUE', 'migrationData');
});

// --- What it is for

test('a policy made by REST governs a sign-on', async () => {
    const one = await post({ name: 'Branch staff',
                             email: sent(true, { otpLength: 8 }),
                             sms: sent(false) });
    const user = await mfaUser(rest.daemon);
    await addDevice(rest.daemon, user, 'EMAIL');
    await addDevice(rest.daemon, user, 'SMS');
    const flow = await started(rest.daemon, user, 'branch');
    assert.equal(mustBe(flow.reply, 'OTP_REQUIRED', flow.reply.json &&
        Object.keys(flow.reply.json._links).filter((name) =>
            name !== 'self')).otpLength, 8);
    const code = await codeFor(rest.daemon, user.email);
    assert.match(code, /^\d{8}$/);
    mustComplete(await flow.act('checkOtp', { otp: code }));

    // Another default device, by the same policy, from one commit to the next.
    mustAnswer(await rest.put(`${path}/${one.id}`, policy({
        name: 'Branch staff', email: sent(false),
        sms: sent(true, { otpLength: 7 }) })));
    const next = await started(rest.daemon, user, 'branch');
    assert.match(await codeFor(rest.daemon, user.phone), /^\d{7}$/);
    assert.equal(next.state.status, 'OTP_REQUIRED');

    // Gone: no sign-on by another one in its place.
    await drop(one);
    const gone = await started(rest.daemon, user, 'branch').catch((e) => e);
    assert.ok(gone instanceof Error);
});

test('factorctl sees what REST wrote, and the reverse', async () => {
    const one = await post({ mobile: mobiles(phone()) });
    const seen = await json(rest.daemon, 'policies', 'get');
    assert.equal(seen.find(({ id }) => id === one.id).name, one.name);
    const file = join(newFolder(), 'policies.json');
    const write = async (value) => {
        writeFileSync(file, JSON.stringify(value));
        return rest.daemon.ctl('policies', 'put', file);
    };
    const renamed = seen.map((each) => each.id === one.id
        ? { ...each, name: 'By factorctl', $comment: 'ours',
            sms: { enabled: true } } : each);
    const { status, stderr } = await write(renamed);
    assert.equal(status, 0, stderr);
    const now = mustAnswer(await rest.get(`${path}/${one.id}`));
    assert.equal(now.name, 'By factorctl');
    assert.equal('$comment' in now, false);
    assert.deepEqual(now.sms.otp, { ...sent().otp, otpLength: 6 });
    const odd = await write(renamed.map((each) => ({ ...each, smz: {} })));
    assert.match(odd.stderr, /smz: is not known; did you mean "sms"\?/);
    await drop(one);
});

test('mfa A.8-9: as many policies as there is room for', async () => {
    const many = await startRest();
    const at = `${many.base}/deviceAuthenticationPolicies`;
    for (let i = 0; ; i++) {
        assert.ok(i < 70);
        const reply = await many.post(at, policy());
        if (reply.status === 201)
            continue;
        mustRefuse(reply, 400, 'REQUEST_FAILED', 'LIMIT_EXCEEDED', undefined);
        assert.ok(i > 20, `${i} policies`);
        break;
    }
});

await run();
