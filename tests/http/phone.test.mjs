// SPDX-License-Identifier: MIT
// factor-phone, from outside, against a stand-in for the host.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync,
         symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as jose from 'jose';

import { build, execute, newFolder, sleep, until } from './lib/daemon.mjs';
import { leaks } from './lib/secrets.mjs';
import { finalCheck, run, skip, test } from './lib/tap.mjs';
import { startHost } from './phone-host.mjs';

const program = join(build, 'factor-phone');
const enter = { type: 'ENTER_MANUALLY', digits: 6 };
const pick = { type: 'SELECT_NUMBER', choices: ['07', '12', '93'] };

// A phone of its own, on a state file that does not exist yet.
class Phone {
    constructor(folder = newFolder())
    {
        this.state = join(folder, 'below', 'phone.json');
    }

    run(...args)
    {
        const options = typeof args.at(-1) === 'object' ? args.pop() : {};
        return execute(program, ['--state', this.state, ...args], options);
    }

    async ok(...args)
    {
        const done = await this.run(...args);
        assert.equal(done.status, 0, `${args[0]}: ${done.stderr}`);
        return done.stdout;
    }

    async fails(status, ...args)
    {
        const done = await this.run(...args);
        assert.equal(done.status, status,
                     `${args[0]}: ${done.status} ${done.stdout}${done.stderr}`);
        return done;
    }

    async json(...args)
    {
        return (await this.ok('--json', ...args)).trim().split('\n')
            .filter(Boolean).map((line) => JSON.parse(line));
    }
}

async function paired(user = 'ann', host)
{
    host ??= await startHost();
    const phone = new Phone();
    await phone.ok('pair', host.pairingKey(user).link);
    return { host, phone, device: host.deviceOf(user) };
}

// --- The command line.

test('--help and --version', async () => {
    const phone = new Phone();
    const help = await phone.ok('--help');
    for (const word of ['pair', 'wait', 'approve', 'deny', 'totp', 'list',
                        'unpair', 'rotate', 'push', 'payload', 'claim'])
        assert.match(help, new RegExp(`^  ${word} `, 'm'));
    assert.match(await phone.ok('--version'), /^factor-phone \d/);
});

test('every option and command is in the manual page, and the reverse', () => {
    const page = readFileSync(join(process.env.FACTOR_SRCDIR ?? '../..',
                                   'doc/factor-phone.1'), 'utf8');
    const { stdout } = spawnSync(program, ['--help'], { encoding: 'utf8' });
    const ofHelp = new Set(stdout.match(/--[a-z-]+/g));
    const ofPage = new Set([...page.matchAll(/^\.It Fl -([a-z-]+)/gm)]
        .map(([, name]) => `--${name}`));
    assert.deepEqual([...ofHelp].sort(), [...ofPage].sort());
    for (const [, name] of stdout.matchAll(/^  ([a-z]+) /gm))
        assert.match(page, new RegExp(`^\\.It Cm ${name}\\b`, 'm'));
});

test('usage: exit 2', async () => {
    const phone = new Phone();
    for (const args of [[], ['nothing'], ['--nothing'], ['list', 'x'],
                        ['push'], ['pair'], ['pair', 'no link'],
                        ['pair', '--issuer', 'https://a'],
                        ['pair', '--issuer', 'https://a', '--key', '123'],
                        ['wait', '--timeout', 'soon'],
                        ['wait', '--timeout', '-1'],
                        ['deny', '--reason', 'mood'], ['payload']])
        assert.notEqual((await phone.fails(2, ...args)).stderr, '');
    assert.equal(existsSync(phone.state), false);
});

test('a phone that is not paired: exit 4', async () => {
    const phone = new Phone();
    for (const args of [['list'], ['totp'], ['approve'], ['deny'], ['unpair'],
                        ['rotate'], ['wait'], ['wait', '--auto']])
        await phone.fails(4, ...args);
});

// --- Pairing.

