// SPDX-License-Identifier: MIT
// The delivery plugins of the channel "push", each against a service that
// checks what it gets: code of other people where there is any.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

import * as jose from 'jose';
import { Webhook } from 'standardwebhooks';

import { freePort, until } from './lib/daemon.mjs';
import { request } from './lib/http.mjs';
import { Pusher, buildPusher, certificate, startGateway } from './lib/push.mjs';
import { leaks, secret } from './lib/secrets.mjs';
import { atEnd, finalCheck, run, test } from './lib/tap.mjs';

const require = createRequire(import.meta.url);
const ece = require('http_ece'); // web-push-testing brings it

buildPusher();

const privatePem = (key) => {
    const pem = key.export({ type: 'pkcs8', format: 'pem' });
    secret('private key', pem.split('\n')[1]);
    return pem;
};
const ecKey = () => {
    const { privateKey, publicKey } =
        generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { pem: privatePem(privateKey), publicKey, privateKey };
};
const rsaKey = () => {
    const { privateKey, publicKey } =
        generateKeyPairSync('rsa', { modulusLength: 2048 });
    return { pem: privatePem(privateKey), publicKey };
};

function is(receipt, result)
{
    assert.equal(receipt.status, 0, receipt.error);
    assert.equal(receipt.result, result, receipt.reason);
    return receipt;
}

// --- webpush

const vapid = ecKey();
const { x, y } = vapid.publicKey.export({ format: 'jwk' });
const vapidPublic = Buffer.concat([Buffer.from([4]),
                                   Buffer.from(x, 'base64url'),
                                   Buffer.from(y, 'base64url')])
    .toString('base64url');
const webpushSettings = { vapid_key: vapid.pem,
                          subject: 'mailto:ops@example.org' };

// npm web-push-testing: decrypts, and verifies who signed.
async function startPushService()
{
    const port = await freePort();
    const server = require.resolve('web-push-testing/src/bin/server.js');
    const child = spawn(process.execPath, [server, String(port)],
                        { stdio: 'ignore' });
    const post = (path, body) =>
        request('POST', `http://localhost:${port}${path}`, {
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body ?? {}) });
    atEnd(() => child.kill());
    await until('web-push-testing', async () =>
        (await post('/status').catch(() => null))?.status === 200);
    return {
        subscribe: async (applicationServerKey) =>
            (await post('/subscribe', { applicationServerKey,
                                        userVisibleOnly: 'true' })).json.data,
        messages: async ({ clientHash }) =>
            (await post('/get-notifications', { clientHash }))
                .json.data.messages,
    };
}

const webpushAddress = ({ endpoint, keys }) =>
    `webpush:${JSON.stringify({ endpoint, keys })}`;

test('webpush: web-push-testing decrypts the bell', async () => {
    const service = await startPushService();
    const phone = await service.subscribe(vapidPublic);
    const pusher = await Pusher.open('webpush', webpushSettings,
                                     { allowed_hosts: ['localhost'] });
    for (const text of ['Sign on?', 'Wirklich anmelden? äöü €'])
        is(await pusher.deliver({ address: webpushAddress(phone), text }),
           'SENT');
    assert.deepEqual((await service.messages(phone)).map(JSON.parse), [
        { factor: 1, device: 'dev-1', text: 'Sign on?' },
        { factor: 1, device: 'dev-1', text: 'Wirklich anmelden? äöü €' },
    ]);
    // Who subscribed with another key is not rung by ours.
    const { privateKey } = ecKey();
    const jwk = privateKey.export({ format: 'jwk' });
    const other = await service.subscribe(Buffer.concat([
        Buffer.from([4]), Buffer.from(jwk.x, 'base64url'),
        Buffer.from(jwk.y, 'base64url')]).toString('base64url'));
    is(await pusher.deliver({ address: webpushAddress(other) }),
       'REFUSED_ADDRESS');
    assert.deepEqual(await service.messages(other), []);
    assert.equal(await pusher.close(), 0);
});

