// SPDX-License-Identifier: MIT
// The transcripts of the MFA adapter, E.4 to E.8, request by request.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { addDevice, addPhone, approve, begin, claimsOf, codeFor, codesTo, json,
         members, mfaConfig, mfaUser, mobile, mustWriteNothing, outcome,
         prefix, recordsOf, second, shown, userWith } from './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon(mfaConfig());
const c = await startDaemon(mfaConfig(), { now: Date.now() }); // stands still

// Redirect mode, and apps that do not enrol themselves.
const spare = await startDaemon(mfaConfig({
    fallback: { mobile: mobile({ autoEnrollment: { enabled: false } }) },
    clients: { shop: { policies: ['otp', 'mfa'] } } }));

const ios = { name: 'iPhone 15', platform: 'ios' };
const waits = ['poll', 'selectDevice', 'checkOtp', 'cancelAuthentication'];
const retries = ['selectDevice', 'cancelAuthentication'];
const goesOn = ['continueAuthentication'];

// Sonja with a phone and an e-mail address, at PUSH_CONFIRMATION_WAITING.
async function waiting(daemon = d)
{
    const sonja = await mfaUser(daemon);
    const phone = await addPhone(daemon, sonja, ios);
    await addDevice(daemon, sonja, 'EMAIL');
    const flow = await begin(daemon, sonja);
    mustBe(await flow.act('authenticate', {}), 'DEVICE_SELECTION_REQUIRED');
    const one = flow.device('iPhone'), two = flow.device('Email');
    mustBe(await flow.select(one), 'PUSH_CONFIRMATION_WAITING', waits);
    return { sonja, phone, flow, one, two, asked: await phone.waiting() };
}

// --- E.4

async function chooses(daemon)
{
    const sonja = await mfaUser(daemon);
    const phone = await addPhone(daemon, sonja, ios);
    await addDevice(daemon, sonja, 'EMAIL');
    const flow = await begin(daemon, sonja);
    const first = flow.state;
    assert.deepEqual(first.user, { username: sonja.username });
    const choice = mustBe(await flow.act('authenticate', {}),
                          'DEVICE_SELECTION_REQUIRED', retries);
    assert.equal(choice.id, first.id);
    assert.equal(choice.pluginTypeId, first.pluginTypeId);
    assert.deepEqual(choice.user, first.user);
    return { sonja, phone, flow, choice };
}

test('authn E.4: the list of two devices', async () => {
    const { sonja, phone, flow, choice } = await chooses(d);
    const one = flow.device('iPhone'), two = flow.device('Email');
    assert.equal(choice.devices.length, 2);
    assert.deepEqual(one, {
        id: phone.device, type: 'iPhone', name: 'iPhone 15', nickname: '',
        usable: true, pushEnabled: true, otpEnabled: true,
        defaultDevice: false, applicationId: phone.application() });
    assert.deepEqual(two, {
        id: two.id, type: 'Email', name: '', nickname: '',
        target: 'us****@example.com', usable: true, pushEnabled: false,
        otpEnabled: false, defaultDevice: false });
    assert.equal(JSON.stringify(choice).includes(sonja.email), false);
    for (const flag of ['manualPairing', 'manageDevicesAllowed',
                        'manualPairingPermitted'])
        assert.equal(choice[flag], false, flag);
    assert.equal(typeof choice.userSelectedDefault, 'boolean');
});

// What the client asks with: the native app (A), the widget (B).
for (const [client, look] of [
    ['authn E.4: client A', (flow) => flow.act('poll', {})],
    ['authn E.4, authn F.4-4,5, authn G-17: client B', (flow) => flow.get()]])
    test(`${client}: push approve`, async () => {
        const { flow, phone, choice } = await chooses(d);
        const one = flow.device('iPhone');
        const asked = mustBe(await flow.select(one),
                             'PUSH_CONFIRMATION_WAITING', waits);
        assert.deepEqual(members(asked),
                         ['changeDevicePermitted', 'devices',
                          'numberMatching', 'otpLength', 'selectedDeviceRef',
                          'user']);
        assert.deepEqual(asked.devices, choice.devices);
        assert.deepEqual(asked.selectedDeviceRef, { id: one.id });
        assert.equal(asked.changeDevicePermitted, true);
        assert.equal(asked.otpLength, 6);
        for (let i = 0; i < 2; i++)
            assert.deepEqual(mustBe(await look(flow),
                                    'PUSH_CONFIRMATION_WAITING'), asked);
        await approve(flow, phone);
        const done = mustBe(await look(flow), 'MFA_COMPLETED', goesOn);
        assert.deepEqual(members(done), []);
        assert.deepEqual(mustBe(await flow.get(), 'MFA_COMPLETED', goesOn),
                         done);
        const end = mustBe(await flow.act('continueAuthentication', {}),
                           'COMPLETED', []);
        assert.equal(end.authorizeResponse.state, 'n7');
        const token = await claimsOf(flow);
        assert.equal(token.mfa_status, `${prefix}web_login_mobile`);
    });

