// SPDX-License-Identifier: MIT
// Flows and sessions in time and in parallel (S), and what is kept (A.9).
import assert from 'node:assert/strict';

import { sleep, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { Jar } from './lib/http.mjs';
import { run, test } from './lib/tap.mjs';

const minutes = 60 * 1000;
const d = await startDaemon();
const c = await startDaemon({}, { now: Date.now() }); // its clock stands still

const wrong = (code, by = 1) =>
    String((Number(code) + by) % 1000000).padStart(6, '0');
const gone = async (flow) =>
    mustFail(await flow.get(), 404, 'RESOURCE_NOT_FOUND');

async function waiting(daemon = d, options)
{
    const user = await daemon.user();
    const flow = await Flow.begin(daemon, options);
    const { code } = await flow.challenge(user);
    return { user, flow, code };
}

// --- S1

test('S1: before its first factor a flow is lost on restart, after it kept', async () => {
    const own = await startDaemon();
    const { user, flow, code } = await waiting(own);
    const early = await Flow.begin(own);
    const before = flow.state;
    await own.restart();
    await gone(early);
    assert.deepEqual(mustBe(await flow.get(), 'OTP_REQUIRED'), before);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    await own.restart();
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const done = flow.state;
    await own.restart();
    assert.deepEqual(mustBe(await flow.get(), 'COMPLETED'), done);
    assert.equal((await flow.redeem()).status, 200);
    mustBe(await (await Flow.begin(own)).signOn(user), 'COMPLETED');
});

test('S1: flows without a factor write nothing to the disk', async () => {
    const own = await startDaemon();
    const before = (await own.control('GET', '/status')).json.commits;
    const flows = await Promise.all(Array.from({ length: 50 }, async () => {
        const flow = await Flow.begin(own);
        await flow.act('checkUsernamePassword', { username: 'nobody',
                                                  password: 'x' });
        return flow;
    }));
    const after = (await own.control('GET', '/status')).json.commits;
    assert.equal(after - before, 0);
    mustBe(await flows[0].get(), 'USERNAME_PASSWORD_REQUIRED');
});

test('S1: their memory is bounded, the oldest are dropped', async () => {
    const own = await startDaemon({ flow: { volatile_memory: '1MiB' } });
    const first = await Flow.begin(own);
    let last;
    for (let i = 0; i < 60; i++)
        [last] = await Promise.all(Array.from({ length: 25 }, () =>
            Flow.begin(own, { params: { state: 'x'.repeat(2000) } })));
    await gone(first);
    mustBe(await last.get(), 'USERNAME_PASSWORD_REQUIRED');
});

// --- S2

test('S2, authn A.9-6, authn G-7: 15 minutes idle', async () => {
    const { flow, code } = await waiting(c);
    c.advance(15 * minutes - 1);
    mustBe(await flow.get(), 'OTP_REQUIRED'); // a GET is no use of it
    const other = await waiting(c);
    c.advance(1);
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    c.advance(15 * minutes - 2);
    mustBe(await other.flow.select('SMS'), 'OTP_REQUIRED');
    c.advance(minutes);
    mustBe(await other.flow.get(), 'OTP_REQUIRED', [
        'checkOtp', 'resendOtp', 'selectDevice', 'cancelAuthentication']);
});

test('S2: 30 minutes, however busy', async () => {
    const { user, flow } = await waiting(c);
    for (let i = 0; i < 2; i++) {
        c.advance(14 * minutes);
        mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
        await c.message(user.email);
    }
    c.advance(2 * minutes - 1);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    c.advance(1);
    mustFail(await flow.act('resendOtp'), 400, 'INVALID_ACTION_ID');
});

test('S2, authn A.7-1, authn A.9-7, authn G-8: ended, readable for 60 s, then 404', async () => {
    for (const how of ['expired', 'completed', 'cancelled', 'early']) {
        const user = await c.user();
        const flow = await Flow.begin(c);
        if (how !== 'early')
            await flow.challenge(user);
        if (how === 'completed') {
            const next = await Flow.begin(c);
            mustBe(await next.signOn(user), 'COMPLETED');
            Object.assign(flow, { id: next.id, jar: next.jar,
                                  reply: next.reply });
        }
        if (how === 'cancelled')
            mustBe(await flow.act('cancelAuthentication'), 'FAILED');
        if (how === 'expired' || how === 'early')
            c.advance(15 * minutes);
        const { status } = flow.state;
        const last = mustBe(await flow.get(), status, []);
        c.advance(minutes - 1);
        assert.deepEqual(mustBe(await flow.get(), status), last, how);
        for (const action of ['cancelAuthentication', 'checkOtp',
                              'checkUsernamePassword'])
            mustFail(await flow.act(action), 400, 'INVALID_ACTION_ID');
        c.advance(1);
        await gone(flow);
        mustFail(await flow.act('cancelAuthentication'), 404,
                 'RESOURCE_NOT_FOUND');
    }
});

test('S2: the limits are settings', async () => {
    const own = await startDaemon({ flow: {
        idle_limit: '2s', absolute_limit: '5s', finished_grace: '1s' } },
        { now: Date.now() });
    const flow = await Flow.begin(own);
    own.advance(1999);
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED',
           ['checkUsernamePassword', 'cancelAuthentication']);
    own.advance(1);
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED', []);
    own.advance(1000);
    await gone(flow);
});

