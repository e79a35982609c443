// SPDX-License-Identifier: MIT
// What the MFA adapter tells the policy (D.9), as claims show it: every
// pingone.mfa.status that a method in scope can give, in the policy that
// demands a proof ("mfa") and in one that demands nothing ("open").
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { mustBe } from './lib/flow.mjs';
import { approve, begin, claimsOf, codeFor, devicePolicy, json,
         mfaConfig, mfaUser, mobile, mustComplete, outcome, prefix, started,
         userWith } from './lib/mfa.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const noMfa = { blockUsersWithDisabledMfa: false };

const d = await startDaemon(mfaConfig({
    mfa: { prompt_setup: true, allow_skip: true },
    policies: [
        devicePolicy('alone', { // no app enrols or vouches for itself
            mobile: mobile({ autoEnrollment: { enabled: false },
                             deviceAuthorization: { enabled: false } }) }),
        devicePolicy('lenient', noMfa)] }));
const lax = await startDaemon(mfaConfig({
    mfa: { no_device_mode: 'bypass' }, fallback: noMfa }));
const strict = await startDaemon(mfaConfig());
const lone = await startDaemon(mfaConfig({ fallback: {
    mobile: mobile({ autoEnrollment: { enabled: false } }) } }));

// --- Proofs

const byCode = (kind) => async (daemon, model, policy) => {
    const { user, [kind]: app } = await userWith(daemon, kind);
    const flow = await started(daemon, user, policy, model);
    mustBe(flow.reply, 'OTP_REQUIRED');
    const otp = app.code ? app.code() : await codeFor(
        daemon, kind === 'EMAIL' ? user.email : user.phone);
    mustBe(await flow.check(otp), 'MFA_COMPLETED');
    return { user, flow };
};

// By a phone of the user's; the app that signs on is on another one.
async function byPush(daemon, model, policy)
{
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    const flow = await started(daemon, user, policy, model);
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
    await approve(flow, phone);
    mustBe(await flow.get(), 'MFA_COMPLETED');
    return { user, flow };
}

async function byPhoneCode(daemon, model, policy)
{
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    const flow = await started(daemon, user, policy, model);
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
    return { user, flow };
}

// Ways to prove oneself: end of the status, amr, row.
const proofs = [
    ['e-mail', 'email', ['email', 'mfa', 'otp', 'pwd'], byCode('EMAIL'),
     'authn D.9-1,11'],
    ['SMS', 'sms', ['mfa', 'otp', 'pwd', 'sms'], byCode('SMS'),
     'authn D.9-11'],
    ['voice', 'voice', ['mfa', 'otp', 'pwd', 'tel'], byCode('VOICE'),
     'authn D.9-21'],
    ['TOTP', 'otp', ['mfa', 'otp', 'pwd'], byCode('TOTP'),
     'authn D.9-11'],
    ['push', 'mobile', ['mca', 'mfa', 'pwd', 'swk', 'user'], byPush,
     'authn D.9-11'],
    ['passcode of a phone', 'mobile', ['mfa', 'otp', 'pwd'], byPhoneCode,
     'authn D.9-11'],
];

for (const [name, end, amr, way, row] of proofs) {
    test(`${row}, P3: ${name}: web_login_${end}`,
         async () => {
        for (const policy of ['mfa', 'open']) {
            const { flow } = await way(d, {}, policy);
            assert.deepEqual(await outcome(flow), [`web_login_${end}`, amr]);
        }
    });
    test(`authn D.9-12: ${name}, from an app: mobile_login_${end}`,
         async () => {
        const app = await Phone.make(d);
        const { flow } = await way(
            d, { mobilePayload: await app.payload('spa') }, 'alone');
        assert.deepEqual(await outcome(flow), [`mobile_login_${end}`, amr]);
    });
}

test('authn D.9-12: the policy mfa takes mobile_login_* too', async () => {
    const app = await Phone.make(lone);
    const { flow } = await byCode('SMS')(
        lone, { mobilePayload: await app.payload('spa') }, 'mfa');
    assert.equal((await outcome(flow))[0], 'mobile_login_sms');
});

// --- Pairing

async function enrolled(policy, pair)
{
    const user = await mfaUser(strict), phone = await Phone.make(strict);
    const flow = await started(strict, user, policy, {
        mobilePayload: await phone.payload('spa') });
    const { serverPayload } = mustBe(flow.reply, 'MOBILE_PAIRING_REQUIRED');
    await pair(phone, serverPayload);
    return { user, phone, flow };
}

const spoil = async (phone, link) => {
    const { status } = await phone.pair(link, {
        application: phone.application('factor-phone') });
    assert.equal(status, 400);
};

test('authn D.9-14: device_paired', async () => {
    for (const policy of ['open', 'mfa']) {
        const { flow } = await enrolled(policy,
                                        (phone, link) => phone.pair(link));
        assert.deepEqual(await outcome(flow), ['device_paired', ['pwd']]);
    }
});

