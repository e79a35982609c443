// SPDX-License-Identifier: MIT
// What the MFA adapter decides (D.7), by which of its settings (D.10) and
// with which numbers of the policy (D.11).
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { approve, begin, codeFor, codesTo, devicePolicy, json, method,
         mfaConfig, mfaUser, minute, mobile, mustComplete, outcome, second,
         started, userWith, wrong } from './lib/mfa.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const goesOn = ['continueAuthentication'];
const selects = (name) => devicePolicy(name, {
    authentication: { deviceSelection: name } });

const now = { now: Date.now() };
const first = selects('DEFAULT_TO_FIRST'), prompt = selects('PROMPT_TO_SELECT');
const always = selects('ALWAYS_DISPLAY_DEVICES');
const c = await startDaemon(mfaConfig({
    mfa: { manage_devices: true },
    policies: [first, prompt, always,
               devicePolicy('long', { email: method({ otpLength: 8 }) }),
               devicePolicy('one', { email: method({ failure: {
                   count: 1, coolDown: { duration: 5,
                                         timeUnit: 'MINUTES' } } }) }),
               devicePolicy('short', { email: method({ lifeTime: {
                   duration: 1, timeUnit: 'MINUTES' } }) }),
               devicePolicy('unpadded', { totp: { enabled: true } }),
               devicePolicy('slow', { mobile: mobile({
                   pushTimeout: { duration: 90, timeUnit: 'SECONDS' } }) }),
               devicePolicy('wary', { mobile: mobile({ pushLimit: {
                   count: 2, timePeriod: { duration: 5, timeUnit: 'MINUTES' },
                   lockDuration: { duration: 3, timeUnit: 'MINUTES' } } }) }),
               devicePolicy('plain', {})] }), now);
const self = await startDaemon(mfaConfig({
    mfa: { manage_devices: true, prompt_setup: true, allow_skip: true } }),
    now);
const lax = await startDaemon(mfaConfig({
    mfa: { no_device_mode: 'bypass' } }), now);
const acrs = await startDaemon(mfaConfig({
    mfa: { policy_by_acr: { 'urn:test:open': 'elsewhere' } },
    policies: [devicePolicy('elsewhere', {
        email: method({ otpLength: 8 }) })] }),
    now);
const tied = await startDaemon(mfaConfig({ mfa: { change_device: false } }),
                               now);

// --- D.7, after authenticate

test('authn D.7-1: no device, an app that enrols itself', async () => {
    const user = await mfaUser(c), phone = await Phone.make(c);
    const { serverPayload } = mustBe((await started(c, user, 'mfa', {
        mobilePayload: await phone.payload('spa') })).reply,
                                     'MOBILE_PAIRING_REQUIRED', goesOn);
    assert.match(serverPayload, /^http.*#.*key=/);
});

test('authn D.7-2, authn D.10-13: no device, setup is offered', async () => {
    const flow = await started(self, await mfaUser(self));
    assert.equal(mustBe(flow.reply, 'MFA_SETUP_REQUIRED',
                        ['setupMfa', 'skipMfa', 'cancelAuthentication'])
                     .allowSkipMfa, true);
    mustBe((await started(c, await mfaUser(c))).reply, 'MFA_FAILED');
});

test('authn D.7-3, authn D.10-8: no device, bypass', async () => {
    const flow = await started(lax, await mfaUser(lax), 'open');
    mustBe(flow.reply, 'COMPLETED', []);
    // Of zero devices alone: one that cannot be used is none to bypass.
    const { user } = await userWith(lax, 'EMAIL');
    const bound = await started(lax, user, 'open');
    const code = await codeFor(lax, user.email);
    for (let i = 1; i <= 3; i++)
        await bound.check(wrong(code, i));
    mustBe(bound.reply, 'MFA_FAILED');
});

test('authn D.7-4, authn D.10-8: no device, block', async () => {
    const state = mustBe((await started(c, await mfaUser(c), 'open')).reply,
                         'MFA_FAILED', ['cancelAuthentication']);
    assert.equal(state.code, 'INVALID_DEVICE');
});

test('authn D.7-5: one device, a phone: it is asked', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    const flow = await started(c, user);
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
    const asked = await phone.waiting();
    assert.equal(asked.client, 'spa');
});

