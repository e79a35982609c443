// SPDX-License-Identifier: MIT
// What an operator writes for the MFA adapter: its part of the configuration
// file and of the store, checked alike; and what the adapter makes of the rest
// of the configuration.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { execute, factord, newFolder, source, startDaemon, until } from
    './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { begin, devicePolicy, method, mfaConfig, mfaUser, mobile } from
    './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256' });
const vapid = secret('vapid key', privateKey.export({ type: 'pkcs8',
                                                      format: 'pem' }));
const pem = join(newFolder(), 'vapid.pem');
writeFileSync(pem, vapid, { mode: 0o600 });
const d = await startDaemon({ delivery: { push: [
    { plugin: 'webpush', subject: 'mailto:ops@example.org',
      vapid_key: { $file: pem } }] } });

// --- The same check, wherever it stands

const wrong = {
    settings: { pairing: { maxAllowedDevices: 16 } },
    policies: [
        { ...devicePolicy('One'), default: true,
          email: method({ otpLength: 9 }),
          mobile: mobile({ push: { enabled: true, numberMatchin: {} },
                           deviceAuthorization: {
              enabled: true, extraVerification: 'permissive' } }) },
        { ...devicePolicy('One'), sms: 1 }],
};
const problems = [
    ['settings', '/pairing/maxAllowedDevices', 'a whole number from 1 to 15'],
    ['policies', '/0/email/otp/otpLength', 'a whole number from 6 to 8'],
    ['policies', '/0/mobile/applications/0/push/numberMatchin',
     'is not known; did you mean "numberMatching"?'],
    ['policies', '/0/mobile/applications/0/deviceAuthorization/' +
     'extraVerification', '"permissive" needs ping_defaults'],
    ['policies', '/1/name', 'is taken by an entry before'],
    ['policies', '/1/sms', 'must be an object'],
];

// What --check-config says of the daemon's configuration with these members.
function checked(more)
{
    const file = join(newFolder(), 'factord.json');
    writeFileSync(file, JSON.stringify({ ...d.config, delivery: {}, ...more },
                                       null, 1));
    return execute(factord, ['--config', file, '--check-config']);
}

test('mfa B.3, B.4, M10: the configuration file: all problems at once, 78',
     async () => {
         const { mfa, ...others } = d.config.adapters;
         const bad = await checked({ adapters: { ...others, mfa: {
             ...mfa, mfa_settings: wrong.settings,
             device_policies: wrong.policies } } });
         assert.equal(bad.status, 78, bad.stderr);
         const names = { settings: 'mfa_settings',
                         policies: 'device_policies' };
         for (const [part, pointer, what] of problems)
             assert.ok(bad.stderr.split('\n').some((line) =>
                 /factord\.json:\d+: /.test(line) &&
                 line.includes(`: /adapters/mfa/${names[part]}${pointer}: `) &&
                 line.includes(what)), `${pointer}: ${bad.stderr}`);
     });

test('mfa B.3, B.4, M10: factorctl: all problems at once', async () => {
    const file = join(newFolder(), 'config.json');
    writeFileSync(file, JSON.stringify(wrong.policies));
    const { status, stderr } = await d.ctl('policies', 'put', file);
    assert.equal(status, 1);
    for (const [part, pointer, what] of problems)
        assert.equal(stderr.includes(`/${part}${pointer}: `) &&
                     stderr.includes(what), part === 'policies',
                     `${pointer}: ${stderr}`);
});

test('phone-protocol 8: no mobilePayload goes into a URL', async () => {
    const bad = await checked({ clients: {
        ...d.config.clients,
        spa: { ...d.config.clients.spa, payload_in_query: true } } });
    assert.equal(bad.status, 78, bad.stderr);
    assert.match(bad.stderr, /unknown setting "payload_in_query"/);
});