// A browser and its push service, by http_ece and jose.
async function startBrowser(answer = () => ({ status: 201 }))
{
    const ecdh = createECDH('prime256v1'), authSecret = randomBytes(16);
    ecdh.generateKeys();
    const gateway = await startGateway(async ({ headers, body }) => {
        const { t, k } = /^vapid t=(?<t>[^,]+), k=(?<k>.+)$/
            .exec(headers.authorization).groups;
        secret('token', t);
        assert.equal(k, vapidPublic);
        const { payload } = await jose.jwtVerify(t, vapid.publicKey, {
            algorithms: ['ES256'], audience: gateway.url, typ: 'JWT' });
        assert.equal(payload.sub, 'mailto:ops@example.org');
        assert.ok(payload.exp <= Date.now() / 1000 + 86400);
        assert.match(headers.topic, /^[\w-]{1,32}$/);
        assert.equal(headers['content-encoding'], 'aes128gcm');
        gateway.bells.push(JSON.parse(ece.decrypt(body, {
            version: 'aes128gcm', privateKey: ecdh, authSecret })));
        return answer();
    });
    gateway.bells = [];
    gateway.address = webpushAddress({
        endpoint: `${gateway.url}/push/1`,
        keys: { p256dh: ecdh.getPublicKey('base64url'),
                auth: authSecret.toString('base64url') } });
    return gateway;
}

test('webpush: what the service and the browser see', async () => {
    const browser = await startBrowser();
    const pusher = await Pusher.open('webpush', webpushSettings,
                                     { allowed_hosts: ['127.0.0.1'] });
    is(await pusher.deliver({ address: browser.address }), 'SENT');
    is(await pusher.deliver({ address: browser.address, device: 'dev-2',
                              text: 'x'.repeat(500) }), 'SENT');
    assert.ifError(browser.error);
    assert.equal(browser.bells[1].device, 'dev-2');
    const [one, two] = browser.calls;
    assert.equal(one.method, 'POST');
    assert.equal(one.path, '/push/1');
    assert.equal(one.headers.urgency, 'high');
    assert.ok(Number(one.headers.ttl) <= 40 && Number(one.headers.ttl) >= 39);
    assert.equal(one.body.length, two.body.length);
    assert.notEqual(one.headers.topic, two.headers.topic);
    assert.equal(one.headers.authorization, two.headers.authorization);
    assert.equal(browser.connections, 1);
});

test('webpush: an endpoint inside of the network is not called', async () => {
    const browser = await startBrowser();
    const pusher = await Pusher.open('webpush', webpushSettings);
    is(await pusher.deliver({ address: browser.address }), 'REFUSED_ADDRESS');
    for (const endpoint of [`https://127.0.0.1:${browser.port}/`,
                            `https://localhost:${browser.port}/`,
                            `https://[::ffff:127.0.0.1]:${browser.port}/`])
        is(await pusher.deliver({
            address: browser.address.replace(`${browser.url}/push/1`,
                                             endpoint) }), 'REFUSED_ADDRESS');
    assert.equal(browser.calls.length, 0);
    assert.equal(browser.connections, 0);
});

test('webpush: gone, busy, too large; a redirect is not followed', async () => {
    const answers = [{ status: 410 }, { status: 404 },
                     { status: 429, headers: { 'retry-after': '7' } },
                     { status: 413, body: 'code 123456' },
                     { status: 307, headers: { location: '/elsewhere' } }];
    const browser = await startBrowser(() => answers.shift());
    const pusher = await Pusher.open('webpush', webpushSettings,
                                     { allowed_hosts: ['127.0.0.1'] });
    const deliver = () => pusher.deliver({ address: browser.address });
    is(await deliver(), 'REFUSED_ADDRESS');
    is(await deliver(), 'REFUSED_ADDRESS');
    const before = Date.now();
    const busy = is(await deliver(), 'DEFERRED_THERE');
    assert.ok(busy.retry_at_ms >= before + 7000 &&
              busy.retry_at_ms <= Date.now() + 7000);
    assert.equal(is(await deliver(), 'REFUSED_ADDRESS').reason, '413 code ');
    is(await deliver(), 'DEFERRED_THERE');
    assert.equal(browser.calls.length, 5);
});

test('webpush: a service that never answers has its time, not the host\'s',
     async () => {
    const browser = await startBrowser(() => new Promise(() => {}));
    const pusher = await Pusher.open('webpush',
                                     { ...webpushSettings, timeout: '200ms' },
                                     { allowed_hosts: ['127.0.0.1'] });
    const { status, error } = await pusher.deliver({
        address: browser.address, timeout_ms: 600000 });
    assert.notEqual(status, 0);
    assert.match(error, /Timeout/);
    assert.equal(browser.calls.length, 1);
});

test('webpush: who refuses our key refuses a phone; all do, and it is ours',
     async () => {
    const refuse = () => startBrowser(() => ({ status: 403 }));
    const services = [await refuse(), await refuse(), await refuse()];
    const willing = await startBrowser();
    const pusher = await Pusher.open('webpush', webpushSettings,
                                     { allowed_hosts: ['127.0.0.1'] });
    const deliver = ({ address }) => pusher.deliver({ address });
    is(await deliver(services[0]), 'REFUSED_ADDRESS');
    is(await deliver(services[0]), 'REFUSED_ADDRESS');
    is(await deliver(services[1]), 'REFUSED_ADDRESS');
    is(await deliver(services[2]), 'REFUSED_ACCOUNT');
    is(await deliver(willing), 'SENT');
    is(await deliver(services[2]), 'REFUSED_ADDRESS');
});

