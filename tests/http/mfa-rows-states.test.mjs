// SPDX-License-Identifier: MIT
// The states of the MFA adapter (D.1, D.2) and the flags of its lists (D.3):
// members, their types, the actions that apply; a GET writes in none of them.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { addPhone, begin, codeFor, devicePolicy, members, mfaConfig,
         mfaUser, mobile, mustComplete, mustWriteNothing, second, started,
         userWith, wrong } from './lib/mfa.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const prompted = { totp: { enabled: true, passcodeGracePeriod: 1,
                           promptForNicknameOnPairing: true },
                   mobile: { enabled: true,
                             promptForNicknameOnPairing: true } };
const pushless = devicePolicy('pushless', {
    mobile: mobile({ otp: { enabled: false } }) });
const first = devicePolicy('first', {
    authentication: { deviceSelection: 'DEFAULT_TO_FIRST' } });
const always = devicePolicy('always', {
    authentication: { deviceSelection: 'ALWAYS_DISPLAY_DEVICES' } });
// Clocks that stand: what is written is then written by somebody.
const now = { now: Date.now() };
const c = await startDaemon(mfaConfig({
    policies: [pushless, always] }), now);
const self = await startDaemon(mfaConfig({ // users look after themselves
    mfa: { manage_devices: true, prompt_setup: true, allow_skip: true,
           mfa_settings: { pairing: { maxAllowedDevices: 3 } } },
    fallback: prompted }), now);
const fixed = await startDaemon(mfaConfig({
    mfa: { change_device: false, prompt_setup: true, manage_devices: true },
    policies: [first], limits: { sends_per_address_10min: 1 } }), now);
const fast = await startDaemon(mfaConfig({
    mfa: { prompt_setup: true },
    fallback: { mobile: mobile({ pairingConfirmation: { enabled: false } }) },
}), now);

const mustHave = (state, types) => {
    for (const [name, type] of Object.entries(types))
        assert.equal(Array.isArray(state[name]) ? 'array'
                                                : typeof state[name],
                     type, `${name}: ${JSON.stringify(state[name])}`);
};

const challenge = { devices: 'array', selectedDeviceRef: 'object',
                    otpLength: 'number', changeDevicePermitted: 'boolean' };
const waits = ['poll', 'selectDevice', 'checkOtp', 'cancelAuthentication'];
const retries = ['selectDevice', 'cancelAuthentication'];
const codes = ['checkOtp', 'resendOtp', 'selectDevice',
               'cancelAuthentication'];

// --- D.1

test('authn D.1-1, M4: AUTHENTICATION_REQUIRED', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL');
    const flow = await begin(c, user);
    const { devices, ...state } = flow.state;
    assert.deepEqual(members(state), ['user']);
    assert.deepEqual(state.user, { username: user.username });
    assert.equal(devices.length, 1);
    assert.equal(devices[0].role, 'Primary');
    assert.match(devices[0].target, /\*/);
    await mustWriteNothing(c, flow);
    mustFail(await flow.select(devices[0]), 400, 'INVALID_ACTION_ID');
    mustFail(await flow.act('poll'), 400, 'INVALID_ACTION_ID');
    const empty = await begin(c, await mfaUser(c));
    assert.deepEqual(members(empty.state), ['user']);
});

test('authn D.1-2: DEVICE_SELECTION_REQUIRED', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL');
    const flow = await started(c, user);
    const state = mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED', retries);
    mustHave(state, { devices: 'array', user: 'object',
                      manualPairing: 'boolean',
                      userSelectedDefault: 'boolean' });
    assert.equal(state.devices.length, 2);
    for (const device of state.devices)
        assert.equal('role' in device, false);
    await mustWriteNothing(c, flow);
    for (const action of ['manageDevices', 'setupMfa', 'checkOtp', 'poll',
                          'setDefaultDevice', 'removeDevice',
                          'updateDeviceNickname', 'resyncOathToken'])
        mustFail(await flow.act(action), 400, 'INVALID_ACTION_ID');
});

test('authn D.1-2: with management', async () => {
    const { user } = await userWith(self, 'SMS', 'EMAIL');
    mustBe((await started(self, user)).reply, 'DEVICE_SELECTION_REQUIRED',
           [...retries, 'manageDevices', 'setupMfa']);
});

