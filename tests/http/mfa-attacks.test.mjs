// SPDX-License-Identifier: MIT
// Those who have the password, and try the second factor: by guessing
// numbers, pairing keys and passcodes, by taking an answer from one sign-on to
// another, by flooding the phone.  Everything is counted here as the attacker
// would, not as the host says that it counts.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { execute, startDaemon } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { approve, begin, codeFor, devicePolicy, json, mfaConfig, mfaUser,
         minute, mustComplete, resting, second, shown, started, userWith,
         wrong } from './lib/mfa.mjs';
import { Phone, readLink, sign } from './lib/phone.mjs';
import { preloaded } from './lib/plugins.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const config = mfaConfig({ policies: [
    devicePolicy('resting', { email: resting, sms: resting,
                              totp: { enabled: true, passcodeGracePeriod: 1,
                                      otp: { failure: resting.otp.failure } } }),
] });

// The clock is in the test's hand; each attack on all has a host of its own.
const made = (options) => startDaemon(config, { now: Date.now(), ...options });
const d = await made();

const repeat = (count, make) => Array.from({ length: count }, (_, i) =>
    make(i));

const selectPhone = (flow, phone) => flow.select({ id: phone.device });

// How often the log says so of a device; null: there is no sqlite3.
async function logged(daemon, event, about)
{
    const done = await execute('sqlite3', ['-readonly', '-cmd',
        '.timeout 5000', join(daemon.state, 'store.db'),
        `SELECT count(*) FROM audit WHERE event LIKE '%${event}%'
             AND event LIKE '%${about}%'`], { quiet: true })
        .catch(() => null);
    return done && Number(done.stdout);
}

async function mustBeLogged(daemon, event, about, count)
{
    const found = await logged(daemon, event, about);
    if (found !== null)
        assert.equal(found, count, event);
}

// --- (a) The number that the page shows.

// One sign-on, one guess: what the phone's answer came to.
async function guessNumber(daemon, user, phone, by)
{
    const flow = await started(daemon, user);
    mustBe(flow.state.status === 'DEVICE_SELECTION_REQUIRED'
        ? await selectPhone(flow, phone) : flow.reply,
           'PUSH_CONFIRMATION_WAITING');
    const asked = await phone.waiting();
    const number = shown(flow);
    const reply = await phone.answer(asked, 'approve',
                                     { number: wrong(number, by) });
    assert.equal(reply.json.result, 'denied', reply.text);
    // There is no second try, by a right number neither.
    assert.equal((await phone.answer(asked, 'approve', { number })).status,
                 409);
    mustBe(await flow.get(), 'PUSH_CONFIRMATION_REJECTED');
    daemon.advance(second);
}

test('M2: five wrong numbers over five sign-ons: the phone rests, and a ' +
     'restart does not wake it', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    for (let i = 1; i <= 5; i++)
        await guessNumber(d, user, phone, i);
    const until = d.now() - second + 30 * minute;
    const locked = async () => {
        const { code } = mustBe((await started(d, user)).reply, 'MFA_FAILED');
        assert.equal(code, 'DEVICE_LOCKED');
        const { json: told } = await phone.requests();
        assert.deepEqual(told.requests, []);
    };
    await locked();
    await d.restart('SIGKILL');
    await locked();
    d.setClock(until - 1);
    await locked();
    d.setClock(until);
    mustBe((await started(d, user)).reply, 'PUSH_CONFIRMATION_WAITING');
});

test('M2: one that was right in between begins the count anew', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    for (let i = 1; i <= 4; i++)
        await guessNumber(d, user, phone, i);
    const flow = await started(d, user);
    await approve(flow, phone);
    mustComplete(await flow.act('poll', {}));
    for (let i = 1; i <= 4; i++)
        await guessNumber(d, user, phone, i);
    mustBe((await started(d, user)).reply, 'PUSH_CONFIRMATION_WAITING');
});

