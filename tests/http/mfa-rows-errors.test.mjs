// SPDX-License-Identifier: MIT
// The error codes of the MFA adapter (D.8, authn G-10, and of A.7 those that
// are its own): code, message, userMessage, target, attemptsRemaining.
import assert from 'node:assert/strict';

import { startDaemon, until } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { addPhone, begin, codeFor, devicePolicy, mfaConfig, mfaUser, minute,
         mustComplete, mustOnlyLook, mustWriteNothing, resting, started,
         userWith, wrong } from './lib/mfa.mjs';
import { startGateway } from './lib/push.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

process.env.FACTORD_TEST_SECRET_BELL =
    secret('webhook secret', `whsec_${Buffer.alloc(24, 7).toString('base64')}`);
const bell = await startGateway(({ body }) =>
    ({ status: JSON.parse(body).data.to.startsWith('dead') ? 410 : 204 }));

const d = await startDaemon(mfaConfig({
    mfa: { prompt_setup: true },
    delivery: { voice: [{ plugin: 'file' }], push: [{
        plugin: 'webhook', url: `${bell.url}/rings`,
        secret: { $env: 'FACTORD_TEST_SECRET_BELL' } }] } }));
const c = await startDaemon(mfaConfig({
    policies: [devicePolicy('resting', { email: resting, sms: resting })],
    mfa: { max_resends: 1, prompt_setup: true, mfa_settings: {
        lockout: { failureCount: 5, durationSeconds: 3600 } } } }),
    { now: Date.now() });
const strict = await startDaemon(mfaConfig({
    mfa: { first_device: 'admin-key' },
    texts: { en: { 'authn.api.totp.attempts.limit': 'Too often.' } } }));

// Its one detail; what a client shows is there too.
function only(error)
{
    assert.equal(error.details.length, 1);
    return error.details[0];
}

// As many wrong codes as end a sign-on; gives the right one.
async function failing(daemon, flow, address)
{
    const code = await codeFor(daemon, address);
    for (let i = 1; i < 3; i++)
        mustFail(await flow.check(wrong(code, i)), 400, 'VALIDATION_ERROR',
                 'INVALID_OTP');
    return code;
}

const failed = (reply, code) => {
    const state = mustBe(reply, 'MFA_FAILED', ['cancelAuthentication']);
    assert.equal(state.code, code);
    return state;
};

test('authn D.8-1: top-level codes are 400', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    const code = await codeFor(c, user.email);
    mustFail(await flow.check(wrong(code)), 400, 'VALIDATION_ERROR');
    mustFail(await flow.act('poll'), 400, 'INVALID_ACTION_ID');
    for (let i = 0; i < 2; i++) {
        c.advance(3000);
        await flow.act('resendOtp');
    }
    mustFail(flow.reply, 400, 'REQUEST_FAILED');
});

test('authn D.8-2, authn A.7-8: INVALID_DEVICE_TARGET', async () => {
    const flow = await started(c, await mfaUser(c));
    await flow.act('setupMfa');
    await flow.act('selectDevicePairingMethod', {
        devicePairingMethod: { deviceType: 'SMS' } });
    const error = mustFail(await flow.act('submitSmsTarget',
                                          { phone: '12' }),
                           400, 'INVALID_DEVICE_TARGET',
                           'INVALID_DEVICE_TARGET');
    assert.notEqual(error.message, ''); // what the widget shows
    assert.equal(only(error).target, 'phone');
    mustBe(await flow.get(), 'SMS_PAIRING_TARGET_REQUIRED');
});

test('authn D.8-3: INVALID_OTP, at sign-on and activation', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    const error = mustFail(
        await flow.check(wrong(await codeFor(c, user.email))), 400,
        'VALIDATION_ERROR', 'INVALID_OTP');
    const detail = only(error);
    assert.equal(detail.target, 'otp');
    assert.equal(detail.attemptsRemaining, 2);
    assert.equal(detail.userMessage, 'That passcode is not valid.');
    const pairing = await started(c, await mfaUser(c));
    await pairing.act('setupMfa');
    const { pairingKey } = mustBe(
        await pairing.act('selectDevicePairingMethod', {
            devicePairingMethod: { deviceType: 'TOTP' } }),
        'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', pairingKey);
    assert.deepEqual(only(mustFail(
        await pairing.act('activateTotpDevice', { otp: '000000' }), 400,
        'VALIDATION_ERROR', 'INVALID_OTP')), detail);
});

