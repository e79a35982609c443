// SPDX-License-Identifier: MIT
// tests/http/rest-settings.test.mjs - MFA service API: MFA settings (B.3,
// E.10).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder } from './lib/daemon.mjs';
import { addDevice, json } from './lib/mfa.mjs';
import { mustAnswer, mustRefuse, startRest } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const rest = await startRest();
const path = `${rest.base}/mfaSettings`;
const pairing = { maxAllowedDevices: 8, pairingKeyFormat: 'ALPHANUMERIC' };
const put = async (members) =>
    mustAnswer(await rest.put(path, { pairing, ...members }));
const get = async () => mustAnswer(await rest.get(path));

async function ctlPut(part, value, daemon = rest.daemon)
{
    const file = join(newFolder(), `${part}.json`);
    writeFileSync(file, JSON.stringify(value));
    return daemon.ctl(part, 'put', file);
}

test('mfa B.3-1,13, mfa E.10: settings of a fresh store', async () => {
    const fresh = await startRest();
    const settings = mustAnswer(await fresh.get(`${fresh.base}/mfaSettings`));
    const { _links, ...members } = settings;
    assert.deepEqual(members, {
        environment: { id: fresh.env },
        pairing: { maxAllowedDevices: 5, pairingKeyFormat: 'ALPHANUMERIC' },
        authentication: { deviceSelection: 'DEFAULT_TO_FIRST' },
        phoneExtensions: { enabled: false }, users: { mfaEnabled: false } });
    assert.equal(_links.self.href,
                 `${fresh.daemon.base}${fresh.base}/mfaSettings`);
    assert.equal(_links.environment.href, fresh.daemon.base + fresh.base);
});

test('mfa B.3-2,10,11, mfa E.10: PUT replaces all of it', async () => {
    const all = { pairing: { maxAllowedDevices: 3,
                             pairingKeyFormat: 'NUMERIC' },
                  lockout: { failureCount: 10, durationSeconds: 900 },
                  authentication: { deviceSelection: 'PROMPT_TO_SELECT' },
                  phoneExtensions: { enabled: true },
                  users: { mfaEnabled: true } };
    const { _links, environment, updatedAt, ...shown } = await put(all);
    assert.deepEqual(shown, all);
    assert.ok(Math.abs(Date.parse(updatedAt) - rest.daemon.now()) < 5000);
    assert.deepEqual(await get(), { _links, environment, updatedAt,
                                    ...shown });
    const less = await put({});
    assert.equal('lockout' in less, false);
    assert.deepEqual(less.authentication,
                     { deviceSelection: 'DEFAULT_TO_FIRST' });
    assert.deepEqual(less.phoneExtensions, { enabled: false });
    assert.deepEqual(less.users, { mfaEnabled: false });
});

test('mfa B.3-4..6, mfa A.4-5,7: pairing: required, in range', async () => {
    mustRefuse(await rest.put(path, {}), 400, 'INVALID_DATA',
               'REQUIRED_VALUE', 'pairing');
    mustRefuse(await rest.put(path, { pairing: { maxAllowedDevices: 5 } }),
               400, 'INVALID_DATA', 'REQUIRED_VALUE',
               'pairing.pairingKeyFormat');
    for (const maxAllowedDevices of [0, 16])
        assert.deepEqual(mustRefuse(
            await rest.put(path, { pairing: { ...pairing,
                                              maxAllowedDevices } }),
            400, 'INVALID_DATA', 'OUT_OF_RANGE',
            'pairing.maxAllowedDevices').innerError,
                         { rangeMinimumValue: 1, rangeMaximumValue: 15 });
    mustRefuse(await rest.put(path, { pairing: { ...pairing,
                                                 pairingKeyFormat: 'HEX' } }),
               400, 'INVALID_DATA', 'INVALID_VALUE',
               'pairing.pairingKeyFormat');
    const cut = await put({ pairing: { ...pairing, maxAllowedDevices: '7' } });
    assert.equal(cut.pairing.maxAllowedDevices, 7);
    const whole = await put({ pairing: { ...pairing, maxAllowedDevices: 4.9 },
                              unknown: { members: 'are passed over' } });
    assert.equal(whole.pairing.maxAllowedDevices, 4);
    assert.equal('unknown' in whole, false);
});

test('mfa B.3-5: fewer devices are allowed at once, and those there stay',
     async () => {
         const user = await rest.user();
         await put({});
         await addDevice(rest.daemon, user, 'EMAIL');
         await put({ pairing: { ...pairing, maxAllowedDevices: 1 } });
         const refused = await rest.daemon.ctl('devices', 'add',
                                               user.username, 'TOTP');
         assert.notEqual(refused.status, 0);
         assert.equal((await json(rest.daemon, 'devices', 'list',
                                  user.username)).devices.length, 1);
         await put({});
     });

