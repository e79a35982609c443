// SPDX-License-Identifier: MIT
// The demo as it is shipped, with the phone that ./bootstrap run pairs: the
// very programs, no stand-in for any of them.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, execute, newFolder, sleep, source, startDaemon }
    from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { claimsOf, json, mustComplete, shown, wrong } from './lib/mfa.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const ann = { username: 'ann', password: '2FederateM0re' };
const folder = newFolder();
const state = join(folder, 'phone.json');

const demo = await startDaemon(() => ({}), { start: false });
demo.config = {
    ...JSON.parse(readFileSync(join(source, 'conf/demo.json'))),
    state_directory: demo.state,
    users_file: join(source, 'conf/demo-users.ndjson'),
    server: { listen: `127.0.0.1:${demo.port}`,
              base_url: `http://127.0.0.1:${demo.port}` },
};
await demo.start();

// --- The phone.

// With the exit status that doc/factor-phone.1 gives; what was printed.
// quiet: a passcode is printed, which is what the command is for.
async function phone(status, ...args)
{
    const done = await execute(join(build, 'factor-phone'),
                               ['--state', state, '--json', ...args],
                               { quiet: args[0] === 'totp' });
    assert.equal(done.status, status,
                 `${args[0]}: ${done.status} ${done.stdout}${done.stderr}`);
    return done.stdout.trim().split('\n').filter(Boolean)
        .map((line) => JSON.parse(line));
}

const listed = async () => (await json(demo, 'devices', 'list', 'ann')).devices;

// --- Sign-ons of ann, up to the push or to what came instead.

async function begin()
{
    const flow = await Flow.begin(demo, {
        client: 'demo', params: { acr_values: 'urn:factord:mfa' } });
    mustBe(await flow.password(ann), 'AUTHENTICATION_REQUIRED');
    await flow.act('authenticate', {});
    return flow;
}

async function pushed()
{
    const flow = await begin();
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
    assert.match(shown(flow), /^\d{6}$/);
    return flow;
}

// To the tokens, which tell how it was.
async function verified(flow, status, amr)
{
    mustComplete(flow.reply);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    flow.redeem = (over) => Flow.prototype.redeem.call(
        flow, { client: 'demo', ...over });
    const claims = await claimsOf(flow);
    assert.equal(claims.mfa_status,
                 `com.pingidentity.pingone.web_login_${status}`);
    assert.equal(claims.acr, 'urn:factord:mfa');
    assert.deepEqual(claims.amr.sort(), amr);
}

const byPush = ['mobile', ['mca', 'mfa', 'pwd', 'swk', 'user']];

async function approveAndVerify()
{
    const flow = await pushed();
    const [{ result }] = await phone(0, 'approve', '--number', shown(flow));
    assert.equal(result, 'approved');
    await flow.act('poll', {});
    await verified(flow, ...byPush);
}

// --- Each goes on from where the one before left the phone.

let device;

test('not paired yet: exit 4', async () => {
    for (const command of ['list', 'totp', 'approve', 'unpair'])
        assert.deepEqual(await phone(4, command), [
            { error: 'not_found', message: 'this phone is not paired' }]);
});

test('paired by an operator\'s key, as ./bootstrap run does', async () => {
    const { link } = await json(demo, 'pairing-keys', 'create', 'ann',
                                'factor-phone', { quiet: true });
    const [paired] = await phone(0, 'pair', secret('pairing link', link),
                                 '--name', 'Command line', '--application',
                                 'factor-phone');
    assert.equal(paired.issuer, demo.base);
    assert.equal(paired.user.name, 'ann');
    assert.equal(paired.name, 'Command line');
    assert.equal(paired.status, 'ACTIVE');
    ({ device } = paired);
    const [there, ...more] = await listed();
    assert.deepEqual(more, []);
    assert.equal(there.id, device);
    assert.equal(there.check, paired.check);
    // The key was good once: another phone is refused.
    const other = await execute(join(build, 'factor-phone'),
                                ['--state', join(folder, 'other.json'),
                                 '--json', 'pair', link]);
    assert.equal(other.status, 1, other.stderr);
    assert.equal(JSON.parse(other.stdout).code, 'PAIRING_KEY_INVALID');
});

test('list: the pairing', async () => {
    const [one, ...more] = await phone(0, 'list');
    assert.deepEqual(more, []);
    assert.deepEqual([one.device, one.name, one.status, one.passcodes],
                     [device, 'Command line', 'ACTIVE', true]);
});

test('approved with the number that the page shows', async () => {
    assert.deepEqual(await phone(4, 'approve', '--number', '123456'), [
        { error: 'not_found', message: 'nothing waits' }]);
    await approveAndVerify();
});

