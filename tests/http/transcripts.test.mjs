// SPDX-License-Identifier: MIT
// The transcripts of the wire contract, step by step.
import assert from 'node:assert/strict';

import { redirectUri } from './lib/clients.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail, token } from './lib/flow.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon({ adapters: { otp: { max_resends: 2 } } });

const wrong = (code, by = 1) =>
    String((Number(code) + by) % 1000000).padStart(6, '0');

test('authn E.1: the OTP adapter, happy path', async () => {
    const sonja = await d.user();
    const flow = await Flow.begin(d, { client: 'shop-spa', challenge: false });
    const first = mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
    assert.equal(flow.jar.history.length, 1);
    assert.match(flow.jar.history[0], /^PF=[^;]+; Path=\/; HttpOnly/);
    assert.equal(first.pluginTypeId, '7RmQNDWaOnBoudTufx2sEw');
    for (const flag of ['showRememberMyUsername', 'rememberMyUsernameSelected',
                        'showThisIsMyDevice', 'thisIsMyDeviceSelected',
                        'showCaptcha'])
        assert.equal(first[flag], false, flag);
    assert.ok(first._links.checkUsernamePassword);

    const choice = mustBe(await flow.password(sonja),
                          'DEVICE_SELECTION_REQUIRED',
                          ['selectDevice', 'cancelAuthentication']);
    assert.equal(choice.id, first.id);
    assert.equal(choice.pluginTypeId, '7r5wldvoQS8iEJEpdMYqmA');
    assert.deepEqual(choice.user, { username: sonja.username });
    assert.deepEqual(choice.userData, { first_name: 'Sonja' });
    assert.deepEqual(choice.devices.map((device) => device.type).sort(),
                     ['EMAIL', 'SMS']);
    const mail = flow.device('EMAIL');
    assert.equal(mail.target, 'us****@example.com');
    assert.equal(flow.device('SMS').target,
                 `${sonja.phone.slice(0, 4)}*****${sonja.phone.slice(-2)}`);

    const asked = mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED',
                         ['checkOtp', 'resendOtp', 'selectDevice',
                          'cancelAuthentication']);
    assert.deepEqual(asked.devices, choice.devices);
    assert.deepEqual(asked.selectedDeviceRef, { id: mail.id });
    assert.deepEqual(asked.user, choice.user);
    assert.deepEqual(asked.userData, choice.userData);
    const message = await d.message(sonja.email);
    assert.match(message.code, /^\d{6}$/);

    const seen = await flow.get({ query: '?action=checkOtp' });
    assert.deepEqual(mustBe(seen, 'OTP_REQUIRED'), asked);

    const verified = mustBe(await flow.check(message.code), 'OTP_VERIFIED',
                            ['continueAuthentication']);
    assert.deepEqual(Object.keys(verified).sort(),
                     ['_links', 'id', 'pluginTypeId', 'status']);
    const done = mustBe(await flow.act('continueAuthentication'), 'COMPLETED',
                        []);
    assert.equal(done.authorizeResponse.state, 'n7');
    assert.match(done.authorizeResponse.code, /^\S{20,}$/);

    assert.deepEqual(mustBe(await flow.get(), 'COMPLETED'), done);
    const tokens = await token(d, { grant_type: 'authorization_code',
                                    client_id: 'shop-spa',
                                    code: done.authorizeResponse.code });
    assert.equal(tokens.status, 200, tokens.text);
    assert.ok(tokens.json.access_token && tokens.json.id_token);
});