test('authn D.8-4: INVALID_DEVICE', async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user);
    const detail = only(mustFail(await flow.select({ id: 'nope' }), 400,
                                 'VALIDATION_ERROR', 'INVALID_DEVICE'));
    assert.equal(detail.target, 'deviceRef');
    assert.equal('attemptsRemaining' in detail, false);
});

test('authn D.8-5, authn A.7-18: INVALID_MOBILE_PAYLOAD', async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await begin(c, user);
    const bad = async (action, model = {}) => assert.equal(only(mustFail(
        await flow.act(action, { ...model, mobilePayload: 'e30' }), 400,
        'VALIDATION_ERROR', 'INVALID_MOBILE_PAYLOAD')).target,
                                                        'mobilePayload');
    await bad('authenticate');
    mustBe(await flow.act('authenticate', {}), 'DEVICE_SELECTION_REQUIRED');
    const deviceRef = { id: flow.device('SMS').id };
    await bad('selectDevice', { deviceRef });
    mustBe(await flow.act('selectDevice', { deviceRef }), 'OTP_REQUIRED');
    await bad('checkOtp', { otp: await codeFor(c, user.phone) });
    mustBe(await flow.get(), 'OTP_REQUIRED');
});

test('authn D.8-6: OTP_RESEND_LIMIT', async () => {
    const { user } = await userWith(c, 'SMS');
    const flow = await started(c, user);
    c.advance(3000);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    c.advance(3000);
    const detail = only(mustFail(await flow.act('resendOtp'), 400,
                                 'REQUEST_FAILED', 'OTP_RESEND_LIMIT'));
    assert.equal('target' in detail, false);
    mustBe(await flow.get(), 'OTP_REQUIRED');
});

test('authn D.8-6, authn D.8-8: OTP_ATTEMPTS_LIMIT ends the sign-on',
     async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    const code = await failing(c, flow, user.email);
    const state = failed(await flow.check(wrong(code, 3)),
                         'OTP_ATTEMPTS_LIMIT');
    assert.equal(state.userMessage, 'Too many wrong passcodes.');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.get(), 'MFA_FAILED');
    await mustWriteNothing(c, flow);
});

test('authn D.8-6, authn D.8-8, authn A.7-27, O6: TOTP_ATTEMPTS_LIMIT',
     async () => {
    for (const [daemon, text] of [[c, 'Too many wrong passcodes.'],
                                  [strict, 'Too often.']]) {
        const { user, TOTP: app } = await userWith(daemon, 'TOTP');
        const flow = await started(daemon, user);
        for (const left of [2, 1])
            assert.equal(only(mustFail(
                await flow.check(wrong(app.code(), 500 + left)), 400,
                'VALIDATION_ERROR', 'INVALID_OTP')).attemptsRemaining, left);
        assert.equal(failed(await flow.check(wrong(app.code(), 500)),
                            'TOTP_ATTEMPTS_LIMIT').userMessage, text);
        mustFail(await flow.check(app.code()), 400, 'INVALID_ACTION_ID');
    }
});

// Right, but too late: told as INVALID_OTP, which costs no try (O2).
test('authn D.8-6, authn A.7-26: an expired code', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    const code = await codeFor(c, user.email);
    c.advance(5 * minute);
    const detail = only(mustFail(await flow.check(code), 400,
                                 'VALIDATION_ERROR', 'INVALID_OTP'));
    assert.match(detail.userMessage, /expired/);
    assert.equal('attemptsRemaining' in detail, false);
    c.advance(3000);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    const fresh = await codeFor(c, user.email);
    mustBe(await flow.check(fresh), 'MFA_COMPLETED');
});

