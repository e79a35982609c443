// SPDX-License-Identifier: MIT
// slow
// The first factor: its state and its action (B.1), and how long it takes (W1).
import assert from 'node:assert/strict';

import { sleep, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon();

const credentialsWrong = (reply) =>
    mustFail(reply, 400, 'VALIDATION_ERROR', 'CREDENTIAL_VALIDATION_FAILED');

test('authn B.1-1..10: the members of USERNAME_PASSWORD_REQUIRED', async () => {
    const flow = await Flow.begin(d);
    const state = mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
    for (const flag of ['showRememberMyUsername', 'rememberMyUsernameSelected',
                        'showThisIsMyDevice', 'thisIsMyDeviceSelected',
                        'showCaptcha'])
        assert.equal(state[flag], false, flag);
    assert.equal('username' in state, false);
    assert.notEqual(state.allowUsernameEdits, false);
    for (const absent of ['captchaProviderType', 'captchaAttributes'])
        assert.equal(absent in state, false, absent);
    assert.ok(!Object.values(state).some(Array.isArray), 'no other sources');
    assert.equal(state._links.checkUsernamePassword.href,
                 `${d.base}${flow.path}`);
    const hinted = await Flow.begin(d, { params: { login_hint: 'kim' } });
    assert.equal(hinted.state.username, 'kim');
});

test('H5: authn B.1-11: links of what is not there are absent', async () => {
    const flow = await Flow.begin(d);
    mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED',
           ['checkUsernamePassword', 'cancelAuthentication']);
});

test('authn B.1-12: checkUsernamePassword', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const { details } = credentialsWrong(await flow.act(
        'checkUsernamePassword', { username: user.username, password: 'x' }));
    assert.equal(details[0].message,
                 'The credentials that were provided are not valid.');
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
});

test('authn B.1-12: boxes are booleans or "true"; captchaResponse is taken', async () => {
    for (const more of [{ rememberMyUsername: 'true', thisIsMyDevice: 'true' },
                        { rememberMyUsername: true, thisIsMyDevice: false },
                        { rememberMyUsername: 'false' },
                        { captchaResponse: 'x' }]) {
        const user = await d.user();
        const flow = await Flow.begin(d);
        mustBe(await flow.act('checkUsernamePassword', {
            username: user.username, password: user.password, ...more }),
               'DEVICE_SELECTION_REQUIRED');
    }
    const flow = await Flow.begin(d);
    for (const rememberMyUsername of [1, 'yes', [], {}])
        mustFail(await flow.act('checkUsernamePassword', {
            username: 'x', password: 'y', rememberMyUsername }), 400,
                 'VALIDATION_ERROR', 'INVALID_FIELD_FORMAT');
});

test('H5: authn B.1-13: initiateAccountRecovery is not there', async () => {
    const flow = await Flow.begin(d);
    mustFail(await flow.act('initiateAccountRecovery', { usernameHint: 'x' }),
             400, 'INVALID_ACTION_ID');
});

test('the name is found in any case and form of Unicode', async () => {
    const user = await d.user({ username: 'J\u00f6rg' });
    for (const username of ['J\u00f6rg', 'j\u00f6RG', 'Jo\u0308rg', 'JO\u0308RG']) {
        const flow = await Flow.begin(d);
        mustBe(await flow.act('checkUsernamePassword', {
            username, password: user.password }), 'DEVICE_SELECTION_REQUIRED');
    }
});

test('passwords of every kind, and none that almost fits', async () => {
    for (const password of ['x', 'with space ', 'p\u00e4ssw\u00f6rd \u{1f511}',
                            '"\\\u2028<', 'a'.repeat(200)]) {
        const user = await d.user({ password });
        const flow = await Flow.begin(d);
        for (const wrong of [`${password} `, [...password].slice(0, -1).join(''), '',
                             password.toUpperCase() + '!'])
            mustFail(await flow.act('checkUsernamePassword', {
                username: user.username, password: wrong }), 400,
                     'VALIDATION_ERROR');
        mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    }
});

// What nobody may tell apart but by its answer to the right password.
test('W1, S10, authn G-18: unknown, wrong, disabled and passwordless are one answer', async () => {
    const user = await d.user();
    const off = await d.user();
    const bare = await d.user({ password: undefined });
    assert.equal((await d.control('POST', `/users/${off.username}/disable`))
        .status, 200);
    const bodies = new Set();
    for (const [username, password] of [
        ['nobody-of-that-name', 'x'], [user.username, 'x'],
        [off.username, off.password], [off.username, 'x'],
        [bare.username, 'x'], ['x'.repeat(200), 'x'], ['a\u0000b', 'x'],
        [' ', 'x'], ['\u0007', 'x']]) {
        const flow = await Flow.begin(d);
        const reply = await flow.act('checkUsernamePassword',
                                     { username, password });
        if (username === 'a\u0000b') {
            assert.equal(reply.status, 400);
            continue;
        }
        credentialsWrong(reply);
        bodies.add(reply.text);
        assert.equal(reply.headers['set-cookie'], undefined);
    }
    assert.equal(bodies.size, 1);
});

