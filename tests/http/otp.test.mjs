// SPDX-License-Identifier: MIT
// The OTP adapter over HTTP (C) and what we decided for it (O).
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { startDaemon } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { run, test } from './lib/tap.mjs';

const minutes = 60 * 1000;
const d = await startDaemon();
const c = await startDaemon({}, { now: Date.now() }); // its clock stands still

const emailOnly = [{ channel: 'email', attribute: 'email', type: 'EMAIL' }];

const wrong = (code, by = 1) =>
    String((Number(code) + by) % 10 ** code.length).padStart(code.length, '0');

async function waiting(daemon = d, type = 'EMAIL')
{
    const user = await daemon.user();
    const flow = await Flow.begin(daemon);
    const message = await flow.challenge(user, type);
    return { user, flow, message, code: message.code };
}

// RFC 6238 with SHA-1, as phones have it.
function totp(uri, ms, shift = 0)
{
    const secret = new URL(uri).searchParams.get('secret');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const bits = [...secret].map((one) =>
        alphabet.indexOf(one).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((one) => parseInt(one, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigInt64BE(BigInt(Math.floor(ms / 30000) + shift));
    const mac = createHmac('sha1', key).update(counter).digest();
    const at = mac[19] & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000)
        .padStart(6, '0');
}

// --- C.1 to C.4

test('authn C.1-1,2,3: states, members, actions', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const choice = mustBe(await flow.password(user),
                          'DEVICE_SELECTION_REQUIRED',
                          ['selectDevice', 'cancelAuthentication']);
    assert.deepEqual(Object.keys(choice).sort(),
                     ['_links', 'devices', 'id', 'pluginTypeId', 'status',
                      'user', 'userData']);
    const required = mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED',
                            ['checkOtp', 'resendOtp', 'selectDevice',
                             'cancelAuthentication']);
    assert.deepEqual(required.selectedDeviceRef,
                     { id: flow.device('EMAIL').id });
    const { code } = await d.message(user.email);
    const verified = mustBe(await flow.check(code), 'OTP_VERIFIED',
                            ['continueAuthentication']);
    assert.deepEqual(Object.keys(verified).sort(),
                     ['_links', 'id', 'pluginTypeId', 'status']);
    mustFail(await flow.act('cancelAuthentication'), 400, 'INVALID_ACTION_ID');
});

