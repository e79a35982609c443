// SPDX-License-Identifier: MIT
// The MFA adapter over HTTP: transcripts E.4 to E.8 with a phone of our own
// protocol, parked polls, and what may not pass.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { Phone } from './lib/phone.mjs';
import { run, test } from './lib/tap.mjs';

const second = 1000;
const prefix = 'com.pingidentity.pingone.';
const mfa = { acr_values: 'urn:factord:mfa' };
const claims = { mfa_status: 'mfa.pingone.mfa.status' };

const config = (port) => ({
    adapters: { mfa: { resend_cooldown: '0s' } },
    clients: { spa: { policies: ['otp', 'mfa', 'mfa-ping'], claims } },
});
const d = await startDaemon(config);
const c = await startDaemon(config, { now: Date.now() }); // its clock stands
// The choice among numbers is one of the weaker ways.
const weak = await startDaemon((port) => {
    const push = { enabled: true, numberMatching: { enabled: true } };
    return { ...config(port), adapters: { mfa: {
        resend_cooldown: '0s', ping_defaults: true,
        applications: [{ name: 'Authenticator', mobile: {
            push: { numberMatching: { type: 'SELECT_NUMBER' } } } }],
        device_policies: [
            { name: 'Default', default: true, email: { enabled: true },
              authentication: { deviceSelection: 'PROMPT_TO_SELECT' },
              mobile: { enabled: true, applications: [
                  { name: 'Authenticator', push,
                    otp: { enabled: true } }] } },
            { name: 'Ping widget' }] } } };
});
const first = await startDaemon((port) => ({
    ...config(port), adapters: { mfa: { first_device: 'allowed' } } }));

const mfaUser = (daemon, members) => daemon.user({ mfaEnabled: true,
                                                   ...members });

async function json(daemon, ...args)
{
    const { status, stdout, stderr } = await daemon.ctl('--json', ...args);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
}

const pairingKey = (daemon, user) =>
    json(daemon, 'pairing-keys', 'create', user.username);

// A user whose phone an operator's key has paired.
async function withPhone(daemon = d, members)
{
    const user = await mfaUser(daemon, members);
    const phone = await Phone.make(daemon);
    const { link } = await pairingKey(daemon, user);
    const reply = await phone.pair(link);
    assert.equal(reply.status, 201, reply.text);
    return { user, phone };
}

async function withMail(daemon = d)
{
    const user = await mfaUser(daemon);
    await json(daemon, 'devices', 'add', user.username, 'EMAIL', user.email);
    return user;
}

// The next message with a code; notices of devices come to the same address.
async function codeFor(daemon, user)
{
    for (;;) {
        const message = await daemon.message(user.email);
        if (message.code)
            return message;
    }
}

// Up to AUTHENTICATION_REQUIRED.
async function begin(daemon, user, params = mfa)
{
    const flow = await Flow.begin(daemon, { params });
    mustBe(await flow.password(user), 'AUTHENTICATION_REQUIRED',
           ['authenticate', 'cancelAuthentication']);
    return flow;
}

async function pushed(daemon = d, members)
{
    const { user, phone } = await withPhone(daemon, members);
    const flow = await begin(daemon, user);
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING',
           ['poll', 'selectDevice', 'checkOtp', 'cancelAuthentication']);
    return { user, phone, flow, asked: await phone.waiting() };
}

async function claimsOf(flow)
{
    const { json: tokens, text } = await flow.redeem();
    assert.ok(tokens.id_token, text);
    return JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url'));
}

const shown = (flow) => flow.state.numberMatching?.value;

// --- E.4 to E.6