test('pair by link: private state, one check value', async () => {
    const { host, phone, device } = await paired();
    assert.equal(device.phone, spawnSync('hostname').stdout.toString().trim());
    const [listed] = await phone.json('list');
    assert.equal(listed.device, device.id);
    assert.equal(listed.issuer, host.base);
    assert.deepEqual(listed.user, device.user);
    assert.equal(listed.status, 'ACTIVATION_REQUIRED');
    assert.equal(listed.passcodes, true);
    assert.match(await phone.ok('list'),
                 new RegExp(`check +${listed.check.slice(0, 3)} ` +
                            listed.check.slice(3)));
    assert.equal(statSync(phone.state).mode & 0o777, 0o600);
    assert.equal(statSync(join(phone.state, '..')).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(phone.state, '..')).sort(),
                     ['phone.json', 'phone.json.lock']);
});

test('pair: says what to compare', async () => {
    const host = await startHost(), phone = new Phone();
    const text = await phone.ok('pair', host.pairingKey('ann').link,
                                '--name', 'My phone', '--push', 'fcm:x');
    assert.match(text, /^Paired as ann at http/);
    assert.match(text, /page: [A-Z0-9]{3} [A-Z0-9]{3}\n$/);
    assert.equal(host.deviceOf('ann').phone, 'My phone');
    assert.equal(host.deviceOf('ann').push, 'fcm:x');
});

test('pair by issuer and key, as typed', async () => {
    const host = await startHost(), phone = new Phone();
    const { key } = host.pairingKey('bob');
    const typed = key.toLowerCase().replace(/(.{4})/g, '$1-');
    const [one] = await phone.json('pair', '--issuer', `${host.base}/`, '--key',
                                   typed);
    assert.equal(one.user.name, 'bob');
});

test('pair: as the application that the link names', async () => {
    const host = await startHost(), phone = new Phone();
    host.applications.push({ id: 'app-2', name: 'Our app & co' });
    const { link } = host.pairingKey('ann');
    const named = (name) => `${link}&app=${encodeURIComponent(name)}`;
    await phone.fails(2, 'pair', named('Nobody'));
    assert.equal(host.countOf('/pairings'), 0);
    await phone.ok('pair', named('Our app & co'));
    assert.equal(host.deviceOf('ann').application, 'app-2');
    const told = new Phone(), { link: other } = host.pairingKey('bob');
    await told.ok('pair', `${other}&app=Our%20app%20%26%20co`,
                  '--application', host.applications[0].name);
    assert.equal(host.deviceOf('bob').application, host.applications[0].id);
});

test('pair: refusals of host and phone are exit 1', async () => {
    const host = await startHost(), phone = new Phone();
    const { key, link } = host.pairingKey('ann');
    const wrong = await phone.run('--json', 'pair',
                                  link.replace(key, 'A'.repeat(16)));
    assert.equal(wrong.status, 1);
    assert.deepEqual(JSON.parse(wrong.stdout), {
        error: 'refused', code: 'PAIRING_KEY_INVALID',
        message: 'PAIRING_KEY_INVALID!' });
    assert.match(wrong.stderr, /PAIRING_KEY_INVALID/);
    const other = await phone.run('--json', 'pair',
                                  link.replace(host.fingerprint,
                                               'A'.repeat(43)));
    assert.equal(other.status, 1);
    assert.equal(JSON.parse(other.stdout).error, 'untrusted');
    assert.equal(host.countOf('/pairings'), 1);
    await phone.fails(1, 'pair', '--issuer', 'http://sso.example.org', '--key',
                      key);
    await phone.fails(2, 'pair', link, '--application', 'other');
    await phone.ok('pair', link);
    await new Phone().fails(1, 'pair', link);
});

test('pair: a lost answer is asked for again, also by the next process',
     async () => {
    const host = await startHost(), phone = new Phone();
    const { link } = host.pairingKey('ann');
    host.lose('/pairings', 2);
    await phone.fails(3, 'pair', link);
    await phone.fails(4, 'list');
    await phone.ok('pair', link);
    assert.equal(host.countOf('/pairings'), 3);
    assert.equal(host.devices.size, 1);
});

