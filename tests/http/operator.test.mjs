// SPDX-License-Identifier: MIT
// What operators do: factorctl, the daemon's command line, backup, audit (K).
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync,
         renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { execute, factorctl, factord, newFolder, startDaemon, until }
    from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { secret } from './lib/secrets.mjs';
import { run, skip, test } from './lib/tap.mjs';

const d = await startDaemon();
const lines = (text) => text.trim().split('\n').filter(Boolean);

async function ok(daemon, ...args)
{
    const done = await daemon.ctl(...args);
    assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
}

// --- factorctl users

test('K5: users import: from a file and standard input, upsert by name', async () => {
    const folder = newFolder(), file = join(folder, 'users.ndjson');
    const password = secret('password', 'imported-one-9');
    writeFileSync(file, JSON.stringify({ username: 'Kim', password,
                                         email: 'kim@example.com' }) + '\n');
    assert.match(await ok(d, 'users', 'import', file), /^1 users imported/);
    const again = await ok(d, '--json', 'users', 'import', {
        input: '{"username":"KIM","given_name":"Kim","phone":"+4915550199999"}' });
    assert.deepEqual(JSON.parse(again), { imported: 1, failed: 0 });
    const list = lines(await ok(d, '--json', 'users', 'list'))
        .map((line) => JSON.parse(line));
    const found = list.filter((one) => one.username.toLowerCase() === 'kim');
    assert.equal(found.length, 1);
    assert.equal(found[0].attributes.email, 'kim@example.com');
    assert.equal(found[0].attributes.given_name, 'Kim');
    const flow = await Flow.begin(d);
    mustBe(await flow.act('checkUsernamePassword',
                          { username: 'kim', password }),
           'DEVICE_SELECTION_REQUIRED');
    // null takes an attribute away.
    await ok(d, 'users', 'import', { input: '{"username":"kim","phone":null}' });
    const other = await Flow.begin(d);
    mustBe(await other.act('checkUsernamePassword',
                           { username: 'kim', password }), 'OTP_REQUIRED');
});

test('K5: a line that is wrong is told by its number, the others go on', async () => {
    const input = ['{"username":"good1","email":"g1@example.com"}', '{"user',
                   '{"email":"x@example.com"}', '[]', '',
                   '{"username":"bad1","email":7}',
                   '{"username":"bad2","enabled":"yes"}',
                   '{"username":"bad3","passwordHash":"plain"}',
                   '{"username":"good2"}'].join('\n');
    const done = await d.ctl('users', 'import', { input });
    assert.equal(done.status, 1);
    for (const number of [2, 3, 4, 6, 7, 8])
        assert.match(done.stderr, new RegExp(`line ${number}:`));
    assert.match(done.stdout, /^2 users imported, 6 lines refused/);
    const list = await ok(d, 'users', 'list');
    for (const name of ['good1', 'good2'])
        assert.match(list, new RegExp(`\\b${name}\\b`));
    for (const name of ['bad1', 'bad2', 'bad3'])
        assert.doesNotMatch(list, new RegExp(`\\b${name}\\b`));
    const json = await d.ctl('--json', 'users', 'import', { input });
    assert.deepEqual(JSON.parse(json.stdout), { imported: 2, failed: 6 });
});

test('K5: a hash of crypt(5) is taken over', async () => {
    const { stdout } = await execute('openssl', ['passwd', '-6', '-salt', 'abcdefgh',
                                                 'from elsewhere'], { quiet: true });
    await ok(d, 'users', 'import', { input: JSON.stringify({
        username: 'hashed', email: 'h@example.com',
        passwordHash: secret('hash', stdout.trim()) }) });
    const flow = await Flow.begin(d);
    mustBe(await flow.act('checkUsernamePassword', {
        username: 'hashed', password: 'from elsewhere' }), 'OTP_REQUIRED');
});