test('authn E.4, M2, P3: a push is approved with the number', async () => {
    const { phone, flow, asked } = await pushed();
    assert.equal(asked.number.type, 'ENTER_MANUALLY');
    assert.match(shown(flow), /^\d{6}$/);
    assert.equal(JSON.stringify(asked).includes(shown(flow)), false);
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_WAITING');
    const { status, json: answered, text } =
        await phone.answer(asked, 'approve', { number: shown(flow) });
    assert.equal(status, 200, text);
    assert.equal(answered.result, 'approved');
    mustBe(await flow.get(), 'MFA_COMPLETED', ['continueAuthentication']);
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_status, `${prefix}web_login_mobile`);
    assert.deepEqual(token.amr.sort(), ['mca', 'mfa', 'pwd', 'swk', 'user']);
    assert.equal(token.acr, 'urn:factord:mfa');
});

test('authn E.4, S7: a parked poll is answered when the phone answers',
     async () => {
    const { phone, flow, asked } = await pushed();
    const number = shown(flow);
    const parked = flow.act('poll', {}, { headers: { Prefer: 'wait=30' } });
    const began = Date.now();
    await phone.answer(asked, 'approve', { number });
    mustBe(await parked, 'MFA_COMPLETED');
    assert.ok(Date.now() - began < 10 * second);
});

test('a phone that waits hears of a push at once', async () => {
    const { user, phone } = await withPhone();
    const parked = phone.requests({ wait: 30 });
    const flow = await begin(d, user);
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    const { json: heard } = await parked;
    assert.equal(heard.requests.length, 1);
    assert.equal(heard.requests[0].client, 'spa');
});