for (const [kind, links] of [['EMAIL', codes], ['SMS', codes],
                             ['VOICE', codes],
                             ['TOTP', codes.filter((one) =>
                                 one !== 'resendOtp')]])
    test(`authn D.1-3: OTP_REQUIRED, ${kind}`, async () => {
        const { user } = await userWith(c, kind);
        const flow = await started(c, user);
        const state = mustBe(flow.reply, 'OTP_REQUIRED', links);
        mustHave(state, { ...challenge, user: 'object' });
        assert.deepEqual(state.selectedDeviceRef,
                         { id: state.devices[0].id });
        assert.equal(state.otpLength, 6);
        await mustWriteNothing(c, flow);
    });

test('authn D.1-4: PUSH_CONFIRMATION_WAITING', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE', 'EMAIL');
    const flow = await started(c, user);
    const state = mustBe(await flow.select('Android'),
                         'PUSH_CONFIRMATION_WAITING', waits);
    mustHave(state, challenge);
    assert.deepEqual(state.selectedDeviceRef, { id: phone.device });
    assert.deepEqual(Object.keys(state.numberMatching).sort(),
                     ['type', 'value']);
    await mustWriteNothing(c, flow);
});

test('authn D.1-4: no passcode from a phone that shows none', async () => {
    const { user } = await userWith(c, 'PHONE');
    const flow = await started(c, user, 'pushless');
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING',
           waits.filter((one) => one !== 'checkOtp'));
    assert.equal(flow.devices[0].otpEnabled, false);
    mustFail(await flow.check('123456'), 400, 'INVALID_ACTION_ID');
    c.advance(40 * second);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_TIMED_OUT', retries);
});

test('authn D.1-5: PUSH_CONFIRMATION_TIMED_OUT', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    const flow = await started(c, user);
    c.advance(40 * second);
    const state = mustBe(await flow.get(), 'PUSH_CONFIRMATION_TIMED_OUT',
                         [...retries, 'checkOtp']);
    mustHave(state, challenge);
    assert.deepEqual(state.selectedDeviceRef, { id: phone.device });
    assert.equal('numberMatching' in state, false);
    await mustWriteNothing(c, flow);
    mustBe(await flow.select(state.devices[0]), 'PUSH_CONFIRMATION_WAITING');
});

test('authn D.1-6: PUSH_CONFIRMATION_REJECTED', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    const flow = await started(c, user);
    await phone.answer(await phone.waiting(), 'deny');
    const state = mustBe(await flow.get(), 'PUSH_CONFIRMATION_REJECTED',
                         retries);
    assert.deepEqual(members(state), ['devices', 'selectedDeviceRef']);
    assert.deepEqual(state.selectedDeviceRef, { id: phone.device });
    await mustWriteNothing(c, flow);
    mustFail(await flow.check(phone.code()), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.select(state.devices[0]), 'PUSH_CONFIRMATION_WAITING');
});

test('authn D.1-13: MFA_COMPLETED', async () => {
    const { user, TOTP: app } = await userWith(c, 'TOTP');
    const flow = await started(c, user);
    const state = mustBe(await flow.check(app.code()), 'MFA_COMPLETED',
                         ['continueAuthentication']);
    assert.deepEqual(members(state), []);
    await mustWriteNothing(c, flow);
    mustFail(await flow.act('cancelAuthentication'), 400,
             'INVALID_ACTION_ID');
    mustFail(await flow.check(app.code()), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
});

test('authn D.1-13: MFA_COMPLETED with a code', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    const flow = await started(c, user, 'mfa', {
        mobilePayload: await phone.payload('spa') });
    assert.equal(mustComplete(flow.reply).code, 'device_authorized');
    await mustWriteNothing(c, flow);
});

test('authn D.1-14: MFA_FAILED', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    const code = await codeFor(c, user.email);
    for (let i = 1; i < 3; i++)
        mustFail(await flow.check(wrong(code, i)), 400, 'VALIDATION_ERROR');
    const state = mustBe(await flow.check(wrong(code, 3)), 'MFA_FAILED',
                         ['cancelAuthentication']);
    assert.deepEqual(members(state), ['code', 'message', 'userMessage']);
    assert.notEqual(state.userMessage, '');
    await mustWriteNothing(c, flow);
    for (const action of ['continueAuthentication', 'authenticate', 'poll'])
        mustFail(await flow.act(action), 400, 'INVALID_ACTION_ID');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('cancelAuthentication'), 'FAILED', []);
});

// --- D.2

