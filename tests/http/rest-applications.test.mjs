// SPDX-License-Identifier: MIT
// tests/http/rest-applications.test.mjs - MFA service API: mobile applications
// and their push credentials (B.8).
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as jose from 'jose';

import { newFolder, until } from './lib/daemon.mjs';
import { addPhone, approve, devicePolicy, json, mfaUser, mustComplete,
         started } from './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { startGateway } from './lib/push.mjs';
import { mustAnswer, mustRefuse, startRest, uuid } from './lib/rest.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

// --- Stand-ins of Google and Apple

const pemOf = ({ privateKey }) => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    secret('private key', pem.split('\n')[1]);
    return pem;
};
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsaPem = pemOf(rsa), ecPem = pemOf(ec);

const google = await startGateway(async ({ path, headers, body }) => {
    if (path === '/token') {
        const { payload } = await jose.jwtVerify(
            new URLSearchParams(body.toString()).get('assertion'),
            rsa.publicKey, { currentDate: new Date(rest.daemon.now()) });
        const token = secret('access token', randomBytes(20).toString('hex'));
        google.issuers.set(`Bearer ${token}`, payload.iss);
        return { body: JSON.stringify({ access_token: token,
                                        expires_in: 3599 }) };
    }
    google.rung.push({ by: google.issuers.get(headers.authorization), path,
                       to: JSON.parse(body).message.token });
    return { body: '{"name": "projects/p/messages/1"}' };
});
Object.assign(google, { issuers: new Map(), rung: [] });
const apple = await startGateway(async ({ path, headers }) => {
    const token = secret('token', headers.authorization.slice(7));
    const { payload } = await jose.jwtVerify(
        token, ec.publicKey, { currentDate: new Date(rest.daemon.now()) });
    apple.rung.push({ by: payload.iss, topic: headers['apns-topic'],
                      kid: jose.decodeProtectedHeader(token).kid,
                      to: path.split('/').at(-1) });
    return {};
}, 'h2c');
apple.rung = [];

const account = (name = 'own', more) => JSON.stringify({
    project_id: name, client_email: `push@${name}.example`,
    private_key: rsaPem, token_uri: 'https://oauth2.googleapis.com/token',
    ...more });
const apns = (teamId = 'OWNTEAM123') => ({ type: 'APNS', key: 'OWNKEY1234',
                                           teamId, token: ecPem });
const fcm = (name) => ({ type: 'FCM_HTTP_V1',
                         googleServiceAccountCredentials: account(name) });

const file = join(newFolder(), 'account.json');
writeFileSync(file, account('ours'), { mode: 0o600 });
const rest = await startRest({
    delivery: { voice: [{ plugin: 'file' }], push: [
        { plugin: 'fcm', base_url: google.url,
          token_url: `${google.url}/token`,
          service_account: { $file: file } },
        { plugin: 'apns', base_url: apple.url }] },
    policies: [devicePolicy('Phones')] });
const path = `${rest.base}/applications`;
const policyPath = `${rest.base}/deviceAuthenticationPolicies`;

let made = 0;
const application = (mobile, more) => ({ name: `App ${made++}`,
                                         type: 'NATIVE_APP', mobile, ...more });
const post = async (mobile, more) => mustAnswer(
    await rest.post(path, application(mobile, more)), 201);
const refuse = async (mobile, detail, target, more) => mustRefuse(
    await rest.post(path, application(mobile, more)), 400, 'INVALID_DATA',
    detail, target);
const drop = async ({ id }) =>
    assert.equal((await rest.delete(`${path}/${id}`)).status, 204);
const keysOf = ({ id }) => `${path}/${id}/pushCredentials`;

// The policy that is the default allows it, or (not allow) no longer.
async function allow({ id }, allowed = true)
{
    const all = mustAnswer(await rest.get(policyPath))
        ._embedded.deviceAuthenticationPolicies;
    const { _links, ...policy } = all.find((one) => one.default);
    policy.mobile.applications = policy.mobile.applications
        .filter((entry) => entry.id !== id);
    if (allowed)
        policy.mobile.applications.push({
            id, push: { enabled: true }, otp: { enabled: true },
            pairingConfirmation: { enabled: false } });
    mustAnswer(await rest.put(`${policyPath}/${policy.id}`, policy));
    return policy;
}

// --- Applications