test('authn E.5: denied, then asked again; the old answer is void',
     async () => {
    const { phone, flow, asked } = await pushed();
    assert.equal((await phone.answer(asked, 'deny')).json.result, 'denied');
    const rejected = mustBe(await flow.act('poll', {}),
                            'PUSH_CONFIRMATION_REJECTED',
                            ['selectDevice', 'cancelAuthentication']);
    mustFail(await flow.act('poll', {}), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.select(rejected.devices[0]),
           'PUSH_CONFIRMATION_WAITING');
    const late = await phone.answer(asked, 'approve',
                                    { number: shown(flow) });
    assert.equal(late.status, 409, late.text);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
    const again = await phone.waiting();
    assert.notEqual(again.challenge, asked.challenge);
    await phone.answer(again, 'approve', { number: shown(flow) });
    mustBe(await flow.act('poll', {}), 'MFA_COMPLETED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
});

test('M2: one wrong number is a denial', async () => {
    const { phone, flow, asked } = await pushed();
    const wrong = String((Number(shown(flow)) + 1) % 1000000).padStart(6, '0');
    const reply = await phone.answer(asked, 'approve', { number: wrong });
    assert.equal(reply.json.result, 'denied', reply.text);
    const right = await phone.answer(asked, 'approve',
                                     { number: shown(flow) });
    assert.equal(right.status, 409, right.text);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_REJECTED');
});

// One more sign-on of the same user.
async function pushedAgain(daemon, { user, phone })
{
    const flow = await begin(daemon, user);
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    return { flow, asked: await phone.waiting() };
}

test('M2: SELECT_NUMBER: the page shows one of three that the phone shows',
     async () => {
    const { user, phone, flow, asked } = await pushed(weak);
    const { type, value } = flow.state.numberMatching;
    assert.equal(type, 'SELECT_NUMBER');
    assert.match(value, /^[1-9]\d$/);
    const { choices } = asked.number;
    assert.deepEqual(asked.number, { type, choices: [...choices].sort() });
    assert.equal(new Set(choices).size, 3);
    for (const choice of choices)
        assert.match(choice, /^[1-9]\d$/);
    assert.ok(choices.includes(value));
    assert.equal((await phone.answer(asked, 'approve', { number: value }))
                     .json.result, 'approved');
    mustBe(await flow.act('poll', {}), 'MFA_COMPLETED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    assert.deepEqual((await claimsOf(flow)).amr.sort(),
                     ['mca', 'mfa', 'pwd', 'swk', 'user']);
    // Another one of them, one of none, and none at all: denied, each.
    const others = [(right, all) => ({ number: all.find((one) =>
        one !== right) }), () => ({ number: '00' }), () => ({})];
    for (const other of others) {
        const next = await pushedAgain(weak, { user, phone });
        const right = shown(next.flow);
        const reply = await phone.answer(next.asked, 'approve', other(
            right, next.asked.number.choices));
        assert.equal(reply.json.result, 'denied', reply.text);
        assert.equal((await phone.answer(next.asked, 'approve',
                                         { number: right })).status, 409);
        mustBe(await next.flow.get(), 'PUSH_CONFIRMATION_REJECTED');
    }
});

// Whoever does not see the page has one chance in three.  The three must not
// be a progression, of which the right one is the beginning.
test('M2: SELECT_NUMBER: nothing about the three tells the right one',
     async () => {
    const one = await withPhone(weak);
    let guessed = 0;
    for (let i = 0; i < 40; i++) {
        const { flow, asked } = await pushedAgain(weak, one);
        const all = asked.number.choices.map(Number);
        const gaps = all.map((to, at) => (to - all[(at + 2) % 3] + 90) % 90);
        const odd = [0, 1, 2].find((at) =>
            gaps[(at + 1) % 3] === gaps[(at + 2) % 3]);
        guessed += odd !== undefined && Number(shown(flow)) === all[odd];
        await one.phone.answer(asked, 'approve', { number: shown(flow) });
        mustBe(await flow.get(), 'MFA_COMPLETED');
    }
    assert.ok(guessed < 20, `${guessed} of 40`);
});

test('M2: SELECT_NUMBER that is asked for without the weaker defaults: typed',
     async () => {
    const own = await startDaemon((port) => ({
        ...config(port), adapters: { mfa: { applications: [
            { name: 'Authenticator', mobile: { push: { numberMatching: {
                type: 'SELECT_NUMBER' } } } },
            { name: 'factor-phone' }] } } }));
    const { flow, asked } = await pushed(own);
    assert.equal(flow.state.numberMatching.type, 'ENTER_MANUALLY');
    assert.deepEqual(asked.number, { type: 'ENTER_MANUALLY', digits: 6 });
});

test('authn E.6: nobody answers; then a passcode of the phone', async () => {
    const { phone, flow, asked } = await pushed(c);
    const number = shown(flow);
    c.advance(40 * second);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_TIMED_OUT',
           ['selectDevice', 'checkOtp', 'cancelAuthentication']);
    const late = await phone.answer(asked, 'approve', { number });
    assert.equal(late.status, 409, late.text);
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_TIMED_OUT');
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    assert.deepEqual((await claimsOf(flow)).amr.sort(), ['mfa', 'otp', 'pwd']);
});

test('a passcode instead of the push; the push is void', async () => {
    const { phone, flow, asked } = await pushed();
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
    const late = await phone.answer(asked, 'deny');
    assert.equal(late.status, 409, late.text);
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
});

test('policy mfa-ping: no number', async () => {
    const { user, phone } = await withPhone();
    const flow = await begin(d, user, { acr_values: 'urn:factord:mfa-ping' });
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    assert.equal(shown(flow), undefined);
    const asked = await phone.waiting();
    assert.equal(asked.number, undefined);
    await phone.answer(asked, 'approve');
    mustBe(await flow.act('poll', {}), 'MFA_COMPLETED');
});

// --- Other devices

