// SPDX-License-Identifier: MIT
// tests/http/sources.test.mjs - an adapter that asks, and sources that answer,
// fail, or do not return: the flow is answered, and the daemon stops.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder, sleep, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { pluginFolder } from './lib/plugins.mjs';
import { run, test } from './lib/tap.mjs';

const TIMEOUT = 1000, WORKERS = 2;
const plugins = pluginFolder(['adapter-asker', 'source-stuck']);

// Each policy is a password and askers behind it: { name: [asker, ...] }.
const policies = {
    one: ['one'], stuck: ['stuck'], two: ['two'], ever: ['ever'],
    strict: ['strict'], both: ['strict', 'other'],
};

async function startAsking(over = {})
{
    const folder = newFolder();
    const files = { lookup: join(folder, 'lookup.json'),
                    other: join(folder, 'other.json'),
                    stuck: join(folder, 'stuck') };
    const input = { key: 'password.username' };
    const d = await startDaemon({
        plugin_directory: plugins,
        sources: {
            lookup: { plugin: 'file-lookup', path: files.lookup },
            other: { plugin: 'file-lookup', path: files.other },
            stuck: { plugin: 'stuck', path: files.stuck },
        },
        adapters: {
            one: { plugin: 'asker' },
            stuck: { plugin: 'asker', source: 'stuck' },
            two: { plugin: 'asker', questions: 2 },
            ever: { plugin: 'asker', questions: 0 },
            strict: { plugin: 'asker', at_once: true },
            other: { plugin: 'asker', source: 'other', at_once: true },
        },
        limits: { source_timeout: `${TIMEOUT}ms`, source_workers: WORKERS,
                  ...over.limits },
        server: { ...over.server },
        policies: Object.fromEntries(Object.entries(policies).map(
            ([name, askers]) => [name, {
                acr: `urn:${name}`,
                steps: [{ adapter: 'password' },
                        ...askers.map((adapter) => ({ adapter, input }))],
            }])),
        clients: { spa: { policies: ['otp', ...Object.keys(policies)] } },
    });
    return Object.assign(d, { files });
}

// Replaced as a whole, as a careful writer does.
function tell(file, values)
{
    writeFileSync(`${file}.new`, typeof values === 'string'
        ? values : JSON.stringify(values));
    renameSync(`${file}.new`, file);
}

// A flow whose password has been given.
async function proven(daemon, user, policy)
{
    const flow = await Flow.begin(daemon,
                                  { params: { acr_values: `urn:${policy}` } });
    mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
    await flow.password(user);
    return flow;
}

async function asked(daemon, user, policy)
{
    const flow = await proven(daemon, user, policy);
    mustBe(flow.reply, 'READY', ['ask']);
    return flow.act('ask');
}

async function timed(promise)
{
    const began = Date.now();
    const reply = await promise;
    return { reply, ms: Date.now() - began };
}

const held = async (daemon) =>
    (await daemon.control('GET', '/status')).json.sourceCallsHeld;
const holds = (daemon, count) => until(`${count} held calls`,
    async () => await held(daemon) === count);

// How often, by now, once it does.
async function says(daemon, text)
{
    await until(`"${text}" in the log`, () => daemon.output.includes(text));
    return daemon.output.split(text).length - 1;
}

const d = await startAsking();
const user = await d.user(), stranger = await d.user();
tell(d.files.lookup, { [user.username]: { level: 3 } });
tell(d.files.other, { [stranger.username]: {} });

test('an asker goes on with the answer of a file', async () => {
    const flow = await proven(d, user, 'one');
    mustBe(flow.reply, 'READY', ['ask']);
    mustBe(await flow.get(), 'READY');
    mustBe(await flow.act('ask'), 'COMPLETED');
    const tokens = await flow.redeem();
    assert.equal(tokens.status, 200, tokens.text);
    assert.equal(typeof tokens.json.id_token, 'string');
});

test('who is not in the file goes no further', async () => {
    mustBe(await asked(d, stranger, 'one'), 'FAILED');
    tell(d.files.lookup, { [user.username]: {}, [stranger.username]: null });
    mustBe(await asked(d, stranger, 'one'), 'COMPLETED'); // found, a null
    tell(d.files.lookup, { [user.username]: {} });
    mustBe(await asked(d, stranger, 'one'), 'FAILED');
});