test('authn D.9-15, M3: device_not_paired', async () => {
    const { flow } = await enrolled('open', () => {});
    assert.deepEqual(await outcome(flow), ['device_not_paired', ['pwd']]);
    const { flow: refused } = await enrolled('mfa', () => {});
    mustBe(await refused.act('continueAuthentication', {}), 'FAILED', []);
});

test('authn D.9-16, M3: pairing_error', async () => {
    const { flow } = await enrolled('open', spoil);
    assert.deepEqual(await outcome(flow), ['pairing_error', ['pwd']]);
    const { flow: refused } = await enrolled('mfa', spoil);
    mustBe(await refused.act('continueAuthentication', {}), 'FAILED', []);
});

test('authn D.9-17: device_authorized', async () => {
    for (const policy of ['open', 'mfa']) {
        const { user, PHONE: phone } = await userWith(d, 'PHONE');
        const flow = await started(d, user, policy, {
            mobilePayload: await phone.payload('spa') });
        assert.equal(mustComplete(flow.reply).code, 'device_authorized');
        assert.deepEqual(await outcome(flow), ['device_authorized',
                                               ['mfa', 'pwd', 'swk']]);
    }
});

// Behind the password alone: no second factor, whatever was paired.
test('authn D.9-14, M3: device_paired by an app, on the page', async () => {
    const flow = await started(d, await mfaUser(d));
    mustBe(await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    const { pairingKey } = mustBe(
        await flow.act('selectDevicePairingMethod', {
            devicePairingMethod: { deviceType: 'TOTP' } }),
        'TOTP_ACTIVATION_REQUIRED');
    secret('TOTP secret', pairingKey);
    mustBe(await flow.act('activateTotpDevice',
                          { otp: totp(pairingKey, d.now()) }),
           'MFA_COMPLETED');
    assert.deepEqual(await outcome(flow), ['device_paired', ['pwd']]);
});

// --- No proof at all

const bypasses = {
    'authn D.9-10: web_login_no_devices: nothing to ask':
        ['web_login_no_devices', (policy) =>
            mfaUser(lax).then((user) => started(lax, user, policy))],
    'authn D.9-10: web_login_no_devices: the user would not add one':
        ['web_login_no_devices', async (policy) => {
            const flow = await started(d, await mfaUser(d), policy);
            mustBe(flow.reply, 'MFA_SETUP_REQUIRED');
            await flow.act('skipMfa');
            return flow;
        }],
    'authn D.9-18: mfa_bypassed_user_mfa_disabled':
        ['mfa_bypassed_user_mfa_disabled', (policy) =>
            lax.user({ mfaEnabled: false })
                .then((user) => started(lax, user, policy))],
};

for (const [name, [status, way]] of Object.entries(bypasses))
    test(name, async () => {
        const flow = await way('open');
        mustBe(flow.reply, 'COMPLETED', []);
        const token = await claimsOf(flow);
        assert.equal(token.mfa_status, prefix + status);
        assert.deepEqual(token.amr, ['pwd']);
        assert.equal('mfa_device' in token, false);
        mustBe((await way('mfa')).reply, 'FAILED', []); // M3, P1
    });

test('authn D.9-18: who has MFA off is blocked unless a policy says else',
     async () => {
    const user = await d.user({ mfaEnabled: false });
    const flow = await started(d, user, 'open');
    assert.equal(mustBe(flow.reply, 'MFA_FAILED', ['cancelAuthentication'])
                     .code, 'INVALID_DEVICE');
    const other = await started(d, user, 'lenient');
    mustBe(other.reply, 'COMPLETED', []);
    assert.equal((await claimsOf(other)).mfa_status,
                 `${prefix}mfa_bypassed_user_mfa_disabled`);
});

// M4: no bypass for who is none: "invalid user" is never a success here.
test('authn D.9-18, authn D.10-9: a user who is none any more is let ' +
     'through by nothing', async () => {
    const { user } = await userWith(lax, 'EMAIL');
    const flow = await begin(lax, user, 'open');
    const { status, stderr } = await lax.ctl('users', 'disable',
                                             user.username);
    assert.equal(status, 0, stderr);
    mustBe(await flow.act('authenticate', {}), 'FAILED', []);
});

// --- The other attributes

test('authn D.9-2,3,6, authn G-11: reason, username, device', async () => {
    const { user, flow } = await byCode('EMAIL')(d, {}, 'mfa');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_reason, '');
    assert.equal(token.mfa_user, user.username);
    const { devices } = await json(d, 'devices', 'list', user.username);
    assert.equal(token.mfa_device, devices[0].id);
    assert.equal(token.mfa_enrollment, 'false');
    assert.equal('seed_status' in token, false); // M6: not in this flow
});

test('authn D.9-6: the device that was paired or vouched', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    const flow = await started(d, user, 'mfa', {
        mobilePayload: await phone.payload('spa') });
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    assert.equal((await claimsOf(flow)).mfa_device, phone.device);
});

test('authn D.9-6: the device that was added, and that one was', async () => {
    const { phone, flow } = await enrolled('open', (app, link) =>
        app.pair(link));
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_device, phone.device);
    assert.equal(token.mfa_enrollment, 'true');
});

await run();