test('a session ends 12 hours after its start', async () => {
    const own = await startDaemon({ flow: {
        idle_limit: '24h', absolute_limit: '24h' } }, { now: Date.now() });
    const { flow } = await waiting(own);
    own.advance(12 * 60 * minutes - 1);
    mustBe(await flow.get(), 'OTP_REQUIRED');
    own.advance(1);
    await gone(flow);
});

// --- S4

test('S4: a planted cookie, in two browsers', async () => {
    const user = await c.user();
    // The attacker begins, and plants cookie and flow into the victim.
    const attacker = await Flow.begin(c);
    const victim = new Flow(c, { id: attacker.id, jar: attacker.jar.copy() });
    await victim.get();
    mustBe(await victim.password(user), 'DEVICE_SELECTION_REQUIRED');
    assert.notEqual(victim.jar.cookies.PF, attacker.jar.cookies.PF);
    // Reads for 5 s, for requests that were under way; actions never.
    mustBe(await attacker.get(), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await attacker.act('cancelAuthentication'), 404,
             'RESOURCE_NOT_FOUND');
    mustBe(await victim.select('EMAIL'), 'OTP_REQUIRED');
    const { code } = await c.message(user.email);
    mustFail(await attacker.check(code), 404, 'RESOURCE_NOT_FOUND');
    c.advance(5000);
    await gone(attacker);
    mustBe(await victim.check(code), 'OTP_VERIFIED');
    mustBe(await victim.act('continueAuthentication'), 'COMPLETED');
    await gone(attacker);
});

test('S4: COMPLETED and resumeUrl only for the newest cookie', async () => {
    for (const mode of ['begin', 'redirect']) {
        const user = await c.user();
        const flow = await Flow[mode](c);
        mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
        mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
        const { code } = await c.message(user.email);
        mustBe(await flow.check(code), 'OTP_VERIFIED');
        const before = flow.jar.copy();
        const end = mode === 'begin' ? 'COMPLETED' : 'RESUME';
        mustBe(await flow.act('continueAuthentication'), end);
        assert.notEqual(flow.jar.cookies.PF, before.cookies.PF);
        // Within the 5 s: the old one reads, but not this.
        mustFail(await flow.get({ jar: before }), 404, 'RESOURCE_NOT_FOUND');
        const state = mustBe(await flow.get(), end);
        if (mode === 'redirect') {
            const path = state.resumeUrl.slice(c.base.length);
            for (const jar of [before, new Jar()]) {
                const page = await c.get(path, { jar });
                assert.notEqual(page.status, 302);
                assert.equal(page.location, undefined);
            }
            assert.equal((await c.get(path, { jar: flow.jar })).status, 302);
        }
    }
});