test('a source that fails lets nobody go on', async () => {
    for (const broken of ['', '[]', `{"${user.username}":`]) {
        tell(d.files.lookup, broken);
        mustBe(await asked(d, user, 'one'), 'FAILED');
    }
    rmSync(d.files.lookup);
    mustBe(await asked(d, user, 'one'), 'FAILED');
    tell(d.files.lookup, { [user.username]: {} });
    mustBe(await asked(d, user, 'one'), 'COMPLETED');
});

test('answers of several rounds come together', async () => {
    mustBe(await asked(d, user, 'two'), 'COMPLETED');
    mustBe(await asked(d, stranger, 'two'), 'FAILED');
});

test('an adapter that asks for ever is stopped', async () => {
    const { reply, ms } = await timed(asked(d, user, 'ever'));
    mustFail(reply, 500, 'UNEXPECTED_ERROR');
    assert.ok(ms < 10000, `${ms} ms`);
    await says(d, 'ever asks again what was answered');
});

test('what one asker was answered is not the answer of the next', async () => {
    mustBe((await proven(d, user, 'strict')).reply, 'COMPLETED');
    mustBe((await proven(d, stranger, 'strict')).reply, 'FAILED');
    // Both ask in the password's step, by the same name.
    mustBe((await proven(d, user, 'both')).reply, 'FAILED');
    tell(d.files.other, { [user.username]: {} });
    mustBe((await proven(d, user, 'both')).reply, 'COMPLETED');
});

test('a source that does not return is not waited for', async () => {
    mustBe(await asked(d, user, 'stuck'), 'COMPLETED');
    writeFileSync(d.files.stuck, '');
    const late = (await d.control('GET', '/status')).json.sourceCallsLate;
    const flow = await proven(d, user, 'stuck');
    const act = timed(flow.act('ask'));
    // The flow can be seen meanwhile, and others go on.
    const other = await d.get(flow.path, { jar: flow.jar, headers: {
        'X-XSRF-Header': 'x' } });
    mustBe(other, 'READY');
    mustBe(await asked(d, user, 'one'), 'COMPLETED');
    const { reply, ms } = await act;
    mustBe(reply, 'FAILED');
    assert.ok(ms >= TIMEOUT - 1 && ms < TIMEOUT + 5000, `${ms} ms`);
    await holds(d, 1);
    // All threads hang: who queued is answered at the deadline too, who comes
    // later at once.
    mustBe(await asked(d, user, 'stuck'), 'FAILED');
    await holds(d, WORKERS);
    const count = (await d.control('GET', '/status')).json.sourceCallsLate;
    assert.equal(count - late, WORKERS);
    const next = await proven(d, user, 'one');
    mustBe(await next.act('ask'), 'FAILED');
    assert.equal(await says(d, 'stuck did not answer'), 1);
    assert.equal(await says(d, 'no source can be asked'), 1);
    // Late answers change nothing, and give the threads back.
    rmSync(d.files.stuck);
    await holds(d, 0);
    mustBe(await flow.get(), 'FAILED');
    mustBe(await asked(d, user, 'stuck'), 'COMPLETED');
    mustBe(await asked(d, user, 'one'), 'COMPLETED');
});

// Gives how the daemon ended, and how long that took.
async function stopped(daemon)
{
    const began = Date.now();
    const end = await daemon.stop();
    return { ...end, ms: Date.now() - began };
}

test('the daemon stops though a source never returns', async () => {
    const own = await startAsking();
    const someone = await own.user();
    writeFileSync(own.files.stuck, '');
    mustBe(await asked(own, someone, 'stuck'), 'FAILED');
    await holds(own, 1);
    const end = await stopped(own);
    assert.equal(end.status, 0, end.output);
    assert.ok(end.ms < 5000, `${end.ms} ms`); // the grace is 10 s
    assert.match(end.output, /a source does not return: it is left behind/);
    await own.start();
    mustBe(await asked(own, someone, 'stuck'), 'FAILED');
    const verified = await own.ctl('--json', 'audit', 'verify');
    assert.equal(JSON.parse(verified.stdout).holds, true);
});

test('who waits for a source at the end of the grace is answered', async () => {
    const own = await startAsking({ limits: { source_timeout: '60s' },
                                    server: { stop_grace: '300ms' } });
    const someone = await own.user();
    writeFileSync(own.files.stuck, '');
    const flow = await proven(own, someone, 'stuck');
    const [reply, end] = await Promise.all(
        [flow.act('ask'), sleep(200).then(() => stopped(own))]);
    mustBe(reply, 'FAILED');
    assert.equal(end.status, 0, end.output);
    assert.ok(end.ms >= 290 && end.ms < 8000, `${end.ms} ms`);
});

await run();