test('S10: tries of names that nobody has are counted, and told without the name', async () => {
    const own = await startDaemon();
    const user = await own.user();
    const total = async () =>
        (await own.control('GET', '/status')).json.unknownNames;
    const flow = await Flow.begin(own);
    const attempt = async (username) => credentialsWrong(await flow.act(
        'checkUsernamePassword', { username, password: 'wrong' }));
    const { commits } = (await own.control('GET', '/status')).json;
    assert.equal(await total(), 0);
    for (let i = 0; i < 9; i++)
        await attempt(i % 2 ? 'Strange-r' : 'strange-R');
    assert.equal(await total(), 9);
    assert.ok(!own.output.includes('nobody has'));
    await attempt('strange-r');
    await until('a warning', () => own.output.includes(
        'a name that nobody has was tried 10 times within minutes'));
    for (let i = 10; i < 100; i++)
        await attempt(`strange-${i}`);
    await until('a warning', () => own.output.includes(
        'names that nobody has were tried 100 times within minutes'));
    assert.ok(!/strange-/i.test(own.output));
    const status = await own.ctl('status');
    assert.match(status.stdout, /^unknownNames +100$/m);
    // All that is said of them.
    assert.equal((await own.control('GET', '/status')).json.commits, commits);
    await attempt(user.username);
    assert.equal(await total(), 100);
});

test('W1: the wait grows per account and source, and the answer tells nothing', async () => {
    const slow = await startDaemon();
    slow.setClock(Date.now());
    const user = await slow.user();
    const other = await slow.user();
    const flow = await Flow.begin(slow);
    const right = { username: user.username, password: user.password };
    const wrong = { ...right, password: 'wrong' };
    for (let i = 0; i < 5; i++)
        credentialsWrong(await flow.act('checkUsernamePassword', wrong));
    // The fifth began a wait of 1 s, during which the right one fails too.
    credentialsWrong(await flow.act('checkUsernamePassword', right));
    slow.advance(500);
    credentialsWrong(await flow.act('checkUsernamePassword', right));
    // Another account is not held up, nor another source.
    const free = await Flow.begin(slow);
    mustBe(await free.password(other), 'DEVICE_SELECTION_REQUIRED');
    const elsewhere = await Flow.begin(slow);
    mustBe(await elsewhere.act('checkUsernamePassword', right,
                               { localAddress: '127.0.0.2' }),
           'DEVICE_SELECTION_REQUIRED');
    slow.advance(600);
    mustBe(await flow.act('checkUsernamePassword', right),
           'DEVICE_SELECTION_REQUIRED');
});

test('W1: the wait doubles, up to 15 minutes', async () => {
    const slow = await startDaemon();
    slow.setClock(Date.now());
    const user = await slow.user();
    const right = { username: user.username, password: user.password };
    const attempt = async (password) => (await Flow.begin(slow))
        .act('checkUsernamePassword', { ...right, password });
    let wait = 1000;
    for (let i = 0; i < 5; i++)
        credentialsWrong(await attempt('wrong'));
    for (let i = 6; i < 17; i++) { // 2 s, 4 s, ... 15 min
        slow.advance(wait);
        credentialsWrong(await attempt('wrong'));
        wait = Math.min(2 * wait, 15 * 60 * 1000);
        slow.advance(wait - 1);
        credentialsWrong(await attempt(right.password));
        slow.advance(1 - wait);
    }
    assert.equal(wait, 15 * 60 * 1000);
    slow.advance(wait);
    mustBe(await attempt(right.password), 'DEVICE_SELECTION_REQUIRED');
});

test('W1: the browser of a former sign-on has its own budget', async () => {
    const slow = await startDaemon();
    slow.setClock(Date.now());
    const user = await slow.user();
    const mine = await Flow.begin(slow);
    mustBe(await mine.signOn(user), 'COMPLETED');
    const stranger = await Flow.begin(slow);
    for (let i = 0; i < 8; i++)
        credentialsWrong(await stranger.act('checkUsernamePassword', {
            username: user.username, password: 'wrong' }));
    credentialsWrong(await stranger.password(user));
    const again = await Flow.begin(slow, { jar: mine.jar });
    mustBe(await again.password(user), 'DEVICE_SELECTION_REQUIRED');
});

test('W1, K5: a wait survives kill -9; users unlock lifts it', async () => {
    const slow = await startDaemon();
    slow.setClock(Date.now());
    const user = await slow.user();
    const flow = await Flow.begin(slow);
    for (let i = 0; i < 6; i++)
        credentialsWrong(await flow.act('checkUsernamePassword', {
            username: user.username, password: 'wrong' }));
    await slow.restart('SIGKILL');
    const after = await Flow.begin(slow);
    credentialsWrong(await after.password(user));
    // An import lowers no counter.
    await slow.import({ username: user.username, password: user.password });
    credentialsWrong(await after.password(user));
    const unlocked = await slow.ctl('users', 'unlock', user.username);
    assert.equal(unlocked.status, 0, unlocked.stderr);
    mustBe(await after.password(user), 'DEVICE_SELECTION_REQUIRED');
});

// --- The distribution of answer times, W1.