test('authn E.2: wrong passcodes, limit 3', async () => {
    const sonja = await d.user();
    const flow = await Flow.begin(d, { client: 'shop-spa', challenge: false });
    const { code } = await flow.challenge(sonja);
    const before = flow.state;
    for (const left of [2, 1]) {
        const error = mustFail(await flow.check(wrong(code, left)), 400,
                               'VALIDATION_ERROR', 'INVALID_OTP');
        assert.equal(error.details[0].attemptsRemaining, left);
        assert.deepEqual(mustBe(await flow.get(), 'OTP_REQUIRED'), before);
    }
    const failed = mustBe(await flow.check(wrong(code, 3)), 'MFA_FAILED',
                          ['cancelAuthentication']);
    assert.equal(failed.code, 'OTP_ATTEMPTS_LIMIT');
    mustFail(await flow.check(code), 400, 'INVALID_ACTION_ID');
    assert.deepEqual(mustBe(await flow.get(), 'MFA_FAILED'), failed);
    const over = mustBe(await flow.act('cancelAuthentication'), 'FAILED', []);
    assert.equal(over.code, 'AUTHENTICATION_FAILED');
});

test('authn E.2: malformed variants', async () => {
    const sonja = await d.user();
    const flow = await Flow.begin(d, { client: 'shop-spa', challenge: false });
    await flow.challenge(sonja);
    const before = flow.state;
    const error = mustFail(await flow.act('checkOtp', {}), 400,
                           'VALIDATION_ERROR', 'FIELD_REQUIRED');
    assert.equal(error.details[0].target, 'otp');
    mustFail(await flow.act('checkOtp', '{"otp":'), 400, 'INVALID_REQUEST');
    mustFail(await flow.act('selectDevice', { deviceRef: { id: 'nope' } }),
             400, 'VALIDATION_ERROR', 'INVALID_DEVICE');
    mustFail(await flow.act('poll'), 400, 'INVALID_ACTION_ID');
    mustFail(await d.request('POST', flow.path, {
        jar: flow.jar, body: '{"otp":"123456"}',
        headers: { 'Content-Type':
                   'application/vnd.pingidentity.checkOtp+json' } }),
             400, 'INVALID_REQUEST');
    mustFail(await d.request('POST', '/pf-ws/authn/flows/zzzzz', {
        jar: flow.jar, headers: {
            'X-XSRF-Header': 'PingFederate',
            'Content-Type': 'application/vnd.pingidentity.checkOtp+json' },
        body: '{"otp":"123456"}' }), 404, 'RESOURCE_NOT_FOUND');
    assert.deepEqual(mustBe(await flow.get(), 'OTP_REQUIRED'), before);
});

test('authn E.3: resend to the limit (2)', async () => {
    const sonja = await d.user();
    const flow = await Flow.begin(d, { client: 'shop-spa', challenge: false });
    const { code } = await flow.challenge(sonja);
    for (let i = 0; i < 2; i++) {
        mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
        assert.equal((await d.message(sonja.email)).code, code);
    }
    const rows = (await d.outbox()).length;
    mustFail(await flow.act('resendOtp'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
    assert.equal((await d.outbox()).length, rows, 'nothing is sent');
    mustBe(await flow.get(), 'OTP_REQUIRED');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn E.9: the frame of redirect mode', async () => {
    const sonja = await d.user();
    const flow = await Flow.redirect(d);
    assert.equal(flow.reply.status, 302);
    assert.match(flow.reply.location, /^http:\/\/[^?]+\?flowId=[a-zA-Z0-9]{22}$/);
    assert.match(flow.jar.history[0], /^PF=/);
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
    const resume = mustBe(await flow.signOn(sonja), 'RESUME', []);
    assert.ok(resume.resumeUrl.startsWith(`${d.base}/`));
    const back = await d.get(resume.resumeUrl.slice(d.base.length),
                             { jar: flow.jar });
    assert.equal(back.status, 302);
    const url = new URL(back.location);
    assert.equal(url.origin + url.pathname, redirectUri);
    assert.equal(url.searchParams.get('state'), 'n7');
    const tokens = await token(d, {
        grant_type: 'authorization_code', client_id: 'shop',
        redirect_uri: redirectUri, code: url.searchParams.get('code') });
    assert.equal(tokens.status, 200, tokens.text);
});

await run();