test('mfa B.8: applications of the configuration file are listed', async () => {
    const list = mustAnswer(await rest.get(path));
    const [first] = list._embedded.applications;
    assert.equal(list.count, list._embedded.applications.length);
    assert.equal(first.type, 'NATIVE_APP');
    assert.deepEqual(mustAnswer(await rest.get(`${path}/${first.id}`)), first);
});

test('mfa B.8-7..12: an application is made, read and replaced',
     async () => {
         const reply = await rest.post(path, application());
         const { id, name, createdAt, updatedAt, environment, _links,
                 ...fresh } = mustAnswer(reply, 201);
         assert.match(id, uuid);
         assert.equal(reply.headers.location, _links.self.href);
         assert.equal(_links.pushCredentials.href,
                      `${rest.daemon.base}${path}/${id}/pushCredentials`);
         assert.equal(createdAt, updatedAt);
         const seconds = { duration: 30, timeUnit: 'SECONDS' };
         assert.deepEqual(fresh, { type: 'NATIVE_APP', mobile: {
             passcodeRefreshDuration: seconds, passcodeGracePeriod: 5,
             push: { numberMatching: { type: 'ENTER_MANUALLY' } },
             integrityDetection: { mode: 'DISABLED' } } });
         const mobile = {
             bundleId: 'org.example.one', packageName: 'org.example.one_',
             uriPrefix: 'https://app.example.org/pair',
             passcodeRefreshDuration: seconds, passcodeGracePeriod: 10,
             push: { numberMatching: { type: 'ENTER_MANUALLY' } },
             integrityDetection: { mode: 'DISABLED' },
             authenticationMethods: ['face', 'palm'] };
         const full = mustAnswer(await rest.put(`${path}/${id}`,
                                                { name: 'Renamed', mobile }));
         assert.deepEqual(full.mobile, mobile);
         assert.equal(full.name, 'Renamed');
         assert.equal(full.createdAt, createdAt);
         assert.deepEqual(mustAnswer(await rest.get(`${path}/${id}`)), full);
         // What stores know it by stays; the rest is as by default.
         const cleared = mustAnswer(await rest.put(`${path}/${id}`,
                                                   { name: 'Renamed' }));
         assert.deepEqual(cleared.mobile, {
             ...fresh.mobile, bundleId: mobile.bundleId,
             packageName: mobile.packageName });
         await drop({ id });
         mustRefuse(await rest.get(`${path}/${id}`), 404, 'NOT_FOUND');
     });

test('mfa B.8-7: what stores know it by is unique, and never changed',
     async () => {
         for (const member of ['bundleId', 'packageName']) {
             const one = await post({ [member]: 'org.example.two' });
             const target = `mobile.${member}`;
             const taken = await refuse({ [member]: 'org.example.two' },
                                        'UNIQUENESS_VIOLATION', target);
             assert.deepEqual(taken.innerError, { existingId: one.id });
             mustRefuse(await rest.put(`${path}/${one.id}`, {
                 name: one.name, mobile: { [member]: 'org.example.three' } }),
                        400, 'INVALID_DATA', 'INVALID_VALUE', target);
             for (const wrong of ['', 'org example', 'a\r\nb', 'ä'])
                 await refuse({ [member]: wrong }, wrong ? 'INVALID_VALUE'
                     : 'EMPTY_VALUE', target);
             await drop(one);
         }
         const one = await post();
         const taken = await refuse({}, 'UNIQUENESS_VIOLATION', 'name',
                                    { name: one.name });
         assert.deepEqual(taken.innerError, { existingId: one.id });
         await refuse({}, 'INVALID_VALUE', 'name', { name: 'with.dots' });
         await refuse({}, 'REQUIRED_VALUE', 'name', { name: undefined });
         await refuse({}, 'INVALID_VALUE', 'type', { type: 'WEB_APP' });
         await drop(one);
     });