const median = (list) => list.slice().sort((a, b) => a - b)[list.length >> 1];

// How far the signs of the differences are from those of a fair coin.
function signZ(differences)
{
    const above = differences.filter((one) => one > 0).length;
    const below = differences.filter((one) => one < 0).length;
    return (above - below) / Math.sqrt(above + below || 1);
}

const tenth = (list) =>
    list.slice().sort((a, b) => a - b)[Math.floor(list.length / 10)];

// Two tries of different kinds run side by side, in turns as to which begins:
// what else the machine does befalls both alike.  On a machine that is so busy
// that checks overrun the time to answer after, only those that did not can
// be judged: the first tenth of each kind.  Else the kinds must not be later
// than each other both by far more than chance and by more than 3 ms.
function mustBeAlike(pairs)
{
    const one = pairs.map((pair) => pair[0]), other = pairs.map((pair) => pair[1]);
    const overrun = pairs.flat().filter((ms) => ms > 90).length /
                    (2 * pairs.length);
    const differences = pairs.map((pair) => pair[0] - pair[1]);
    const shift = median(differences), z = signZ(differences);
    const text = `${pairs.length} pairs: tenths ${tenth(one).toFixed(1)} and ` +
                 `${tenth(other).toFixed(1)} ms, medians ` +
                 `${median(one).toFixed(1)} and ${median(other).toFixed(1)}, ` +
                 `shift ${shift.toFixed(2)}, z ${z.toFixed(2)}, ` +
                 `${Math.round(100 * overrun)} % overrun`;
    console.log(`#   ${text}`);
    assert.ok(Math.abs(tenth(one) - tenth(other)) < (overrun > 0.2 ? 10 : 3),
              text);
    assert.ok(overrun > 0.2 || Math.abs(shift) < 3 || Math.abs(z) < 5, text);
}

test('W1: 400 answer times of unknown names, wrong passwords and disabled users are alike',
     { timeout: 120000, alone: true }, async () => {
    const timed = await startDaemon({ adapters: { password: {
        answer_after: '80ms', yescrypt_cost: 5, wait_after: 100 } } });
    const users = [];
    for (let i = 0; i < 10; i++)
        users.push(await timed.user());
    const off = await timed.user();
    await timed.control('POST', `/users/${off.username}/disable`);
    const kinds = {
        unknown: (i) => ({ username: `nobody${i}`, password: 'wrong' }),
        wrong: (i) => ({ username: users[i % 10].username, password: 'wrong' }),
        disabled: () => ({ username: off.username, password: off.password }),
    };
    const flows = [await Flow.begin(timed), await Flow.begin(timed)];
    const take = async (flow, model) => {
        const began = process.hrtime.bigint();
        credentialsWrong(await flow.act('checkUsernamePassword', model));
        const ms = Number(process.hrtime.bigint() - began) / 1e6;
        assert.ok(ms >= 79, `${ms} ms`); // it counts in whole milliseconds
        return ms;
    };
    const pairs = { wrong: [], disabled: [] };
    for (let i = 0; i < 200; i++) {
        const kind = i % 4 === 3 ? 'disabled' : 'wrong';
        const models = [kinds.unknown(i), kinds[kind](i)];
        const first = (i >> 2) & 1, times = [];
        const both = [first, 1 - first].map(async (which, at) => {
            times[which] = await take(flows[at], models[which]);
        });
        await Promise.all(both);
        pairs[kind].push(times);
    }
    mustBeAlike(pairs.wrong);
    mustBeAlike(pairs.disabled);
});

test('W1: what stored hashes cost is measured after start, and answers wait for it',
     { timeout: 60000, alone: true }, async () => {
    const timed = await startDaemon({ adapters: { password: {
        answer_after: '80ms' } } });
    const told = () => /a password check takes (\d+) ms: answers are held back for (\d+) ms/
        .exec(timed.output);
    await sleep(300);
    assert.equal(told(), null, 'nobody has a password');
    // A hash by sha512crypt that nobody knows a password for.
    await timed.import({ username: 'old', passwordHash:
        `$6$rounds=400000$0123456789abcdef$${'x'.repeat(86)}` });
    await timed.stop();
    timed.output = '';
    await timed.start();
    assert.equal(told(), null, 'it is measured when there are answers');
    const [, cost, held] = await until('the measurement', told, 30000);
    assert.ok(cost > 80 && held >= cost * 1.2, `${cost} ms, ${held} ms`);
    const began = Date.now();
    const flow = await Flow.begin(timed);
    credentialsWrong(await flow.act('checkUsernamePassword',
                                    { username: 'nobody', password: 'x' }));
    assert.ok(Date.now() - began >= held);
    assert.equal((await timed.control('GET', '/status')).json.commits, 0);
});

test('W1: the right password too is answered no sooner', async () => {
    const timed = await startDaemon({ adapters: { password: {
        answer_after: '200ms' } } });
    const user = await timed.user();
    for (const password of [user.password, 'wrong']) {
        const flow = await Flow.begin(timed);
        const began = Date.now();
        await flow.act('checkUsernamePassword',
                       { username: user.username, password });
        assert.ok(Date.now() - began >= 199);
    }
});

await run();
