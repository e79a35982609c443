// SPDX-License-Identifier: MIT
// tests/http/limits.test.mjs - how often one source address, or one client,
// may ask (H3): a burst, then 429 with the time to come again.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { Flow } from './lib/flow.mjs';
import { form } from './lib/http.mjs';
import { mustRefuse, startRest } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const few = { burst: 3, per_minute: 1 };

function mustWait(reply)
{
    assert.equal(reply.status, 429, reply.text);
    const seconds = Number(reply.headers['retry-after']);
    assert.ok(seconds > 50 && seconds <= 60, reply.headers['retry-after']);
}

test('H3: authorize: three flows, then a page or an error', async () => {
    const d = await startDaemon({ limits: { authorize: few } });
    for (let i = 0; i < 3; i++)
        assert.equal((await Flow.begin(d)).reply.status, 200);
    const { reply } = await Flow.begin(d);
    mustWait(reply);
    assert.equal(reply.json.error, 'temporarily_unavailable');
    const page = await d.get('/as/authorization.oauth2?client_id=shop',
                             { headers: { Accept: 'text/html' } });
    mustWait(page);
    assert.match(page.text, /Too many sign-ons were begun from here/);
});

test('H3: the token endpoint, by either name', async () => {
    const d = await startDaemon({ limits: { token: few } });
    const env = (await d.control('GET', '/status')).json.environment;
    const ask = (path) => d.request('POST', path, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: form({ grant_type: 'client_credentials', client_id: 'x' }) });
    for (const path of ['/as/token.oauth2', `/${env}/as/token`,
                        '/as/token.oauth2'])
        assert.equal((await ask(path)).status, 401);
    mustWait(await ask(`/${env}/as/token`));
});

test('H3: passwords, right and wrong, and nobody is told which', async () => {
    const d = await startDaemon({ limits: { password: few } });
    const user = await d.user();
    const tries = ['right', 'wrong', 'nobody', 'right', 'nobody'];
    const replies = [];
    for (const how of tries) {
        const flow = await Flow.begin(d);
        replies.push(await flow.act('checkUsernamePassword', {
            username: how === 'nobody' ? 'no-such-user' : user.username,
            password: how === 'right' ? user.password : 'not this one' }));
    }
    assert.deepEqual(replies.map(({ status }) => status),
                     [200, 400, 400, 429, 429]);
    mustWait(replies[3]);
    assert.equal(replies[3].text, replies[4].text);
    assert.equal(replies[3].json.code, 'TOO_MANY_REQUESTS');
});

test('H3: claims of pairing keys', async () => {
    const rest = await startRest({ limits: { pairing: few } });
    const claim = () => rest.daemon.request(
        'POST', `/${rest.env}/mobile/pairings`, {
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ statement: 'x.y.z' }) });
    for (let i = 0; i < 3; i++)
        assert.equal((await claim()).status, 400);
    const reply = await claim();
    mustWait(reply);
    assert.equal(reply.json.code, 'REQUEST_LIMITED');
});

test('steps under way: with one place for all of them everybody\'s turn comes',
     async () => {
    const d = await startDaemon({ limits: { steps_under_way: 1 } });
    const users = await Promise.all(
        Array.from({ length: 8 }, () => d.user()));
    const flows = await Promise.all(users.map(async (user) => {
        const flow = await Flow.begin(d);
        const { code } = await flow.challenge(user);
        const other = await Flow.begin(d);
        await other.password(user);
        return { flow, code, other };
    }));
    // Of each user two flows at once: they also queue for the user's lane.
    const replies = await Promise.all(flows.flatMap(
        ({ flow, code, other }) => [0, 1, 2, 3].flatMap(() =>
            [flow.check(code), other.act('checkOtp', { otp: '1' }),
             flow.get()])));
    assert.ok(replies.filter(({ json }) =>
        json.status === 'OTP_VERIFIED').length >= flows.length);
    for (const { status, text } of replies)
        assert.ok([200, 400].includes(status), text);
});

test('mfa A.6-9, A.11: REST resources, a client at a time', async () => {
    const rest = await startRest({ limits: { rest: few } });
    const path = `${rest.base}/billOfMaterials`;
    const role = 'Environment Admin';
    for (let i = 0; i < 3; i++)
        assert.equal((await rest.get(path, { role })).status, 200);
    const reply = await rest.get(path, { role });
    mustWait(reply);
    mustRefuse(reply, 429, 'REQUEST_LIMITED');
    assert.equal((await rest.get(path)).status, 200);
});

await run();