test('S4: the id of a session is renewed at each success, in the same answer', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.signOn(user), 'COMPLETED');
    const values = flow.jar.history.map((line) => line.split(';')[0]);
    assert.equal(values.length, 3); // begun, password, passcode
    assert.equal(new Set(values).size, 3);
});

test('S4: flows of other tabs live on', async () => {
    const user = await d.user();
    const one = await Flow.begin(d);
    const two = await Flow.begin(d, { jar: one.jar });
    mustBe(await one.password(user), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await two.get(), 'USERNAME_PASSWORD_REQUIRED');
    mustBe(await two.password(user), 'DEVICE_SELECTION_REQUIRED');
    mustBe(await one.get(), 'DEVICE_SELECTION_REQUIRED');
});

test('S3, S4: a cookie of the caller\'s own making is never taken over', async () => {
    const jar = new Jar({ PF: `${'A'.repeat(22)}.${'B'.repeat(22)}` });
    const flow = await Flow.begin(d, { jar });
    assert.notEqual(jar.cookies.PF.slice(0, 22), 'A'.repeat(22));
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
});

// --- S5

test('S5, authn F.4-7: selectDevice twice within 2 s is one request', async () => {
    const { user, flow, code } = await waiting(c);
    const rows = (await c.outbox()).length;
    c.advance(2000);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    assert.equal((await c.outbox()).length, rows);
    // Later it is a resend, of the same code.
    c.advance(2001);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    assert.equal((await c.message(user.email)).code, code);
    // Of another device: a new challenge at once.
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    await c.message(user.phone);
});

test('S5, authn A.9-8: twelve at once on twelve connections: one message', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    const model = { deviceRef: { id: flow.device('EMAIL').id } };
    const rows = (await d.outbox()).length;
    const replies = await Promise.all(Array.from({ length: 12 }, () =>
        new Flow(d, flow).act('selectDevice', model)));
    for (const reply of replies)
        assert.deepEqual(mustBe(reply, 'OTP_REQUIRED'), replies[0].json);
    assert.equal((await d.outbox()).length, rows + 1);
    mustBe(await flow.check((await d.message(user.email)).code),
           'OTP_VERIFIED');
});

test('S5: wrong codes at once are all counted', async () => {
    const { flow, code } = await waiting();
    const replies = await Promise.all(Array.from({ length: 10 }, (_, i) =>
        new Flow(d, flow).check(wrong(code, i + 1))));
    const left = replies.filter((one) => one.json.code === 'VALIDATION_ERROR')
        .map((one) => one.json.details[0].attemptsRemaining).sort();
    assert.deepEqual(left, [1, 2]);
    assert.equal(replies.filter((one) => one.json.status === 'MFA_FAILED')
                     .length, 1);
    assert.equal(replies.filter((one) => one.json.code === 'INVALID_ACTION_ID')
                     .length, 7);
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
});

test('S5, S6: the right code ten times at once: one wins', async () => {
    const { flow, code } = await waiting();
    const replies = await Promise.all(Array.from({ length: 10 }, () =>
        new Flow(d, flow).check(code)));
    assert.equal(replies.filter((one) => one.status === 200).length, 1);
    for (const reply of replies.filter((one) => one.status !== 200))
        mustFail(reply, 400, 'INVALID_ACTION_ID');
    const ends = await Promise.all(Array.from({ length: 5 }, () =>
        new Flow(d, flow).act('continueAuthentication')));
    const codes = new Set(ends.map((one) => one.json.authorizeResponse?.code)
        .filter(Boolean));
    assert.equal(codes.size, 1);
    assert.equal(ends.filter((one) => one.status === 200).length, 1);
});