const mobileRows = [
    [{ passcodeRefreshDuration: { duration: 29, timeUnit: 'SECONDS' } },
     'OUT_OF_RANGE', 'passcodeRefreshDuration.duration'],
    [{ passcodeRefreshDuration: { duration: 60, timeUnit: 'SECONDS' } },
     'OUT_OF_RANGE', 'passcodeRefreshDuration.duration'],
    [{ passcodeGracePeriod: 0 }, 'OUT_OF_RANGE', 'passcodeGracePeriod'],
    [{ passcodeGracePeriod: 11 }, 'OUT_OF_RANGE', 'passcodeGracePeriod'],
    [{ push: { numberMatching: { type: 'GUESS' } } }, 'INVALID_VALUE',
     'push.numberMatching.type'],
    [{ push: { numberMatching: { type: 'SELECT_NUMBER' } } },
     'INVALID_VALUE', 'push.numberMatching.type'],
    [{ uriPrefix: 'x'.repeat(257) }, 'SIZE_LIMIT_EXCEEDED', 'uriPrefix'],
    [{ huaweiAppId: '7' }, 'INVALID_VALUE', 'huaweiAppId'],
    [{ huaweiPackageName: 'a' }, 'INVALID_VALUE', 'huaweiPackageName'],
    [{ integrityDetection: { mode: 'ENABLED' } }, 'INVALID_VALUE',
     'integrityDetection.mode'],
];
test('R3, M2, mfa B.8-7..15: what an application may not be',
     async () => {
         for (const [mobile, detail, target] of mobileRows)
             await refuse(mobile, detail, `mobile.${target}`);
         const weak = await startRest({ mfa: { ping_defaults: true } });
         const { mobile } = mustAnswer(await weak.post(
             `${weak.base}/applications`, application({ push: {
                 numberMatching: { type: 'SELECT_NUMBER' } } })), 201);
         assert.equal(mobile.push.numberMatching.type, 'SELECT_NUMBER');
     });

test('mfa B.8, mfa A.7-15: an application that a policy allows stays; its ' +
     'phones go with it', async () => {
         const one = await post();
         const policy = await allow(one);
         const refused = mustRefuse(
             await rest.delete(`${path}/${one.id}`), 400, 'INVALID_DATA',
             'CONSTRAINT_VIOLATION', undefined);
         assert.deepEqual(refused.innerError,
                          { referencedValues: [policy.id] });
         const user = await mfaUser(rest.daemon);
         const phone = await pairTo(one, user, 'fcm:gone');
         await allow(one, false);
         await drop(one);
         const [device] = (await json(rest.daemon, 'devices', 'list',
                                      user.username)).devices;
         assert.equal(device.usable, false);
         const flow = await started(rest.daemon, user).catch((e) => e);
         assert.notEqual(flow.state?.status, 'PUSH_CONFIRMATION_WAITING');
         assert.ok(phone);
     });

test('mfa B.8: ids of paths may be anything', async () => {
    const [{ id }] = mustAnswer(await rest.get(path))._embedded.applications;
    for (const other of [randomUUID(), 'x'.repeat(300), '%2e%2e']) {
        const at = `${path}/${other}`;
        mustRefuse(await rest.get(at), 404, 'NOT_FOUND');
        mustRefuse(await rest.put(at, application()), 404, 'NOT_FOUND');
        mustRefuse(await rest.delete(at), 404, 'NOT_FOUND');
        mustRefuse(await rest.get(`${at}/pushCredentials`), 404, 'NOT_FOUND');
        mustRefuse(await rest.post(`${at}/pushCredentials`, apns()), 404,
                   'NOT_FOUND');
        const key = `${keysOf({ id })}/${other}`;
        mustRefuse(await rest.get(key), 404, 'NOT_FOUND');
        mustRefuse(await rest.put(key, apns()), 404, 'NOT_FOUND');
        mustRefuse(await rest.delete(key), 404, 'NOT_FOUND');
    }
});

test('mfa A.8-9: as many applications as there is room for', async () => {
    const many = await startRest();
    const at = `${many.base}/applications`;
    let { count } = mustAnswer(await many.get(at));
    for (; count < 16; count++)
        mustAnswer(await many.post(at, application()), 201);
    mustRefuse(await many.post(at, application()), 400, 'REQUEST_FAILED',
               'LIMIT_EXCEEDED', undefined);
});

// --- Push credentials