test('e-mail beside the phone: a choice, wrong and right codes', async () => {
    const { user } = await withPhone();
    await json(d, 'devices', 'add', user.username, 'EMAIL', user.email);
    const flow = await begin(d, user);
    mustBe(await flow.act('authenticate', {}), 'DEVICE_SELECTION_REQUIRED');
    assert.deepEqual(flow.devices.map(({ type }) => type).sort(),
                     ['Android', 'Email']);
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    const { code } = await codeFor(d, user);
    const wrong = String((Number(code) + 1) % 1000000).padStart(6, '0');
    mustFail(await flow.check(wrong), 400, 'VALIDATION_ERROR', 'INVALID_OTP');
    mustBe(await flow.check(code), 'MFA_COMPLETED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_status, `${prefix}web_login_email`);
    assert.deepEqual(token.amr.sort(), ['email', 'mfa', 'otp', 'pwd']);
});

// --- E.7, E.8, M3

test('authn E.7: a first device pairs itself', async () => {
    const user = await mfaUser(first);
    const phone = await Phone.make(first);
    const flow = await begin(first, user);
    const required = mustBe(await flow.act('authenticate', {
        mobilePayload: await phone.payload('spa') }),
        'MOBILE_PAIRING_REQUIRED', ['continueAuthentication']);
    const paired = await phone.pair(required.serverPayload);
    assert.equal(paired.status, 201, paired.text);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_status, `${prefix}device_paired`);
    assert.equal(token.amr.includes('mfa'), false);
});

test('authn E.7, M3: continued without pairing, the policy fails',
     async () => {
    const user = await mfaUser(first);
    const phone = await Phone.make(first);
    const flow = await begin(first, user);
    mustBe(await flow.act('authenticate', {
        mobilePayload: await phone.payload('spa') }),
        'MOBILE_PAIRING_REQUIRED');
    mustBe(await flow.act('continueAuthentication', {}), 'FAILED');
});

test('M3: a password alone pairs no first device', async () => {
    const user = await mfaUser(d);
    const phone = await Phone.make(d);
    const flow = await begin(d, user);
    const reply = await flow.act('authenticate', {
        mobilePayload: await phone.payload('spa') });
    assert.notEqual(reply.json.status, 'MOBILE_PAIRING_REQUIRED', reply.text);
});

test('authn E.8, M6: a further device pairs itself after the factor',
     async () => {
    const user = await withMail();
    const phone = await Phone.make(d);
    const flow = await begin(d, user);
    mustBe(await flow.act('authenticate', {
        mobilePayload: await phone.payload('spa') }), 'OTP_REQUIRED');
    const { code } = await codeFor(d, user);
    const required = mustBe(await flow.check(code), 'MOBILE_PAIRING_REQUIRED');
    assert.equal((await phone.pair(required.serverPayload)).status, 201);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    const token = await claimsOf(flow);
    assert.equal(token.mfa_status, `${prefix}device_paired`);
    assert.ok(token.amr.includes('mfa'));
    const next = await begin(d, user);
    const { json: authorized, text } = await next.act('authenticate', {
        mobilePayload: await phone.payload('spa') });
    assert.equal(authorized.status, 'MFA_COMPLETED', text);
    assert.equal(authorized.code, 'device_authorized');
    mustBe(await next.act('continueAuthentication', {}), 'COMPLETED');
    const second = await claimsOf(next);
    assert.equal(second.mfa_status, `${prefix}device_authorized`);
    assert.deepEqual(second.amr.sort(), ['mfa', 'pwd', 'swk']);
});

test('authn A.7-18, authn D.4-1: payloads that are none', async () => {
    const user = await withMail();
    const phone = await Phone.make(d);
    const used = await phone.payload('spa');
    const bad = ['###', await phone.payload('other'),
                 await phone.payload('spa', { aud: 'https://evil.test' }),
                 await phone.payload('spa', { iat: phone.seconds() - 120 }),
                 await phone.payload('spa', { purpose: 'pair' }),
                 await phone.payload('spa', { application: user.username })];
    for (const mobilePayload of bad) {
        const flow = await begin(d, user);
        mustFail(await flow.act('authenticate', { mobilePayload }), 400,
                 'VALIDATION_ERROR', 'INVALID_MOBILE_PAYLOAD');
    }
    mustBe(await (await begin(d, user)).act('authenticate',
                                            { mobilePayload: used }),
           'OTP_REQUIRED');
    mustFail(await (await begin(d, user)).act('authenticate',
                                              { mobilePayload: used }),
             400, 'VALIDATION_ERROR', 'INVALID_MOBILE_PAYLOAD');
});