test('authn D.2-1: MOBILE_PAIRING_REQUIRED', async () => {
    const user = await mfaUser(c), phone = await Phone.make(c);
    const flow = await started(c, user, 'mfa', {
        mobilePayload: await phone.payload('spa') });
    const state = mustBe(flow.reply, 'MOBILE_PAIRING_REQUIRED',
                         ['continueAuthentication']);
    mustHave(state, { serverPayload: 'string' });
    assert.deepEqual(members(state), ['serverPayload']);
    await mustWriteNothing(c, flow);
    mustFail(await flow.act('cancelAuthentication'), 400,
             'INVALID_ACTION_ID');
});

test('authn D.2-2: MFA_SETUP_REQUIRED', async () => {
    const flow = await started(self, await mfaUser(self));
    const state = mustBe(flow.reply, 'MFA_SETUP_REQUIRED',
                         ['setupMfa', 'skipMfa', 'cancelAuthentication']);
    assert.equal(state.allowSkipMfa, true);
    await mustWriteNothing(self, flow);
    const bound = await started(fixed, await mfaUser(fixed));
    assert.equal(mustBe(bound.reply, 'MFA_SETUP_REQUIRED',
                        ['setupMfa', 'cancelAuthentication']).allowSkipMfa,
                 false);
    mustFail(await bound.act('skipMfa'), 400, 'INVALID_ACTION_ID');
});

const choose = (flow, deviceType, more = {}) =>
    flow.act('selectDevicePairingMethod',
             { devicePairingMethod: { deviceType, ...more } });

