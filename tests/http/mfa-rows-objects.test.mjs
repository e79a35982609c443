// SPDX-License-Identifier: MIT
// The objects of the MFA adapter (D.5), and what of the service's devices
// they show.
import assert from 'node:assert/strict';

import { startDaemon } from './lib/daemon.mjs';
import { mustBe, mustFail } from './lib/flow.mjs';
import { addDevice, addPhone, begin, codeFor, devicePolicy, json, mfaConfig,
         mfaUser, minute, mobile, resting, started, userWith, wrong }
    from './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const c = await startDaemon(mfaConfig({
    mfa: { prompt_setup: true },
    fallback: { email: resting, mobile: mobile() },
    policies: [devicePolicy('codes', { mobile: mobile({
                   push: { enabled: false } }) }),
               devicePolicy('pushes', { mobile: mobile({
                   otp: { enabled: false } }) }),
               devicePolicy('mails', { sms: { enabled: false },
                                       mobile: { enabled: false } })] }),
    { now: Date.now() });

const all = ['EMAIL', 'SMS', 'VOICE', 'TOTP'];

// Every device there is, by its shown type; policy: whose.
async function everything(policy)
{
    const { user } = await userWith(c, ...all);
    const phone = await addPhone(c, user);
    const flow = await started(c, user, policy);
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
    return { user, phone, flow,
             by: Object.fromEntries(flow.devices.map((one) =>
                 [one.type, one])) };
}

const members = { id: 'string', type: 'string', name: 'string',
                  nickname: 'string', usable: 'boolean',
                  pushEnabled: 'boolean', otpEnabled: 'boolean',
                  defaultDevice: 'boolean' };

test('authn D.5-1..9, authn D.5-14: members and their types', async () => {
    const { by, phone } = await everything();
    const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    for (const device of Object.values(by)) {
        for (const [member, type] of Object.entries(members))
            assert.equal(typeof device[member], type, member);
        assert.match(device.id, uuid);
        const more = Object.keys(device).filter((one) => !(one in members));
        assert.deepEqual(more, { Android: ['applicationId'], TOTP: [] }[
            device.type] ?? ['target']);
    }
    assert.equal(by.Android.applicationId, phone.application());
});

test('authn D.5-2,25, authn G-14: types as the widget matches them',
     async () => {
    const { user, by } = await everything();
    assert.deepEqual(Object.keys(by).sort(),
                     ['Android', 'Email', 'SMS', 'TOTP', 'Voice']);
    const { devices } = await json(c, 'devices', 'list', user.username);
    assert.deepEqual(devices.map(({ type }) => type).sort(),
                     ['EMAIL', 'MOBILE', 'SMS', 'TOTP', 'VOICE']);
    const other = await mfaUser(c);
    await addPhone(c, other, { platform: 'ios', name: 'iPhone 15' });
    const flow = await started(c, other);
    assert.equal(flow.devices[0].type, 'iPhone');
});

test('authn D.5-3, authn D.5-27: targets are masked, or not there',
     async () => {
    const { user, by, flow } = await everything();
    assert.equal(by.Email.target, 'us****@example.com');
    const number = `${user.phone.slice(0, 4)}*****${user.phone.slice(-2)}`;
    assert.equal(by.SMS.target, number);
    assert.equal(by.Voice.target, number);
    for (const type of ['TOTP', 'Android'])
        assert.equal('target' in by[type], false, type);
    for (const plain of [user.email, user.phone])
        assert.equal(flow.reply.text.includes(plain), false);
});

test('authn D.5-4, authn D.5-26: name: the phone\'s, else empty', async () => {
    const { by } = await everything();
    assert.equal(by.Android.name, 'Pixel 8');
    for (const type of ['Email', 'SMS', 'Voice', 'TOTP'])
        assert.equal(by[type].name, '', type);
});

test('authn D.5-6, authn D.5-24, authn D.5-29: a locked device is not usable',
     async () => {
    const { user } = await userWith(c, 'EMAIL', 'SMS');
    const flow = await started(c, user);
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
    const code = await codeFor(c, user.email);
    for (let i = 1; i <= 3; i++)
        await flow.check(wrong(code, i));
    mustBe(flow.reply, 'MFA_FAILED');
    const next = await started(c, user);
    // One usable device is left, and is asked at once.
    const { devices } = mustBe(next.reply, 'OTP_REQUIRED');
    assert.deepEqual(devices.map(({ type, usable }) => [type, usable]).sort(),
                     [['Email', false], ['SMS', true]]);
    const error = mustFail(await next.select('Email'), 400, 'REQUEST_FAILED',
                           'DEVICE_LOCKED');
    assert.equal(error.details[0].retryAfterSeconds, 120);
    const [shown] = (await json(c, 'devices', 'list', user.username)).devices
        .filter(({ type }) => type === 'EMAIL');
    assert.equal(shown.locked, true);
    c.advance(2 * minute);
    assert.equal((await started(c, user)).device('Email').usable, true);
});