test('network: exit 3', async () => {
    const { host, phone } = await paired();
    const { link } = host.pairingKey('ann');
    for (const [status, body] of [[200, '<html>'], [502, 'bad gateway'],
                                  [302, ''], [404, 'not here'],
                                  [200, 'x'.repeat(70000)],
                                  [200, '{"status":"ACTIVE","requests":7}']]) {
        host.reply('/requests', status, body, { Location: '/elsewhere' });
        await phone.fails(3, 'approve');
    }
    assert.equal(host.countOf('/elsewhere'), 0);
    host.stop();
    for (const args of [['approve'], ['pair', link], ['rotate'], ['unpair'],
                        ['push', 'none'], ['wait', '--timeout', '0']])
        await phone.fails(3, ...args);
    await phone.ok('list');
    await phone.ok('totp');
});

test('https: with the right authorities only', async () => {
    const folder = newFolder();
    const files = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
    const made = spawnSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
        '-nodes', '-keyout', files[0], '-out', files[1], '-days', '1',
        '-subj', '/CN=host', '-addext', 'subjectAltName=IP:127.0.0.1']);
    if (made.status !== 0)
        skip('openssl is not installed');
    const host = await startHost({ tls: {
        key: readFileSync(files[0]), cert: readFileSync(files[1]) } });
    const phone = new Phone(folder);
    const { link } = host.pairingKey('ann');
    assert.match((await phone.fails(3, 'pair', link)).stderr, /certificate/);
    assert.equal(host.calls.length, 0);
    await phone.ok('--ca-file', files[1], 'pair', link);
});

// --- The state.

test('state: refused if others can read it, or if it is none', async () => {
    const { phone } = await paired();
    chmodSync(phone.state, 0o640);
    assert.match((await phone.fails(5, 'list')).stderr, /others may read it/);
    chmodSync(phone.state, 0o600);
    await phone.ok('list');
    const before = readFileSync(phone.state);
    writeFileSync(phone.state, before.subarray(0, 100));
    await phone.fails(5, 'list');
    await phone.fails(5, 'wait');
    assert.equal(readFileSync(phone.state).length, 100);
});

test('state: a folder that cannot be written stops before the host',
     async () => {
    const host = await startHost(), folder = newFolder();
    const phone = new Phone(folder);
    writeFileSync(join(folder, 'below'), 'a file');
    await phone.fails(5, 'pair', host.pairingKey('ann').link);
    assert.equal(host.countOf('/pairings'), 0);
});