async function menu(daemon = self)
{
    const user = await mfaUser(daemon);
    const flow = await started(daemon, user);
    mustBe(await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    return { user, flow };
}

test('authn D.2-3: DEVICE_PAIRING_METHOD_REQUIRED', async () => {
    const { flow } = await menu();
    const state = mustBe(await flow.get(), 'DEVICE_PAIRING_METHOD_REQUIRED',
                         ['selectDevicePairingMethod', 'cancelDevicePairing']);
    assert.deepEqual(state.devicePairingMethods, [
        { deviceType: 'MOBILE', applicationName: 'Authenticator' },
        { deviceType: 'MOBILE', applicationName: 'factor-phone' },
        { deviceType: 'TOTP' }, { deviceType: 'Voice' },
        { deviceType: 'SMS' }, { deviceType: 'Email' }]);
    await mustWriteNothing(self, flow);
    mustBe(await flow.act('cancelDevicePairing'), 'MFA_SETUP_REQUIRED');
});

test('authn D.2-4: MFA_DEVICE_PAIRING_METHOD_FAILED', async () => {
    const { flow } = await menu();
    const phone = await Phone.make(self);
    const { pairingKey } = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED');
    const refused = await phone.pair(pairingKey, {
        application: phone.application('factor-phone') });
    assert.equal(refused.status, 400, refused.text);
    const state = mustBe(await flow.get(), 'MFA_DEVICE_PAIRING_METHOD_FAILED',
                         ['cancelDevicePairing']);
    assert.deepEqual(members(state), ['code', 'message', 'userMessage']);
    assert.equal(state.code, 'APPLICATION_INVALID');
    await mustWriteNothing(self, flow);
    mustBe(await flow.act('cancelDevicePairing'),
           'DEVICE_PAIRING_METHOD_REQUIRED');
});

const targets = {
    Email: { name: 'Email', member: 'email', of: (user) => `home-${user.email}`,
             shown: /^ho\*+@example\.com$/ },
    SMS: { name: 'Sms', member: 'phone', of: (user) => user.phone,
           shown: /^\+491\*+\d\d$/ },
    Voice: { name: 'Voice', member: 'phone', of: (user) => user.phone,
             shown: /^\+491\*+\d\d$/ },
};

for (const [kind, { name, member, of, shown }] of Object.entries(targets))
    test(`authn D.2-5..8: ${kind}: target and activation`,
         async () => {
        const { user, flow } = await menu();
        const state = `${kind.toUpperCase()}_PAIRING_TARGET_REQUIRED`;
        const asked = mustBe(await choose(flow, kind), state,
                             [`submit${name}Target`, 'cancelDevicePairing']);
        assert.deepEqual(members(asked), []);
        await mustWriteNothing(self, flow);
        mustBe(await flow.act('cancelDevicePairing'),
               'DEVICE_PAIRING_METHOD_REQUIRED');
        await choose(flow, kind);
        const active = mustBe(
            await flow.act(`submit${name}Target`, { [member]: of(user) }),
            `${kind.toUpperCase()}_ACTIVATION_REQUIRED`,
            [`activate${name}Device`, 'resendOtp', 'cancelDevicePairing']);
        assert.deepEqual(members(active), [member, 'otpLength'].sort());
        assert.match(active[member], shown);
        assert.equal(active.otpLength, 6);
        await mustWriteNothing(self, flow);
        mustBe(await flow.act(`activate${name}Device`,
                              { otp: await codeFor(self, of(user)) }),
               'MFA_COMPLETED');
    });

test('authn D.2-9: TOTP_ACTIVATION_REQUIRED', async () => {
    const { user, flow } = await menu();
    const state = mustBe(await choose(flow, 'TOTP'),
                         'TOTP_ACTIVATION_REQUIRED',
                         ['activateTotpDevice', 'cancelDevicePairing']);
    assert.deepEqual(members(state), ['keyUri', 'otpLength', 'pairingKey']);
    const uri = new URL(state.keyUri);
    assert.equal(uri.protocol, 'otpauth:');
    assert.equal(uri.host, 'totp');
    assert.ok(decodeURIComponent(uri.pathname).endsWith(user.username));
    assert.equal(uri.searchParams.get('secret'), state.pairingKey);
    secret('TOTP secret', state.pairingKey);
    assert.equal(state.otpLength, 6);
    await mustWriteNothing(self, flow);
});

test('authn D.2-10: MOBILE_ACTIVATION_REQUIRED', async () => {
    const { flow } = await menu();
    const phone = await Phone.make(self);
    const state = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED', ['poll', 'cancelDevicePairing']);
    assert.deepEqual(members(state), ['applicationName', 'pairingKey']);
    assert.equal(state.applicationName, 'Authenticator');
    secret('pairing link', state.pairingKey);
    await mustWriteNothing(self, flow);
    assert.equal((await phone.pair(state.pairingKey)).status, 201);
    mustBe(await flow.get(), 'MOBILE_ACTIVATION_REQUIRED',
           ['poll', 'activateMobileDevice', 'cancelDevicePairing']);
    await mustWriteNothing(self, flow);
    mustBe(await flow.act('activateMobileDevice'), 'UPDATE_NICKNAME');
});

// The phone is active at once where nobody is asked to compare.
test('authn D.2-10: left as soon as the phone has paired', async () => {
    const { flow } = await menu(fast);
    const phone = await Phone.make(fast);
    const { pairingKey } = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED');
    assert.equal((await phone.pair(pairingKey)).json.status, 'ACTIVE');
    mustBe(await flow.get(), 'MFA_COMPLETED', ['continueAuthentication']);
    await mustWriteNothing(fast, flow);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
});

test('authn D.2-14: UPDATE_NICKNAME', async () => {
    const { flow } = await menu();
    const { pairingKey } = mustBe(await choose(flow, 'TOTP'),
                                  'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', pairingKey);
    const app = mustBe(
        await flow.act('activateTotpDevice',
                       { otp: totp(pairingKey, self.now()) }),
        'UPDATE_NICKNAME',
        ['updateDeviceNickname', 'skipUpdateDeviceNickname']);
    assert.deepEqual(members(app), ['pairedDevice']);
    assert.deepEqual(Object.keys(app.pairedDevice).sort(), ['id', 'type']);
    assert.equal(app.pairedDevice.type, 'TOTP');
    await mustWriteNothing(self, flow);
    mustBe(await flow.act('skipUpdateDeviceNickname'), 'MFA_COMPLETED');
});

test('authn D.2-14: UPDATE_NICKNAME of a phone', async () => {
    const { flow } = await menu();
    const phone = await Phone.make(self);
    const { pairingKey } = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED');
    assert.equal((await phone.pair(pairingKey)).status, 201);
    const state = mustBe(await flow.act('activateMobileDevice'),
                         'UPDATE_NICKNAME');
    assert.deepEqual(state.pairedDevice, { id: phone.device, type: 'MOBILE' });
    assert.equal(state.applicationName, 'Authenticator');
});

// Behind a proven e-mail address, in management.
async function managing(daemon, kinds = ['EMAIL', 'SMS'])
{
    const all = await userWith(daemon, ...kinds);
    const flow = await started(daemon, all.user);
    const asked = mustBe(await flow.act('manageDevices'),
                         'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    await flow.check(await codeFor(daemon, all.user.email));
    return { ...all, flow, asked };
}

test('authn D.2-15: DEVICE_MANAGEMENT', async () => {
    const { flow } = await managing(self);
    const state = mustBe(flow.reply, 'DEVICE_MANAGEMENT',
                         ['setupMfa', 'removeDevice', 'setDefaultDevice',
                          'updateDeviceNickname', 'resumeAuthentication',
                          'cancelAuthentication']);
    mustHave(state, { devices: 'array', user: 'object',
                      manualPairing: 'boolean',
                      userSelectedDefault: 'boolean',
                      manageDevicesAllowed: 'boolean',
                      manualPairingPermitted: 'boolean' });
    assert.equal(state.deviceManagementState, true);
    assert.equal(state.devices.length, 2);
    await mustWriteNothing(self, flow);
});

// --- D.3

async function listed(daemon, policy, kinds = ['EMAIL', 'SMS'])
{
    const { user } = await userWith(daemon, ...kinds);
    const flow = await started(daemon, user, policy);
    return { user, flow,
             state: mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED') };
}

test('authn D.3-1: manualPairing: the user has begun to pair', async () => {
    const { flow, state } = await listed(self);
    assert.equal(state.manualPairing, false);
    assert.equal(mustBe(await flow.act('setupMfa'),
                        'DEVICE_SELECTION_REQUIRED').manualPairing, true);
});

test('authn D.3-2: userSelectedDefault: the policy lets users choose',
     async () => {
    assert.equal((await listed(c)).state.userSelectedDefault, true);
    assert.equal((await listed(c, 'always')).state.userSelectedDefault, true);
    // With DEFAULT_TO_FIRST the list shows when the first cannot be asked.
    const { user } = await userWith(fixed, 'SMS');
    mustBe((await started(fixed, user, 'first')).reply, 'OTP_REQUIRED');
    assert.equal(mustBe((await started(fixed, user, 'first')).reply,
                        'DEVICE_SELECTION_REQUIRED').userSelectedDefault,
                 false);
});

test('authn D.3-3: manageDevicesAllowed', async () => {
    assert.equal((await listed(c)).state.manageDevicesAllowed, false);
    assert.equal((await listed(self)).state.manageDevicesAllowed, true);
    assert.equal((await managing(self)).flow.state.manageDevicesAllowed,
                 true);
});

test('authn D.3-4: manualPairingPermitted, not at the limit of devices',
     async () => {
    assert.equal((await listed(c)).state.manualPairingPermitted, false);
    const { flow, state, user } = await listed(self);
    assert.equal(state.manualPairingPermitted, true);
    await addPhone(self, user); // the third of three
    assert.equal(mustBe(await flow.get(), 'DEVICE_SELECTION_REQUIRED')
                     .manualPairingPermitted, false);
    mustFail(await flow.act('setupMfa'), 400, 'REQUEST_FAILED',
             'LIMIT_EXCEEDED');
    const full = await managing(self, ['EMAIL', 'SMS', 'VOICE']);
    assert.equal(full.flow.state.manualPairingPermitted, false);
});

test('authn D.3-5: changeDevicePermitted', async () => {
    const free = await listed(c);
    assert.notEqual(free.state.changeDevicePermitted, false);
    assert.equal(mustBe(await free.flow.select('Email'), 'OTP_REQUIRED')
                     .changeDevicePermitted, true);
    const { flow } = await listed(fixed);
    const other = flow.device('Email');
    const state = mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    assert.equal(state.changeDevicePermitted, false);
    mustFail(await flow.select(other), 400, 'VALIDATION_ERROR',
             'INVALID_DEVICE');
    assert.deepEqual(mustBe(await flow.get(), 'OTP_REQUIRED'), state);
});

test('authn D.3-6: deviceManagementState', async () => {
    const { flow, asked } = await managing(self);
    assert.equal(asked.deviceManagementState, false);
    assert.equal(flow.state.deviceManagementState, true);
});

test('authn D.3-7: manageDeviceRequested', async () => {
    const { state } = await listed(self);
    assert.equal(state.manageDeviceRequested, false);
    const { flow, asked } = await managing(self);
    assert.equal(asked.manageDeviceRequested, true);
    assert.equal(flow.state.manageDeviceRequested, false);
});

test('authn D.3-8: newPairingAuthRequired: a proof comes first', async () => {
    assert.equal((await listed(self)).state.newPairingAuthRequired, true);
    const { flow } = await managing(self);
    assert.equal(flow.state.newPairingAuthRequired, false);
});

test('authn D.3-9, authn D.4-26: no way back to the password', async () => {
    const { flow, state } = await listed(self);
    assert.notEqual(state.usePasswordAuthenticationEnabled, true);
    mustFail(await flow.act('usePasswordAuthentication'), 400,
             'INVALID_ACTION_ID');
});

await run();