test('authn D.8-8, authn A.7-26, M1: OTP_EXPIRED: all of it took too long',
     async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user);
    c.advance(8 * minute);
    mustFail(await flow.check('123456'), 400, 'VALIDATION_ERROR');
    c.advance(7 * minute - 1);
    mustBe(await flow.get(), 'OTP_REQUIRED');
    c.advance(1);
    const state = failed(await flow.get(), 'OTP_EXPIRED');
    assert.match(state.userMessage, /expired/);
    await mustOnlyLook(flow); // what has expired is swept any time
    mustBe(await flow.act('cancelAuthentication'), 'FAILED', []);
});

test('authn D.8-6: DEVICE_LOCKED, at selection', async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user, 'resting');
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    const code = await failing(c, flow, user.email);
    failed(await flow.check(wrong(code, 3)), 'OTP_ATTEMPTS_LIMIT');
    const next = await started(c, user, 'resting');
    const detail = only(mustFail(await next.select('Email'), 400,
                                 'REQUEST_FAILED', 'DEVICE_LOCKED'));
    assert.equal(detail.retryAfterSeconds, 120);
});

test('authn D.8-8: DEVICE_LOCKED: no other is left', async () => {
    const { user } = await userWith(c, 'EMAIL');
    const flow = await started(c, user, 'resting');
    const code = await failing(c, flow, user.email);
    failed(await flow.check(wrong(code, 3)), 'OTP_ATTEMPTS_LIMIT');
    failed((await started(c, user, 'resting')).reply, 'DEVICE_LOCKED');
    c.advance(2 * minute);
    mustBe((await started(c, user, 'resting')).reply, 'OTP_REQUIRED');
});

test('authn D.8-8: INVALID_DEVICE: nothing to ask', async () => {
    failed((await started(strict, await mfaUser(strict))).reply,
           'INVALID_DEVICE');
});

test('authn D.8-7: ACCOUNT_LOCKED_OUT: too many wrong codes on all devices',
     async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const first = await started(c, user);
    mustBe(await first.select('Email'), 'OTP_REQUIRED');
    const code = await failing(c, first, user.email);
    failed(await first.check(wrong(code, 3)), 'OTP_ATTEMPTS_LIMIT');
    const second = await started(c, user);
    mustBe(await second.select('SMS'), 'OTP_REQUIRED');
    const right = await failing(c, second, user.phone);
    mustFail(await second.check(right), 400, 'REQUEST_FAILED',
             'DEVICE_LOCKED');
    const state = failed((await started(c, user)).reply,
                         'ACCOUNT_LOCKED_OUT');
    assert.notEqual(state.userMessage, '');
    c.advance(60 * minute);
    mustBe((await started(c, user)).reply, 'DEVICE_SELECTION_REQUIRED');
});

test('authn D.8-9: MFA_COMPLETED.code is device_authorized', async () => {
    const { user, PHONE: phone } = await userWith(c, 'PHONE');
    const flow = await started(c, user, 'mfa', {
        mobilePayload: await phone.payload('spa') });
    assert.equal(mustComplete(flow.reply).code, 'device_authorized');
});

// M5: the service knows the phone no more: it was not reached, at once.
test('authn D.8-6, authn A.7-30, M5: a push that was refused', async () => {
    const user = await mfaUser(d);
    const phone = await addPhone(d, user, { push: 'webhook:dead-phone' });
    const flow = await started(d, user);
    await until('the push to be refused', async () =>
        (await flow.get()).json.status === 'PUSH_CONFIRMATION_TIMED_OUT');
    mustBe(flow.reply, 'PUSH_CONFIRMATION_TIMED_OUT',
           ['selectDevice', 'checkOtp', 'cancelAuthentication']);
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
    mustBe((await started(d, user)).reply, 'OTP_REQUIRED'); // no bell
});

test('M5: a push that was taken waits', async () => {
    const user = await mfaUser(d);
    await addPhone(d, user, { push: 'webhook:live-phone' });
    const flow = await started(d, user);
    await until('the bell', () => bell.calls.some(({ body }) =>
        JSON.parse(body).data.to === 'live-phone'));
    await d.settled();
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
});

await run();