test('state: what a save that was cut short left is no harm', async () => {
    const { phone } = await paired();
    const victim = join(newFolder(), 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(victim, `${phone.state}.new`);
    await phone.ok('push', 'none');
    assert.equal(readFileSync(victim, 'utf8'), 'mine');
    await phone.ok('list');
});

test('state: XDG_STATE_HOME, and below HOME', async () => {
    const host = await startHost(), folder = newFolder();
    const env = (more) => ({ PATH: process.env.PATH, ...more });
    const go = (more) => {
        const { key } = host.pairingKey('ann');
        return new Promise((done) => {
            import('node:child_process').then(({ execFile }) => execFile(
                program, ['pair', '--issuer', host.base, '--key', key],
                { env: env(more) }, (error) => done(error?.code ?? 0)));
        });
    };
    assert.equal(await go({ XDG_STATE_HOME: folder }), 0);
    assert(existsSync(join(folder, 'factor-phone/phone.json')));
    assert.equal(await go({ HOME: folder }), 0);
    assert(existsSync(join(folder, '.local/state/factor-phone/phone.json')));
    assert.equal(await go({}), 5);
});

test('state: several processes at a time lose nothing', async () => {
    const host = await startHost(), phone = new Phone();
    const users = Array.from({ length: 8 }, (_, i) => `user${i}`);
    await Promise.all(users.map(
        (user) => phone.ok('pair', host.pairingKey(user).link)));
    const listed = (await phone.json('list')).map((one) => one.user.name);
    assert.deepEqual(listed.sort(), users);
});

// --- Requests.

test('wait: prints who asks, from where, when', async () => {
    const { host, phone } = await paired();
    const waiting = phone.ok('wait', '--timeout', '20');
    await until('the phone to wait', () => host.countOf('/requests') > 0);
    await sleep(300);
    host.ask('ann', { number: enter, right: '407193' });
    const text = await waiting;
    for (const what of [/^Demo app asks: is this you, ann\?$/m,
                        /page +app\.example\.org/, /client +demo/,
                        /address +203\.0\.113\.7/,
                        /browser +Firefox on Linux/,
                        /when +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, \d+ s left/,
                        /the page shows 6 digits/])
        assert.match(text, what);
    assert.equal(host.countOf('/requests'), 1); // it was held back
});

test('wait: --json is one object a line', async () => {
    const { host, phone, device } = await paired();
    const one = host.ask('ann', { number: pick, right: '12',
                                  context: { sum: '12 EUR' } });
    host.ask('ann');
    const [first, second] = await phone.json('wait');
    assert.deepEqual(first, {
        request: one.id, device: device.id, issuer: host.base, user: 'ann',
        client: 'demo', client_name: 'Demo app', host: 'app.example.org',
        address: '203.0.113.7', agent: 'Firefox on Linux',
        issued_at: one.issued_at, expires_at: one.expires_at, number: pick,
        context: { sum: '12 EUR' } });
    assert.equal('number' in second, false);
});

test('wait: nothing comes: exit 4', async () => {
    const { host, phone } = await paired();
    const began = Date.now();
    await phone.fails(4, 'wait', '--timeout', '1');
    assert(Date.now() - began >= 900);
    assert(host.countOf('/requests') <= 2);
    await phone.fails(4, 'wait', '--timeout', '0');
});

test('what a host says cannot take over the terminal', async () => {
    const { host, phone } = await paired();
    host.ask('ann', { client_name: 'a\u001b[2Jb\u202ec\u009bd\ne',
                      agent: 'f\u0000g'.replace('\0', '\u0007') });
    const text = await phone.ok('wait');
    assert.match(text, /^a\?\[2Jb\?c\?d\?e asks/);
    assert.match(text, /browser +f\?g$/m);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(await phone.ok('--json', 'wait'), /\\u202E/i);
});

test('approve: the one that waits', async () => {
    const { host, phone } = await paired();
    await phone.fails(4, 'approve');
    const request = host.ask('ann');
    assert.equal(await phone.ok('approve', '--method', 'pin'), 'approved\n');
    const { result, claims } = await request.answered;
    assert.equal(result, 'approved');
    assert.equal(claims.method, 'pin');
    await phone.fails(4, 'approve');
});

test('approve: one of several, by its id or its beginning', async () => {
    const { host, phone } = await paired();
    const [one, two] = [host.ask('ann'), host.ask('ann')];
    assert.match((await phone.fails(2, 'approve')).stdout,
                 new RegExp(`${one.id}[^]*${two.id}`));
    await phone.fails(4, 'approve', 'no-such-id');
    await phone.ok('approve', two.id.slice(0, 8));
    assert.equal((await two.answered).result, 'approved');
    await phone.ok('approve', one.id);
    assert.equal((await one.answered).result, 'approved');
});

test('approve: with a number', async () => {
    const { host, phone } = await paired();
    const request = host.ask('ann', { number: enter, right: '407193' });
    await phone.fails(2, 'approve');
    await phone.fails(2, 'approve', '--number', '40719');
    await phone.fails(2, 'approve', '--number', '4'.repeat(40));
    assert.equal(host.countOf('/answers'), 0);
    assert.equal(await phone.ok('approve', '--number', '407 193'),
                 'approved\n');
    assert.equal((await request.answered).claims.number, '407193');
});

test('approve: a wrong number is a denial: exit 1', async () => {
    const { host, phone } = await paired();
    const request = host.ask('ann', { number: pick, right: '12' });
    await phone.fails(2, 'approve', '--number', '13');
    const done = await phone.fails(1, 'approve', '--number', '07');
    assert.equal(done.stdout, 'denied\n');
    assert.equal((await request.answered).result, 'denied');
});

test('approve: the number from standard input', async () => {
    const { host, phone } = await paired();
    const request = host.ask('ann', { number: enter, right: '407193' });
    await phone.ok('approve', '--number-file', '-', { input: '407193\n' });
    assert.equal((await request.answered).result, 'approved');
});

test('approve: a lost answer is asked for by the very statement', async () => {
    const { host, phone, device } = await paired();
    const request = host.ask('ann');
    host.lose('/answers');
    await phone.ok('approve');
    assert.equal((await request.answered).result, 'approved');
    assert.equal(host.countOf('/answers'), 2);
    assert.equal(device.answers.size, 1);
});

test('approve: what is over: exit 1', async () => {
    const { host, phone } = await paired();
    host.ask('ann');
    host.reply('/answers', 409, JSON.stringify({
        details: [{ code: 'REQUEST_GONE', message: 'too late' }] }));
    const done = await phone.fails(1, '--json', 'approve');
    assert.equal(JSON.parse(done.stdout).error, 'gone');
});

test('deny: with each reason', async () => {
    const { host, phone } = await paired();
    for (const [word, reason] of [[null, 'NONE'], ['none', 'NONE'],
                                  ['fraud', 'REPORT_FRAUD'],
                                  ['biometrics', 'BIOMETRICS_REJECTED']]) {
        const request = host.ask('ann', { number: enter, right: '407193' });
        const more = word ? ['--reason', word] : [];
        assert.equal(await phone.ok('deny', ...more), 'denied\n');
        const { result, claims } = await request.answered;
        assert.equal(result, 'denied');
        assert.equal(claims.reason, reason);
        assert.equal('number' in claims, false);
    }
});

// --- wait --auto.

test('--auto: approves what comes', async () => {
    const { host, phone } = await paired();
    const waiting = phone.ok('--json', 'wait', '--auto', '--timeout', '4');
    await until('the phone to wait', () => host.countOf('/requests') > 0);
    for (let i = 0; i < 3; i++)
        assert.equal((await host.ask('ann').answered).result, 'approved');
    const lines = (await waiting).trim().split('\n').map(JSON.parse);
    assert.equal(lines.filter((one) => one.result === 'approved').length, 3);
});

test('--auto --once: ends after the first', async () => {
    const { host, phone } = await paired();
    const [one, two] = [host.ask('ann'), host.ask('ann')];
    await phone.ok('wait', '--auto', '--once');
    assert.equal((await one.answered).result, 'approved');
    assert.equal(host.countOf('/answers'), 1);
    assert(two);
});

test('--auto: numbers come from a file, each for one request', async () => {
    const { host, phone } = await paired();
    const file = join(newFolder(), 'number');
    const waiting = phone.ok('wait', '--auto', '--timeout', '6',
                             '--number-file', file);
    for (const right of ['407193', '000012']) {
        const request = host.ask('ann', { number: enter, right });
        await sleep(300);
        writeFileSync(file, `${right}\n`);
        assert.equal((await request.answered).result, 'approved');
        assert.equal(readFileSync(file, 'utf8'), '');
    }
    await waiting;
});

test('--auto: numbers come from standard input', async () => {
    const { host, phone } = await paired();
    const requests = [host.ask('ann', { number: enter, right: '111111' }),
                      host.ask('ann', { number: pick, right: '93' })];
    await phone.ok('wait', '--auto', '--timeout', '2',
                   { input: '111111\n93\n' });
    for (const request of requests)
        assert.equal((await request.answered).result, 'approved');
});

test('--auto: without a number it leaves the request, and does not spin',
     async () => {
    const { host, phone } = await paired();
    host.ask('ann', { number: enter, right: '407193' });
    const done = await phone.fails(2, 'wait', '--auto', '--timeout', '3');
    assert.match(done.stderr, /wants the number/);
    assert.equal(host.countOf('/answers'), 0);
    assert(host.countOf('/requests') <= 3); // it is held, once it is known
});

test('--auto: what is left unanswered delays no other one', async () => {
    const { host, phone } = await paired();
    host.ask('ann', { number: enter, right: '407193' });
    const waiting = phone.ok('wait', '--auto', '--once', '--timeout', '20');
    await until('a call that knows of it', () => host.countOf('/requests') > 1);
    const before = host.countOf('/requests');
    const other = host.ask('ann');
    assert.equal((await other.answered).result, 'approved');
    await waiting;
    assert(host.countOf('/requests') - before <= 1);
});

test('--auto: goes on when the host was away', async () => {
    const { host, phone } = await paired();
    host.reply('/requests', 503, 'away');
    const request = host.ask('ann');
    host.reply('/answers', 503, 'away');
    host.reply('/answers', 503, 'away');
    await phone.ok('wait', '--auto', '--once', '--timeout', '20');
    assert.equal((await request.answered).result, 'approved');
});

test('wait: a limit is obeyed', async () => {
    const { host, phone } = await paired();
    host.ask('ann');
    host.reply('/requests', 429, JSON.stringify({
        details: [{ code: 'REQUEST_LIMITED', message: 'slowly' }] }),
               { 'Retry-After': '2' });
    const began = Date.now();
    const done = await phone.run('wait');
    assert.equal(done.status, 0);
    assert(Date.now() - began >= 1900);
    assert.match(done.stderr, /slowly/);
});

test('wait: an unpaired phone forgets, and ends', async () => {
    const { host, phone, device } = await paired();
    const waiting = phone.fails(1, 'wait');
    await until('the phone to wait', () => host.countOf('/requests') > 0);
    await sleep(200);
    host.devices.delete(device.id);
    device.wake();
    assert.match((await waiting).stderr, /NOT_PAIRED/);
    await phone.fails(4, 'list');
});

// --- Clocks and passcodes.

test('a clock that is off is corrected and remembered', async () => {
    const { host, phone } = await paired();
    host.ahead = 86400;
    const request = host.ask('ann');
    await phone.ok('approve');
    assert.equal((await request.answered).result, 'approved');
    assert.equal(host.countOf('/requests'), 2);
    host.ask('ann');
    await phone.ok('approve');
    assert.equal(host.countOf('/requests'), 3);
});

test('totp: the passcode of the host, by its clock', async () => {
    const host = await startHost(), phone = new Phone();
    host.ahead = -5000;
    await phone.ok('pair', host.pairingKey('ann').link);
    const before = host.passcodeOf('ann');
    const [one] = await phone.json('totp');
    assert([before, host.passcodeOf('ann')].includes(one.passcode));
    assert(one.left >= 1 && one.left <= 30 && one.period === 30);
    assert.match(await phone.ok('totp'), /^\d{6} {2}\(\d+ s\)\n$/);
});

// --- Changes.

test('push: an address, and none', async () => {
    const { phone, device } = await paired();
    await phone.ok('push', 'webhook:https://push.example.org/x');
    assert.equal(device.push, 'webhook:https://push.example.org/x');
    await phone.ok('push', 'none');
    assert.equal(device.push, null);
});

test('rotate: the host takes the new key', async () => {
    const { host, phone, device } = await paired();
    const old = device.key;
    await phone.ok('rotate');
    assert.notDeepEqual(device.key, old);
    host.ask('ann');
    await phone.ok('approve');
});

test('rotate: finds out which key the host has', async () => {
    const { host, phone, device } = await paired();
    const old = device.key;
    host.lose('/key');
    await phone.ok('rotate');
    assert.notDeepEqual(device.key, old);
    host.ask('ann');
    await phone.ok('approve');
    // The host took it, and nobody answers for a while.
    const second = device.key;
    host.lose('/key');
    host.lose('/key');
    host.reply('/requests', 503, '');
    host.reply('/requests', 503, '');
    await phone.fails(3, 'rotate');
    assert.notDeepEqual(device.key, second);
    host.ask('ann');
    await phone.ok('approve');
});

test('unpair: both forget', async () => {
    const { host, phone } = await paired();
    host.lose('/unpair');
    await phone.ok('unpair');
    assert.equal(host.devices.size, 0);
    await phone.fails(4, 'list');
});

test('unpair --force: also if nobody answers', async () => {
    const { host, phone } = await paired();
    host.stop();
    await phone.fails(3, 'unpair');
    await phone.ok('list');
    assert.match(await phone.ok('unpair', '--force'), /^forgotten/);
    await phone.fails(4, 'list');
});

// --- Several pairings.

test('several users and hosts', async () => {
    const { host, phone } = await paired();
    const other = await startHost();
    await phone.ok('pair', host.pairingKey('bob').link);
    await phone.ok('pair', other.pairingKey('carol').link);
    assert.equal((await phone.json('list')).length, 3);
    await phone.fails(2, 'totp');
    for (const user of ['ann', 'bob'])
        assert.equal((await phone.json('totp', '--device', user)).length, 1);
    await phone.ok('totp', '--device', other.base);
    await phone.fails(4, 'totp', '--device', 'dave');
    const requests = [host.ask('bob'), other.ask('carol')];
    await phone.ok('wait', '--auto', '--timeout', '2');
    for (const request of requests)
        assert.equal((await request.answered).result, 'approved');
    const request = host.ask('ann');
    await phone.fails(4, 'deny', '--device', 'bob');
    await phone.ok('deny');
    assert.equal((await request.answered).result, 'denied');
    other.stop();
    host.ask('ann');
    await phone.ok('approve'); // the other one is told of, and left out
    await phone.ok('unpair', host.deviceOf('bob').id.slice(0, 13));
    assert.equal((await phone.json('list')).length, 2);
});

// --- Apps that sign themselves on.

test('payload and claim: paired by the key of the payload', async () => {
    const host = await startHost(), phone = new Phone();
    const [{ mobilePayload }] = await phone.json(
        'payload', '--issuer', host.base, '--client', 'demo', '--name', 'App');
    const claims = await host.takePayload(mobilePayload);
    assert.equal(claims.client, 'demo');
    assert.equal(claims.application, host.applications[0].id);
    assert.equal(claims.name, 'App');
    assert.equal('device' in claims, false);
    await phone.fails(4, 'list');
    await phone.ok('claim', host.pairingKey('ann').link);
    assert.equal(await jose.calculateJwkThumbprint(host.deviceOf('ann').key),
                 await jose.calculateJwkThumbprint(claims.key));
});

test('payload: silent requests are approved for it', async () => {
    const { host, phone, device } = await paired();
    const first = host.ask('ann', { kind: 'silent' });
    await phone.fails(4, 'wait', '--timeout', '1');
    const [{ mobilePayload }] = await phone.json(
        'payload', '--issuer', host.base, '--client', 'demo');
    const claims = await host.takePayload(mobilePayload);
    assert.equal(claims.device, device.id);
    assert.equal(claims.user, device.user.id);
    await phone.ok('wait', '--auto', '--once');
    assert.equal((await first.answered).result, 'approved');
    const other = host.ask('ann', { kind: 'silent', client: 'other' });
    await phone.fails(4, 'wait', '--timeout', '1');
    assert(other);
});

finalCheck('no pairing key and no TOTP secret stands in any output',
           () => assert.deepEqual(leaks(), []));

await run({ concurrency: 2 });
