// SPDX-License-Identifier: MIT
// The actions of the MFA adapter (D.4): models, errors, what comes next.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { approve, begin, codeFor, codesTo, devicePolicy, json,
         mfaConfig, mfaUser, mobile, mustComplete, outcome, second,
         started, userWith, wrong } from './lib/mfa.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const named = { promptForNicknameOnPairing: true };
const managed = { manage_devices: true, prompt_setup: true, allow_skip: true };
const few = { max_resends: 2, resend_cooldown: '20s' };

const d = await startDaemon(mfaConfig({
    policies: [devicePolicy('silent', { mobile: mobile({
        deviceAuthorization: { enabled: true,
                               extraVerification: 'restrictive' } }) })] }));
const c = await startDaemon(mfaConfig({ mfa: few }), { now: Date.now() });
const self = await startDaemon(mfaConfig({
    mfa: managed,
    fallback: { totp: { enabled: true, passcodeGracePeriod: 1, ...named },
                mobile: { enabled: true, ...named } } }));

const goesOn = ['continueAuthentication'];

// Refused, and nothing has changed.
async function mustRefuse(flow, act, code, detail, target)
{
    const before = (await flow.get()).json;
    const error = mustFail(await act(flow), 400, code, detail);
    assert.equal(error.details[0].target, target);
    assert.deepEqual((await flow.get()).json, before);
    return error;
}

async function atOtp(daemon = d, kind = 'EMAIL')
{
    const all = await userWith(daemon, kind);
    const flow = await started(daemon, all.user);
    mustBe(flow.reply, 'OTP_REQUIRED');
    return { ...all, flow };
}

// --- authenticate

test('authn D.4-1, authn F.4-3: authenticate with {}, with nothing',
     async () => {
    for (const model of [{}, undefined, { mobilePayload: undefined }]) {
        const { user } = await userWith(d, 'TOTP');
        const flow = await begin(d, user);
        mustBe(await flow.act('authenticate', model), 'OTP_REQUIRED');
    }
});

test('authn D.4-1, authn G-13: a payload of another type, one too long',
     async () => {
    const { user } = await userWith(d, 'TOTP');
    const flow = await begin(d, user);
    for (const [mobilePayload, code] of [
        [{}, 'INVALID_FIELD_FORMAT'],
        ['x'.repeat(8192), 'INVALID_MOBILE_PAYLOAD'],
        ['x'.repeat(16385), 'INVALID_FIELD_FORMAT']])
        await mustRefuse(flow, () => flow.act('authenticate',
                                              { mobilePayload }),
                         'VALIDATION_ERROR', code, 'mobilePayload');
});

// --- selectDevice

test('authn D.4-2: selectDevice: what follows, by type', async () => {
    const { user } = await userWith(d, 'EMAIL', 'SMS', 'VOICE', 'TOTP',
                                    'PHONE');
    const flow = await started(d, user);
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
    const devices = flow.devices;
    const next = { Email: 'OTP_REQUIRED', SMS: 'OTP_REQUIRED',
                   Voice: 'OTP_REQUIRED', TOTP: 'OTP_REQUIRED',
                   Android: 'PUSH_CONFIRMATION_WAITING' };
    assert.deepEqual(devices.map(({ type }) => type).sort(),
                     Object.keys(next).sort());
    for (const device of devices) {
        const one = await started(d, user);
        const state = mustBe(await one.select(device), next[device.type]);
        assert.deepEqual(state.selectedDeviceRef, { id: device.id });
        assert.deepEqual(state.devices, devices);
    }
});

test('authn D.4-2: selectDevice: the model', async () => {
    const { user } = await userWith(d, 'EMAIL', 'SMS');
    const { user: other } = await userWith(d, 'EMAIL', 'SMS');
    const flow = await started(d, user);
    const theirs = (await started(d, other)).devices[0].id;
    const select = (model) => () => flow.act('selectDevice', model);
    await mustRefuse(flow, select({}), 'VALIDATION_ERROR', 'FIELD_REQUIRED',
                     'deviceRef');
    await mustRefuse(flow, select({ deviceRef: {} }), 'VALIDATION_ERROR',
                     'FIELD_REQUIRED', 'id');
    await mustRefuse(flow, select({ deviceRef: 'x' }), 'VALIDATION_ERROR',
                     'INVALID_FIELD_FORMAT', 'deviceRef');
    for (const id of ['nope', theirs])
        await mustRefuse(flow, select({ deviceRef: { id } }),
                         'VALIDATION_ERROR', 'INVALID_DEVICE', 'deviceRef');
});