test('K5: two thousand users in one import', async () => {
    const own = await startDaemon();
    const input = Array.from({ length: 2000 }, (_, i) => JSON.stringify({
        username: `many${i}`, email: `many${i}@example.com` })).join('\n');
    assert.match(await ok(own, 'users', 'import', { input }),
                 /^2000 users imported, 0/);
    assert.equal(lines(await ok(own, 'users', 'list')).length, 2000);
    assert.equal(lines(await ok(own, '--json', 'users', 'list')).length, 2000);
});

test('K5: lines of one name are taken in their order', async () => {
    const own = await startDaemon();
    const input = Array.from({ length: 600 }, (_, i) => JSON.stringify({
        username: i % 2 ? `same${i % 20}` : `SAME${i % 20}`,
        given_name: `${i}` })).join('\n');
    assert.match(await ok(own, 'users', 'import', { input }),
                 /^600 users imported, 0/);
    const users = lines(await ok(own, '--json', 'users', 'list'))
        .map((line) => JSON.parse(line));
    assert.equal(users.length, 20);
    for (const { username, attributes } of users)
        assert.equal(attributes.given_name,
                     `${580 + Number(username.slice(4))}`, username);
});

test('users enable and disable', async () => {
    const user = await d.user();
    assert.match(await ok(d, 'users', 'disable', user.username), /disabled/);
    const flow = await Flow.begin(d);
    mustFail(await flow.password(user), 400, 'VALIDATION_ERROR',
             'CREDENTIAL_VALIDATION_FAILED');
    assert.match(await ok(d, 'users', 'enable', user.username), /enabled/);
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
});

test('users delete: all that is theirs', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const { code } = await flow.challenge(user);
    await ok(d, 'users', 'delete', user.username);
    const reply = await flow.check(code);
    assert.notEqual(reply.json.status, 'OTP_VERIFIED');
    assert.doesNotMatch(await ok(d, 'users', 'list'),
                        new RegExp(`\\b${user.username}\\b`));
    const other = await Flow.begin(d);
    mustFail(await other.password(user), 400, 'VALIDATION_ERROR',
             'CREDENTIAL_VALIDATION_FAILED');
    // A new one of that name is somebody else.
    await d.import(user);
    const again = await Flow.begin(d);
    mustBe(await again.password(user), 'DEVICE_SELECTION_REQUIRED');
});

test('users totp: a QR code and a URI', async () => {
    const user = await d.user();
    const { stdout, status } = await d.ctl('users', 'totp', user.username,
                                           { quiet: true });
    assert.equal(status, 0);
    assert.match(stdout, /\u2588/);
    const uri = /otpauth:\/\/totp\/\S+/.exec(stdout)[0];
    secret('TOTP secret', new URL(uri).searchParams.get('secret'));
    assert.match(uri, /issuer=/);
    const json = await d.ctl('--json', 'users', 'totp', user.username,
                             { quiet: true });
    const answer = JSON.parse(json.stdout);
    assert.match(answer.uri, /^otpauth:/);
    secret('TOTP secret', new URL(answer.uri).searchParams.get('secret'));
});

test('no such user: 1, and why', async () => {
    for (const command of ['unlock', 'enable', 'disable', 'totp', 'delete']) {
        const done = await d.ctl('users', command, 'nobody/there ?%');
        assert.equal(done.status, 1, command);
        assert.match(done.stderr, /^factorctl: /);
    }
});

test('names of every kind reach the user they name', async () => {
    for (const username of ['a/b', 'a b', '100%', 'x?y=z', 'J\u00f6rg M', '..',
                            'a#b', '%2e']) {
        await d.import({ username, email: 'x@example.com' });
        await ok(d, 'users', 'disable', username);
        const list = lines(await ok(d, '--json', 'users', 'list'))
            .map((line) => JSON.parse(line));
        const found = list.find((one) => one.username === username);
        assert.equal(found?.enabled, false, username);
    }
});

// --- factorctl outbox

