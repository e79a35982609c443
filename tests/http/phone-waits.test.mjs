// SPDX-License-Identifier: MIT
// How phones wait: calls that are held while there is nothing new, and the
// stream of events (doc/phone-protocol.md, section 4).
import assert from 'node:assert/strict';

import { startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { mobileEntry } from './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { run, test } from './lib/tap.mjs';

const second = 1000;
const named = { enabled: true, promptForNicknameOnPairing: true };
const policy = { name: 'Default', default: true,
                 mobile: { ...named, applications: [
                     mobileEntry({ pushLimit: { count: 50 } })] },
                 email: { enabled: true },
                 authentication: { deviceSelection: 'PROMPT_TO_SELECT' } };
const mfa = { acr_values: 'urn:factord:mfa' };
const config = {
    adapters: { mfa: { resend_cooldown: '0s', first_device: 'allowed',
                       prompt_setup: true, device_policies: [
                           policy, { name: 'Ping widget' }] } },
    flow: { stream_heartbeat: '1min' },
    clients: { spa: { policies: ['otp', 'mfa'] } },
};
const d = await startDaemon(config);
const c = await startDaemon(config, { now: Date.now() }); // its clock stands

const count = async (daemon = d) =>
    (await daemon.control('GET', '/status')).json.parked ?? 0;
const parks = (number, daemon) =>
    until(`${number} parked`, async () => await count(daemon) === number);

async function json(daemon, ...args)
{
    const { status, stdout, stderr } = await daemon.ctl('--json', ...args);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
}

async function withPhone(daemon = d)
{
    const user = await daemon.user({ mfaEnabled: true });
    const phone = await Phone.make(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    assert.equal((await phone.pair(link)).status, 201);
    return { user, phone };
}

async function begin(daemon, user)
{
    const flow = await Flow.begin(daemon, { params: mfa });
    mustBe(await flow.password(user), 'AUTHENTICATION_REQUIRED');
    return flow;
}

async function ring(daemon, user)
{
    const flow = await begin(daemon, user);
    mustBe(await flow.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    return flow;
}

// A call by who knows what was told last, and is held.
async function hold(phone, daemon = d)
{
    await parks(0, daemon);
    const { json: told } = await phone.requests();
    const call = phone.requests({ wait: 50, known: Phone.known(told) });
    await parks(1, daemon);
    return { told, call };
}

const challenges = ({ requests }) => requests.map((one) => one.challenge);

// --- What ends a wait.

test('S7: what a phone knows of is held; a second request ends it',
     async () => {
    const { user, phone } = await withPhone();
    await ring(d, user);
    const { told, call } = await hold(phone);
    await ring(d, user);
    const { json: heard } = await call;
    assert.equal(heard.requests.length, 2);
    assert.ok(challenges(heard).includes(challenges(told)[0]));
});

test('S7: the sign-on is cancelled', async () => {
    const { user, phone } = await withPhone();
    const flow = await ring(d, user);
    const { call } = await hold(phone);
    await flow.act('cancelAuthentication');
    assert.deepEqual((await call).json.requests, []);
});

test('S7: it is answered elsewhere, or goes on by a passcode', async () => {
    const { user, phone } = await withPhone();
    await ring(d, user);
    const answered = await hold(phone);
    await phone.answer(answered.told.requests[0], 'deny');
    assert.deepEqual((await answered.call).json.requests, []);
    const flow = await ring(d, user);
    const { call } = await hold(phone);
    await flow.check(phone.code());
    assert.deepEqual((await call).json.requests, []);
});

test('S7: another push of the same sign-on is another request', async () => {
    const { user, phone } = await withPhone();
    const flow = await ring(d, user);
    await phone.answer(await phone.waiting(), 'deny');
    const { devices } = await flow.act('poll', {}).then((one) => one.json);
    const { call } = await hold(phone);
    await flow.select(devices[0]);
    const { json: heard } = await call;
    const next = await hold(phone);
    assert.deepEqual(next.told.requests, heard.requests);
    await flow.act('cancelAuthentication');
    await next.call;
});

test('S7: many sign-ons of a user hide no cancel', async () => {
    const { user, phone } = await withPhone();
    for (let i = 0; i < 40; i++)
        await (await ring(d, user)).act('cancelAuthentication');
    const last = await ring(d, user);
    const { call } = await hold(phone);
    await last.act('cancelAuthentication');
    await call;
});

test('S7: the device is activated, renamed, removed', async () => {
    const user = await d.user({ mfaEnabled: true });
    const phone = await Phone.make(d);
    const flow = await Flow.begin(d, { params: mfa });
    await flow.password(user);
    await flow.act('authenticate', {});
    await flow.act('setupMfa');
    mustBe(await flow.act('selectDevicePairingMethod',
                          { devicePairingMethod: {
                              deviceType: 'MOBILE',
                              applicationName: 'Authenticator' } }),
           'MOBILE_ACTIVATION_REQUIRED');
    assert.equal((await phone.pair(flow.state.pairingKey)).status, 201);
    const pending = await hold(phone);
    assert.equal(pending.told.status, 'ACTIVATION_REQUIRED');
    assert.equal(pending.told.name, 'Pixel 8');
    await flow.get();
    mustBe(await flow.act('activateMobileDevice', {}), 'UPDATE_NICKNAME');
    assert.equal((await pending.call).json.status, 'ACTIVE');
    const unnamed = await hold(phone);
    await flow.act('updateDeviceNickname',
                   { id: phone.device, nickname: 'Blue' });
    assert.equal((await unnamed.call).json.name, 'Blue');
    const { call } = await hold(phone);
    await json(d, 'devices', 'remove', user.username, phone.device);
    const gone = await call;
    assert.equal(gone.status, 404);
    assert.equal(gone.json.details[0].code, 'NOT_PAIRED');
});

test('what brings nothing new ends no wait', async () => {
    const { user, phone } = await withPhone();
    await json(d, 'devices', 'add', user.username, 'EMAIL', user.email);
    const { call } = await hold(phone);
    let over = false;
    call.then(() => { over = true; });
    const flow = await begin(d, user);
    await flow.act('authenticate', {});
    mustBe(await flow.select('Email'), 'OTP_REQUIRED'); // a sign-on of theirs
    await parks(1);
    assert.equal(over, false);
    await flow.select(flow.state.devices.find((one) => one.pushEnabled));
    assert.equal((await call).json.requests.length, 1);
});

test('a call that is held stays good, however long ago it was signed',
     async () => {
    const { user, phone } = await withPhone(c);
    const { call } = await hold(phone, c);
    c.advance(300 * second);
    await ring(c, user);
    const { status, json: heard, text } = await call;
    assert.equal(status, 200, text);
    assert.equal(heard.requests.length, 1);
});

// --- The stream.

test('a stream tells of a request, of its cancel, and of the next',
     async () => {
    const { user, phone } = await withPhone();
    const stream = await phone.stream();
    assert.equal(stream.status, 200);
    const first = (await stream.next()).data;
    assert.deepEqual([first.status, first.name, first.requests],
                     ['ACTIVE', 'Pixel 8', []]);
    assert.ok(Number.isInteger(first.time));
    for (let i = 0; i < 2; i++) {
        const flow = await ring(d, user);
        const { data } = await stream.next();
        assert.equal(data.requests.length, 1);
        assert.equal(data.requests[0].client, 'spa');
        await flow.act('cancelAuthentication');
        assert.deepEqual((await stream.next()).data.requests, []);
    }
    stream.close();
});

test('a stream tells only what differs', async () => {
    const { user, phone } = await withPhone();
    const stream = await phone.stream();
    await stream.next();
    await parks(1);
    for (const push of [null, null]) {
        const ms = d.now();
        const reply = await phone.say(`${phone.here}/push`, 'push', {
            iat: Math.floor(ms / 1000), iat_ms: ms, push });
        assert.equal(reply.status, 200, reply.text);
        await parks(1);
    }
    await ring(d, user);
    assert.equal((await stream.next()).data.requests.length, 1);
    assert.equal(stream.text.match(/^data:/gm).length, 2);
    stream.close();
});

test('a stream outlives the minute of its statement', async () => {
    const { user, phone } = await withPhone(c);
    const stream = await phone.stream();
    await stream.next();
    c.advance(200 * second);
    await ring(c, user);
    assert.equal((await stream.next()).data.requests.length, 1);
    stream.close();
});

test('a stream ends with the device, and with its key', async () => {
    const { user, phone } = await withPhone();
    const stream = await phone.stream();
    await stream.next();
    await json(d, 'devices', 'remove', user.username, phone.device);
    const { event, data } = await stream.next();
    assert.equal(event, 'refused');
    assert.equal(data.details[0].code, 'NOT_PAIRED');
    assert.equal(await stream.ended, 'end');
    const late = await phone.stream();
    assert.equal(late.status, 404);
    assert.match(late.headers['content-type'], /^application\/json/);
});

test('a stop ends the streams of phones well', async () => {
    const own = await startDaemon(config);
    const phones = [await withPhone(own), await withPhone(own)];
    const streams = await Promise.all(phones.map(({ phone }) =>
        phone.stream()));
    await parks(2, own);
    const { status, output } = await own.stop();
    assert.equal(status, 0, output);
    for (const stream of streams)
        assert.equal(await stream.ended, 'end');
});

await run();