test('mfa B.8-1..4: push credentials go in and never come out',
     async () => {
         const one = await post(), other = await post();
         const keys = keysOf(one);
         for (const given of [apns(), fcm('one')]) {
             const reply = await rest.post(keys, given);
             const key = mustAnswer(reply, 201);
             assert.equal(reply.headers.location, key._links.self.href);
             assert.deepEqual(Object.keys(key).sort(), [
                 '_links', 'createdAt', 'environment', 'id', 'type',
                 'updatedAt']);
             assert.equal(key.type, given.type);
             const at = `${keys}/${key.id}`;
             assert.deepEqual(mustAnswer(await rest.get(at)), key);
             const put = mustAnswer(await rest.put(at, given));
             assert.equal(put.createdAt, key.createdAt);
             // Another application's are not to be had this way.
             const theirs = `${keysOf(other)}/${key.id}`;
             mustRefuse(await rest.get(theirs), 404, 'NOT_FOUND');
             mustRefuse(await rest.put(theirs, given), 404, 'NOT_FOUND');
             mustRefuse(await rest.delete(theirs), 404, 'NOT_FOUND');
             const twice = mustRefuse(
                 await rest.post(keys, given), 400, 'INVALID_DATA',
                 'UNIQUENESS_VIOLATION', 'type');
             assert.deepEqual(twice.innerError, { existingId: key.id });
         }
         const list = mustAnswer(await rest.get(keys));
         assert.equal(list.count, 2);
         const [first, second] = list._embedded.pushCredentials;
         mustRefuse(await rest.put(`${keys}/${first.id}`, fcm()), 400,
                    'INVALID_DATA', 'INVALID_VALUE', 'type');
         assert.equal((await rest.delete(`${keys}/${first.id}`)).status, 204);
         mustRefuse(await rest.get(`${keys}/${first.id}`), 404, 'NOT_FOUND');
         assert.deepEqual(mustAnswer(await rest.get(keys))
             ._embedded.pushCredentials, [second]);
         assert.equal(mustAnswer(await rest.get(keysOf(other))).count, 0);
         await drop(one);
         await drop(other);
     });

test('K4, mfa B.8-3,4: what is kept of them is sealed', async () => {
    const one = await post();
    mustAnswer(await rest.post(keysOf(one), apns('KEPTTEAM12')), 201);
    mustAnswer(await rest.post(keysOf(one), fcm('kept')), 201);
    const kept = readdirSync(rest.daemon.state)
        .filter((name) => name.startsWith('store'))
        .map((name) => readFileSync(join(rest.daemon.state, name), 'latin1'))
        .join();
    assert.ok(kept.includes(one.id));
    for (const part of [ecPem.split('\n')[1], rsaPem.split('\n')[1],
                        'KEPTTEAM12', 'push@kept.example'])
        assert.equal(kept.includes(part), false, part);
    await drop(one);
});

test('mfa B.8: push credentials go with their application', async () => {
    for (let i = 0; i < 40; i++) { // there would be no room for so many
        const one = await post();
        mustAnswer(await rest.post(keysOf(one), fcm(`${i}`)), 201);
        await drop(one);
    }
});

const wrongKeys = [
    [{}, 'REQUIRED_VALUE', 'type'],
    [{ type: 'HMS', clientId: 'a', clientSecret: 'b' }, 'INVALID_VALUE',
     'type'],
    [{ type: 'FCM', key: 'a' }, 'INVALID_VALUE', 'type'],
    [{ ...apns(), key: undefined }, 'REQUIRED_VALUE', 'key'],
    [{ ...apns(), teamId: undefined }, 'REQUIRED_VALUE', 'teamId'],
    [{ ...apns(), teamId: '' }, 'EMPTY_VALUE', 'teamId'],
    [{ ...apns(), token: undefined }, 'REQUIRED_VALUE', 'token'],
    [{ ...apns(), token: 'none' }, 'INVALID_VALUE', 'token'],
    [{ ...apns(), token: rsaPem }, 'INVALID_VALUE', 'token'],
    [{ ...apns(), token: 'x'.repeat(4097) }, 'SIZE_LIMIT_EXCEEDED', 'token'],
    [{ type: 'FCM_HTTP_V1' }, 'REQUIRED_VALUE',
     'googleServiceAccountCredentials'],
    ...['{', '[]', account('x', { token_uri: 7 }),
        account('x', { private_key: 'none' }),
        account('x', { project_id: undefined })].map((text) => [
        { type: 'FCM_HTTP_V1', googleServiceAccountCredentials: text },
        'INVALID_VALUE', 'googleServiceAccountCredentials']),
];
test('R3, mfa B.8-3..6: push credentials that are none', async () => {
    const one = await post();
    for (const [given, detail, target] of wrongKeys)
        mustRefuse(await rest.post(keysOf(one), given), 400, 'INVALID_DATA',
                   detail, target);
    assert.equal(mustAnswer(await rest.get(keysOf(one))).count, 0);
    await drop(one);
});