test('S5: of resends at once no more leave than the limit', async () => {
    const own = await startDaemon({ adapters: { otp: { max_resends: 3 } } });
    const { flow } = await waiting(own);
    const rows = (await own.outbox()).length;
    const replies = await Promise.all(Array.from({ length: 10 }, () =>
        new Flow(own, flow).act('resendOtp')));
    assert.equal(replies.filter((one) => one.status === 200).length, 3);
    for (const reply of replies.filter((one) => one.status !== 200))
        mustFail(reply, 400, 'REQUEST_FAILED', 'OTP_RESEND_LIMIT');
    assert.equal((await own.outbox()).length, rows + 3);
});

test('S5: guesses in ten flows of one user at once are all counted', async () => {
    const user = await d.user({ phone: undefined });
    const flows = [];
    for (let i = 0; i < 10; i++) {
        const flow = await Flow.begin(d);
        mustBe(await flow.password(user), 'OTP_REQUIRED');
        flows.push([flow, (await d.message(user.email)).code]);
    }
    const replies = await Promise.all(flows.map(([flow, code]) =>
        flow.check(wrong(code))));
    // Five count and lock; the others meet the lock.
    const counted = replies.filter((one) => one.json.details?.[0].code ===
                                            'INVALID_OTP').length;
    assert.equal(counted, 4, JSON.stringify(replies.map((one) => one.json.code)));
    const locked = await Flow.begin(d);
    assert.equal(mustBe(await locked.password(user), 'MFA_FAILED').code,
                 'DEVICE_LOCKED');
});

test('users are independent: forty sign on at once', async () => {
    const users = await Promise.all(Array.from({ length: 40 }, () => d.user()));
    const replies = await Promise.all(users.map(async (user, i) =>
        (await Flow.begin(d)).signOn(user, i % 2 ? 'SMS' : 'EMAIL')));
    for (const reply of replies)
        mustBe(reply, 'COMPLETED');
});

test('no address fills the slow queue alone: 429 with Retry-After', async () => {
    const own = await startDaemon({
        limits: { slow_queue: 16, slow_workers: 1 },
        adapters: { password: { yescrypt_cost: 7 } } });
    const user = await own.user();
    const flows = [];
    for (let i = 0; i < 12; i++)
        flows.push(await Flow.begin(own));
    const other = await Flow.begin(own);
    const many = flows.map((flow, index) => flow.act('checkUsernamePassword', {
        username: `nobody${index}`, password: 'x' }));
    const free = other.act('checkUsernamePassword', {
        username: user.username, password: user.password },
        { localAddress: '127.0.0.3' });
    const replies = await Promise.all(many);
    const refused = replies.filter((reply) => reply.status === 429);
    assert.ok(refused.length > 0);
    for (const reply of refused) {
        mustFail(reply, 429, 'TOO_MANY_REQUESTS');
        assert.match(reply.headers['retry-after'], /^\d+$/);
    }
    mustBe(await free, 'DEVICE_SELECTION_REQUIRED');
});

// --- S7

test('S7: Prefer: wait=N answers when the state changes', async () => {
    const { flow, code } = await waiting();
    const began = Date.now();
    const parked = new Flow(d, flow).get({ headers: { Prefer: 'wait=30' } });
    await until('the request to be parked', async () =>
        (await d.control('GET', '/status')).json.parked === 1);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    // The cookie is the same: OTP_VERIFIED is no success of the adapter yet.
    mustBe(await parked, 'OTP_VERIFIED');
    assert.ok(Date.now() - began < 15000);
});

test('S7: or when the time is over', async () => {
    const { flow } = await waiting();
    const began = Date.now();
    mustBe(await flow.get({ headers: { Prefer: 'wait=1' } }), 'OTP_REQUIRED');
    assert.ok(Date.now() - began >= 990);
    for (const Prefer of ['wait=0', 'wait=-1', 'wait=x', 'return=minimal'])
        mustBe(await flow.get({ headers: { Prefer } }), 'OTP_REQUIRED');
});