for (const [kind, sent] of [['SMS', 1], ['EMAIL', 1], ['VOICE', 1],
                            ['TOTP', 0]])
    test(`authn D.7-6: one device, ${kind}`, async () => {
        const { user } = await userWith(c, kind);
        const flow = await started(c, user);
        mustBe(flow.reply, 'OTP_REQUIRED');
        await c.settled();
        assert.equal(codesTo(c, user.email) + codesTo(c, user.phone), sent);
    });

test('authn D.7-8: several: a choice, and nothing is sent yet', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL');
    const flow = await started(c, user);
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
    await c.settled();
    assert.equal(codesTo(c, user.email) + codesTo(c, user.phone), 0);
});

test('authn D.7-9: several, and a default: straight to it', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL', 'TOTP');
    const flow = await started(c, user);
    mustBe(await flow.act('manageDevices'), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(c, user.phone)),
           'DEVICE_MANAGEMENT');
    const { id } = flow.device('Email');
    mustBe(await flow.act('setDefaultDevice', { deviceRef: { id } }),
           'DEVICE_MANAGEMENT');
    for (const policy of ['PROMPT_TO_SELECT', 'DEFAULT_TO_FIRST']) {
        const next = await begin(c, user, policy);
        assert.deepEqual(next.devices.map((one) => one.id), [id]); // M4
        const state = mustBe(await next.act('authenticate', {}),
                             'OTP_REQUIRED');
        assert.deepEqual(state.selectedDeviceRef, { id });
        assert.equal(next.device('Email').defaultDevice, true);
        await codeFor(c, user.email);
    }
    mustBe((await started(c, user, 'ALWAYS_DISPLAY_DEVICES')).reply,
           'DEVICE_SELECTION_REQUIRED');
});

test('authn D.7-8, authn D.7-9: the policy\'s method selection', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL');
    mustBe((await started(c, user, 'DEFAULT_TO_FIRST')).reply,
           'OTP_REQUIRED');
    mustBe((await started(c, user, 'PROMPT_TO_SELECT')).reply,
           'DEVICE_SELECTION_REQUIRED');
    const { user: single } = await userWith(c, 'TOTP');
    mustBe((await started(c, single, 'PROMPT_TO_SELECT')).reply,
           'OTP_REQUIRED');
    mustBe((await started(c, single, 'ALWAYS_DISPLAY_DEVICES')).reply,
           'DEVICE_SELECTION_REQUIRED');
});

// --- D.7, the flows

for (const [kind, type, end] of [['EMAIL', 'Email', 'email'],
                                 ['SMS', 'SMS', 'sms'],
                                 ['VOICE', 'Voice', 'voice']])
    test(`authn D.7-11: the flow of ${kind}`, async () => {
        const { user } = await userWith(c, kind, 'TOTP');
        const flow = await begin(c, user);
        mustBe(await flow.act('authenticate', {}),
               'DEVICE_SELECTION_REQUIRED');
        mustBe(await flow.select(type), 'OTP_REQUIRED');
        mustBe(await flow.check(await codeFor(
            c, kind === 'EMAIL' ? user.email : user.phone)), 'MFA_COMPLETED',
               goesOn);
        assert.equal((await outcome(flow))[0], `web_login_${end}`);
    });

test('authn D.7-12: the flow of a push: three ways on from no answer',
     async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE', 'EMAIL');
    const waiting = async () => {
        const flow = await started(c, user);
        mustBe(await flow.select('Android'), 'PUSH_CONFIRMATION_WAITING');
        mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_WAITING');
        return flow;
    };
    const ends = {
        PUSH_CONFIRMATION_TIMED_OUT: () => c.advance(40 * second),
        PUSH_CONFIRMATION_REJECTED: async () =>
            phone.answer(await phone.waiting(), 'deny') };
    for (const [state, end] of Object.entries(ends)) {
        let flow = await waiting();
        await end();
        mustBe(await flow.act('poll', {}), state);
        mustBe(await flow.select('Android'), 'PUSH_CONFIRMATION_WAITING');
        await approve(flow, phone);
        mustBe(await flow.act('poll', {}), 'MFA_COMPLETED', goesOn);
        mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
        flow = await waiting();
        await end();
        mustBe(await flow.act('poll', {}), state);
        mustBe(await flow.select('Email'), 'OTP_REQUIRED');
        flow = await waiting();
        await end();
        mustBe(await flow.act('poll', {}), state);
        mustBe(await flow.act('cancelAuthentication'), 'FAILED', []);
        c.advance(10 * minute); // the pushes are forgiven
    }
});