test('wait tells who asks; approve by the id that it printed', async () => {
    const waiting = phone(0, 'wait', '--timeout', '30');
    const flow = await pushed();
    const [asked, ...more] = await waiting;
    assert.deepEqual(more, []);
    assert.deepEqual([asked.device, asked.user, asked.client, asked.address,
                      asked.number],
                     [device, 'ann', 'demo', '127.0.0.1',
                      { type: 'ENTER_MANUALLY', digits: 6 }]);
    assert.equal(asked.client_name, 'Demo app');
    assert.equal(JSON.stringify(asked).includes(shown(flow)), false);
    // One that cannot be right is not sent, and costs nothing.
    await phone(2, 'approve', asked.request, '--number', '12345');
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_WAITING');
    assert.deepEqual(
        await phone(0, 'approve', asked.request, '--number', shown(flow)),
        [{ request: asked.request, result: 'approved' }]);
    await flow.act('poll', {});
    await verified(flow, ...byPush);
});

test('denied: exit 0 for who denies, and nobody signs on', async () => {
    const flow = await pushed();
    const [{ result }] = await phone(0, 'deny');
    assert.equal(result, 'denied');
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_REJECTED',
           ['selectDevice', 'cancelAuthentication']);
    mustFail(await flow.act('continueAuthentication', {}), 400,
             'INVALID_ACTION_ID');
    await phone(4, 'deny');
});

test('a wrong number denies: exit 1', async () => {
    const flow = await pushed();
    const [{ result }] = await phone(1, 'approve', '--number',
                                     wrong(shown(flow)));
    assert.equal(result, 'denied');
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_REJECTED');
});

test('wait --auto, begun before the push, with the number in a file',
     async () => {
    const file = join(folder, 'number');
    const waiting = phone(0, 'wait', '--auto', '--once', '--timeout', '30',
                          '--number-file', file);
    await sleep(300); // it waits, or will find the request: both are fine
    const flow = await pushed();
    const parked = flow.act('poll', {}, { headers: { Prefer: 'wait=20' } });
    writeFileSync(file, `${shown(flow)}\n`);
    const lines = await waiting;
    assert.equal(lines.at(-1).result, 'approved');
    assert.equal(readFileSync(file, 'utf8'), '');
    mustComplete(await parked);
    await verified(flow, ...byPush);
});

test('by the passcode that the phone shows, without a network', async () => {
    const flow = await pushed();
    const [{ passcode, left, period }] = await phone(0, 'totp');
    assert.match(secret('passcode', passcode), /^\d{6}$/);
    assert.ok(left > 0 && left <= period, String(left));
    mustFail(await flow.check(wrong(passcode, 7)), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    await flow.check(passcode);
    await verified(flow, 'mobile', ['mfa', 'otp', 'pwd']);
    // What waited for the phone is over with it, and the code is used.
    await phone(4, 'approve', '--number', '123456');
    const next = await pushed();
    mustFail(await next.check(passcode), 400, 'VALIDATION_ERROR',
             'INVALID_OTP');
    mustBe(await next.act('cancelAuthentication', {}), 'FAILED');
});

test('rotate: the host goes by the new key alone', async () => {
    const old = readFileSync(state, 'utf8');
    assert.deepEqual(await phone(0, 'rotate'), [{ device, result: 'rotated' }]);
    await approveAndVerify();
    // A thief's copy of the old state.
    const copy = join(folder, 'copy.json');
    writeFileSync(copy, old, { mode: 0o600 });
    const flow = await pushed();
    const thief = await execute(join(build, 'factor-phone'),
                                ['--state', copy, '--json', 'approve',
                                 '--number', shown(flow)]);
    assert.equal(thief.status, 1, thief.stdout + thief.stderr);
    mustBe(await flow.act('poll', {}), 'PUSH_CONFIRMATION_WAITING');
    mustBe(await flow.act('cancelAuthentication', {}), 'FAILED');
});

test('the host is away: exit 3; it comes back, and all holds', async () => {
    await demo.stop();
    const [{ error }] = await phone(3, 'approve', '--number', '123456');
    assert.equal(typeof error, 'string');
    await phone(0, 'totp'); // needs nobody
    await demo.start();
    await approveAndVerify();
});

test('unpair: phone and host forget', async () => {
    assert.deepEqual(await phone(0, 'unpair', device),
                     [{ device, result: 'unpaired' }]);
    assert.deepEqual(await listed(), []);
    await phone(4, 'list');
    await phone(4, 'approve');
    // The password alone is no second factor: ann is invited to add a device.
    const flow = await begin();
    mustBe(flow.reply, 'MFA_SETUP_REQUIRED');
});

await run();