test('authn C.1-4, authn C.6-6, authn G-3, authn A.7-25: MFA_FAILED', async () => {
    const { flow, code } = await waiting();
    for (const by of [1, 2, 3])
        await flow.check(wrong(code, by));
    const failed = mustBe(flow.reply, 'MFA_FAILED', ['cancelAuthentication']);
    assert.equal(failed.code, 'OTP_ATTEMPTS_LIMIT');
    for (const action of ['checkOtp', 'resendOtp', 'selectDevice',
                          'continueAuthentication'])
        mustFail(await flow.act(action, action === 'checkOtp' ? { otp: code }
                                                              : undefined),
                 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
});

test('authn C.2-1: selectDevice', async () => {
    const { user, flow } = await waiting();
    const { details } = mustFail(await flow.act('selectDevice', {}), 400,
                                 'VALIDATION_ERROR', 'FIELD_REQUIRED');
    assert.equal(details[0].target, 'deviceRef');
    mustFail(await flow.act('selectDevice', { deviceRef: {} }), 400,
             'VALIDATION_ERROR', 'FIELD_REQUIRED');
    mustFail(await flow.act('selectDevice', { deviceRef: { id: '' } }), 400,
             'VALIDATION_ERROR');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    await d.message(user.phone);
});

test('authn C.2-2: checkOtp', async () => {
    const { flow, code } = await waiting();
    mustFail(await flow.check(wrong(code)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('a passcode may be typed with spaces, and as a number', async () => {
    for (const write of [(x) => `${x.slice(0, 3)} ${x.slice(3)}`,
                         (x) => `${x.slice(0, 3)}-${x.slice(3)}`,
                         (x) => ` ${x} `]) {
        const { flow, code } = await waiting();
        mustBe(await flow.check(write(code)), 'OTP_VERIFIED');
    }
});

test('authn C.2-3, authn C.6-3: resendOtp sends the same again', async () => {
    const { user, flow, code } = await waiting();
    const before = flow.state;
    assert.deepEqual(mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED'),
                     before);
    assert.equal((await d.message(user.email)).code, code);
});

test('authn C.2-4, authn C.6-20: continueAuthentication', async () => {
    const { flow, code } = await waiting();
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    mustBe(await flow.act('continueAuthentication', '{}'), 'COMPLETED');
});

test('authn C.2-5, authn C.6-16: cancelAuthentication from each state', async () => {
    const user = await d.user();
    const chosen = await Flow.begin(d);
    mustBe(await chosen.password(user), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await chosen.act('cancelAuthentication'), 'FAILED');
    const { flow } = await waiting();
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    const other = await waiting();
    for (const by of [1, 2, 3])
        await other.flow.check(wrong(other.code, by));
    mustBe(other.flow.reply, 'MFA_FAILED');
    mustBe(await other.flow.act('cancelAuthentication'), 'FAILED');
});

test('authn C.3-1, O4: a device\'s id is the same in every flow, and each user\'s own', async () => {
    const user = await d.user(), other = await d.user({ phone: '+15550100100' });
    const ids = [];
    for (const one of [user, user, other]) {
        const flow = await Flow.begin(d);
        await flow.password(one);
        ids.push(flow.state.devices.map((device) => device.id));
        assert.equal(new Set(ids.at(-1)).size, 2);
    }
    assert.deepEqual(ids[0], ids[1]);
    for (const id of ids[2])
        assert.ok(!ids[0].includes(id));
});

test('authn C.3-2, authn G-14: a device\'s type is the configured key', async () => {
    const own = await startDaemon({
        delivery: { voice: [{ plugin: 'file' }] },
        adapters: { otp: { methods: [
            { channel: 'voice', attribute: 'phone', type: 'VOICE' },
            { channel: 'sms', attribute: 'phone', type: 'sms.corp' },
            { channel: 'email', attribute: 'email', type: 'Email' }] } } });
    const user = await own.user();
    const flow = await Flow.begin(own);
    await flow.password(user);
    assert.deepEqual(flow.state.devices.map((device) => device.type),
                     ['VOICE', 'sms.corp', 'Email']);
    mustBe(await flow.select('VOICE'), 'OTP_REQUIRED');
    const message = await own.message(user.phone);
    assert.equal(message.channel, 'voice');
    mustBe(await flow.check(message.code), 'OTP_VERIFIED');
});

test('authn C.3-3: targets are masked', async () => {
    const user = await d.user({ email: 'sonja@acme.test',
                                phone: '+4915550100177' });
    const flow = await Flow.begin(d);
    const { text } = await flow.password(user);
    assert.equal(flow.device('EMAIL').target, 'so****@acme.test');
    assert.equal(flow.device('SMS').target, '+491*****77');
    assert.ok(!text.includes('sonja@acme') && !text.includes('0100177'));
});

test('authn C.3-4,5,6: user, userData, references', async () => {
    const { user, flow } = await waiting();
    assert.deepEqual(flow.state.user, { username: user.username });
    assert.deepEqual(flow.state.userData, { first_name: 'Sonja' });
    assert.deepEqual(Object.keys(flow.state.selectedDeviceRef), ['id']);
});

test('authn C.4-1,2,3,4,5,6: the errors', async () => {
    const limited = await startDaemon({ adapters: { otp: { max_resends: 0 } } });
    const { flow } = await waiting(limited);
    const invalid = mustFail(await flow.check('123'), 400, 'VALIDATION_ERROR',
                             'INVALID_OTP');
    assert.match(invalid.details[0].message, /invalid or expired OTP/i);
    mustFail(await flow.act('resendOtp'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    mustFail(await flow.act('selectDevice', { deviceRef: { id: 'x' } }), 400,
             'VALIDATION_ERROR', 'INVALID_DEVICE');
    mustFail(await flow.act('continueAuthentication'), 400,
             'INVALID_ACTION_ID');
});

test('O6: userMessage in English and German, everywhere', async () => {
    for (const [action, model, status] of [
        ['checkOtp', { otp: '1' }, 400],
        ['selectDevice', { deviceRef: { id: 'x' } }, 400],
        ['checkOtp', {}, 400], ['poll', undefined, 400]]) {
        const { flow } = await waiting();
        const texts = [];
        for (const language of ['en', 'de']) {
            const reply = await flow.act(action, model, {
                headers: { 'Accept-Language': language } });
            assert.equal(reply.status, status);
            texts.push(reply.json.details[0].userMessage);
        }
        assert.notEqual(texts[0], texts[1], action);
    }
    const { flow } = await waiting();
    for (let i = 0; i < 3; i++)
        await flow.act('checkOtp', { otp: '1' });
    const english = (await flow.get()).json.userMessage;
    const german = (await flow.get({ headers: { 'Accept-Language': 'de-DE' } }))
        .json.userMessage;
    assert.notEqual(english, german);
});

test('O6: an operator replaces a text by its key', async () => {
    const own = await startDaemon({ texts: { en: {
        'authn.api.invalid.otp': 'Nope.' } } });
    const { flow } = await waiting(own);
    assert.equal((await flow.check('1')).json.details[0].userMessage, 'Nope.');
});

// --- C.5

test('authn C.5-1: rows in their order; no row without a contact', async () => {
    const user = await d.user({ phone: undefined, email2: 'x' });
    const flow = await Flow.begin(d);
    const state = mustBe(await flow.password(user), 'OTP_REQUIRED');
    assert.deepEqual(state.devices.map((device) => device.type), ['EMAIL']);
});

test('authn C.5-2: userData has what the user has', async () => {
    const own = await startDaemon({ adapters: { otp: { user_data: {
        name: 'family_name', lang: 'locale', none: 'nosuch' } } } });
    const user = await own.user({ family_name: 'M\u00fcller', locale: 'de' });
    const flow = await Flow.begin(own);
    await flow.password(user);
    assert.deepEqual(flow.state.userData, { name: 'M\u00fcller', lang: 'de',
                                            first_name: 'Sonja' });
});

test('authn C.5-3, authn C.6-12: automatic takes the first row', async () => {
    const own = await startDaemon({ adapters: { otp: {
        device_selection: 'automatic' } } });
    const user = await own.user();
    const flow = await Flow.begin(own);
    const state = mustBe(await flow.password(user), 'OTP_REQUIRED');
    assert.equal(state.selectedDeviceRef.id, flow.device('EMAIL').id);
    assert.equal(state.devices.length, 2);
    mustBe(await flow.check((await own.message(user.email)).code),
           'OTP_VERIFIED');
    const phone = await own.user({ email: undefined });
    const other = await Flow.begin(own);
    mustBe(await other.password(phone), 'OTP_REQUIRED');
    await own.message(phone.phone);
});

test('authn C.5-4: the preferred method wins over both modes', async () => {
    for (const mode of ['automatic', 'user_choice']) {
        const own = await startDaemon({ adapters: { otp: {
            device_selection: mode, preferred_attribute: 'pref' } } });
        for (const [pref, status] of [
            ['SMS', 'OTP_REQUIRED'],
            ['fax', mode === 'automatic' ? 'OTP_REQUIRED'
                                         : 'DEVICE_SELECTION_REQUIRED']]) {
            const user = await own.user({ pref });
            const flow = await Flow.begin(own);
            mustBe(await flow.password(user), status);
            if (pref === 'SMS')
                await own.message(user.phone);
        }
    }
});

test('authn C.5-8, authn C.6-10, authn C.6-14, O5: no contact: block or bypass', async () => {
    const nobody = { email: undefined, phone: undefined };
    const flow = await Flow.begin(d);
    const failed = mustBe(await flow.password(await d.user(nobody)),
                          'MFA_FAILED', ['cancelAuthentication']);
    assert.equal(failed.code, 'INVALID_DEVICE');
    const own = await startDaemon({ adapters: { otp: {
        failure_mode: 'bypass' } } });
    const through = await Flow.begin(own);
    mustBe(await through.password(await own.user(nobody)), 'COMPLETED');
    // Who has a device is not let through.
    const not = await Flow.begin(own);
    mustBe(await not.password(await own.user()), 'DEVICE_SELECTION_REQUIRED');
});

test('authn C.5-10: characters visible of an odd address', async () => {
    const own = await startDaemon({ adapters: { otp: {
        visible_leading: 3, visible_trailing: 1, methods: [
            { channel: 'sms', attribute: 'pager', type: 'PAGER' },
            { channel: 'email', attribute: 'email', type: 'EMAIL' }] } } });
    const flow = await Flow.begin(own);
    await flow.password(await own.user({ pager: 'ABCDEFGHIJ' }));
    assert.equal(flow.device('PAGER').target, 'ABC****J');
});

test('authn C.5-11, O1: 6 to 8 digits', async () => {
    for (const digits of [7, 8]) {
        const own = await startDaemon({ adapters: { otp: {
            otp_length: digits } } });
        const { flow, code } = await waiting(own);
        assert.match(code, new RegExp(`^\\d{${digits}}$`));
        assert.equal(flow.state.otpLength, digits);
        mustBe(await flow.check(code), 'OTP_VERIFIED');
    }
});

test('authn C.5-12: max_attempts', async () => {
    const own = await startDaemon({ adapters: { otp: { max_attempts: 1 } } });
    const { flow, code } = await waiting(own);
    mustBe(await flow.check(wrong(code)), 'MFA_FAILED');
});

test('authn C.5-13, authn C.6-7, authn C.6-18, authn A.7-24, O3: 15 resends, then OTP_RESEND_LIMIT', async () => {
    const { user, flow, code } = await waiting();
    for (let i = 0; i < 15; i++) {
        mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
        assert.equal((await d.message(user.email)).code, code);
    }
    const rows = (await d.outbox()).length;
    for (let i = 0; i < 2; i++)
        mustFail(await flow.act('resendOtp'), 400, 'REQUEST_FAILED',
                 'OTP_RESEND_LIMIT');
    assert.equal((await d.outbox()).length, rows);
    mustBe(await flow.get(), 'OTP_REQUIRED');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn C.5-14: without success and error states', async () => {
    const own = await startDaemon({ adapters: { otp: {
        show_success_state: false, show_failed_state: false } } });
    const { flow, code } = await waiting(own);
    mustBe(await flow.check(code), 'COMPLETED');
    const other = await waiting(own);
    for (const by of [1, 2, 3])
        await other.flow.check(wrong(other.code, by));
    mustBe(other.flow.reply, 'FAILED');
});

// --- C.6

test('authn C.6-2, P4: a passcode is good once, in its flow and session', async () => {
    const user = await d.user();
    const one = await Flow.begin(d), two = await Flow.begin(d);
    const first = await one.challenge(user);
    const second = await two.challenge(user);
    if (first.code !== second.code)
        mustFail(await two.check(first.code), 400, 'VALIDATION_ERROR',
                 'INVALID_OTP');
    mustBe(await one.check(first.code), 'OTP_VERIFIED');
    mustFail(await one.check(first.code), 400, 'INVALID_ACTION_ID');
    mustBe(await two.check(second.code), 'OTP_VERIFIED');
});

test('authn C.6-4, authn C.6-17, authn G-4, S5: another device, another code; counters stay', async () => {
    const { user, flow, code } = await waiting();
    mustFail(await flow.check(wrong(code)), 400, 'VALIDATION_ERROR');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    const sms = await d.message(user.phone);
    if (sms.code !== code)
        assert.equal(mustFail(await flow.check(code), 400, 'VALIDATION_ERROR',
                              'INVALID_OTP').details[0].attemptsRemaining, 1);
    else
        await flow.check(wrong(code, 2));
    mustBe(await flow.check(wrong(sms.code, 3)), 'MFA_FAILED');
});

test('authn C.6-4, S5: going round the devices counts as resends', async () => {
    const own = await startDaemon({ adapters: { otp: { max_resends: 1 } } });
    const { user, flow } = await waiting(own);
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    await own.message(user.phone);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    const { code } = await own.message(user.email);
    mustFail(await flow.select('SMS'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    mustBe(await flow.get(), 'OTP_REQUIRED');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn C.6-5, authn C.6-19: wrong, wrong at the limit, right', async () => {
    const { flow, code } = await waiting();
    const before = flow.state;
    mustFail(await flow.check(wrong(code)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    assert.deepEqual(mustBe(await flow.get(), 'OTP_REQUIRED'), before);
    mustFail(await flow.check(wrong(code, 2)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn C.6-8, O5: no resend left, code expired, no other way: MFA_FAILED', async () => {
    const own = await startDaemon({ adapters: { otp: {
        max_resends: 1, methods: emailOnly } } }, { now: Date.now() });
    const user = await own.user();
    const flow = await Flow.begin(own);
    mustBe(await flow.password(user), 'OTP_REQUIRED');
    const { code } = await own.message(user.email);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    mustFail(await flow.act('resendOtp'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    own.advance(5 * minutes + 1);
    const failed = mustBe(await flow.get(), 'MFA_FAILED');
    assert.equal(failed.code, 'OTP_RESEND_LIMIT');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
});

test('authn C.6-9, O7: user choice with one usable method sends at once', async () => {
    const user = await d.user({ phone: undefined });
    const flow = await Flow.begin(d);
    mustBe(await flow.password(user), 'OTP_REQUIRED');
    mustBe(await flow.check((await d.message(user.email)).code),
           'OTP_VERIFIED');
});

test('authn C.6-13, authn C.6-15: choice, then selected', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const rows = (await d.outbox()).length;
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    assert.equal((await d.outbox()).length, rows, 'nothing is sent yet');
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    const message = await d.message(user.phone);
    assert.equal(message.channel, 'sms');
});

test('authn C.6-21: any other POST in each state: INVALID_ACTION_ID, no change', async () => {
    const actions = ['checkUsernamePassword', 'selectDevice', 'checkOtp',
                     'resendOtp', 'continueAuthentication', 'authenticate',
                     'poll', 'cancelAuthentication'];
    const all = async (flow) => {
        const before = flow.state;
        for (const action of actions.filter((one) => !before._links[one]))
            mustFail(await flow.act(action, { otp: '1', username: 'x',
                                              password: 'y' }),
                     400, 'INVALID_ACTION_ID');
        assert.deepEqual(mustBe(await flow.get(), before.status), before);
    };
    const user = await d.user();
    const flow = await Flow.begin(d);
    await all(flow);
    await flow.password(user);
    await all(flow);
    await flow.select('EMAIL');
    await all(flow);
    await flow.check((await d.message(user.email)).code);
    await all(flow);
    await flow.act('continueAuthentication');
    await all(flow);
});

test('S6: an action that took effect already: INVALID_ACTION_ID', async () => {
    const { flow, code } = await waiting();
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    mustFail(await flow.act('continueAuthentication'), 400,
             'INVALID_ACTION_ID');
});

// --- O, with a clock

test('O2: 5 minutes; expired is INVALID_OTP, not counted, and says so', async () => {
    const { user, flow, code } = await waiting(c);
    c.advance(5 * minutes - 1);
    const other = await waiting(c);
    mustBe(await other.flow.check(other.code), 'OTP_VERIFIED');
    c.advance(1);
    const { details } = mustFail(await flow.check(code), 400,
                                 'VALIDATION_ERROR', 'INVALID_OTP');
    assert.equal('attemptsRemaining' in details[0], false);
    assert.match(details[0].userMessage, /expired/i);
    const wrongly = mustFail(await flow.check(wrong(code)), 400,
                             'VALIDATION_ERROR', 'INVALID_OTP');
    assert.equal(wrongly.details[0].attemptsRemaining, 2);
    assert.notEqual(wrongly.details[0].userMessage, details[0].userMessage);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    const fresh = await c.message(user.email);
    mustBe(await flow.check(fresh.code), 'OTP_VERIFIED');
});

test('O2: right up to the last moment', async () => {
    const { flow, code } = await waiting(c);
    c.advance(5 * minutes - 1);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('O2: a resend repeats the code and does not lengthen its life', async () => {
    const { user, flow, code } = await waiting(c);
    c.advance(4 * minutes);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    assert.equal((await c.message(user.email)).code, code);
    c.advance(minutes);
    mustFail(await flow.check(code), 400, 'VALIDATION_ERROR', 'INVALID_OTP');
});

test('O2: with under 60 s left a resend draws a new one', async () => {
    const { user, flow, code } = await waiting(c);
    c.advance(4 * minutes + 1);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    const fresh = (await c.message(user.email)).code;
    if (fresh !== code) // but for one in a million
        mustFail(await flow.check(code), 400, 'VALIDATION_ERROR');
    c.advance(4 * minutes);
    mustBe(await flow.check(fresh), 'OTP_VERIFIED');
});

test('O3, H5: a cool-down of 20 s: OTP_RESEND_TOO_SOON with retryAfterSeconds', async () => {
    const own = await startDaemon({ adapters: { otp: {
        resend_cooldown: '20s' } } }, { now: Date.now() });
    const { user, flow } = await waiting(own);
    own.advance(5001);
    const rows = (await own.outbox()).length;
    const { details } = mustFail(await flow.act('resendOtp'), 400,
                                 'REQUEST_FAILED', 'OTP_RESEND_TOO_SOON');
    assert.equal(details[0].retryAfterSeconds, 15);
    mustFail(await flow.select('EMAIL'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_TOO_SOON');
    assert.equal((await own.outbox()).length, rows);
    own.advance(14999);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    await own.message(user.email);
});

test('O4: five wrong in a row over flows lock the device for 2 minutes, then 4', async () => {
    const user = await c.user();
    const flow = await Flow.begin(c);
    let { code } = await flow.challenge(user);
    for (const by of [1, 2, 3])
        await flow.check(wrong(code, by));
    mustBe(flow.reply, 'MFA_FAILED');
    for (const [wait, first] of [[2 * minutes, 4], [4 * minutes, 6]]) {
        const next = await Flow.begin(c);
        code = (await next.challenge(user)).code;
        await next.check(wrong(code, 1));
        await next.check(wrong(code, 2));
        if (first === 6) {
            // 6 and 7; 8, 9, 10 in a further flow
            const third = await Flow.begin(c);
            code = (await third.challenge(user)).code;
            for (const by of [1, 2, 3])
                await third.check(wrong(code, by));
            mustBe(third.reply, 'MFA_FAILED');
        } else {
            // Locked in the middle of it: the right code does not help.
            mustFail(await next.check(code), 400, 'REQUEST_FAILED',
                     'DEVICE_LOCKED');
            assert.equal((await next.get()).json.status, 'OTP_REQUIRED');
        }
        const locked = await Flow.begin(c);
        mustBe(await locked.password(user), 'OTP_REQUIRED'); // by SMS, at once
        await c.message(user.phone);
        assert.equal(locked.device('EMAIL').usable, false);
        assert.equal(locked.device('SMS').usable, true);
        const { details } = mustFail(await locked.select('EMAIL'), 400,
                                     'REQUEST_FAILED', 'DEVICE_LOCKED');
        assert.equal(details[0].retryAfterSeconds, wait / 1000);
        c.advance(wait - 1);
        mustFail(await locked.select('EMAIL'), 400, 'REQUEST_FAILED',
                 'DEVICE_LOCKED');
        c.advance(1);
        mustBe(await locked.select('EMAIL'), 'OTP_REQUIRED');
        await c.message(user.email);
    }
});

test('O4, authn A.7-28: all locked: MFA_FAILED / DEVICE_LOCKED', async () => {
    const own = await startDaemon({ adapters: { otp: { methods: emailOnly } } },
                                  { now: Date.now() });
    const user = await own.user();
    const guess = async (times) => {
        const flow = await Flow.begin(own);
        await flow.password(user);
        const { code } = await own.message(user.email);
        for (let by = 1; by <= times; by++)
            await flow.check(wrong(code, by));
        return flow;
    };
    mustBe((await guess(3)).reply, 'MFA_FAILED');
    const flow = await guess(2);
    assert.equal(mustBe(flow.reply, 'MFA_FAILED').code, 'DEVICE_LOCKED');
    const next = await Flow.begin(own);
    assert.equal(mustBe(await next.password(user), 'MFA_FAILED').code,
                 'DEVICE_LOCKED');
    own.advance(2 * minutes);
    mustBe(await (await Flow.begin(own)).password(user), 'OTP_REQUIRED');
});

test('O4: a success clears the counter', async () => {
    const user = await c.user();
    for (let round = 0; round < 3; round++) {
        const flow = await Flow.begin(c);
        const { code } = await flow.challenge(user);
        await flow.check(wrong(code, 1));
        await flow.check(wrong(code, 2));
        mustBe(await flow.check(code), 'OTP_VERIFIED');
    }
});

test('O4: 20 wrong in a row of an account lock the second factor; users unlock', async () => {
    const own = await startDaemon({ adapters: { otp: {
        lock_after: 100, disable_after: 1000, account_lock_after: 20 } } },
        { now: Date.now() });
    const user = await own.user();
    for (let round = 0, left = 20; left > 0; round++) {
        const flow = await Flow.begin(own);
        const { code } = await flow.challenge(user, round % 2 ? 'SMS' : 'EMAIL');
        for (let by = 1; by <= 3 && left > 0; by++, left--)
            await flow.check(wrong(code, by));
    }
    const flow = await Flow.begin(own);
    assert.equal(mustBe(await flow.password(user), 'MFA_FAILED').code,
                 'DEVICE_LOCKED');
    own.advance(60 * minutes - 1);
    assert.equal((await (await Flow.begin(own)).password(user)).json.status,
                 'MFA_FAILED');
    const unlocked = await own.ctl('users', 'unlock', user.username);
    assert.equal(unlocked.status, 0, unlocked.stderr);
    mustBe(await (await Flow.begin(own)).password(user),
           'DEVICE_SELECTION_REQUIRED');
});

test('O4: disabled for good until an operator says otherwise', async () => {
    const own = await startDaemon({ adapters: { otp: {
        disable_after: 3, methods: emailOnly } } }, { now: Date.now() });
    const user = await own.user();
    const flow = await Flow.begin(own);
    await flow.password(user);
    const { code } = await own.message(user.email);
    for (const by of [1, 2, 3])
        await flow.check(wrong(code, by));
    own.advance(30 * 24 * 60 * minutes);
    assert.equal((await (await Flow.begin(own)).password(user)).json.code,
                 'DEVICE_LOCKED');
    await own.ctl('users', 'unlock', user.username);
    mustBe(await (await Flow.begin(own)).password(user), 'OTP_REQUIRED');
});

test('O7, O9: TOTP: no target, no resend; each code once; the window', async () => {
    const user = await c.user();
    const enrolled = await c.ctl('--json', 'users', 'totp', user.username,
                                 { quiet: true });
    assert.equal(enrolled.status, 0, enrolled.stderr);
    const { uri } = JSON.parse(enrolled.stdout);
    assert.match(uri, /^otpauth:\/\/totp\//);
    const begin = async () => {
        const flow = await Flow.begin(c);
        mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
        assert.deepEqual(Object.keys(flow.device('TOTP')).sort(),
                         ['id', 'type', 'usable']);
        mustBe(await flow.select('TOTP'), 'OTP_REQUIRED',
               ['checkOtp', 'selectDevice', 'cancelAuthentication']);
        return flow;
    };
    const rows = (await c.outbox()).length;
    let flow = await begin();
    assert.equal((await c.outbox()).length, rows);
    assert.equal(flow.state.otpLength, 6);
    mustFail(await flow.act('resendOtp'), 400, 'INVALID_ACTION_ID');
    const now = totp(uri, c.now());
    mustBe(await flow.check(now), 'OTP_VERIFIED');
    // Once: used up, also the steps before it; it counts in the flow.
    flow = await begin();
    for (const code of [now, totp(uri, c.now(), -1)])
        mustFail(await flow.check(code), 400, 'VALIDATION_ERROR',
                 'INVALID_OTP');
    mustBe(await flow.check(totp(uri, c.now(), 1)), 'OTP_VERIFIED');
    // One step each way.
    c.advance(5 * minutes);
    flow = await begin();
    mustFail(await flow.check(totp(uri, c.now(), 2)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustFail(await flow.check(totp(uri, c.now(), -2)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await flow.check(totp(uri, c.now(), -1)), 'OTP_VERIFIED');
});

test('O9: used codes count towards no lock', async () => {
    const user = await c.user();
    const { stdout } = await c.ctl('--json', 'users', 'totp', user.username,
                                   { quiet: true });
    const { uri } = JSON.parse(stdout);
    const code = totp(uri, c.now());
    const begin = async () => {
        const flow = await Flow.begin(c);
        await flow.password(user);
        mustBe(await flow.select('TOTP'), 'OTP_REQUIRED');
        return flow;
    };
    mustBe(await (await begin()).check(code), 'OTP_VERIFIED');
    for (let round = 0; round < 3; round++) {
        const flow = await begin();
        await flow.check(code);
        await flow.check(code);
        assert.equal(mustBe(await flow.check(code), 'MFA_FAILED').code,
                     'OTP_ATTEMPTS_LIMIT');
    }
    const flow = await begin(); // nine, and not locked
    mustBe(await flow.check(totp(uri, c.now(), 1)), 'OTP_VERIFIED');
});

test('O9, T2: one TOTP code, 16 flows at once: one wins', async () => {
    const user = await d.user();
    const { stdout } = await d.ctl('--json', 'users', 'totp', user.username,
                                   { quiet: true });
    const { uri } = JSON.parse(stdout);
    const flows = [];
    for (let i = 0; i < 16; i++) {
        const flow = await Flow.begin(d);
        await flow.password(user);
        mustBe(await flow.select('TOTP'), 'OTP_REQUIRED');
        flows.push(flow);
    }
    const code = totp(uri, Date.now());
    const replies = await Promise.all(flows.map((flow) => flow.check(code)));
    const won = replies.filter((reply) => reply.status === 200);
    assert.equal(won.length, 1);
    for (const reply of replies.filter((one) => one.status !== 200))
        if (reply.status !== 429)
            mustFail(reply, 400, 'VALIDATION_ERROR', 'INVALID_OTP');
});

test('O8: sends are limited by address over all flows', async () => {
    const own = await startDaemon({ limits: { sends_per_address_10min: 5 } },
                                  { now: Date.now() });
    const user = await own.user();
    for (let i = 0; i < 5; i++) {
        const flow = await Flow.begin(own);
        await flow.challenge(user);
    }
    const rows = (await own.outbox()).length;
    const flow = await Flow.begin(own);
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await flow.select('EMAIL'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    assert.equal((await own.outbox()).length, rows);
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    const { code } = await own.message(user.phone);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    // Another account with the same address is no way around it.
    const twin = await own.user({ email: user.email.toUpperCase() });
    const other = await Flow.begin(own);
    mustBe(await other.password(twin), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await other.select('EMAIL'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    own.advance(10 * minutes + 1);
    const later = await Flow.begin(own);
    await later.challenge(user);
});

test('O8: and by account a day; a refused send leaves nothing behind', async () => {
    const own = await startDaemon({ adapters: { otp: { methods: emailOnly } },
                                    limits: { sends_per_account_day: 2 } },
                                  { now: Date.now() });
    const user = await own.user();
    for (let i = 0; i < 2; i++) {
        mustBe(await (await Flow.begin(own)).password(user), 'OTP_REQUIRED');
        await own.message(user.email);
    }
    const flow = await Flow.begin(own);
    assert.equal(mustBe(await flow.password(user), 'MFA_FAILED').code,
                 'OTP_RESEND_LIMIT');
    assert.equal((await own.outbox()).length, 2);
    own.advance(24 * 60 * minutes + 1);
    mustBe(await (await Flow.begin(own)).password(user), 'OTP_REQUIRED');
});

test('O8: country codes by setting', async () => {
    const own = await startDaemon({ limits: { countries: ['+49'] } });
    const user = await own.user(), far = await own.user({
        phone: '+15550100999' });
    const near = await Flow.begin(own);
    await near.challenge(user, 'SMS');
    const flow = await Flow.begin(own);
    mustBe(await flow.password(far), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await flow.select('SMS'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
});

test('D2: messages: English and German; an SMS ends with the bound line', async () => {
    const english = await waiting(d, 'SMS');
    const { text, code, channel } = english.message;
    assert.equal(channel, 'sms');
    assert.equal(text.trimEnd().split('\n').at(-1), `@127.0.0.1 #${code}`);
    const german = await d.user({ locale: 'de' });
    const flow = await Flow.begin(d);
    const mail = await flow.challenge(german);
    const other = await waiting(d, 'EMAIL');
    assert.notEqual(mail.subject, other.message.subject);
    assert.ok(mail.text.includes(mail.code));
});

await run({ concurrency: 1 });