// --- E.5

async function rejected(look)
{
    const { asked, ...all } = await waiting();
    assert.equal((await all.phone.answer(asked, 'deny')).json.result,
                 'denied');
    const state = mustBe(await look(all.flow), 'PUSH_CONFIRMATION_REJECTED',
                         retries);
    assert.deepEqual(members(state), ['devices', 'selectedDeviceRef']);
    assert.equal(state.devices.length, 2);
    assert.deepEqual(state.selectedDeviceRef, { id: all.one.id });
    return { ...all, asked, state };
}

const byPoll = (flow) => flow.act('poll');
const byGet = (flow) => flow.get();

test('authn E.5, authn F.4-13: push reject, then the same device again',
     async () => {
    const { flow, phone, one, asked, state } = await rejected(byPoll);
    mustFail(await flow.act('poll'), 400, 'INVALID_ACTION_ID');
    assert.deepEqual(mustBe(await flow.get(), 'PUSH_CONFIRMATION_REJECTED'),
                     state);
    mustBe(await flow.select(one), 'PUSH_CONFIRMATION_WAITING', waits);
    const fresh = await phone.waiting();
    assert.notEqual(fresh.challenge, asked.challenge);
    const late = await phone.answer(asked, 'approve', { number: shown(flow) });
    assert.equal(late.status, 409, late.text);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
    await approve(flow, phone);
    mustBe(await flow.act('poll'), 'MFA_COMPLETED', goesOn);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
});

test('authn E.5: push reject seen by GET, then the other device',
     async () => {
    const { sonja, flow, two } = await rejected(byGet);
    const sent = codesTo(d, sonja.email);
    mustBe(await flow.select(two), 'OTP_REQUIRED');
    const code = await codeFor(d, sonja.email);
    assert.equal(codesTo(d, sonja.email), sent + 1);
    mustBe(await flow.check(code), 'MFA_COMPLETED', goesOn);
    assert.deepEqual(await outcome(flow),
                     ['web_login_email', ['email', 'mfa', 'otp', 'pwd']]);
});

test('authn E.5: push reject, then cancelled', async () => {
    const { flow } = await rejected(byPoll);
    const over = mustBe(await flow.act('cancelAuthentication'), 'FAILED', []);
    assert.equal(over.code, 'AUTHENTICATION_FAILED');
});

test('authn E.5: cancelled in redirect mode: RESUME', async () => {
    const { user, PHONE: phone } = await userWith(spare, 'PHONE');
    const flow = await Flow.redirect(spare, {
        params: { acr_values: 'urn:factord:mfa' } });
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
    mustBe(await flow.password(user), 'AUTHENTICATION_REQUIRED');
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    await phone.answer(await phone.waiting(), 'deny');
    mustBe(await flow.act('poll'), 'PUSH_CONFIRMATION_REJECTED', retries);
    const { resumeUrl } = mustBe(await flow.act('cancelAuthentication'),
                                 'RESUME', []);
    const back = await spare.get(resumeUrl.slice(spare.base.length),
                                 { jar: flow.jar });
    assert.equal(back.status, 302, back.text);
    assert.match(back.location, /error=access_denied/);
});

// --- E.6