test('S7: two a flow; a third wakes the oldest', async () => {
    const { flow } = await waiting();
    const ended = [];
    const park = (i) => new Flow(d, flow).get({ headers: { Prefer: 'wait=30' } })
        .then((reply) => { ended.push(i); return reply; });
    const parked = (n) => until(`${n} parked`, async () =>
        (await d.control('GET', '/status')).json.parked === n);
    const first = park(1);
    await parked(1);
    const second = park(2);
    await parked(2);
    const third = park(3);
    mustBe(await first, 'OTP_REQUIRED');
    assert.deepEqual(ended, [1]);
    await flow.act('cancelAuthentication');
    mustBe(await second, 'FAILED');
    mustBe(await third, 'FAILED');
});

test('S7: a reaper notices clients that left', async () => {
    const { flow } = await waiting();
    let call;
    const lost = d.get(flow.path, {
        jar: flow.jar, onCall: (one) => { call = one; },
        headers: { 'X-XSRF-Header': 'x', Prefer: 'wait=50' } })
        .catch(() => 'left');
    await until('one parked', async () =>
        (await d.control('GET', '/status')).json.parked === 1);
    call.destroy();
    assert.equal(await lost, 'left');
    await until('none parked', async () =>
        (await d.control('GET', '/status')).json.parked === 0, 10000);
});

test('S7: an ended flow does not park', async () => {
    const { flow } = await waiting();
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    const began = Date.now();
    mustBe(await flow.get({ headers: { Prefer: 'wait=20' } }), 'FAILED');
    assert.ok(Date.now() - began < 5000);
});

// --- kill -9 (T2) and disabling

test('kill -9 in mid-flow: it goes on, and counters are kept', async () => {
    const own = await startDaemon();
    const { flow, code } = await waiting(own);
    const left = mustFail(await flow.check(wrong(code)), 400,
                          'VALIDATION_ERROR').details[0].attemptsRemaining;
    assert.equal(left, 2);
    await own.restart('SIGKILL');
    assert.equal(mustFail(await flow.check(wrong(code, 2)), 400,
                          'VALIDATION_ERROR').details[0].attemptsRemaining, 1);
    await own.restart('SIGKILL');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    await own.restart('SIGKILL');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const tokens = await flow.redeem();
    assert.equal(tokens.status, 200);
    await own.restart('SIGKILL');
    assert.equal((await flow.redeem()).status, 400, 'a code is used for ever');
});

test('kill -9 under load: what was answered is kept', async () => {
    const own = await startDaemon();
    const flows = [];
    for (let i = 0; i < 12; i++)
        flows.push(await waiting(own));
    const answered = [];
    const acting = flows.map(async ({ flow, code }, i) => {
        await sleep(i * 3);
        const reply = await flow.check(wrong(code)).catch(() => null);
        if (reply)
            answered.push(i);
    });
    await until('some answers', () => answered.length >= 4);
    await own.stop('SIGKILL');
    await Promise.all(acting);
    const kept = [...answered];
    await own.start();
    for (const i of kept)
        assert.equal(mustFail(await flows[i].flow.check(wrong(flows[i].code, 2)),
                              400, 'VALIDATION_ERROR')
                         .details[0].attemptsRemaining, 1, `flow ${i}`);
});

test('a user who is disabled in mid-flow signs on no further', async () => {
    const { user, flow, code } = await waiting();
    assert.equal((await d.ctl('users', 'disable', user.username)).status, 0);
    mustBe(await flow.check(code), 'FAILED');
    const other = await waiting();
    mustBe(await other.flow.check(other.code), 'OTP_VERIFIED');
    await d.ctl('users', 'delete', other.user.username);
    const end = await other.flow.act('continueAuthentication');
    assert.notEqual(end.json.status, 'COMPLETED', end.text);
});

test('a passcode never comes twice from a flow that was abandoned', async () => {
    const user = await d.user();
    const codes = new Set();
    for (let i = 0; i < 12; i++)
        codes.add((await (await Flow.begin(d)).challenge(user)).code);
    assert.ok(codes.size >= 11);
});

await run();
