// SPDX-License-Identifier: MIT
// Back ends of a deployment are swapped and lined up by configuration alone:
// the adapters, the flows and the templates know nothing of them.
import assert from 'node:assert/strict';

import { startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { startMailServer } from './lib/mail.mjs';
import { startGateway } from './lib/push.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const sixDigits = (text) => secret('sent code', /\b(\d{6})\b/.exec(text)[1]);

// A sign-on whose code is taken from where it arrives.
async function signOn(daemon, user, method, arrived)
{
    const flow = await Flow.begin(daemon);
    await flow.password(user);
    await flow.select(method);
    const code = sixDigits(await until('the code', arrived));
    mustBe(await flow.check(code), 'OTP_VERIFIED', ['continueAuthentication']);
}

test('O8, T3: e-mail moves from a file to SMTP to an HTTP gateway',
     async () => {
    const daemon = await startDaemon();
    const user = await daemon.user();
    const moveTo = async (backend) => {
        daemon.config.delivery = { ...daemon.config.delivery,
                                   email: [backend] };
        await daemon.restart();
    };
    await signOn(daemon, user, 'EMAIL', async () =>
        (await daemon.message(user.email)).text);

    const mail = await startMailServer();
    await moveTo({ plugin: 'smtp', ...mail.settings });
    await signOn(daemon, user, 'EMAIL', () => mail.mails[0]?.parsed.text);

    const gateway = await startGateway(() => ({
        status: 202, body: '{"id": "m-1"}' }));
    await moveTo({ plugin: 'http', url: `${gateway.url}/v3/mail`,
                   username: 'factord', password: { $env: 'HOME' },
                   authorization: 'bearer', body_type: 'json',
                   from: 'codes@acme.test',
                   body: '{"from": "{{from}}", "to": "{{to}}", ' +
                         '"subject": "{{subject}}", "text": "{{text}}"}' });
    await signOn(daemon, user, 'EMAIL', () => gateway.calls.length > 0 &&
        JSON.parse(gateway.calls[0].body).text);
    const { to, from, subject } = JSON.parse(gateway.calls[0].body);
    assert.deepEqual([to, from], [user.email, 'codes@acme.test']);
    assert.ok(subject);
    assert.equal(mail.mails.length, 1);
});

// The first one takes the request and says nothing.
test('D1, T3: a gateway hangs: the code comes by the next one within 5 s',
     async () => {
    const hanging = await startGateway(() => new Promise(() => {}));
    const working = await startGateway(() => ({ status: 200, body: '{}' }));
    const at = (gateway) => ({
        plugin: 'http', url: gateway.url, body_type: 'json', from: 'Acme',
        password: { $env: 'HOME' }, body: '{"text": "{{text}}"}' });
    const daemon = await startDaemon({
        delivery: { sms: [at(hanging), at(working)] } });
    const user = await daemon.user(), began = Date.now();
    await signOn(daemon, user, 'SMS', () => working.calls.length > 0 &&
        JSON.parse(working.calls[0].body).text);
    assert.ok(hanging.calls.length > 0);
    const took = Date.now() - began;
    assert.ok(took < 5000, `it took ${took} ms`);

    // It is asked again and again, and left alone after five times.
    for (let i = 0; i < 6; i++)
        await signOn(daemon, await daemon.user(), 'SMS', () =>
            working.calls.length > i + 1 &&
            JSON.parse(working.calls[i + 1].body).text);
    assert.equal(hanging.calls.length, 5);
    assert.match(daemon.output, /delivery back end http rests/);
});

await run();