// --- webhook

test('webhook: standardwebhooks verifies it, by either secret', async () => {
    const key = () => secret('webhook secret',
                             `whsec_${randomBytes(32).toString('base64')}`);
    const fresh = key(), old = key(), stranger = key();
    const receiver = await startGateway(() => ({ status: 204 }));
    const pusher = await Pusher.open('webhook', {
        url: `${receiver.url}/rings`, secret: fresh, previous_secret: old });
    const { reference } = is(await pusher.deliver({
        address: 'webhook:ann', text: 'Anmelden? €' }), 'SENT');
    const [{ headers, body, path }] = receiver.calls;
    assert.equal(path, '/rings');
    assert.equal(headers['webhook-id'], reference);
    for (const known of [fresh, old]) {
        const payload = new Webhook(known).verify(body.toString(), headers);
        assert.equal(payload.type, 'factor.push');
        assert.equal(payload.data.factor, 1);
        assert.equal(payload.data.to, 'ann');
        assert.equal(payload.data.device, 'dev-1');
        assert.equal(payload.data.text, 'Anmelden? €');
        assert.ok(Date.parse(payload.data.expires_at) > Date.now());
    }
    assert.throws(() => new Webhook(stranger).verify(body.toString(), headers));
    assert.throws(() => new Webhook(fresh)
        .verify(body.toString().replace('ann', 'bob'), headers));
});

test('webhook: gone, busy, refused', async () => {
    const answers = [{ status: 410 },
                     { status: 503, headers: { 'retry-after': '3' } },
                     { status: 403 }, { status: 302,
                                        headers: { location: '/x' } }];
    const receiver = await startGateway(() => answers.shift());
    const pusher = await Pusher.open('webhook', {
        url: receiver.url,
        secret: `whsec_${randomBytes(24).toString('base64')}` });
    const deliver = () => pusher.deliver({ address: 'webhook:ann' });
    is(await deliver(), 'REFUSED_ADDRESS');
    assert.ok(is(await deliver(), 'DEFERRED').retry_at_ms > Date.now());
    is(await deliver(), 'REFUSED_ACCOUNT');
    is(await deliver(), 'REFUSED_ACCOUNT');
    assert.equal(receiver.calls.length, 4);
});

// --- fcm

// Google: gives a token for an assertion that the account's key has signed,
// and takes messages with a token that it gave.
async function startGoogle(key, kind)
{
    const google = await startGateway(async (call) => {
        if (call.path === '/token')
            return giveToken(call);
        const bearer = /^Bearer (.+)$/.exec(call.headers.authorization)?.[1];
        if (!google.tokens.has(bearer))
            return { status: 401,
                     body: '{"error": {"status": "UNAUTHENTICATED"}}' };
        const { message } = JSON.parse(call.body);
        google.messages.push({ ...message, path: call.path });
        const name = `projects/acme/messages/${google.messages.length}`;
        return google.answers.shift() ?? { body: JSON.stringify({ name }) };
    }, kind);
    const giveToken = async ({ headers, body }) => {
        const form = new URLSearchParams(body.toString());
        assert.equal(headers['content-type'],
                     'application/x-www-form-urlencoded');
        assert.equal(form.get('grant_type'),
                     'urn:ietf:params:oauth:grant-type:jwt-bearer');
        try {
            const { payload, protectedHeader } = await jose.jwtVerify(
                form.get('assertion'), key.publicKey, {
                    algorithms: ['RS256'], audience: `${google.url}/token`,
                    issuer: 'push@acme.example', maxTokenAge: '60s' });
            assert.equal(protectedHeader.kid, 'k1');
            assert.equal(payload.scope,
                         'https://www.googleapis.com/auth/firebase.messaging');
            assert.equal(payload.exp - payload.iat, 3600);
        } catch {
            return { status: 400, body: '{"error": "invalid_grant"}' };
        }
        const token = secret('access token',
                             `ya29.${randomBytes(20).toString('hex')}`);
        google.tokens.add(token);
        google.given += 1;
        return { body: JSON.stringify({ access_token: token,
                                        expires_in: 3599,
                                        token_type: 'Bearer' }) };
    };
    Object.assign(google, { tokens: new Set(), given: 0, messages: [],
                            answers: [] });
    google.account = (pem = key.pem) => JSON.stringify({
        type: 'service_account', project_id: 'acme', private_key_id: 'k1',
        private_key: pem, client_email: 'push@acme.example',
        token_uri: `${google.url}/token` });
    return google;
}

