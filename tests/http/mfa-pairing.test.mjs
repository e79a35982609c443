// SPDX-License-Identifier: MIT
// Pairing and device management of the MFA adapter over HTTP, with a phone of
// our own protocol, and what factorctl does for them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder, startDaemon } from './lib/daemon.mjs';
import { Flow, mustBe, mustFail } from './lib/flow.mjs';
import { Phone, totp } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const prefix = 'com.pingidentity.pingone.';
const mfa = { acr_values: 'urn:factord:mfa' };
const claims = { mfa_status: 'mfa.pingone.mfa.status' };

const named = { enabled: true, promptForNicknameOnPairing: true };
const sent = { enabled: true,
               otp: { lifeTime: { duration: 5, timeUnit: 'MINUTES' },
                      failure: { count: 3 } } };
const policy = { name: 'Default', default: true, email: sent, sms: sent,
                 authentication: { deviceSelection: 'PROMPT_TO_SELECT' },
                 totp: { ...named, passcodeGracePeriod: 1 }, mobile: named };

const config = (first) => (port) => ({
    adapters: { mfa: { resend_cooldown: '0s', first_device: first,
                       prompt_setup: true, manage_devices: true,
                       device_policies: [policy, { name: 'Ping widget' }] } },
    clients: { spa: { policies: ['otp', 'mfa'], claims } },
});
const d = await startDaemon(config('allowed'));
const strict = await startDaemon(config('admin-key'));

async function ctl(daemon, ...args)
{
    const { status, stdout, stderr } = await daemon.ctl(...args);
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
}

const json = async (daemon, ...args) =>
    JSON.parse(await ctl(daemon, '--json', ...args));

async function refused(daemon, ...args)
{
    const { status, stderr } = await daemon.ctl(...args);
    assert.equal(status, 1, args.join(' '));
    return stderr;
}

const mfaUser = (daemon) => daemon.user({ mfaEnabled: true });

async function begin(daemon, user)
{
    const flow = await Flow.begin(daemon, { params: mfa });
    mustBe(await flow.password(user), 'AUTHENTICATION_REQUIRED');
    await flow.act('authenticate', {});
    return flow;
}

const choose = (flow, deviceType, more = {}) =>
    flow.act('selectDevicePairingMethod',
             { devicePairingMethod: { deviceType, ...more } });

// Up to the menu of who has no device.
async function menu(user)
{
    const flow = await begin(d, user);
    mustBe(flow.reply, 'MFA_SETUP_REQUIRED',
           ['setupMfa', 'cancelAuthentication']);
    const { devicePairingMethods: methods } = mustBe(
        await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED',
        ['selectDevicePairingMethod', 'cancelDevicePairing']);
    assert.deepEqual(methods[0], { deviceType: 'MOBILE',
                                   applicationName: 'Authenticator' });
    return flow;
}

async function statusOf(flow)
{
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const { json: tokens, text } = await flow.redeem();
    assert.ok(tokens.id_token, text);
    const token = JSON.parse(
        Buffer.from(tokens.id_token.split('.')[1], 'base64url'));
    return [token.mfa_status.slice(prefix.length), token.amr.sort()];
}

// --- Pairing

test('authn D.2-10, M9: a phone is paired on the page', async () => {
    const user = await mfaUser(d), phone = await Phone.make(d);
    const flow = await menu(user);
    const { pairingKey } = mustBe(
        await choose(flow, 'MOBILE', { applicationName: 'Authenticator' }),
        'MOBILE_ACTIVATION_REQUIRED', ['poll', 'cancelDevicePairing']);
    const claimed = await phone.pair(secret('pairing link', pairingKey));
    assert.equal(claimed.status, 201, claimed.text);
    assert.equal(claimed.json.status, 'ACTIVATION_REQUIRED');
    const { pairedDevice } = mustBe(
        await flow.get(), 'MOBILE_ACTIVATION_REQUIRED',
        ['poll', 'cancelDevicePairing', 'activateMobileDevice']);
    assert.deepEqual(pairedDevice, { id: phone.device, type: 'MOBILE',
                                     name: 'Pixel 8',
                                     check: claimed.json.check });
    assert.equal(pairedDevice.check, await phone.check());
    const named = mustBe(await flow.act('activateMobileDevice'),
                         'UPDATE_NICKNAME',
                         ['updateDeviceNickname', 'skipUpdateDeviceNickname']);
    assert.deepEqual(named.pairedDevice, { id: phone.device, type: 'MOBILE' });
    assert.equal(named.applicationName, 'Authenticator');
    mustBe(await flow.act('updateDeviceNickname',
                          { id: phone.device, nickname: 'Blue' }),
           'MFA_COMPLETED');
    assert.deepEqual(await statusOf(flow),
                     ['device_paired', ['pwd']]);
    await d.message(user.email); // the notice
    const { devices } = await json(d, 'devices', 'list', user.username);
    assert.equal(devices[0].nickname, 'Blue');
    assert.equal(devices[0].check, pairedDevice.check);
});