test('authn D.4-2, S5: one click sends two requests, one message',
     async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user);
    const [sms] = flow.devices.filter(({ type }) => type === 'SMS');
    mustBe(await flow.select(sms), 'OTP_REQUIRED');
    mustBe(await flow.select(sms), 'OTP_REQUIRED');
    const code = await codeFor(c, user.phone);
    await c.settled();
    assert.equal(codesTo(c, user.phone), 1);
    c.advance(3 * second);
    const early = mustFail(await flow.select(sms), 400, 'REQUEST_FAILED',
                           'OTP_RESEND_TOO_SOON');
    assert.equal(early.details[0].retryAfterSeconds, 17);
    c.advance(17 * second);
    mustBe(await flow.select(sms), 'OTP_REQUIRED');
    assert.notEqual(await codeFor(c, user.phone), code);
});

test('authn D.4-2: selectDevice takes an app\'s payload', async () => {
    const { user } = await userWith(d, 'EMAIL', 'SMS');
    const phone = await Phone.make(d);
    const flow = await started(d, user);
    const deviceRef = { id: flow.device('SMS').id };
    await mustRefuse(flow, () => flow.act('selectDevice', {
        deviceRef, mobilePayload: '###' }), 'VALIDATION_ERROR',
                     'INVALID_MOBILE_PAYLOAD', 'mobilePayload');
    mustBe(await flow.act('selectDevice', {
        deviceRef, mobilePayload: await phone.payload('spa') }),
           'OTP_REQUIRED');
    const { serverPayload } = mustBe(
        await flow.check(await codeFor(d, user.phone)),
        'MOBILE_PAIRING_REQUIRED', goesOn);
    assert.equal((await phone.pair(serverPayload)).status, 201);
    assert.equal((await outcome(flow))[0], 'device_paired');
});

// --- checkOtp

test('authn D.4-3: checkOtp: wrong codes and what is left', async () => {
    const { user, flow } = await atOtp();
    const code = await codeFor(d, user.email);
    await mustRefuse(flow, () => flow.act('checkOtp', {}), 'VALIDATION_ERROR',
                     'FIELD_REQUIRED', 'otp');
    await mustRefuse(flow, () => flow.act('checkOtp', { otp: {} }),
                     'VALIDATION_ERROR', 'INVALID_FIELD_FORMAT', 'otp');
    for (const left of [2, 1]) {
        const error = await mustRefuse(
            flow, () => flow.check(wrong(code, left)), 'VALIDATION_ERROR',
            'INVALID_OTP', 'otp');
        assert.equal(error.details[0].attemptsRemaining, left);
    }
    mustBe(await flow.check(code), 'MFA_COMPLETED', goesOn);
});

test('authn D.4-3: checkOtp takes an app\'s payload', async () => {
    const { user, flow } = await atOtp();
    const phone = await Phone.make(d);
    const otp = await codeFor(d, user.email);
    await mustRefuse(flow, () => flow.act('checkOtp', {
        otp, mobilePayload: '###' }), 'VALIDATION_ERROR',
                     'INVALID_MOBILE_PAYLOAD', 'mobilePayload');
    const { serverPayload } = mustBe(await flow.act('checkOtp', {
        otp, mobilePayload: await phone.payload('spa') }),
                                     'MOBILE_PAIRING_REQUIRED', goesOn);
    assert.equal((await phone.pair(serverPayload)).status, 201);
    assert.equal((await outcome(flow))[0], 'device_paired');
});

test('authn D.4-3, authn F.4-9: a wrong code on the push page', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    const flow = await started(d, user);
    const error = await mustRefuse(
        flow, () => flow.check(wrong(phone.code(), 500)), 'VALIDATION_ERROR',
        'INVALID_OTP', 'otp');
    assert.equal(error.details[0].attemptsRemaining, 2);
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
});