test('fcm: a token by a signed assertion, then messages', async () => {
    const google = await startGoogle(rsaKey());
    const pusher = await Pusher.open('fcm', {
        service_account: google.account(), base_url: google.url });
    const receipt = is(await pusher.deliver({ address: 'fcm:tok:1' }), 'SENT');
    assert.equal(receipt.reference, '1');
    is(await pusher.deliver({ address: 'fcm:tok:1' }), 'SENT');
    assert.ifError(google.error);
    assert.equal(google.given, 1);
    assert.equal(google.connections, 1);
    const [{ path, token, data, notification, android }] = google.messages;
    assert.equal(path, '/v1/projects/acme/messages:send');
    assert.equal(token, 'tok:1');
    assert.deepEqual(data, { factor: '1', device: 'dev-1' });
    assert.deepEqual(notification, { body: 'Sign on?' });
    assert.equal(android.priority, 'HIGH');
    assert.match(android.ttl, /^(39|40)s$/);
    // Revoked: another one is got, once.
    google.tokens.clear();
    is(await pusher.deliver({ address: 'fcm:tok:1' }), 'SENT');
    assert.equal(google.given, 2);
    assert.equal(await pusher.close(), 0);
});

test('fcm: dead tokens, quotas, and a key that Google does not know', async () => {
    const google = await startGoogle(rsaKey());
    const settings = { service_account: google.account(),
                       base_url: google.url };
    const pusher = await Pusher.open('fcm', settings);
    const fcmError = (status, errorCode, headers = {}) => ({
        status, headers, body: JSON.stringify({ error: {
            code: status, message: 'Requested entity was not found.',
            details: [{ '@type': 'type.googleapis.com/google.firebase.fcm.' +
                                 'v1.FcmError', errorCode }] } }, null, 2) });
    google.answers = [fcmError(404, 'UNREGISTERED'),
                      fcmError(429, 'QUOTA_EXCEEDED', { 'retry-after': '60' })];
    const dead = is(await pusher.deliver({ address: 'fcm:x' }),
                    'REFUSED_ADDRESS');
    assert.equal(dead.reason, '404 Requested entity was not found.');
    const busy = is(await pusher.deliver({ address: 'fcm:x' }), 'DEFERRED');
    assert.ok(busy.retry_at_ms > Date.now() + 50000);
    const other = await Pusher.open('fcm', {
        ...settings, service_account: google.account(rsaKey().pem) });
    const refused = is(await other.deliver({ address: 'fcm:x' }),
                       'REFUSED_ACCOUNT');
    assert.equal(refused.reason, '400 {"error": "invalid_grant"}');
});

test('fcm: an application\'s account may lead to the public only', async () => {
    const google = await startGoogle(rsaKey());
    const message = { address: 'fcm:x', credential: {
        type: 'FCM_HTTP_V1',
        googleServiceAccountCredentials: google.account() } };
    const closed = await Pusher.open('fcm', { base_url: google.url });
    is(await closed.deliver(message), 'REFUSED_ACCOUNT');
    assert.equal(google.connections, 0);
    const open = await Pusher.open('fcm', { base_url: google.url },
                                   { allowed_hosts: ['127.0.0.1'] });
    is(await open.deliver(message), 'SENT');
});

test('fcm: over TLS, if the certificate is good', async () => {
    const google = await startGoogle(rsaKey(), 'https');
    const settings = { service_account: google.account(),
                       base_url: google.url };
    const pusher = await Pusher.open('fcm', settings,
                                     { ca_file: certificate().cert });
    is(await pusher.deliver({ address: 'fcm:x' }), 'SENT');
    const wary = await Pusher.open('fcm', settings);
    assert.notEqual((await wary.deliver({ address: 'fcm:x' })).status, 0);
    assert.equal(google.messages.length, 1);
});

// --- apns