test('M2: twenty wrong numbers, patiently: the account is locked, with its ' +
     'e-mail address', async () => {
    const own = await made();
    const { user, PHONE: phone } = await userWith(own, 'PHONE', 'EMAIL');
    const before = await started(own, user);
    for (let round = 0; round < 4; round++) {
        for (let i = 1; i <= 5; i++)
            await guessNumber(own, user, phone, i);
        if (round === 3)
            break;
        mustFail(await selectPhone(await started(own, user), phone), 400,
                 'REQUEST_FAILED', 'DEVICE_LOCKED');
        own.advance(30 * minute);
    }
    const locked = async () => assert.equal(
        mustBe((await started(own, user)).reply, 'MFA_FAILED').code,
        'ACCOUNT_LOCKED_OUT');
    await locked();
    await own.restart('SIGKILL');
    await locked();
    // Nor in a sign-on that had begun before, if it still lives.
    assert.notEqual((await before.select('Email')).json.status,
                    'OTP_REQUIRED');
    own.advance(60 * minute);
    mustBe((await started(own, user)).reply, 'DEVICE_SELECTION_REQUIRED');
});

// --- (b) Pairing keys.

const digits = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';

async function pairingKey(daemon, user)
{
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username, { quiet: true });
    return secret('pairing key', readLink(link).key);
}

// Another key; the first ones of its characters are those of this one.
function otherKey(key, same = 0)
{
    const at = digits.indexOf(key[same]);
    const other = repeat(15 - same, () =>
        digits[Math.floor(Math.random() * 32)]).join('');
    return key.slice(0, same) + digits[(at + 1) % 32] + other;
}

// A claim, signed and not yet sent.
async function signedClaim(daemon, key, phone)
{
    phone ??= await Phone.make(daemon);
    const statement = await sign(phone.key, phone.claims('pair', {
        key, application: phone.application(), name: 'Pixel 8',
        platform: 'android' }));
    return { path: `${phone.path}/pairings`,
             body: JSON.stringify({ key: phone.jwk, statement }) };
}

// From an address of this machine's own network.
async function send(daemon, { path, body }, localAddress)
{
    const reply = await daemon.request('POST', path, {
        headers: { 'Content-Type': 'application/json' }, localAddress, body });
    secret('phone passcode secret', reply.json?.passcode?.secret);
    return reply;
}

async function claim(daemon, key, address, phone)
{
    return send(daemon, await signedClaim(daemon, key, phone), address);
}

function byStatus(replies)
{
    const counts = {};
    for (const { status } of replies)
        counts[status] = (counts[status] ?? 0) + 1;
    return counts;
}

function mustRefuseKey(reply)
{
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.json.details[0].code, 'PAIRING_KEY_INVALID');
}

// Gives for how long, in seconds.
function mustBeLimited(reply, most)
{
    assert.equal(reply.status, 429, reply.text);
    assert.equal(reply.json.details[0].code, 'REQUEST_LIMITED');
    const seconds = Number(reply.headers['retry-after']);
    assert.ok(seconds > 0 && seconds <= most, String(seconds));
    return seconds;
}

test('M9: five wrong keys that begin like it kill a key', async () => {
    const own = await made();
    const user = await mfaUser(own);
    const dead = await pairingKey(own, user);
    // Each from another address, and written as people type.
    for (let i = 0; i < 5; i++)
        mustRefuseKey(await claim(own, i % 2 ? otherKey(dead, 4)
            : otherKey(dead, 4).toLowerCase().replace(/.{4}/g, '$&-'),
                                  `127.0.0.${10 + i}`));
    await own.restart('SIGKILL');
    mustRefuseKey(await claim(own, dead, '127.0.0.20'));
    mustRefuseKey(await claim(own, dead, '127.0.0.20'));
    await mustBeLogged(own, 'mfa.pairing_key_killed', '', 1);
    // Of the user's others only that one is dead.
    const next = await pairingKey(own, user);
    assert.equal((await claim(own, next, '127.0.0.20')).status, 201);
});

test('M9: four that begin like it, or five with three characters, do not',
     async () => {
    const own = await made();
    const user = await mfaUser(own);
    const key = await pairingKey(own, user);
    for (let i = 0; i < 9; i++)
        mustRefuseKey(await claim(own, otherKey(key, i < 4 ? 4 : 3),
                                  `127.0.0.${10 + i}`));
    assert.equal((await claim(own, key, '127.0.0.20')).status, 201);
});