async function timedOut(look)
{
    const { asked, ...all } = await waiting(c);
    const number = shown(all.flow);
    c.advance(40 * second - 1);
    mustBe(await look(all.flow), 'PUSH_CONFIRMATION_WAITING', waits);
    c.advance(1);
    const state = mustBe(await look(all.flow), 'PUSH_CONFIRMATION_TIMED_OUT',
                         ['selectDevice', 'checkOtp', 'cancelAuthentication']);
    assert.deepEqual(members(state),
                     ['changeDevicePermitted', 'devices', 'otpLength',
                      'selectedDeviceRef', 'user']);
    assert.equal(state.devices.length, 2);
    assert.deepEqual(state.selectedDeviceRef, { id: all.one.id });
    assert.equal(state.changeDevicePermitted, true);
    assert.equal(state.otpLength, 6);
    const late = await all.phone.answer(asked, 'approve', { number });
    assert.equal(late.status, 409, late.text);
    assert.deepEqual(mustBe(await all.flow.get(),
                            'PUSH_CONFIRMATION_TIMED_OUT'), state);
    return { ...all, state };
}

test('authn E.6, authn F.4-9,14: push timeout seen by poll, then the ' +
     'passcode of the app',
     async () => {
    const { flow, phone } = await timedOut(byPoll);
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED', goesOn);
    assert.deepEqual(await outcome(flow),
                     ['web_login_mobile', ['mfa', 'otp', 'pwd']]);
});

test('authn E.6: push timeout seen by GET, then the same device', async () => {
    const { flow, phone, one } = await timedOut(byGet);
    mustBe(await flow.select(one), 'PUSH_CONFIRMATION_WAITING', waits);
    await approve(flow, phone);
    mustBe(await flow.get(), 'MFA_COMPLETED', goesOn);
    assert.equal((await outcome(flow))[0], 'web_login_mobile');
});

test('authn E.6: push timeout, then the other device, or none', async () => {
    const { sonja, flow, two } = await timedOut(byGet);
    mustBe(await flow.select(two), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(c, sonja.email)), 'MFA_COMPLETED');
    assert.equal((await outcome(flow))[0], 'web_login_email');
    const other = await timedOut(byPoll);
    mustBe(await other.flow.act('cancelAuthentication'), 'FAILED', []);
});

// --- E.7

// From the password to MOBILE_PAIRING_REQUIRED.
async function enrolling(policy)
{
    const sonja = await mfaUser(d), phone = await Phone.make(d);
    const flow = await begin(d, sonja, policy);
    assert.deepEqual(flow.state.user, { username: sonja.username });
    assert.equal('devices' in flow.state, false);
    const required = mustBe(
        await flow.act('authenticate',
                       { mobilePayload: await phone.payload('spa') }),
        'MOBILE_PAIRING_REQUIRED', goesOn);
    assert.deepEqual(members(required), ['serverPayload']);
    assert.equal(typeof required.serverPayload, 'string');
    return { sonja, phone, flow, payload: required.serverPayload };
}

const others = (phone) => ({ application: phone.application('factor-phone') });
const ways = {
    device_paired: async ({ phone, payload }) =>
        assert.equal((await phone.pair(payload)).status, 201),
    device_not_paired: async () => {},
    pairing_error: async ({ phone, payload }) =>
        assert.equal((await phone.pair(payload, others(phone))).status, 400),
};

for (const [status, way] of Object.entries(ways))
    test(`authn E.7: first mobile device: ${status}`, async () => {
        const all = await enrolling('open');
        await way(all);
        assert.deepEqual(await outcome(all.flow), [status, ['pwd']]);
        const { devices } = await json(d, 'devices', 'list',
                                       all.sonja.username);
        assert.equal(devices.length, status === 'device_paired' ? 1 : 0);
    });

for (const [status, way] of Object.entries(ways))
    test(`authn E.7, M3: the policy mfa says of ${status}`, async () => {
        const all = await enrolling('mfa');
        await way(all);
        mustBe(await all.flow.act('continueAuthentication', {}),
               status === 'device_paired' ? 'COMPLETED' : 'FAILED', []);
    });

test('authn E.7: a bad payload', async () => {
    const sonja = await mfaUser(d);
    const flow = await begin(d, sonja);
    const before = flow.state;
    const error = mustFail(await flow.act('authenticate',
                                          { mobilePayload: '###' }),
                           400, 'VALIDATION_ERROR', 'INVALID_MOBILE_PAYLOAD');
    assert.equal(error.details.length, 1);
    assert.equal(error.details[0].target, 'mobilePayload');
    assert.deepEqual(mustBe(await flow.get(), 'AUTHENTICATION_REQUIRED'),
                     before);
});