// Apple: HTTP/2, and a provider token that the team's key has signed.
async function startApple(key, kind = 'h2')
{
    const apple = await startGateway(async ({ headers, body, path }) => {
        const token = secret('token', /^bearer (.+)$/
            .exec(headers.authorization)?.[1]);
        const refuse = (status, reason, more = {}) =>
            ({ status, body: JSON.stringify({ reason }), headers: more });
        try {
            await jose.jwtVerify(token, key.publicKey, {
                algorithms: ['ES256'], issuer: 'TEAM123456',
                maxTokenAge: apple.oldest });
            assert.equal(jose.decodeProtectedHeader(token).kid, 'KEY1234567');
        } catch (error) {
            return error.code === 'ERR_JWT_EXPIRED'
                ? refuse(403, 'ExpiredProviderToken')
                : refuse(403, 'InvalidProviderToken');
        }
        apple.tokens.add(token);
        if (headers['apns-topic'] !== 'org.example.app')
            return refuse(400, 'TopicDisallowed');
        if (path !== '/3/device/00ff')
            return refuse(410, 'Unregistered');
        apple.messages.push({ headers, body: JSON.parse(body) });
        return apple.answers.shift();
    }, kind);
    Object.assign(apple, { tokens: new Set(), messages: [], answers: [],
                           oldest: '1h' });
    apple.settings = { key: key.pem, key_id: 'KEY1234567',
                       team_id: 'TEAM123456', topic: 'org.example.app',
                       base_url: apple.url };
    return apple;
}

const openApns = (settings) =>
    Pusher.open('apns', settings, { ca_file: certificate().cert });

test('apns: one connection, one token, and what Apple wants to know', async () => {
    const apple = await startApple(ecKey());
    const pusher = await openApns(apple.settings);
    const before = Math.floor(Date.now() / 1000);
    const { reference } = is(await pusher.deliver({ address: 'apns:00ff' }),
                             'SENT');
    for (let i = 0; i < 5; i++)
        is(await pusher.deliver({ address: 'apns:00ff' }), 'SENT');
    assert.ifError(apple.error);
    assert.equal(apple.connections, 1);
    assert.equal(apple.tokens.size, 1);
    const [{ headers, body }] = apple.messages;
    assert.equal(headers[':method'], 'POST');
    assert.equal(headers['apns-push-type'], 'alert');
    assert.equal(headers['apns-priority'], '10');
    assert.equal(headers['apns-collapse-id'], 'dev-1');
    assert.equal(headers['apns-id'], reference);
    assert.ok(Math.abs(headers['apns-expiration'] - before - 40) <= 1);
    assert.deepEqual(body, {
        aps: { alert: { body: 'Sign on?' }, sound: 'default' },
        factor: 1, device: 'dev-1' });
    assert.equal(await pusher.close(), 0);
});

test('apns: dead tokens, busy, and a key that Apple does not know', async () => {
    const apple = await startApple(ecKey());
    const pusher = await openApns(apple.settings);
    const dead = is(await pusher.deliver({ address: 'apns:0000' }),
                    'REFUSED_ADDRESS');
    assert.equal(dead.reason, '410 {"reason":"Unregistered"}');
    apple.answers = [{ status: 503, headers: { 'retry-after': '9' } }];
    const busy = is(await pusher.deliver({ address: 'apns:00ff' }),
                    'DEFERRED');
    assert.ok(busy.retry_at_ms > Date.now());
    const stranger = await openApns({ ...apple.settings, key: ecKey().pem });
    const refused = is(await stranger.deliver({ address: 'apns:00ff' }),
                       'REFUSED_ACCOUNT');
    assert.equal(refused.reason, '403 {"reason":"InvalidProviderToken"}');
});

test('apns: a token that is too old is renewed, if it is not too young', async () => {
    const apple = await startApple(ecKey());
    const pusher = await openApns(apple.settings);
    const at = (ms) => pusher.deliver({
        address: 'apns:00ff', now_ms: Date.now() + ms,
        expires_at_ms: Date.now() + ms + 40000 });
    is(await at(-22 * 60000), 'SENT');
    apple.oldest = '10m';
    is(await at(0), 'SENT');
    assert.equal(apple.tokens.size, 2);
    assert.equal(apple.calls.length, 3);
    const other = await openApns(apple.settings);
    apple.oldest = '1h';
    is(await other.deliver({ address: 'apns:00ff',
                             now_ms: Date.now() - 15 * 60000 }), 'SENT');
    apple.oldest = '10m';
    is(await other.deliver({ address: 'apns:00ff' }), 'REFUSED_ACCOUNT');
    assert.equal(apple.calls.length, 5);
});

test('apns: HTTP/2 or nothing, with and without TLS', async () => {
    const key = ecKey();
    for (const [kind, spoken] of [['h2', true], ['h2c', true],
                                  ['https', false], ['http', false]]) {
        const apple = await startApple(key, kind);
        const pusher = await openApns(apple.settings);
        const receipt = await pusher.deliver({ address: 'apns:00ff' });
        assert.equal(receipt.status === 0, spoken, kind);
    }
});

finalCheck('K4: no secret of these tests stands in a receipt or a log', () => {
    assert.deepEqual(leaks(), []);
});

await run();