test('M9: ten wrong keys from one address, in parallel: 429, and a restart ' +
     'does not help', async () => {
    const own = await made();
    const user = await mfaUser(own);
    const phone = await Phone.make(own);
    const key = await pairingKey(own, user);
    const replies = await Promise.all(repeat(30, () =>
        claim(own, otherKey(key), '127.0.0.30')));
    const judged = replies.filter(({ status }) => status === 400);
    assert.equal(judged.length, 10);
    for (const reply of replies)
        if (reply.status === 400)
            mustRefuseKey(reply);
        else
            mustBeLimited(reply, 600);
    mustBeLimited(await claim(own, key, '127.0.0.30', phone), 600);
    own.advance(minute);
    await own.restart('SIGKILL');
    const left = mustBeLimited(await claim(own, key, '127.0.0.30', phone),
                               540);
    // What was refused spent nothing, and another address is free.
    assert.equal((await claim(own, key, '127.0.0.31', phone)).status, 201);
    const late = await pairingKey(own, await mfaUser(own));
    own.advance(left * second - 1);
    mustBeLimited(await claim(own, late, '127.0.0.30'), 1);
    own.advance(1);
    assert.notEqual((await claim(own, late, '127.0.0.30')).status, 429);
});

test('M9: a hundred wrong keys in a minute, from everywhere: closed for a ' +
     'minute', async () => {
    const own = await made({ env: { LD_PRELOAD: preloaded('slow-sync') } });
    const user = await mfaUser(own);
    const key = await pairingKey(own, user);
    // All want the same record at the same moment; each is judged even so.
    const claims = await Promise.all(repeat(240, () =>
        signedClaim(own, otherKey(key))));
    const replies = await Promise.all(claims.map((one, i) =>
        send(own, one, `127.0.1.${1 + i}`)));
    assert.deepEqual(byStatus(replies), { 400: 100, 429: 140 });
    await own.restart('SIGKILL');
    const left = mustBeLimited(await claim(own, key, '127.0.2.1'), 60);
    await mustBeLogged(own, 'mfa.claims_closed', 'mfa.claims.all', 1);
    own.advance(left * second);
    assert.equal((await claim(own, key, '127.0.2.1')).status, 201);
});

// --- (c) From one sign-on to another.

test('P4: a code that was mailed in one sign-on is none in another',
     async () => {
    const { user } = await userWith(d, 'EMAIL');
    const { user: other } = await userWith(d, 'EMAIL');
    const [a, b, c] = [await started(d, user), await started(d, user),
                       await started(d, other)];
    for (const flow of [a, b, c])
        mustBe(flow.reply, 'OTP_REQUIRED');
    const codes = [await codeFor(d, user.email), await codeFor(d, user.email)];
    const [ofB] = codes.splice(codes[0] === codes[1] ? 0 : 1, 1);
    for (const flow of [b, c])
        mustFail(await flow.check(codes[0]), 400, 'VALIDATION_ERROR',
                 'INVALID_OTP');
    mustFail(await a.check(ofB), 400, 'VALIDATION_ERROR', 'INVALID_OTP');
    for (const [flow, status] of [[a, 'MFA_COMPLETED'], [b, 'OTP_REQUIRED'],
                                  [c, 'OTP_REQUIRED']])
        mustBe(flow === a ? await a.check(codes[0]) : await flow.get(),
               status);
    mustBe(await b.check(ofB), 'MFA_COMPLETED');
});

// Two sign-ons of one user that wait for the same phone, and what it is asked
// by each; that of another user with another phone.
async function crossed()
{
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    const { user: other, PHONE: thief } = await userWith(d, 'PHONE');
    const a = await started(d, user);
    const [ofA] = (await phone.requests()).json.requests;
    const b = await started(d, user);
    const { requests } = (await phone.requests()).json;
    assert.equal(requests.length, 2);
    const c = await started(d, other);
    return { phone, thief, a, b, c, ofA,
             ofB: requests.find(({ id }) => id !== ofA.id),
             ofC: await thief.waiting() };
}