test('authn D.7-10, authn D.7-13: the app is the phone itself', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE', 'EMAIL');
    const flow = await started(c, user, 'mfa', {
        mobilePayload: await phone.payload('spa') });
    assert.equal(mustComplete(flow.reply).code, 'device_authorized');
    assert.equal((await outcome(flow))[0], 'device_authorized');
    const other = await Phone.make(c); // another phone vouches for nothing
    const choice = await started(c, user, 'mfa', {
        mobilePayload: await other.payload('spa') });
    mustBe(choice.reply, 'DEVICE_SELECTION_REQUIRED');
});

test('authn D.7-14: first device, automatic', async () => {
    const user = await mfaUser(c), phone = await Phone.make(c);
    const flow = await started(c, user, 'open', {
        mobilePayload: await phone.payload('spa') });
    const { serverPayload } = mustBe(flow.reply, 'MOBILE_PAIRING_REQUIRED');
    assert.equal((await phone.pair(serverPayload)).status, 201);
    assert.equal((await outcome(flow))[0], 'device_paired');
    const next = await started(c, user);
    mustBe(next.reply, 'PUSH_CONFIRMATION_WAITING');
});

test('authn D.7-15, authn G-12: further device, automatic', async () => {
    const { user, TOTP: app } = await userWith(c, 'TOTP');
    const phone = await Phone.make(c);
    const flow = await started(c, user, 'open', {
        mobilePayload: await phone.payload('spa') });
    mustBe(flow.reply, 'OTP_REQUIRED');
    const { serverPayload } = mustBe(await flow.check(app.code()),
                                     'MOBILE_PAIRING_REQUIRED', goesOn);
    assert.equal((await phone.pair(serverPayload)).status, 201);
    assert.equal((await outcome(flow))[0], 'device_paired');
    const { devices } = await json(c, 'devices', 'list', user.username);
    assert.deepEqual(devices.map(({ type }) => type).sort(),
                     ['MOBILE', 'TOTP']);
});

const choose = (flow, deviceType, more = {}) =>
    flow.act('selectDevicePairingMethod',
             { devicePairingMethod: { deviceType, ...more } });

test('authn D.7-16: manual pairing, from the invitation', async () => {
    const user = await mfaUser(self);
    const flow = await started(self, user);
    mustBe(flow.reply, 'MFA_SETUP_REQUIRED');
    mustBe(await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    mustBe(await choose(flow, 'SMS'), 'SMS_PAIRING_TARGET_REQUIRED');
    mustBe(await flow.act('submitSmsTarget', { phone: user.phone }),
           'SMS_ACTIVATION_REQUIRED');
    mustBe(await flow.act('activateSmsDevice',
                          { otp: await codeFor(self, user.phone) }),
           'MFA_COMPLETED', goesOn);
    assert.equal((await outcome(flow))[0], 'device_paired');
});

test('authn D.7-16, authn D.10-12: manual pairing, from the list', async () => {
    const { user } = await userWith(self, 'EMAIL', 'TOTP');
    const flow = await started(self, user);
    mustBe(await flow.act('setupMfa'), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(self, user.email)),
           'DEVICE_PAIRING_METHOD_REQUIRED');
    mustBe(await choose(flow, 'SMS'), 'SMS_PAIRING_TARGET_REQUIRED');
    mustBe(await flow.act('submitSmsTarget', { phone: user.phone }),
           'SMS_ACTIVATION_REQUIRED');
    mustBe(await flow.act('activateSmsDevice',
                          { otp: await codeFor(self, user.phone) }),
           'MFA_COMPLETED', goesOn);
    assert.equal((await outcome(flow))[0], 'web_login_email');
    assert.equal((await started(self, user)).devices.length, 3);
});

test('authn D.7-17: TOTP pairing', async () => {
    const flow = await started(self, await mfaUser(self));
    await flow.act('setupMfa');
    const { pairingKey } = mustBe(await choose(flow, 'TOTP'),
                                  'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', pairingKey);
    const otp = totp(pairingKey, self.now());
    mustBe(await flow.act('activateTotpDevice', { otp }), 'MFA_COMPLETED');
    assert.equal((await outcome(flow))[0], 'device_paired');
});