// --- What may not pass

test('M10: forged, foreign and replayed answers change nothing', async () => {
    const { phone, flow, asked } = await pushed();
    const { phone: other } = await withPhone();
    const number = shown(flow);
    const status = async (reply) => (await reply).status;
    const forger = await Phone.make(d);
    assert.ok(await status(phone.answer(asked, 'approve', { number },
                                        { key: forger.key })) >= 400);
    assert.ok(await status(other.answer(asked, 'approve', { number })) >= 400);
    assert.ok(await status(phone.answer(asked, 'approve',
                                        { number, host: 'evil.test' })) >= 400);
    assert.ok(await status(phone.answer(asked, 'approve', { number },
                                        { header: { typ: 'JWT' } })) >= 400);
    assert.ok(await status(phone.answer(
        asked, 'approve', { number },
        { claims: { purpose: 'requests' } })) >= 400);
    assert.ok(await status(phone.answer(
        asked, 'approve', { number },
        { claims: { iat: phone.seconds() - 120 } })) >= 400);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
    assert.equal(await status(phone.answer(asked, 'approve', { number })),
                 200);
    assert.equal(await status(phone.answer(asked, 'deny')), 409);
    mustBe(await flow.get(), 'MFA_COMPLETED');
});

test('a cancelled flow leaves nothing to approve', async () => {
    const { phone, flow, asked } = await pushed();
    const number = shown(flow);
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    assert.equal((await phone.answer(asked, 'approve', { number })).status,
                 409);
    assert.deepEqual((await phone.requests()).json.requests, []);
});

test('an answer survives kill -9, and is not given twice', async () => {
    const { phone, flow, asked } = await pushed(first);
    assert.equal((await phone.answer(asked, 'approve',
                                     { number: shown(flow) })).status, 200);
    await first.restart('SIGKILL');
    mustBe(await flow.get(), 'MFA_COMPLETED');
    assert.equal((await phone.answer(asked, 'deny')).status, 409);
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
});

test('M9: a pairing key is taken once', async () => {
    const user = await mfaUser(d);
    const phone = await Phone.make(d), thief = await Phone.make(d);
    const { link } = await pairingKey(d, user);
    assert.equal((await phone.pair(link)).status, 201);
    assert.equal((await phone.pair(link)).status, 200); // a lost answer
    const refused = await thief.pair(link);
    assert.equal(refused.status, 400, refused.text);
    assert.equal(refused.json.details[0].code, 'PAIRING_KEY_INVALID');
});

// --- Behind a proxy.

// The phone is told who asks: that must not be what the asker says.
async function addressTold(over, address, said)
{
    const daemon = await startDaemon((port) => ({
        ...config(port), server: { ...over } }));
    const { user, phone } = await withPhone(daemon);
    const forwarded = { 'X-Forwarded-For': said };
    const flow = await Flow.begin(daemon, { params: mfa, headers: forwarded });
    await flow.password(user);
    await flow.act('authenticate', {}, { headers: forwarded });
    assert.equal((await phone.waiting()).address, address);
}

test('H3: X-Forwarded-For is nobody\'s word', () =>
    addressTold({}, '127.0.0.1', '198.51.100.7'));

test('H3: but that of a trusted proxy, whatever was said to it', () =>
    addressTold({ trusted_proxies: ['127.0.0.0/8', '10.0.0.0/8'] },
                '198.51.100.7', '192.0.2.66, 198.51.100.7, 10.0.0.3'));

test('H3: proxies that are none are refused at start', async () => {
    await assert.rejects(startDaemon((port) => ({
        ...config(port), server: { trusted_proxies: ['nginx'] } })),
        /trusted_proxies\/0: "nginx" is not an address/);
});

run();