// --- poll, resendOtp, continueAuthentication, cancelAuthentication

test('authn D.4-4: poll with nothing, with {}', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    const flow = await started(d, user);
    const before = flow.state;
    for (const model of [undefined, {}])
        assert.deepEqual(mustBe(await flow.act('poll', model),
                                'PUSH_CONFIRMATION_WAITING'), before);
    await approve(flow, phone);
    mustBe(await flow.act('poll'), 'MFA_COMPLETED', goesOn);
    mustFail(await flow.act('poll'), 400, 'INVALID_ACTION_ID');
});

test('authn D.4-4, authn D.7-10: poll shows what a silent push did',
     async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    for (const look of [(flow) => flow.act('poll', {}),
                        (flow) => flow.get()]) {
        const flow = await started(d, user, 'silent', {
            mobilePayload: await phone.payload('spa') });
        const state = mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING',
                             ['poll', 'selectDevice', 'cancelAuthentication']);
        assert.deepEqual(state.selectedDeviceRef, { id: phone.device });
        assert.equal('numberMatching' in state, false);
        const asked = await phone.waiting();
        assert.equal(asked.kind, 'silent');
        assert.equal((await phone.answer(asked, 'approve')).json.result,
                     'approved');
        assert.equal(mustComplete(await look(flow)).code, 'device_authorized');
        assert.equal(mustComplete(await flow.get()).code, 'device_authorized');
        assert.deepEqual(await outcome(flow), ['device_authorized',
                                               ['mca', 'mfa', 'pwd', 'swk']]);
    }
});

test('authn D.4-5: resendOtp, not at once, and to the limit', async () => {
    const { user, flow } = await atOtp(c);
    const before = flow.state;
    let code = await codeFor(c, user.email);
    for (let i = 0; i < few.max_resends; i++) {
        c.advance(3 * second);
        const { details: [soon] } = await mustRefuse(
            flow, () => flow.act('resendOtp'), 'REQUEST_FAILED',
            'OTP_RESEND_TOO_SOON');
        assert.equal(soon.retryAfterSeconds, 17);
        c.advance(17 * second);
        assert.deepEqual(mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED'),
                         before);
        code = await codeFor(c, user.email);
    }
    c.advance(20 * second);
    await c.settled();
    const count = codesTo(c, user.email);
    await mustRefuse(flow, () => flow.act('resendOtp'), 'REQUEST_FAILED',
                     'OTP_RESEND_LIMIT');
    await c.settled();
    assert.equal(codesTo(c, user.email), count, 'nothing is sent');
    mustBe(await flow.check(code), 'MFA_COMPLETED');
});

test('authn D.4-6: continueAuthentication with nothing, with {}',
     async () => {
    for (const model of [undefined, {}]) {
        const { flow, TOTP: app } = await atOtp(d, 'TOTP');
        mustBe(await flow.check(app.code()), 'MFA_COMPLETED', goesOn);
        mustBe(await flow.act('continueAuthentication', model), 'COMPLETED',
               []);
    }
});

test('authn D.4-7: cancelAuthentication in every state of sign-on',
     async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE', 'TOTP');
    const ways = {
        AUTHENTICATION_REQUIRED: () => begin(d, user),
        DEVICE_SELECTION_REQUIRED: () => started(d, user),
        OTP_REQUIRED: async () => {
            const flow = await started(d, user);
            await flow.select('TOTP');
            return flow;
        },
        PUSH_CONFIRMATION_WAITING: async () => {
            const flow = await started(d, user);
            await flow.select('Android');
            return flow;
        },
        PUSH_CONFIRMATION_REJECTED: async () => {
            const flow = await started(d, user);
            await flow.select('Android');
            await phone.answer(await phone.waiting(), 'deny');
            await flow.get();
            return flow;
        },
    };
    for (const [state, way] of Object.entries(ways)) {
        const flow = await way();
        mustBe(flow.reply, state);
        assert.equal(mustBe(await flow.act('cancelAuthentication'), 'FAILED',
                            []).code, 'AUTHENTICATION_FAILED');
        assert.deepEqual((await phone.requests()).json.requests, []);
    }
});

// --- Pairing