test('authn D.5-6, authn D.5-24: what the policy has off is not usable',
     async () => {
    const { by, flow } = await everything('mails');
    assert.deepEqual(Object.values(by).filter(({ usable }) => !usable)
        .map(({ type }) => type).sort(), ['Android', 'SMS']);
    mustBe(await flow.select('SMS'), 'DEVICE_SELECTION_REQUIRED'); // M6
    mustBe(await flow.select('Email'), 'OTP_REQUIRED');
});

test('authn D.5-7,8, authn D.5-28: pushEnabled, otpEnabled', async () => {
    const of = async (policy) => {
        const { by } = await everything(policy);
        for (const type of ['Email', 'SMS', 'Voice', 'TOTP'])
            assert.deepEqual([by[type].pushEnabled, by[type].otpEnabled],
                             [false, false], type);
        return [by.Android.pushEnabled, by.Android.otpEnabled];
    };
    assert.deepEqual(await of(), [true, true]);
    assert.deepEqual(await of('codes'), [false, true]);
    assert.deepEqual(await of('pushes'), [true, false]);
});

test('authn D.5-8: a phone of passcodes alone', async () => {
    const user = await mfaUser(c), phone = await addPhone(c, user);
    const flow = await started(c, user, 'codes');
    mustBe(flow.reply, 'OTP_REQUIRED');
    mustBe(await flow.check(phone.code()), 'MFA_COMPLETED');
});

test('authn D.5-10,11: nothing of one-time devices and FIDO2', async () => {
    const { by } = await everything();
    for (const device of Object.values(by)) {
        assert.notEqual(device.isOneTimeDevice, true);
        assert.ok(!device.rpId);
    }
});

test('authn G-15: pluginTypeId is 22 base62 characters', async () => {
    const { user } = await userWith(c, 'SMS');
    const { pluginTypeId } = (await begin(c, user)).state;
    assert.match(pluginTypeId, /^[0-9A-Za-z]{22}$/);
});

test('authn D.5-12, M4: role', async () => {
    const { user } = await userWith(c, 'SMS', 'EMAIL');
    const flow = await begin(c, user);
    assert.deepEqual(flow.devices.map(({ role }) => role), ['Primary']);
});

test('authn D.5-13, authn D.5-15,16: nothing of older clients\' members',
     async () => {
    const { by } = await everything();
    for (const device of Object.values(by))
        for (const member of ['enrollmentTime', 'applicationVersion',
                              'osVersion', 'bypassed', 'bypassExpiration',
                              'status'])
            assert.equal(member in device, false, member);
});

test('authn D.5-17,18: User: the name, and no more of the user', async () => {
    const { user, flow } = await everything();
    assert.deepEqual(flow.state.user, { username: user.username });
});

test('authn D.5-19: ResourceRef', async () => {
    const { flow, by } = await everything();
    const { selectedDeviceRef } = mustBe(await flow.select('SMS'),
                                         'OTP_REQUIRED');
    assert.deepEqual(selectedDeviceRef, { id: by.SMS.id });
});

async function menu()
{
    const user = await mfaUser(c);
    const flow = await started(c, user);
    const { devicePairingMethods: methods } = mustBe(
        await flow.act('setupMfa'), 'DEVICE_PAIRING_METHOD_REQUIRED');
    return { user, flow, methods };
}

test('authn D.5-20,21: DevicePairingMethod', async () => {
    const { methods } = await menu();
    assert.deepEqual(methods, [
        { deviceType: 'MOBILE', applicationName: 'Authenticator' },
        { deviceType: 'TOTP' }, { deviceType: 'Voice' },
        { deviceType: 'SMS' }, { deviceType: 'Email' }]);
    for (const { applicationName: name } of methods)
        assert.ok(!name?.includes('.'), name);
});

test('authn D.5-22,23: PairedDevice; one that waits is not listed',
     async () => {
    const { user, flow } = await menu();
    const phone = await Phone.make(c);
    const { pairingKey } = mustBe(
        await flow.act('selectDevicePairingMethod', {
            devicePairingMethod: { deviceType: 'MOBILE' } }),
        'MOBILE_ACTIVATION_REQUIRED');
    secret('pairing link', pairingKey);
    assert.equal((await phone.pair(pairingKey)).json.status,
                 'ACTIVATION_REQUIRED');
    const { pairedDevice } = mustBe(await flow.get(),
                                    'MOBILE_ACTIVATION_REQUIRED');
    assert.equal(pairedDevice.id, phone.device);
    assert.equal(pairedDevice.type, 'MOBILE');
    await addDevice(c, user, 'SMS');
    await addDevice(c, user, 'EMAIL');
    const other = await started(c, user);
    assert.deepEqual(other.devices.map(({ type }) => type).sort(),
                     ['Email', 'SMS']);
    mustBe(other.reply, 'DEVICE_SELECTION_REQUIRED');
    mustFail(await other.select({ id: phone.device }), 400,
             'VALIDATION_ERROR', 'INVALID_DEVICE');
});

await run();