test('outbox list, retry, drop', async () => {
    const own = await startDaemon({ outbox: { retry_first: '10min',
                                              retry_max: '10min' } });
    // A back end that cannot write: its file is a folder.
    mkdirSync(join(own.state, 'outbox.jsonl'));
    const users = [await own.user(), await own.user()];
    for (const user of users) {
        const flow = await Flow.begin(own);
        await flow.password(user);
        mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
        user.flow = flow;
    }
    const rows = await until('two deferred messages', async () => {
        const list = lines(await ok(own, '--json', 'outbox', 'list'))
            .map((line) => JSON.parse(line));
        return list.length === 2 && list.every((row) => row.attempt >= 1) && list;
    });
    const text = await ok(own, 'outbox', 'list');
    assert.equal(lines(text).length, 2);
    assert.match(text, /us\*+@example\.com|u\*+@example\.com|\*/);
    for (const user of users)
        assert.ok(!text.includes(user.email));
    renameSync(join(own.state, 'outbox.jsonl'), join(own.state, 'was'));
    // The breaker may rest after deferrals; two are not enough for it.
    assert.match(await ok(own, 'outbox', 'retry', rows[0].id), /due now/);
    const delivered = await until('a message', () => own.messages()[0]);
    assert.equal(delivered.id, rows[0].id);
    await ok(own, 'outbox', 'drop', rows[1].id);
    const rest = lines(await ok(own, '--json', 'outbox', 'list'))
        .map((line) => JSON.parse(line));
    assert.ok(!rest.some((row) => row.id === rows[1].id &&
                                  row.state === 'pending'));
    const owner = users.find((user) => user.email === delivered.to);
    mustBe(await owner.flow.check(delivered.code), 'OTP_VERIFIED');
    for (const command of ['retry', 'drop'])
        assert.equal((await own.ctl('outbox', command, 'nosuch')).status, 1);
    const done = await own.ctl('--json', 'outbox', 'retry', 'nosuch');
    assert.equal(done.status, 1);
});

test('templates list and test: an operator\'s texts as users get them',
     async () => {
    const own = await startDaemon({ brand: { name: 'Acme' }, texts: { de: {
        'otp.code.sms.text': 'Der Code von {brand}: {code}' } } });
    const list = await ok(own, 'templates', 'list');
    assert.match(list, /^otp\.code +sms +(de en|en de)$/m);
    const shown = lines(await ok(own, '--json', 'templates', 'test',
                                 'otp.code', 'de-AT'))
        .map((line) => JSON.parse(line));
    const sms = shown.find(({ channel }) => channel === 'sms');
    assert.equal(sms.language, 'de');
    assert.equal(sms.text, 'Der Code von Acme: 123456\n\n' +
                           '@127.0.0.1 #123456');
    assert.ok(shown.find(({ channel }) => channel === 'email').subject);
    assert.match(await ok(own, 'templates', 'test', 'otp.code'),
                 /^--- email, en\nSubject: .*\n\n/m);
    for (const name of ['nosuch', '..', 'otp.code.sms'])
        assert.match((await own.ctl('templates', 'test', name)).stderr,
                     /there is no template|no such/);
});