const choose = (flow, deviceType, more = {}) =>
    flow.act('selectDevicePairingMethod',
             { devicePairingMethod: { deviceType, ...more } });

async function menu()
{
    const user = await mfaUser(self);
    const flow = await started(self, user);
    mustBe(flow.reply, 'MFA_SETUP_REQUIRED');
    mustBe(await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    return { user, flow };
}

test('authn D.4-11: setupMfa: MFA first for who has a device', async () => {
    const { user } = await userWith(self, 'EMAIL', 'SMS');
    const flow = await started(self, user);
    mustBe(await flow.act('setupMfa'), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(self, user.phone)),
           'DEVICE_PAIRING_METHOD_REQUIRED',
           ['selectDevicePairingMethod', 'cancelDevicePairing']);
    mustBe(await flow.act('cancelDevicePairing'), 'MFA_COMPLETED');
    assert.equal((await outcome(flow))[0], 'web_login_sms');
});

test('authn D.4-12: skipMfa', async () => {
    const flow = await started(self, await mfaUser(self), 'open');
    mustBe(flow.reply, 'MFA_SETUP_REQUIRED');
    mustBe(await flow.act('skipMfa'), 'COMPLETED', []);
    const strict = await started(self, await mfaUser(self), 'mfa');
    mustBe(await strict.act('skipMfa'), 'FAILED', []);
});

test('authn D.4-13: selectDevicePairingMethod: the model', async () => {
    const { flow } = await menu();
    const method = (devicePairingMethod) => () =>
        flow.act('selectDevicePairingMethod', { devicePairingMethod });
    await mustRefuse(flow, method(undefined), 'VALIDATION_ERROR',
                     'FIELD_REQUIRED', 'devicePairingMethod');
    await mustRefuse(flow, method({}), 'VALIDATION_ERROR', 'FIELD_REQUIRED',
                     'deviceType');
    for (const deviceType of ['PIGEON', 'FIDO2', 'PLATFORM', 'SECURITY_KEY',
                              'OATH_TOKEN', 'WHATSAPP', ''])
        await mustRefuse(flow, method({ deviceType }), 'VALIDATION_ERROR',
                         deviceType ? 'INVALID_PAIRING_METHOD'
                                    : 'FIELD_REQUIRED',
                         deviceType ? 'devicePairingMethod' : 'deviceType');
    await mustRefuse(flow, method({ deviceType: 'MOBILE',
                                    applicationName: 'Nope' }),
                     'VALIDATION_ERROR', 'INVALID_PAIRING_METHOD',
                     'applicationName');
    mustBe(await choose(flow, 'TOTP', { relyingPartyId: 'acme.test',
                                        userAgent: 'x' }),
           'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', flow.state.pairingKey);
});

test('authn D.4-14: cancelDevicePairing: one menu back', async () => {
    const { user, flow } = await menu();
    for (const kind of ['Email', 'TOTP', 'MOBILE']) {
        await choose(flow, kind, kind === 'MOBILE'
            ? { applicationName: 'Authenticator' } : {});
        if (flow.state.pairingKey)
            secret('pairing key', flow.state.pairingKey);
        mustBe(await flow.act('cancelDevicePairing'),
               'DEVICE_PAIRING_METHOD_REQUIRED');
    }
    await choose(flow, 'Email');
    mustBe(await flow.act('submitEmailTarget', { email: user.email }),
           'EMAIL_ACTIVATION_REQUIRED');
    mustBe(await flow.act('cancelDevicePairing'),
           'DEVICE_PAIRING_METHOD_REQUIRED');
    mustBe(await flow.act('cancelDevicePairing'), 'MFA_SETUP_REQUIRED');
    const { devices } = await json(self, 'devices', 'list', user.username);
    assert.deepEqual(devices, []);
});