test('roles: a developer changes applications, and not policies', async () => {
    const role = 'Client Application Developer';
    const one = mustAnswer(await rest.post(path, application(), { role }),
                           201);
    mustAnswer(await rest.post(keysOf(one), apns(), { role }), 201);
    mustAnswer(await rest.get(keysOf(one), { role }));
    mustRefuse(await rest.get(policyPath, { role }), 403, 'ACCESS_FAILED',
               'INSUFFICIENT_PERMISSIONS');
    mustRefuse(await rest.delete(`${path}/${one.id}`,
                                 { role: 'Identity Data Admin' }), 403,
               'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
    assert.equal((await rest.delete(`${path}/${one.id}`, { role })).status,
                 204);
    mustRefuse(await rest.get(keysOf(one)), 404, 'NOT_FOUND');
});

// --- What they are for

// A phone that runs this application, at this push address.
async function pairTo(one, user, push)
{
    const { link } = await json(rest.daemon, 'pairing-keys', 'create',
                                user.username, one.name);
    const phone = await Phone.make(rest.daemon);
    const reply = await phone.pair(link, { application: one.id, push });
    assert.equal(reply.status, 201, reply.text);
    return phone;
}

async function signOn(user, phone)
{
    const flow = await started(rest.daemon, user);
    assert.equal(flow.state.status, 'PUSH_CONFIRMATION_WAITING',
                 flow.reply.text);
    await approve(flow, phone);
    mustComplete(await flow.act('poll'));
}

const last = async (gateway, count) => {
    await until('a bell', () => gateway.rung.length > count);
    return gateway.rung.at(-1);
};

test('mfa B.8-4: Google is asked by the application\'s own account',
     async () => {
         const one = await post();
         await allow(one);
         const user = await mfaUser(rest.daemon);
         const phone = await pairTo(one, user, 'fcm:tok-1');
         const ring = async () => {
             const count = google.rung.length;
             await signOn(user, phone);
             return last(google, count);
         };
         assert.deepEqual(await ring(), {
             by: 'push@ours.example', to: 'tok-1',
             path: '/v1/projects/ours/messages:send' });
         const key = mustAnswer(await rest.post(keysOf(one), fcm('own')), 201);
         assert.deepEqual(await ring(), {
             by: 'push@own.example', to: 'tok-1',
             path: '/v1/projects/own/messages:send' });
         mustAnswer(await rest.put(`${keysOf(one)}/${key.id}`, fcm('new')));
         assert.equal((await ring()).by, 'push@new.example');
         assert.equal((await rest.delete(`${keysOf(one)}/${key.id}`)).status,
                      204);
         assert.equal((await ring()).by, 'push@ours.example');
         assert.ifError(google.error);
         await allow(one, false);
         await drop(one);
     });

test('mfa B.8-3,7: Apple is asked by the application\'s key and name',
     async () => {
         const one = await post({ bundleId: 'org.example.rung' });
         await allow(one);
         mustAnswer(await rest.post(keysOf(one), apns()), 201);
         mustAnswer(await rest.post(keysOf(one), fcm('own')), 201);
         const user = await mfaUser(rest.daemon);
         const phone = await pairTo(one, user, 'apns:00ff');
         const count = apple.rung.length;
         await signOn(user, phone);
         assert.deepEqual(await last(apple, count), {
             by: 'OWNTEAM123', kid: 'OWNKEY1234', to: '00ff',
             topic: 'org.example.rung' });
         assert.ifError(apple.error);
         await allow(one, false);
         await drop(one);
     });

test('factorctl sees applications of REST in what policies allow', async () => {
    const one = await post();
    await allow(one);
    const seen = await json(rest.daemon, 'policies', 'get');
    assert.ok(seen.some(({ mobile }) =>
        mobile.applications.some(({ id }) => id === one.id)));
    await addPhone(rest.daemon, await mfaUser(rest.daemon)); // others go on
    await allow(one, false);
    await drop(one);
});

await run();