test('authn D.7-19: a phone by QR code, seen by GET', async () => {
    const flow = await started(self, await mfaUser(self));
    const phone = await Phone.make(self);
    await flow.act('setupMfa');
    const { pairingKey } = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED');
    mustBe(await flow.get(), 'MOBILE_ACTIVATION_REQUIRED');
    assert.equal((await phone.pair(pairingKey)).status, 201);
    const { pairedDevice } = mustBe(await flow.get(),
                                    'MOBILE_ACTIVATION_REQUIRED');
    assert.equal(pairedDevice.check, await phone.check()); // M9
    mustBe(await flow.act('activateMobileDevice'), 'MFA_COMPLETED');
    assert.equal((await outcome(flow))[0], 'device_paired');
});

// --- D.10

test('authn D.10-5: which policy, by the step or by acr', async () => {
    const { user } = await userWith(acrs, 'EMAIL');
    const digits = async (policy) => mustBe(
        (await started(acrs, user, policy)).reply, 'OTP_REQUIRED').otpLength;
    assert.equal(await digits('mfa'), 6);       // the default one
    assert.equal(await digits('elsewhere'), 8); // the step's input
    assert.equal(await digits('open'), 8);      // policy_by_acr
});

test('authn D.10-11: another device may be chosen, unless forbidden',
     async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user);
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    const { user: bound } = await userWith(tied, 'EMAIL', 'SMS');
    const other = await started(tied, bound);
    const sms = other.device('SMS');
    mustBe(await other.select('Email'), 'OTP_REQUIRED');
    mustFail(await other.select(sms), 400, 'VALIDATION_ERROR',
             'INVALID_DEVICE');
    assert.equal(codesTo(tied, bound.phone), 0);
});

test('authn D.10-15: several things in management, one after another',
     async () => {
    const { user } = await userWith(self, 'EMAIL', 'SMS', 'VOICE');
    const flow = await started(self, user);
    mustBe(await flow.act('manageDevices'), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(self, user.phone)),
           'DEVICE_MANAGEMENT');
    for (const type of ['Email', 'Voice'])
        mustBe(await flow.act('removeDevice', {
            deviceRef: { id: flow.device(type).id } }), 'DEVICE_MANAGEMENT');
    mustBe(await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    mustBe(await choose(flow, 'TOTP'), 'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', flow.state.pairingKey);
    mustBe(await flow.act('activateTotpDevice', {
        otp: totp(flow.state.pairingKey, self.now()) }), 'DEVICE_MANAGEMENT');
    assert.deepEqual(flow.devices.map(({ type }) => type).sort(),
                     ['SMS', 'TOTP']);
    mustBe(await flow.act('resumeAuthentication'), 'MFA_COMPLETED');
});

// --- D.11

test('authn D.11-1: OTP length', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user, 'long');
    assert.equal(mustBe(flow.reply, 'OTP_REQUIRED').otpLength, 8);
    const code = await codeFor(c, user.email);
    assert.match(code, /^\d{8}$/);
    mustFail(await flow.check(code.slice(2)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await flow.check(code), 'MFA_COMPLETED');
});

test('authn D.11-2,3: wrong tries before the device rests, and how long',
     async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user, 'one');
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    const code = await codeFor(c, user.email);
    mustBe(await flow.check(wrong(code)), 'MFA_FAILED');
    const email = async () => (await started(c, user, 'one')).device('Email');
    c.advance(5 * minute - 1);
    assert.equal((await email()).usable, false);
    c.advance(1);
    assert.equal((await email()).usable, true);
});

test('authn D.11-4: lifetime of a code', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user, 'short');
    const code = await codeFor(c, user.email);
    c.advance(minute - 1);
    mustFail(await flow.check(wrong(code)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    c.advance(1);
    assert.match(mustFail(await flow.check(code), 400, 'VALIDATION_ERROR',
                          'INVALID_OTP').details[0].userMessage, /expired/);
});

test('authn D.11-5, O9: TOTP steps: 1 each way by our policy, 5 by one ' +
     'that says nothing', async () => {
    for (const [policy, window] of [['plain', 1], ['unpadded', 5]])
        for (const side of [-1, 1]) {
            const { user, TOTP: app } = await userWith(c, 'TOTP');
            const flow = await started(c, user, policy);
            mustFail(await flow.check(app.code(side * (window + 1))), 400,
                     'VALIDATION_ERROR', 'INVALID_OTP');
            mustBe(await flow.check(app.code(side * window)),
                   'MFA_COMPLETED');
        }
});