// An address that is none, and one that the user has already.
for (const [kind, action, member, bad] of [
    ['Email', 'submitEmailTarget', 'email',
     ['', 'nobody', '@acme.test', 'a b@acme.test', 'x@']],
    ['SMS', 'submitSmsTarget', 'phone',
     ['', '12', '004915550100001', '4915550100001', '+0155501000',
      '+49 nope', `+49${'1'.repeat(20)}`]],
    ['Voice', 'submitVoiceTarget', 'phone', ['+', 'x', '4915550100001']],
]) {
    const row = kind === 'Email' ? 'authn D.4-15' : 'authn D.4-16';
    test(`${row}: ${action}: what is no target`, async () => {
        const { user, flow } = await menu();
        mustBe(await choose(flow, kind),
               `${kind.toUpperCase()}_PAIRING_TARGET_REQUIRED`);
        await mustRefuse(flow, () => flow.act(action, {}), 'VALIDATION_ERROR',
                         'FIELD_REQUIRED', member);
        for (const target of bad.slice(bad[0] === '' ? 1 : 0)) {
            const error = await mustRefuse(
                flow, () => flow.act(action, { [member]: target }),
                'INVALID_DEVICE_TARGET', 'INVALID_DEVICE_TARGET', member);
            assert.ok(error.message && error.userMessage);
        }
        const good = kind === 'Email' ? user.email : user.phone;
        const reply = await flow.act(action, { [member]: good,
                                               testMode: true });
        mustBe(reply, `${kind.toUpperCase()}_ACTIVATION_REQUIRED`);
        const code = await codeFor(self, good); // M11: there is no test mode
        assert.equal(reply.text.includes(code), false);
    });
}

for (const [kind, target, activate] of [
    ['Email', 'submitEmailTarget', 'activateEmailDevice'],
    ['SMS', 'submitSmsTarget', 'activateSmsDevice'],
    ['Voice', 'submitVoiceTarget', 'activateVoiceDevice']])
    test(`authn D.4-17, authn D.4-5: ${activate}, resendOtp`, async () => {
        const { user, flow } = await menu();
        const [member, to] = kind === 'Email' ? ['email', user.email]
                                              : ['phone', user.phone];
        await choose(flow, kind);
        const before = mustBe(await flow.act(target, { [member]: to }),
                              `${kind.toUpperCase()}_ACTIVATION_REQUIRED`);
        const code = await codeFor(self, to);
        await mustRefuse(flow, () => flow.act(activate, {}),
                         'VALIDATION_ERROR', 'FIELD_REQUIRED', 'otp');
        const error = await mustRefuse(
            flow, () => flow.act(activate, { otp: wrong(code) }),
            'VALIDATION_ERROR', 'INVALID_OTP', 'otp');
        assert.equal(error.details[0].attemptsRemaining, 2);
        assert.deepEqual(mustBe(await flow.act('resendOtp'),
                                before.status), before);
        assert.equal(await codeFor(self, to), code);
        mustBe(await flow.act(activate, { otp: code }), 'MFA_COMPLETED',
               goesOn);
        const { devices } = await json(self, 'devices', 'list',
                                       user.username);
        assert.deepEqual(devices.map(({ type, status }) => [type, status]),
                         [[kind.toUpperCase(), 'ACTIVE']]);
    });

// A menu, an app, and the state that follows its first code.
async function pairedApp()
{
    const { user, flow } = await menu();
    const { pairingKey } = mustBe(await choose(flow, 'TOTP'),
                                  'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', pairingKey);
    const otp = totp(pairingKey, self.now());
    await mustRefuse(flow, () => flow.act('activateTotpDevice',
                                          { otp: wrong(otp, 500) }),
                     'VALIDATION_ERROR', 'INVALID_OTP', 'otp');
    const { pairedDevice } = mustBe(
        await flow.act('activateTotpDevice', { otp }), 'UPDATE_NICKNAME');
    return { user, flow, id: pairedDevice.id };
}

test('authn D.4-17, authn D.4-21: activateTotpDevice, updateDeviceNickname',
     async () => {
    const { user, flow, id } = await pairedApp();
    const update = (model) => () => flow.act('updateDeviceNickname', model);
    await mustRefuse(flow, update({ nickname: 'x' }), 'VALIDATION_ERROR',
                     'FIELD_REQUIRED', 'id');
    await mustRefuse(flow, update({ id: 'nope', nickname: 'x' }),
                     'VALIDATION_ERROR', 'INVALID_DEVICE', 'id');
    for (const nickname of ['x'.repeat(101), 'a\u0007b'])
        assert.equal(mustFail(await update({ id, nickname })(), 400,
                              'INVALID_DEVICE_TARGET').details[0].target,
                     'nickname');
    mustBe(await update({ id, nickname: 'ü'.repeat(100) })(),
           'MFA_COMPLETED', goesOn);
    const { devices } = await json(self, 'devices', 'list', user.username);
    assert.equal(devices[0].nickname, 'ü'.repeat(100));
});

