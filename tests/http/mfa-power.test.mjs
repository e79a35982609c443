// SPDX-License-Identifier: MIT
// The power is cut while phones answer: an answer that was acknowledged to the
// phone is in the flow afterwards, and no answer counts twice.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execute, startDaemon, until } from './lib/daemon.mjs';
import { mustBe } from './lib/flow.mjs';
import { begin, mfaConfig, mobile, mustComplete, shown, started,
         userWith } from './lib/mfa.mjs';
import { sign } from './lib/phone.mjs';
import { preloaded } from './lib/plugins.mjs';
import { run, test } from './lib/tap.mjs';

const CUTS = Number(process.env.POWER_CUTS ?? 6), PHONES = 6;

// What a test cancels waits on the phone, and would be too much for it.
const d = await startDaemon(mfaConfig({
    fallback: { mobile: mobile({ pushLimit: { count: 50 } }) } }));
const pipe = join(d.folder, 'cut');
const library = preloaded('power');
assert.equal(spawnSync('mkfifo', [pipe]).status, 0);

// --- The daemon, with and without a supply that can be cut.

async function onCuttable(seed)
{
    await d.stop();
    d.env = { LD_PRELOAD: library, FACTOR_POWER_CUT: pipe,
              FACTOR_POWER_SEED: String(seed) };
    d.config.store = { plugin: 'sqlite', vfs: 'crash' };
    await d.start();
}

async function afterTheCut()
{
    const { signal, output } = await d.ended;
    assert.equal(signal, 'SIGKILL', output);
    d.env = {};
    d.config.store = { plugin: 'sqlite' };
    await d.start();
}

const people = [];
for (let i = 0; i < PHONES; i++)
    people.push(await userWith(d, 'PHONE'));

// --- Answers.

// A sign-on that waits for a phone, and the statement that will approve it.
async function asked({ user, PHONE: phone })
{
    const flow = await started(d, user);
    mustBe(flow.reply, 'PUSH_CONFIRMATION_WAITING');
    const request = await phone.waiting();
    const claims = phone.claims('answer', phone.answerClaims(
        request, 'approve', { number: shown(flow) }));
    return { user, flow, phone, acked: false,
             statement: await sign(phone.key, claims) };
}

const say = ({ phone, statement }) =>
    phone.post(`${phone.here}/answers`, statement);

// Two at a time, until `count` are acknowledged; then the power goes.
async function answerAndCut(all, count)
{
    const left = [...all];
    let acked = 0;
    const answerOn = async () => {
        while (left.length) {
            const one = left.shift();
            const reply = await say(one).catch(() => null);
            if (reply?.status !== 200)
                continue;
            assert.equal(reply.json.result, 'approved');
            one.acked = true;
            if (++acked === count)
                writeFile(pipe, '');
        }
    };
    await Promise.all([answerOn(), answerOn()]);
}

// How often the log says that the phone has approved; null: no sqlite3.
async function approvals({ phone })
{
    const done = await execute('sqlite3', ['-readonly',
        join(d.state, 'store.db'),
        `SELECT count(*) FROM audit WHERE event LIKE '%mfa.push_approved%'
             AND event LIKE '%${phone.device}%'`], { quiet: true })
        .catch(() => null);
    return done && Number(done.stdout);
}

async function mustCountOnce(one, before)
{
    const { flow } = one;
    const state = (await flow.get()).json;
    if (one.acked)
        assert.equal(state.status, 'MFA_COMPLETED');
    // The phone, which may have had no answer, says the same once more.
    const again = await say(one);
    assert.ok([200, 409].includes(again.status), again.text);
    await until('the approval', async () =>
        (await flow.get()).json.status === 'MFA_COMPLETED');
    mustComplete(await flow.get());
    if (before !== null)
        assert.equal(await approvals(one), before + 1);
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    assert.equal((await flow.act('continueAuthentication', {})).status, 400);
}

// What approved one sign-on approves no other.
async function mustNotCountForAnother(one)
{
    const next = await begin(d, one.user);
    mustBe(await next.act('authenticate', {}), 'PUSH_CONFIRMATION_WAITING');
    assert.ok([200, 409].includes((await say(one)).status));
    mustBe(await next.get(), 'PUSH_CONFIRMATION_WAITING');
    await next.act('cancelAuthentication', {});
}

async function cutOnce(number)
{
    const before = await Promise.all(people.map((one) =>
        approvals({ phone: one.PHONE })));
    await onCuttable(number);
    const all = [];
    for (const one of people)
        all.push(await asked(one));
    await answerAndCut(all, number % PHONES + 1);
    await afterTheCut();
    for (const [i, one] of all.entries())
        await mustCountOnce(one, before[i]);
    for (const one of all)
        await mustNotCountForAnother(one);
    assert.match((await d.ctl('audit', 'verify')).stdout, /holds/);
    return all.filter(({ acked }) => acked).length;
}

test('M10: the power is cut while phones answer', async () => {
    let acked = 0;
    for (let number = 1; number <= CUTS; number++)
        acked += await cutOnce(number);
    console.log(`# ${CUTS} cuts, ${acked} of ${CUTS * PHONES} answers were ` +
                'acknowledged before');
});

await run();