test('authn D.11-5, O9: a TOTP code is taken once', async () => {
    const { user, TOTP: app } = await userWith(c, 'TOTP');
    mustBe(await (await started(c, user)).check(app.code()), 'MFA_COMPLETED');
    const flow = await started(c, user);
    mustFail(await flow.check(app.code()), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustFail(await flow.check(app.code(-1)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await flow.check(app.code(1)), 'MFA_COMPLETED');
});

test('authn D.11-6: an app rests 2 min', async () => {
    const { user, TOTP: app } = await userWith(c, 'TOTP', 'SMS');
    const flow = await started(c, user);
    mustBe(await flow.select('TOTP'), 'OTP_REQUIRED');
    for (let i = 1; i <= 3; i++)
        await flow.check(wrong(app.code(), 500 + i));
    mustBe(flow.reply, 'MFA_FAILED');
    c.advance(2 * minute - 1);
    mustFail(await (await started(c, user)).select(flow.device('TOTP')), 400,
             'REQUEST_FAILED', 'DEVICE_LOCKED');
    c.advance(1);
    mustBe(await (await started(c, user)).select(flow.device('TOTP')),
           'OTP_REQUIRED');
});

for (const [policy, seconds] of [['plain', 40], ['slow', 90]])
    test(`authn D.11-7: ${seconds} s to answer a push`, async () => {
        const { user } = await userWith(c, 'PHONE');
        const flow = await started(c, user, policy);
        c.advance(seconds * second - 1);
        mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
        c.advance(1);
        mustBe(await flow.get(), 'PUSH_CONFIRMATION_TIMED_OUT');
    });

// How many are denied or ignored, within which time, and the rest that is
// earned by it.
for (const [policy, count, rest] of [['plain', 5, 30], ['wary', 2, 3]])
    test(`authn D.11-8: ${count} pushes without a yes: ${rest} min of rest`,
         async () => {
        const { user, PHONE: phone } = await userWith(c, 'PHONE', 'EMAIL');
        for (let i = 0; i < count; i++) {
            const flow = await started(c, user, policy);
            mustBe(await flow.select('Android'), 'PUSH_CONFIRMATION_WAITING');
            if (i % 2)
                c.advance(40 * second);
            else
                await phone.answer(await phone.waiting(), 'deny');
            await flow.act('poll', {});
        }
        const flow = await started(c, user, policy);
        assert.equal(flow.device('Android').usable, false);
        mustFail(await flow.select({ id: phone.device }), 400,
                 'REQUEST_FAILED', 'DEVICE_LOCKED');
        c.advance(rest * minute);
        mustBe(await (await started(c, user, policy)).select('Android'),
               'PUSH_CONFIRMATION_WAITING');
    });

test('authn D.11-8: pushes of long ago do not count', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    for (let i = 0; i < 4; i++) {
        const flow = await started(c, user, 'wary');
        mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
        await phone.answer(await phone.waiting(), 'deny');
        c.advance(5 * minute);
    }
    mustBe((await started(c, user, 'wary')).reply,
           'PUSH_CONFIRMATION_WAITING');
});

test('authn D.11-9: a pairing key is valid 10 min', async () => {
    const user = await mfaUser(c);
    const make = async () => (await json(c, 'pairing-keys', 'create',
                                         user.username)).link;
    const early = await Phone.make(c), late = await Phone.make(c);
    let link = await make();
    c.advance(10 * minute - 1);
    assert.equal((await early.pair(link)).status, 201);
    link = await make();
    c.advance(10 * minute);
    assert.equal((await late.pair(link)).status, 400);
});

test('authn D.11-9: at most 20 keys of a user', async () => {
    const user = await mfaUser(c);
    for (let i = 0; i < 20; i++)
        await json(c, 'pairing-keys', 'create', user.username);
    const { status, stderr } = await c.ctl('pairing-keys', 'create',
                                           user.username);
    assert.equal(status, 1);
    assert.notEqual(stderr, '');
    c.advance(10 * minute);
    await json(c, 'pairing-keys', 'create', user.username);
});

await run();