test('M10: the answer to one sign-on moves no other one', async () => {
    const { phone, thief, a, b, c, ofA, ofB, ofC } = await crossed();
    const [ofNumberA, ofNumberB] = [shown(a), shown(b)];
    const number = ofNumberB;
    const tries = [
        // The id of one, the challenge of the other.
        [phone, { ...ofA, id: ofB.id }, {}],
        [phone, { ...ofB, id: ofA.id }, {}],
        [phone, { ...ofB, challenge: undefined }, {}],
        [phone, { ...ofB, challenge: '' }, {}],
        [phone, { ...ofB, id: ofC.id }, {}],
        // The other user's phone, in its own name and in that of the victim.
        [thief, ofB, {}],
        [thief, { ...ofC, id: ofB.id }, {}],
        [thief, ofB, { claims: { user: phone.user } }],
        [thief, ofB, { claims: { device: phone.device, user: phone.user } }],
    ];
    for (const [who, asked, options] of tries) {
        const reply = await who.answer(asked, 'approve', { number }, options);
        assert.ok([400, 404, 409].includes(reply.status), reply.text);
    }
    // Where the victim's phone is spoken to, signed by the thief's key.
    const claims = { ...phone.claims('answer', phone.answerClaims(
        ofB, 'approve', { number })) };
    const forged = await phone.post(`${phone.here}/answers`,
                                    await sign(thief.key, claims));
    assert.equal(forged.status, 400, forged.text);
    for (const flow of [a, b, c])
        mustBe(await flow.get(), 'PUSH_CONFIRMATION_WAITING');
    // The right one moves its own alone.
    assert.equal((await phone.answer(ofA, 'approve', { number: ofNumberA }))
                     .json.result, 'approved');
    mustBe(await b.get(), 'PUSH_CONFIRMATION_WAITING');
    mustBe(await c.get(), 'PUSH_CONFIRMATION_WAITING');
    mustComplete(await a.get());
});

test('M10: the very same statement, after the sign-on has ended', async () => {
    const { user, PHONE: phone } = await userWith(d, 'PHONE');
    const flow = await started(d, user);
    const claims = phone.claims('answer', phone.answerClaims(
        await phone.waiting(), 'approve', { number: shown(flow) }));
    const statement = await sign(phone.key, claims);
    const say = () => phone.post(`${phone.here}/answers`, statement);
    assert.equal((await say()).json.result, 'approved');
    assert.equal((await say()).json.result, 'approved'); // it was lost
    mustComplete(await flow.get());
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    const next = await started(d, user);
    mustBe(next.reply, 'PUSH_CONFIRMATION_WAITING');
    for (let i = 0; i < 2; i++) {
        const again = await say();
        assert.ok(again.status === 409 || again.json.result === 'approved',
                  again.text);
        mustBe(await next.get(), 'PUSH_CONFIRMATION_WAITING');
        mustFail(await flow.act('continueAuthentication', {}), 400,
                 'INVALID_ACTION_ID');
        await d.restart('SIGKILL');
    }
    await mustBeLogged(d, 'mfa.push_approved', phone.device, 1);
});

// --- (d) Pushes without end.

// All sign-ons wait for the choice of a device; all at once, again and again.
async function flood(daemon, kinds, once)
{
    const { user, PHONE: phone } = await userWith(daemon, ...kinds);
    const flows = [];
    for (let i = 0; i < 12; i++)
        flows.push(await begin(daemon, user));
    const seen = new Set();
    const look = async () => {
        for (const one of (await phone.requests()).json.requests)
            seen.add(one.challenge);
        return seen.size;
    };
    await once(flows, phone, look);
    assert.equal(await look(), 5);
    await mustBeLogged(daemon, 'mfa.push_sent', phone.device, 5);
    return { user, phone, flows };
}

test('M4: sign-ons in parallel push five times, and no more', async () => {
    const { user, phone, flows } = await flood(d, ['PHONE'],
        async (all, _, look) => {
            await Promise.all(all.map((flow) => flow.act('authenticate', {})));
            await look();
            await Promise.all(all.map((flow) => flow.act('authenticate', {})));
        });
    assert.equal(flows.filter(({ state }) => state.status ===
                              'PUSH_CONFIRMATION_WAITING').length <= 5, true);
    // Cancelling takes none of them back.
    await Promise.all(flows.map((flow) =>
        flow.act('cancelAuthentication', {})));
    const more = [await begin(d, user), await begin(d, user)];
    await Promise.all(more.map((flow) => flow.act('authenticate', {})));
    assert.deepEqual((await phone.requests()).json.requests, []);
    // Nobody has answered: it rests, for who restarts the host, too.
    d.advance(40 * second);
    await d.restart('SIGKILL');
    assert.equal(mustBe((await started(d, user)).reply, 'MFA_FAILED').code,
                 'DEVICE_LOCKED');
    await mustBeLogged(d, 'mfa.push_sent', phone.device, 5);
});