test('M9: the user says that it is another phone', async () => {
    const user = await mfaUser(d), phone = await Phone.make(d);
    const flow = await menu(user);
    const { pairingKey } = mustBe(await choose(flow, 'MOBILE'),
                                  'MOBILE_ACTIVATION_REQUIRED');
    assert.equal((await phone.pair(pairingKey)).status, 201);
    mustBe(await flow.act('cancelDevicePairing'),
           'DEVICE_PAIRING_METHOD_REQUIRED');
    assert.equal((await phone.requests()).status, 404);
    assert.equal((await phone.pair(pairingKey)).status, 400);
});

test('authn D.2-10: a parked GET hears of the claim', async () => {
    const user = await mfaUser(d), phone = await Phone.make(d);
    const flow = await menu(user);
    const { pairingKey } = mustBe(await choose(flow, 'MOBILE'),
                                  'MOBILE_ACTIVATION_REQUIRED');
    const parked = flow.get({ headers: { Prefer: 'wait=30' } });
    const began = Date.now();
    assert.equal((await phone.pair(pairingKey)).status, 201);
    const { pairedDevice } = mustBe(await parked,
                                    'MOBILE_ACTIVATION_REQUIRED');
    assert.equal(pairedDevice.id, phone.device);
    assert.ok(Date.now() - began < 10000);
});

test('authn D.2-9: an authenticator app', async () => {
    const user = await mfaUser(d);
    const flow = await menu(user);
    const { pairingKey, keyUri } = mustBe(
        await choose(flow, 'TOTP'), 'TOTP_ACTIVATION_REQUIRED',
        ['activateTotpDevice', 'cancelDevicePairing']);
    secret('TOTP secret', pairingKey);
    assert.ok(keyUri.includes(`secret=${pairingKey}`));
    mustFail(await flow.act('activateTotpDevice', { otp: '000000' }), 400,
             'VALIDATION_ERROR', 'INVALID_OTP');
    mustBe(await flow.act('activateTotpDevice',
                          { otp: totp(pairingKey, Date.now()) }),
           'UPDATE_NICKNAME');
    mustBe(await flow.act('skipUpdateDeviceNickname'), 'MFA_COMPLETED');
    assert.deepEqual(await statusOf(flow),
                     ['device_paired', ['pwd']]);
});

test('authn D.2-4,5,7: e-mail, and codes that are wrong',
     async () => {
    const user = await mfaUser(d);
    const flow = await menu(user);
    mustBe(await choose(flow, 'Email'), 'EMAIL_PAIRING_TARGET_REQUIRED');
    mustFail(await flow.act('submitEmailTarget', { email: 'nobody' }), 400,
             'INVALID_DEVICE_TARGET', 'INVALID_DEVICE_TARGET');
    const home = `home-${user.email}`;
    const { email } = mustBe(
        await flow.act('submitEmailTarget', { email: home }),
        'EMAIL_ACTIVATION_REQUIRED',
        ['activateEmailDevice', 'resendOtp', 'cancelDevicePairing']);
    assert.match(email, /^ho\*{4}@/);
    const { code } = await d.message(home);
    const wrong = String((Number(code) + 1) % 1000000).padStart(6, '0');
    for (let i = 0; i < 2; i++)
        mustFail(await flow.act('activateEmailDevice', { otp: wrong }), 400,
                 'VALIDATION_ERROR', 'INVALID_OTP');
    const failed = mustBe(
        await flow.act('activateEmailDevice', { otp: wrong }),
        'MFA_DEVICE_PAIRING_METHOD_FAILED', ['cancelDevicePairing']);
    assert.equal(failed.code, 'OTP_ATTEMPTS_LIMIT');
    assert.ok(failed.message && failed.userMessage);
    mustBe(await flow.act('cancelDevicePairing'),
           'DEVICE_PAIRING_METHOD_REQUIRED');
    mustBe(await choose(flow, 'Email'), 'EMAIL_PAIRING_TARGET_REQUIRED');
    mustBe(await flow.act('submitEmailTarget', { email: home }),
           'EMAIL_ACTIVATION_REQUIRED');
    const again = await d.message(home);
    mustBe(await flow.act('activateEmailDevice', { otp: again.code }),
           'MFA_COMPLETED');
    assert.deepEqual(await statusOf(flow),
                     ['device_paired', ['pwd']]);
});

test('M3: a password alone pairs nothing; an operator\'s key does',
     async () => {
    const user = await mfaUser(strict), phone = await Phone.make(strict);
    const flow = await begin(strict, user);
    mustBe(flow.reply, 'MFA_FAILED', ['cancelAuthentication']);
    const { key } = await json(strict, 'pairing-keys', 'create',
                               user.username, 'Authenticator');
    const typed = key.toLowerCase().replace(/(.{4})(?=.)/g, '$1-');
    const claimed = await phone.pair(secret('pairing key', typed));
    assert.equal(claimed.status, 201, claimed.text);
    assert.equal(claimed.json.status, 'ACTIVE');
    await strict.message(user.email); // the notice
    mustBe((await begin(strict, user)).reply, 'PUSH_CONFIRMATION_WAITING');
});

// --- Management