test('a step whose device policy is not there: a failure and a warning',
     async () => {
         const one = await startDaemon(mfaConfig({ policies: [
             devicePolicy('Strong')] }));
         const user = await mfaUser(one);
         const file = join(newFolder(), 'policies.json');
         await begin(one, user, 'Strong');
         writeFileSync(file, JSON.stringify([
             { ...devicePolicy('Default'), default: true }]));
         assert.equal((await one.ctl('policies', 'put', file)).status, 0);
         const flow = await Flow.begin(one, {
             params: { acr_values: 'urn:test:Strong' } });
         mustBe(await flow.password(user), 'FAILED');
         await until('a warning', () => one.output.split('\n').some((line) =>
             line.includes('"level":"warning","part":"mfa"') &&
             line.includes('no device authentication policy \\"Strong\\"')));
     });

test('M2: ping_defaults: start warns, once', async () => {
    const { mfa, ...others } = d.config.adapters;
    const count = async (more) => {
        const { status, stderr, stdout } = await checked({ adapters: {
            ...others, mfa: { ...mfa, ...more } } });
        assert.equal(status, 0, stderr);
        return (stdout + stderr).split('ping_defaults: ').length - 1;
    };
    assert.equal(await count({ ping_defaults: true }), 1);
    assert.equal(await count({}), 0);
});

test('M2: conf/ping-widget.json: whole, and without number matching',
     async () => {
         const file = join(source, 'conf/ping-widget.json');
         const good = await execute(factord, [
             '--config', file, '--check-config', '--set',
             `state_directory=${newFolder()}`]);
         assert.equal(good.status, 0, good.stderr);
         const { adapters, policies, clients } =
             JSON.parse(readFileSync(file));
         assert.deepEqual(clients.shop.policies, ['mfa-ping']);
         const step = policies['mfa-ping'].steps.at(-1);
         const { mobile: phones } = adapters.mfa.device_policies.find(
             ({ name }) => name === step.input.policy.value);
         assert.deepEqual(phones.applications.map(
             ({ name, push }) => [name, push.numberMatching.enabled]),
                          [['Authenticator', false]]);
     });

// --- Claims

test('mfa B.6.3: two keys that are claimed at once do not pass the limit',
     async () => {
         const file = join(newFolder(), 'settings.json');
         const one = await startDaemon();
         writeFileSync(file, '{"pairing": {"maxAllowedDevices": 1}}');
         assert.equal((await one.ctl('settings', 'put', file)).status, 0);
         const user = await one.user({ mfaEnabled: true });
         const phones = await Promise.all([1, 2, 3].map(async () => {
             const made = await one.ctl('--json', 'pairing-keys', 'create',
                                        user.username);
             const phone = await Phone.make(one);
             phone.claimed = JSON.parse(made.stdout).key;
             return phone;
         }));
         const replies = await Promise.all(
             phones.map((phone) => phone.pair(phone.claimed)));
         assert.deepEqual(replies.map(({ status }) => status).sort(),
                          [201, 400, 400]);
         assert.ok(replies.every(({ status, json }) => status === 201 ||
             json.details[0].code === 'LIMIT_EXCEEDED'));
     });

// --- What others say

test('RFC 8292: phones are told the public half of the Web Push key',
     async () => {
         const { json } = await d.get('/.well-known/factor-phone');
         const { x, y } = publicKey.export({ format: 'jwk' });
         assert.deepEqual(Buffer.from(json.vapid_public_key, 'base64url'),
                          Buffer.concat([Buffer.from([4]),
                                         Buffer.from(x, 'base64url'),
                                         Buffer.from(y, 'base64url')]));
     });

const notices = [
    [{ locale: 'de-CH' }, 'en', /^Ihrem Konto bei /],
    [{}, 'de', /^A device was added /],
];
for (const [members, spoken, subject] of notices)
    test(`the notice of a claim: the user's ${JSON.stringify(members)}, ` +
         `the phone's ${spoken}`, async () => {
        const user = await d.user({ mfaEnabled: true, ...members });
        const made = await d.ctl('--json', 'pairing-keys', 'create',
                                 user.username);
        assert.equal(made.status, 0, made.stderr);
        const { key } = JSON.parse(made.stdout);
        const phone = await Phone.make(d);
        phone.post = (path, statement, more) => Phone.prototype.post.call(
            phone, path, statement,
            { ...more, headers: { 'Accept-Language': spoken } });
        assert.equal((await phone.pair(key)).status, 201);
        assert.match((await d.message(user.email)).subject, subject);
    });

await run();