// --- E.8

async function further(...kinds)
{
    const { user, PHONE: old } = await userWith(d, ...kinds);
    const phone = await Phone.make(d);
    const flow = await begin(d, user, 'open');
    await flow.act('authenticate',
                   { mobilePayload: await phone.payload('spa') });
    return { user, old, phone, flow };
}

// From the factor that was passed to the end.
async function ends(all, status, amr)
{
    const { serverPayload: payload } = mustBe(
        all.flow.reply, 'MOBILE_PAIRING_REQUIRED', goesOn);
    await ways[status]({ ...all, payload });
    mustBe(await all.flow.act('continueAuthentication', {}), 'COMPLETED', []);
    const token = await claimsOf(all.flow);
    assert.equal(token.mfa_status, prefix + status);
    assert.equal(token.seed_status, token.mfa_status); // M6
    assert.deepEqual(token.amr.sort(), amr);
}

for (const status of Object.keys(ways))
    test(`authn E.8: a further device behind e-mail: ${status}`, async () => {
        const { user } = await userWith(d, 'EMAIL');
        const phone = await Phone.make(d);
        const flow = await begin(d, user, 'open');
        const [listed, ...more] = flow.state.devices;
        assert.equal(more.length, 0);
        assert.equal(listed.type, 'Email');
        assert.equal(listed.target, 'us****@example.com');
        assert.equal(listed.role, 'Primary');
        assert.equal(listed.usable, true);
        const required = mustBe(
            await flow.act('authenticate',
                           { mobilePayload: await phone.payload('spa') }),
            'OTP_REQUIRED');
        assert.equal(required.devices.length, 1);
        assert.deepEqual(required.selectedDeviceRef, { id: listed.id });
        assert.equal(required.otpLength, 6);
        await flow.check(await codeFor(d, user.email));
        await ends({ phone, flow }, status, ['email', 'mfa', 'otp', 'pwd']);
    });

test('authn E.8: only a mobile paired: its push first', async () => {
    const { old, ...all } = await further('PHONE');
    mustBe(all.flow.reply, 'PUSH_CONFIRMATION_WAITING');
    await approve(all.flow, old);
    await all.flow.act('poll', {});
    await ends(all, 'device_paired', ['mca', 'mfa', 'pwd', 'swk', 'user']);
});

test('authn E.8: several devices: the user chooses first', async () => {
    const { user, ...all } = await further('EMAIL', 'SMS');
    mustBe(all.flow.reply, 'DEVICE_SELECTION_REQUIRED');
    mustBe(await all.flow.select('SMS'), 'OTP_REQUIRED');
    await all.flow.check(await codeFor(d, user.phone));
    await ends(all, 'device_paired', ['mfa', 'otp', 'pwd', 'sms']);
});

test('authn E.8: no auto-enrolment: MFA_COMPLETED instead', async () => {
    const { user } = await userWith(spare, 'EMAIL');
    const phone = await Phone.make(spare);
    const flow = await begin(spare, user);
    mustBe(await flow.act('authenticate', {
        mobilePayload: await phone.payload('spa') }), 'OTP_REQUIRED');
    mustBe(await flow.check(await codeFor(spare, user.email)),
           'MFA_COMPLETED', goesOn);
    assert.equal((await outcome(flow))[0], 'mobile_login_email');
});

// --- Looking

test('authn E.4, E.6: a GET writes nothing, whatever it sees', async () => {
    const { flow, phone } = await waiting(c);
    await mustWriteNothing(c, flow);
    const before = await recordsOf(c, flow);
    await approve(flow, phone);
    if (before !== null) // there is sqlite3
        assert.notEqual(await recordsOf(c, flow), before);
    mustBe(await flow.get(), 'MFA_COMPLETED');
    await mustWriteNothing(c, flow);
    const late = await waiting(c);
    c.advance(40 * second);
    mustBe(await late.flow.get(), 'PUSH_CONFIRMATION_TIMED_OUT');
    await mustWriteNothing(c, late.flow);
});

await run();