test('authn D.4-22: skipUpdateDeviceNickname', async () => {
    const { user, flow } = await pairedApp();
    mustBe(await flow.act('skipUpdateDeviceNickname'), 'MFA_COMPLETED',
           goesOn);
    const { devices } = await json(self, 'devices', 'list', user.username);
    assert.equal('nickname' in devices[0], false);
});

// --- Management

async function managing()
{
    const { user } = await userWith(self, 'EMAIL', 'SMS');
    const flow = await started(self, user);
    mustBe(await flow.act('manageDevices'), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(self, user.phone)),
           'DEVICE_MANAGEMENT');
    return { user, flow };
}

test('authn D.4-23: setDefaultDevice, removeDevice', async () => {
    const { flow } = await managing();
    const { user: other } = await userWith(self, 'EMAIL', 'SMS');
    const theirs = (await started(self, other)).devices[0].id;
    for (const action of ['setDefaultDevice', 'removeDevice']) {
        await mustRefuse(flow, () => flow.act(action, {}), 'VALIDATION_ERROR',
                         'FIELD_REQUIRED', 'deviceRef');
        for (const id of ['nope', theirs])
            await mustRefuse(flow, () => flow.act(action,
                                                  { deviceRef: { id } }),
                             'VALIDATION_ERROR', 'INVALID_DEVICE',
                             'deviceRef');
    }
    await flow.get();
    const { id } = flow.device('Email');
    mustBe(await flow.act('setDefaultDevice', { deviceRef: { id } }),
           'DEVICE_MANAGEMENT');
    assert.deepEqual(flow.devices.map((one) => one.defaultDevice).sort(),
                     [false, true]);
    assert.equal(flow.device('Email').defaultDevice, true);
    mustBe(await flow.act('removeDevice', { deviceRef: { id } }),
           'DEVICE_MANAGEMENT');
    assert.deepEqual(flow.devices.map(({ type }) => type), ['SMS']);
});

test('authn D.4-21: updateDeviceNickname in management', async () => {
    const { flow } = await managing();
    const { id } = flow.device('Email');
    mustBe(await flow.act('updateDeviceNickname', { id, nickname: 'Home' }),
           'DEVICE_MANAGEMENT');
    assert.equal(flow.device('Email').nickname, 'Home');
});

test('authn D.4-24: manageDevices: MFA first; authn D.4-25: and back',
     async () => {
    const { flow } = await managing();
    mustFail(await flow.act('continueAuthentication'), 400,
             'INVALID_ACTION_ID');
    mustBe(await flow.act('resumeAuthentication'), 'MFA_COMPLETED', goesOn);
    mustFail(await flow.act('manageDevices'), 400, 'INVALID_ACTION_ID');
    assert.deepEqual(await outcome(flow),
                     ['web_login_sms', ['mfa', 'otp', 'pwd', 'sms']]);
});

test('authn D.4-24: not where users do not manage', async () => {
    const { user } = await userWith(d, 'EMAIL', 'SMS');
    const flow = await started(d, user);
    mustFail(await flow.act('manageDevices'), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.get(), 'DEVICE_SELECTION_REQUIRED');
});

test('authn D.4-23..25: nobody without a proof', async () => {
    const { user } = await userWith(self, 'EMAIL', 'SMS');
    const flow = await started(self, user);
    const deviceRef = { id: flow.devices[0].id };
    for (const action of ['setDefaultDevice', 'removeDevice',
                          'updateDeviceNickname', 'resumeAuthentication',
                          'selectDevicePairingMethod'])
        mustFail(await flow.act(action, { deviceRef }), 400,
                 'INVALID_ACTION_ID');
    mustBe(await flow.act('manageDevices'), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await flow.act('removeDevice', { deviceRef }), 400,
             'INVALID_ACTION_ID');
    assert.equal((await json(self, 'devices', 'list', user.username))
                     .devices.length, 2);
});

await run();