test('D1: what cannot be delivered waits, and leaves later', async () => {
    const own = await startDaemon({ outbox: {
        retry_first: '200ms', retry_max: '400ms', breaker_deferrals: 1000 } });
    mkdirSync(join(own.state, 'outbox.jsonl'));
    const user = await own.user();
    const flow = await Flow.begin(own);
    await flow.password(user);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    await until('a deferral', async () => (await own.outbox())[0].attempt >= 1);
    await own.restart('SIGKILL');
    renameSync(join(own.state, 'outbox.jsonl'), join(own.state, 'was'));
    const { code } = await own.message(user.email, 20000);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

// --- factorctl status, keys, audit

test('status', async () => {
    const text = await ok(d, 'status');
    assert.match(text, /^version /m);
    const status = JSON.parse(await ok(d, '--json', 'status'));
    for (const member of ['version', 'environment', 'startedAt', 'now',
                          'keyVersion', 'commits', 'parked'])
        assert.ok(member in status, member);
    assert.match(status.environment, /^[0-9a-f-]{36}$/);
    const own = await startDaemon();
    const before = JSON.parse(await ok(own, '--json', 'status')).environment;
    await own.restart();
    assert.equal(JSON.parse(await ok(own, '--json', 'status')).environment,
                 before, 'R2');
});

test('K2: keys rotate: old records open, flows go on, over a restart', async () => {
    const own = await startDaemon();
    const user = await own.user();
    const flow = await Flow.begin(own);
    const { code } = await flow.challenge(user);
    const before = JSON.parse(await ok(own, '--json', 'status')).keyVersion;
    for (let i = 1; i <= 2; i++) {
        const text = await ok(own, '--json', 'keys', 'rotate');
        assert.equal(typeof JSON.parse(text), 'object');
        assert.equal(JSON.parse(await ok(own, '--json', 'status')).keyVersion,
                     before + i);
    }
    await own.restart();
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    mustBe(await (await Flow.begin(own)).password(user),
           'DEVICE_SELECTION_REQUIRED');
    assert.match(await ok(own, 'audit', 'verify'), /all holds/);
});

test('keys.json: of mode 0600, and never a fresh one for an old store', async () => {
    const own = await startDaemon();
    const file = join(own.state, 'keys.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await own.user();
    await own.stop();
    renameSync(file, `${file}.away`);
    own.launch();
    const end = await own.ended;
    assert.notEqual(end.status, 0);
    assert.match(end.output, /key/i);
    assert.ok(!existsSync(file));
    renameSync(`${file}.away`, file);
    await own.start();
});

// The store of a stopped daemon, by the sqlite3 command.
async function sql(daemon, query)
{
    const done = await execute('sqlite3', [join(daemon.state, 'store.db'), query],
                               { quiet: true }).catch(() => null);
    if (!done)
        skip('there is no sqlite3');
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.trim();
}

test('K3: audit verify holds; an event changed, taken out or moved is found', async () => {
    for (const change of [
        null,
        'DELETE FROM audit WHERE sequence = 3',
        'UPDATE audit SET event = replace(event, \'password\', \'passw0rd\')',
        'UPDATE audit SET at_ms = at_ms + 1 WHERE sequence = 2',
        'UPDATE audit SET sequence = 100 - sequence']) {
        const own = await startDaemon();
        const user = await own.user();
        await (await Flow.begin(own)).signOn(user);
        const good = JSON.parse(await ok(own, '--json', 'audit', 'verify'));
        assert.equal(good.holds, true);
        assert.ok(good.events >= 4);
        await own.stop();
        if (change)
            await sql(own, change);
        await own.start();
        const done = await own.ctl('--json', 'audit', 'verify');
        assert.equal(JSON.parse(done.stdout).holds, !change, change);
        assert.equal(done.status, change ? 1 : 0, change);
        if (change)
            assert.match((await own.ctl('audit', 'verify')).stdout, /broken/);
    }
});

test('K2: a record that was edited or swapped in the store is refused', async () => {
    const own = await startDaemon();
    const user = await own.user(), other = await own.user();
    for (const one of [user, other])
        mustBe(await (await Flow.begin(own)).signOn(one), 'COMPLETED');
    await own.stop();
    // Each gets the other's credential, sealed as it is.
    await sql(own, 'CREATE TEMP TABLE t AS SELECT * FROM record WHERE ' +
        'collection = \'password.credential\'; UPDATE record SET body = ' +
        '(SELECT body FROM t WHERE t.owner <> record.owner) WHERE ' +
        'collection = \'password.credential\'; UPDATE record SET body = ' +
        'json_set(body, \'$.failures\', 0) WHERE ' +
        'collection = \'otp.authenticator\';');
    await own.start();
    for (const password of [other.password, user.password]) {
        const flow = await Flow.begin(own);
        const reply = await flow.act('checkUsernamePassword', {
            username: user.username, password });
        assert.notEqual(reply.status, 200, reply.text);
        assert.notEqual(reply.json, undefined);
    }
});

test('K3: events that were cut off at the end are found, by the records that they told of', async () => {
    const own = await startDaemon();
    const user = await own.user();
    await (await Flow.begin(own)).signOn(user);
    await own.settled();
    await own.stop();
    const last = await sql(own, 'SELECT max(sequence) FROM audit WHERE ' +
                                'event LIKE \'%otp.verified%\'');
    await sql(own, `DELETE FROM audit WHERE sequence >= ${last}`);
    await own.start();
    const done = await own.ctl('--json', 'audit', 'verify');
    assert.equal(done.status, 1, done.stdout);
});

test('K2: a record that was put back to an older version is found by audit verify', async () => {
    const own = await startDaemon();
    const user = await own.user();
    const guess = async () => {
        const flow = await Flow.begin(own);
        const { code } = await flow.challenge(user);
        await flow.check(code === '123456' ? '654321' : '123456');
    };
    await guess();
    await own.stop();
    const old = join(own.folder, 'old.db');
    await sql(own, `.backup ${old}`);
    await own.start();
    await guess();
    await ok(own, 'audit', 'verify');
    await own.stop();
    await sql(own, `ATTACH '${old}' AS old; REPLACE INTO main.record ` +
        'SELECT * FROM old.record WHERE collection = \'otp.authenticator\';');
    await own.start();
    const done = await own.ctl('--json', 'audit', 'verify');
    assert.equal(done.status, 1, done.stdout);
});

test('D1: a message that expired is not sent, and the device says so', async () => {
    const own = await startDaemon({ outbox: {
        retry_first: '200ms', retry_max: '400ms', breaker_deferrals: 1000 } },
        { now: Date.now() });
    mkdirSync(join(own.state, 'outbox.jsonl'));
    const user = await own.user();
    const flow = await Flow.begin(own);
    await flow.password(user);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    await until('a deferral', async () => (await own.outbox())[0].attempt >= 1);
    assert.equal('deliveryFailed' in flow.device('EMAIL'), false);
    own.advance(5 * 60 * 1000 + 1);
    await until('the message to be settled', async () =>
        (await own.outbox()).every((row) => row.state === 'expired'), 15000);
    renameSync(join(own.state, 'outbox.jsonl'), join(own.state, 'was'));
    mustBe(await flow.get(), 'OTP_REQUIRED');
    assert.equal(flow.device('EMAIL').deliveryFailed, true);
    assert.equal('deliveryFailed' in flow.device('SMS'), false);
    // Sent again, it is another message.
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    const { code } = await own.message(user.email);
    assert.equal(own.messages().length, 1);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('K2: sweep re-seals; keys forget takes the old keys away, and the log still holds', async () => {
    const own = await startDaemon({}, { now: Date.now() });
    const user = await own.user();
    const gone = await own.user();
    for (const one of [user, gone])
        mustBe(await (await Flow.begin(own)).signOn(one), 'COMPLETED');
    const flow = await Flow.begin(own);
    const { code } = await flow.challenge(user);
    await ok(own, 'keys', 'rotate');
    const early = await own.ctl('keys', 'forget');
    assert.equal(early.status, 1, 'records need the old keys still');
    assert.match(early.stderr, /sweep/);
    for (let i = 0; i < 2; i++)
        assert.equal(typeof JSON.parse(await ok(own, '--json', 'sweep')),
                     'object');
    await ok(own, 'keys', 'forget');
    await own.restart();
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    mustBe(await (await Flow.begin(own)).signOn(user), 'COMPLETED');
    assert.match(await ok(own, 'audit', 'verify'), /holds/);
});

test('K2, K3: the log holds after all that operators and the sweeper do', async () => {
    const own = await startDaemon({}, { now: Date.now() });
    const user = await own.user(), gone = await own.user();
    const flow = await Flow.begin(own);
    await flow.challenge(user);
    await (await Flow.begin(own)).challenge(gone);
    const holds = async (what) => {
        const done = await own.ctl('--json', 'audit', 'verify');
        assert.equal(done.status, 0, `${what}: ${done.stdout}`);
    };
    await holds('sign-ons');
    await ok(own, 'users', 'delete', gone.username);
    await holds('users delete');
    await own.settled();
    await ok(own, 'outbox', 'drop', (await own.outbox())[0].id);
    await holds('outbox drop');
    await ok(own, 'users', 'unlock', user.username);
    await ok(own, 'users', 'disable', user.username);
    await own.ctl('users', 'totp', user.username, { quiet: true });
    await holds('users');
    await own.import({ ...user, given_name: 'Else', enabled: true });
    await ok(own, 'keys', 'rotate');
    await holds('keys rotate');
    own.advance(25 * 60 * 60 * 1000);
    for (let i = 0; i < 2; i++)
        await ok(own, 'sweep');
    await holds('sweep');
    mustFail(await flow.get(), 404, 'RESOURCE_NOT_FOUND');
    await own.restart('SIGKILL');
    await holds('kill -9');
    mustBe(await (await Flow.begin(own)).signOn(user), 'COMPLETED');
    await holds('a sign-on');
});

// --- Backup

test('backup while it runs; a second daemon opens it with the same keys', async () => {
    const own = await startDaemon();
    const user = await own.user();
    const flow = await Flow.begin(own);
    const { code } = await flow.challenge(user);
    const folder = newFolder();
    const copy = join(folder, 'copy.db');
    assert.match(await ok(own, 'backup', copy), /backed up/);
    assert.equal(statSync(copy).mode & 0o077, 0);
    const again = await own.ctl('--json', 'backup', copy);
    assert.equal(again.status, 1, 'it overwrites nothing');
    assert.equal((await own.ctl('backup', '/nosuch/x.db')).status, 1);
    // A relative path is of the caller's folder.
    assert.equal((await own.ctl('--json', 'backup', 'rel.db',
                                { cwd: folder })).status, 0);
    assert.ok(existsSync(join(folder, 'rel.db')));

    const second = await startDaemon({}, { start: false });
    copyFileSync(copy, join(second.state, 'store.db'));
    copyFileSync(join(own.state, 'keys.json'), join(second.state, 'keys.json'));
    await second.start();
    const moved = new Flow(second, { id: flow.id, jar: flow.jar.copy() });
    mustBe(await moved.get(), 'OTP_REQUIRED');
    mustBe(await moved.check(code), 'OTP_VERIFIED');
    mustBe(await (await Flow.begin(second)).password(user),
           'DEVICE_SELECTION_REQUIRED');
    assert.match(await ok(second, 'audit', 'verify'), /all holds/);

    const third = await startDaemon({}, { start: false });
    copyFileSync(copy, join(third.state, 'store.db'));
    third.launch();
    const end = await third.ended;
    assert.notEqual(end.status, 0, 'without its keys it is worth nothing');
});

test('a backup under load is whole', async () => {
    const own = await startDaemon();
    const user = await own.user();
    let busy = true;
    const load = Promise.all(Array.from({ length: 4 }, async () => {
        while (busy)
            await (await Flow.begin(own)).password(user);
    }));
    const folder = newFolder();
    for (let i = 0; i < 3; i++)
        await ok(own, 'backup', join(folder, `${i}.db`));
    busy = false;
    await load;
    for (let i = 0; i < 3; i++) {
        const check = await execute('sqlite3', [join(folder, `${i}.db`),
                                                'PRAGMA integrity_check']);
        assert.equal(check.stdout.trim(), 'ok');
    }
});

// --- Who may

test('two daemons on one store: the second refuses', async () => {
    const own = await startDaemon();
    const second = await startDaemon({ state_directory: own.state },
                                     { start: false });
    second.launch();
    const end = await second.ended;
    assert.notEqual(end.status, 0);
    assert.match(end.output, /store|lock|use|another/i);
    // The first goes on, its control socket too.
    assert.equal((await own.get('/readyz')).status, 200);
    await ok(own, 'status');
});

test('the state is the owner\'s alone', async () => {
    const own = await startDaemon();
    const user = await own.user();
    await (await Flow.begin(own)).challenge(user);
    for (const name of readdirSync(own.state))
        if (name !== 'clock')
            assert.equal(statSync(join(own.state, name)).mode & 0o077, 0, name);
});

// --- factorctl's own

test('factorctl: exit codes', async () => {
    for (const args of [[], ['nosuch'], ['users'], ['users', 'nosuch'],
                        ['users', 'unlock'], ['users', 'unlock', 'a', 'b'],
                        ['--nosuch'], ['backup'], ['status', 'x']]) {
        const done = await execute(factorctl, args);
        assert.equal(done.status, 64, args.join(' '));
        assert.match(done.stderr, /--help/);
    }
    const away = await execute(factorctl, ['--socket', '/nosuch/sock', 'status']);
    assert.equal(away.status, 1);
    assert.match(away.stderr, /is factord running/);
    assert.equal((await execute(factorctl, ['--help'])).status, 0);
    assert.match((await execute(factorctl, ['--version'])).stdout, /^factorctl /);
});

// --- factord's command line

const check = (args) => execute(factord, args);

test('--check-config: every problem, with its line; 78', async () => {
    const good = await check(['--config', d.configFile, '--check-config']);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /the configuration is good/);
    const folder = newFolder(), file = join(folder, 'factord.json');
    writeFileSync(file, JSON.stringify({
        ...d.config, adapters: { ...d.config.adapters,
                                 otp: { plugin: 'otp', otp_lenght: 6 } },
        policies: { otp: { steps: [{ adapter: 'pasword' }] } },
        flow: { idle_limit: '40min' } }, null, 1));
    const bad = await check(['--config', file, '--check-config']);
    assert.equal(bad.status, 78);
    assert.match(bad.stderr, /otp_lenght.*otp_length/);
    assert.match(bad.stderr, /pasword.*"password"/);
    assert.match(bad.stderr, /idle_limit/);
    assert.match(bad.stderr, /factord\.json:\d+: /);
});

test('--check-config: P7, M4: a policy that begins with the second factor', async () => {
    const folder = newFolder(), file = join(folder, 'factord.json');
    writeFileSync(file, JSON.stringify({
        ...d.config, policies: { ...d.config.policies, bad: {
            steps: [{ adapter: 'otp' }] } } }));
    const bad = await check(['--config', file, '--check-config']);
    assert.equal(bad.status, 78, bad.stderr);
});

test('--check-config opens nothing and writes nothing', async () => {
    const fresh = await startDaemon({}, { start: false });
    fresh.writeConfig();
    const done = await check(['--config', fresh.configFile, '--check-config']);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(readdirSync(fresh.state), []);
});

test('what is no configuration: 78', async () => {
    const folder = newFolder(), file = join(folder, 'factord.json');
    for (const text of ['', '{', '[]', '{"store": 1}', '{"nosuch": {}}',
                        '{"a": 1, "a": 2}', '{}']) {
        writeFileSync(file, text);
        for (const task of [['--check-config'], ['--print-config'], []])
            assert.equal((await check(['--config', file, ...task])).status, 78,
                         `${text} ${task}`);
    }
    assert.equal((await check(['--config', join(folder, 'nosuch.json'),
                               '--check-config'])).status, 78);
});

test('--print-config: complete, without secrets; --set and conf.d override', async () => {
    const done = await check(['--config', d.configFile, '--print-config',
                              '--set', 'adapters.otp.otp_length=8',
                              '-s', 'server.base_url=https://sso.acme.test']);
    assert.equal(done.status, 0, done.stderr);
    const config = JSON.parse(done.stdout);
    assert.equal(config.adapters.otp.otp_length, 8);
    assert.equal(config.server.base_url, 'https://sso.acme.test');
    assert.ok('lifetime' in config.adapters.otp);
    assert.equal(config.clients.basic.secret, '(secret)');
    const folder = newFolder(), file = join(folder, 'factord.json');
    copyFileSync(d.configFile, file);
    mkdirSync(join(folder, 'conf.d'));
    writeFileSync(join(folder, 'conf.d/10-a.json'),
                  '{"adapters":{"other":{"plugin":"otp","otp_length":7}}}');
    const merged = JSON.parse((await check(
        ['--config', file, '--print-config'])).stdout);
    assert.equal(merged.adapters.other.otp_length, 7);
    assert.equal(merged.adapters.otp.otp_length, 6);
    // Nothing is defined twice.
    writeFileSync(join(folder, 'conf.d/20-b.json'),
                  '{"adapters":{"otp":{"plugin":"otp"}}}');
    const twice = await check(['--config', file, '--print-config']);
    assert.equal(twice.status, 78);
    assert.match(twice.stderr, /20-b\.json:1: \/adapters\/otp: already defined/);
});

test('--list-plugins, --print-schema, --version', async () => {
    const list = await check(['--config', d.configFile, '--list-plugins']);
    assert.equal(list.status, 0, list.stderr);
    for (const line of [/^adapter +otp /m, /^adapter +password /m,
                        /^delivery +file /m, /^store +sqlite /m])
        assert.match(list.stdout, line);
    const schema = await check(['--config', d.configFile, '--print-schema',
                                'adapter-otp']);
    assert.ok(JSON.parse(schema.stdout).properties.otp_length);
    assert.equal((await check(['--config', d.configFile, '--print-schema',
                               'adapter-nosuch'])).status, 78);
    const version = await check(['--version']);
    assert.equal(version.status, 0);
    assert.match(version.stdout, /T1|test clock/);
    assert.equal((await check(['--help'])).status, 0);
});

test('wrong options: 64', async () => {
    for (const args of [['--nosuch'], ['x'], ['--config'], ['-z'],
                        ['--check-config', 'x']])
        assert.equal((await check(args)).status, 64, args.join(' '));
});

test('a port that is taken: 1, and it says which', async () => {
    const second = await startDaemon({ server: {
        listen: `127.0.0.1:${d.port}`, base_url: d.base } }, { start: false });
    second.launch();
    const end = await second.ended;
    assert.equal(end.status, 1);
    assert.match(end.output, new RegExp(String(d.port)));
});

test('a store that is newer, or none, is refused with a clear line', async () => {
    const own = await startDaemon();
    await own.user();
    await own.stop();
    const store = join(own.state, 'store.db');
    const setSchema = (number) => execute('sqlite3', [store,
        `UPDATE meta SET value = ${number} WHERE name = 'schema'`]);
    await setSchema(999);
    own.launch();
    const newer = await own.ended;
    assert.notEqual(newer.status, 0);
    assert.match(newer.output, /newer|999/);
    await setSchema(1);
    await own.start();
    await own.stop();
    writeFileSync(store, 'this is no store at all'.repeat(400));
    own.launch();
    const none = await own.ended;
    assert.notEqual(none.status, 0);
    assert.match(none.output, /store\.db/);
});

test('O1, K4: after the end no passcode is in the store or its WAL', async () => {
    const own = await startDaemon({ adapters: { otp: { otp_length: 8 } } });
    const codes = [];
    for (const how of ['verified', 'cancelled', 'failed', 'replaced']) {
        const user = await own.user();
        const flow = await Flow.begin(own);
        codes.push((await flow.challenge(user)).code);
        if (how === 'verified')
            await flow.check(codes.at(-1));
        if (how === 'cancelled')
            await flow.act('cancelAuthentication');
        if (how === 'failed')
            for (let i = 0; i < 3; i++)
                await flow.check('1');
        if (how === 'replaced') {
            await flow.select('SMS');
            codes.push((await own.message(user.phone)).code);
        }
    }
    await own.settled();
    const looked = () => {
        for (const name of readdirSync(own.state)) {
            if (!name.startsWith('store.db'))
                continue;
            const bytes = readFileSync(join(own.state, name));
            for (const code of codes)
                assert.ok(!bytes.includes(code), `${name} holds a passcode`);
        }
    };
    looked();
    await own.stop();
    looked();
});

await run();