test('M4: nor does selectDevice, in parallel and again and again', async () => {
    const own = await made();
    await flood(own, ['PHONE', 'EMAIL', 'SMS'], async (all, phone, look) => {
        for (const flow of all)
            mustBe(await flow.act('authenticate', {}),
                   'DEVICE_SELECTION_REQUIRED');
        for (let i = 0; i < 3; i++) {
            await Promise.all([...all, ...all].map((flow) =>
                selectPhone(flow, phone)));
            await look();
            // Away and back, past what counts as one click.
            own.advance(5 * second);
            await Promise.all(all.map((flow, at) =>
                flow.select(at % 2 ? 'Email' : 'SMS')));
        }
    });
});

// --- (e) Passcodes, everywhere at once.

// Sign-ons spread over the devices, each told which.
async function spread(daemon, policy, count)
{
    const { user } = await userWith(daemon, 'EMAIL', 'SMS', 'TOTP');
    const types = ['Email', 'SMS', 'TOTP'], flows = [];
    for (let i = 0; i < count; i++) {
        const flow = await started(daemon, user, policy);
        mustBe(await flow.select(types[i % 3]), 'OTP_REQUIRED');
        flows.push(flow);
    }
    const codes = [];
    for (let i = 0; i < count; i++)
        if (i % 3 < 2)
            codes.push(await codeFor(daemon, i % 3 ? user.phone : user.email));
    return { user, flows, codes };
}

// What the host counts: of the account, and of each device.
async function failures(daemon, user)
{
    const { account, devices } = await json(daemon, 'devices', 'list',
                                            user.username);
    return [account.failures, ...devices.map((one) => one.failures)];
}

// So many wrong codes at once, round the sign-ons.  Gives how many answers
// tell the guesser that a code was wrong: the one that locks a device, or the
// account, need not.
async function guess(flows, count, codes)
{
    const taken = new Set(codes);
    const replies = await Promise.all(repeat(count, (i) => {
        let code = String(100000 + i * 7919 % 900000);
        while (taken.has(code))
            code = wrong(code);
        taken.add(code);
        return flows[i % flows.length].check(code);
    }));
    const said = replies.map(({ json: one }) =>
        one.status ? one.code : one.details?.[0].code ?? one.code);
    for (const one of said)
        assert.match(one, /^INVALID_|^DEVICE_LOCKED$|ATTEMPTS_LIMIT$/);
    return said.filter((one) => /^INVALID_OTP$|ATTEMPTS_LIMIT$/.test(one))
        .length;
}

test('M6: 30 guesses at once, 5 sign-ons, 3 devices: 3 for each device',
     async () => {
    const own = await made();
    const { user, flows, codes } = await spread(own, 'resting', 5);
    const judged = await guess(flows, 30, codes);
    assert.ok(judged > 0 && judged <= 9, String(judged));
    assert.deepEqual(await failures(own, user), [9, 3, 3, 3]);
    await own.restart('SIGKILL');
    // Every device rests: no code is judged any more, in old or new sign-ons.
    assert.equal(await guess(flows, 10, codes), 0);
    assert.deepEqual(await failures(own, user), [9, 3, 3, 3]);
    assert.equal(mustBe((await started(own, user, 'resting')).reply,
                        'MFA_FAILED').code, 'DEVICE_LOCKED');
});

test('M6: without a rest 20 in all, then the account is locked', async () => {
    const own = await made();
    const { user, flows, codes } = await spread(own, 'mfa', 15);
    const judged = await guess(flows, 45, codes);
    assert.ok(judged > 0 && judged <= 20, String(judged));
    assert.equal((await failures(own, user))[0], 20);
    await own.restart('SIGKILL');
    assert.equal(await guess(flows, 15, codes), 0);
    assert.equal((await failures(own, user))[0], 20);
    assert.equal(mustBe((await started(own, user)).reply, 'MFA_FAILED').code,
                 'ACCOUNT_LOCKED_OUT');
});

await run();