test('mfa B.3-6, B.7-13, F-14: the format of pairing keys is in force', async () => {
    const user = await rest.user();
    const key = async (pairingKeyFormat) => {
        await put({ pairing: { ...pairing, pairingKeyFormat } });
        return (await json(rest.daemon, 'pairing-keys', 'create',
                           user.username)).key.replace(/\W/g, '');
    };
    assert.match(await key('NUMERIC'), /^\d{12}$/);
    assert.match(await key('ALPHANUMERIC'), /^[0-9A-Z]{16}$/);
});

test('mfa B.3-7..9: lockout', async () => {
    mustRefuse(await rest.put(path, { pairing, lockout: {} }), 400,
               'INVALID_DATA', 'REQUIRED_VALUE', 'lockout.failureCount');
    mustRefuse(await rest.put(path, { pairing,
                                      lockout: { failureCount: 0 } }), 400,
               'INVALID_DATA', 'OUT_OF_RANGE', 'lockout.failureCount');
    mustRefuse(await rest.put(path, { pairing, lockout: {
        failureCount: 1, durationSeconds: -1 } }), 400,
               'INVALID_DATA', 'OUT_OF_RANGE', 'lockout.durationSeconds');
    const { lockout } = await put({ lockout: { failureCount: 4 } });
    assert.deepEqual(lockout, { failureCount: 4 });
    await put({});
});

test('mfa B.3-11: phoneExtensions.enabled: numbers with an extension',
     async () => {
         const call = async () => rest.post(
             `${rest.of(await rest.user())}/devices`,
             { type: 'VOICE', phone: '+15125550100', extension: '12' });
         await put({});
         mustRefuse(await call(), 400, 'INVALID_DATA', 'INVALID_VALUE',
                    'extension');
         await put({ phoneExtensions: { enabled: true } });
         assert.equal(mustAnswer(await call(), 201).extension, '12');
         await put({});
     });

test('mfa B.3-12: users.mfaEnabled is what new users get', async () => {
    const users = `${rest.base}/users`;
    const made = async (members) => mustAnswer(await rest.post(users, {
        username: `u-${randomBytes(6).toString('hex')}`, ...members }), 201)
        .mfaEnabled;
    await put({});
    assert.equal(await made(), false);
    await put({ users: { mfaEnabled: true } });
    assert.equal(await made(), true);
    assert.equal(await made({ mfaEnabled: false }), false);
    assert.equal((await rest.delete(path)).status, 204);
    assert.equal(await made(), false);
});

test('mfa B.3-3: DELETE: back to what the configuration file says',
     async () => {
         const seeded = await startRest({ mfa: { mfa_settings: {
             pairing: { maxAllowedDevices: 2 },
             users: { mfaEnabled: true } } } });
         const at = `${seeded.base}/mfaSettings`;
         const first = mustAnswer(await seeded.get(at));
         assert.equal(first.pairing.maxAllowedDevices, 2);
         assert.deepEqual(first.users, { mfaEnabled: true });
         const username = `u-${randomBytes(6).toString('hex')}`;
         assert.equal(mustAnswer(await seeded.post(
             `${seeded.base}/users`, { username }), 201).mfaEnabled, true);
         mustAnswer(await seeded.put(at, { pairing }));
         assert.equal(mustAnswer(await seeded.post(
             `${seeded.base}/users`, { username: `${username}x` }), 201)
             .mfaEnabled, false);
         assert.equal((await seeded.delete(at)).status, 204);
         assert.deepEqual(mustAnswer(await seeded.get(at)), first);
         assert.equal((await seeded.delete(at)).status, 204);
     });

test('factorctl sees what REST wrote, and the reverse', async () => {
    await put({ lockout: { failureCount: 11 } });
    const seen = await json(rest.daemon, 'settings', 'get');
    assert.equal(seen.pairing.maxAllowedDevices, 8);
    assert.equal(seen.lockout.failureCount, 11);
    const wrote = await ctlPut('settings', {
        $comment: 'ours', pairing: { maxAllowedDevices: 6 } });
    assert.equal(wrote.status, 0, wrote.stderr);
    const settings = await get();
    assert.deepEqual(settings.pairing, { maxAllowedDevices: 6,
                                         pairingKeyFormat: 'ALPHANUMERIC' });
    assert.equal('$comment' in settings || 'lockout' in settings, false);
    const odd = await ctlPut('settings', { pairing: { maxDevices: 6 } });
    assert.match(odd.stderr, /\/settings\/pairing\/maxDevices: is not known/);
});

await run();