test('authn D.2-15, authn D.4-23..25: management after a factor',
     async () => {
    const user = await mfaUser(d);
    await ctl(d, 'devices', 'add', user.username, 'EMAIL', user.email);
    await ctl(d, 'devices', 'add', user.username, 'SMS', user.phone);
    await d.message(user.email);
    await d.message(user.email); // two notices
    const flow = await begin(d, user);
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
    const asked = mustBe(await flow.act('manageDevices'),
                         'DEVICE_SELECTION_REQUIRED');
    assert.equal(asked.manageDeviceRequested, true);
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    const { code } = await d.message(user.email);
    const managed = mustBe(await flow.check(code), 'DEVICE_MANAGEMENT',
                           ['setupMfa', 'removeDevice', 'setDefaultDevice',
                            'updateDeviceNickname', 'resumeAuthentication',
                            'cancelAuthentication']);
    assert.equal(managed.deviceManagementState, true);
    const sms = flow.device('SMS'), email = flow.device('Email');
    mustBe(await flow.act('updateDeviceNickname',
                          { id: sms.id, nickname: 'Work' }),
           'DEVICE_MANAGEMENT');
    assert.equal(flow.device('SMS').nickname, 'Work');
    mustBe(await flow.act('updateDeviceNickname',
                          { id: sms.id, nickname: '' }), 'DEVICE_MANAGEMENT');
    assert.equal(flow.device('SMS').nickname, '');
    mustBe(await flow.act('setDefaultDevice', { deviceRef: { id: sms.id } }),
           'DEVICE_MANAGEMENT');
    assert.equal(flow.device('SMS').defaultDevice, true);
    mustBe(await flow.act('removeDevice', { deviceRef: { id: sms.id } }),
           'DEVICE_MANAGEMENT');
    await d.message(user.email); // the notice
    assert.equal(flow.device('Email').defaultDevice, true);
    mustFail(await flow.act('setDefaultDevice', { deviceRef: { id: 'x' } }),
             400, 'VALIDATION_ERROR', 'INVALID_DEVICE');
    mustBe(await flow.act('resumeAuthentication'), 'MFA_COMPLETED');
    assert.equal((await statusOf(flow))[0], 'web_login_email');
    assert.equal((await json(d, 'devices', 'list', user.username))
                     .devices[0].id, email.id);
});

// --- factorctl

test('K5: factorctl devices', async () => {
    const user = await mfaUser(d);
    const added = await json(d, 'devices', 'add', user.username, 'TOTP',
                             { quiet: true });
    assert.match(added.uri, /^otpauth:\/\/totp\//);
    assert.match(await ctl(d, 'devices', 'list', user.username),
                 new RegExp(`^${added.id}  TOTP`));
    assert.match(await ctl(d, 'devices', 'unlock', user.username),
                 /^0 unlocked/);
    assert.match(await refused(d, 'devices', 'unlock', user.username, 'x'),
                 /invalid device.*\(id\)/i);
    assert.match(await refused(d, 'devices', 'add', user.username, 'SMS',
                               '5550100'), /\(target\)/);
    await ctl(d, 'devices', 'remove', user.username, added.id);
    assert.equal(await ctl(d, 'devices', 'list', user.username), '');
    assert.match(await refused(d, 'devices', 'list', 'nobody-at-all'),
                 /no user/);
    assert.match(await ctl(d, 'pairing-keys', 'create', user.username),
                 /\/authenticator\/#v=1&iss=/);
    assert.match(await refused(d, 'pairing-keys', 'create', user.username,
                               'Nope'), /\(application\)/);
});

test('K5: factorctl policies, settings and applications', async () => {
    const file = join(newFolder(), 'part.json');
    const put = (name, value) => {
        writeFileSync(file, JSON.stringify(value));
        return d.ctl(name, 'put', file);
    };
    const policies = await json(d, 'policies', 'get');
    assert.equal(policies.filter((one) => one.default).length, 1);
    policies[0].email.otp.failure.count = 8;
    const wrong = await put('policies', policies);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /\/policies\/0\/email\/otp\/failure\/count: /);
    policies[0].email.otp.failure.count = 2;
    assert.equal((await put('policies', policies)).status, 0);
    assert.deepEqual(await json(d, 'policies', 'get'), policies);
    const settings = { pairing: { maxAllowedDevices: 1 } };
    assert.equal((await put('settings', settings)).status, 0);
    assert.deepEqual(await json(d, 'settings', 'get'), settings);
    const applications = await json(d, 'applications', 'get');
    assert.ok(applications.some(({ name }) => name === 'Authenticator'));
    const none = await put('applications', []);
    assert.equal(none.status, 1);
    assert.match(none.stderr,
                 /\/policies\/0\/mobile\/applications\/0\/id: /);
    applications.push({ name: 'New' });
    assert.equal((await put('applications', applications)).status, 0);
    const { id, ...added } = (await json(d, 'applications', 'get')).at(-1);
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(added, { name: 'New' });
    const user = await mfaUser(d);
    await ctl(d, 'devices', 'add', user.username, 'EMAIL', user.email);
    await refused(d, 'pairing-keys', 'create', user.username);
    await ctl(d, 'audit', 'verify');
});

run();
