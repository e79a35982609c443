// SPDX-License-Identifier: MIT
// tests/http/rest-users.test.mjs - MFA service API: MFA on or off for users,
// bypass, and what the environment is (B.5, A.1).
import assert from 'node:assert/strict';

import { mustAnswer, mustRefuse, startRest } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const rest = await startRest();

test('mfa B.5-1, B.5-2: mfaEnabled is read and replaced', async () => {
    const user = await rest.user();
    const path = `${rest.of(user)}/mfaEnabled`;
    const first = mustAnswer(await rest.get(path));
    assert.equal(first.mfaEnabled, true);
    assert.equal(first._links.self.href, rest.daemon.base + path);
    assert.equal(first._links.user.href, rest.daemon.base + rest.of(user));
    const off = mustAnswer(await rest.put(path, { mfaEnabled: false }));
    assert.equal(off.mfaEnabled, false);
    assert.equal(mustAnswer(await rest.get(path)).mfaEnabled, false);
    assert.equal(mustAnswer(await rest.put(path, { mfaEnabled: 'true' }))
        .mfaEnabled, true);
    mustRefuse(await rest.put(path, {}), 400, 'INVALID_DATA',
               'REQUIRED_VALUE', 'mfaEnabled');
    mustRefuse(await rest.put(path, { mfaEnabled: 7 }), 400, 'INVALID_DATA',
               'INVALID_VALUE', 'mfaEnabled');
});

test('mfa B.5-3, B.5-4: a bypass window is set and read', async () => {
    const user = await rest.user();
    const path = `${rest.of(user)}/bypassMFA`;
    const none = mustAnswer(await rest.get(path));
    assert.equal('canBypassMFA' in none, false);
    const until = new Date(rest.daemon.now() + 3600000).toISOString();
    const set = mustAnswer(await rest.put(path,
                                          { bypassMFAEnabledUntil: until }));
    assert.equal(set.bypassMFAEnabledUntil, until);
    assert.equal(set.canBypassMFA, true);
    const past = new Date(rest.daemon.now() - 1000).toISOString();
    const over = mustAnswer(await rest.put(path,
                                           { bypassMFAEnabledUntil: past }));
    assert.equal(over.canBypassMFA, false);
    assert.equal(mustAnswer(await rest.get(path)).bypassMFAEnabledUntil, past);
    for (const wrong of ['2026-11-22', '2026-11-22T10:00:00Z', 'soon'])
        mustRefuse(await rest.put(path, { bypassMFAEnabledUntil: wrong }),
                   400, 'INVALID_DATA', 'INVALID_VALUE',
                   'bypassMFAEnabledUntil');
});

test('mfa A.6-5: an unknown user is not found', async () => {
    const reply = await rest.get(
        `${rest.base}/users/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d/mfaEnabled`);
    mustRefuse(reply, 404, 'NOT_FOUND');
    mustRefuse(await rest.get(`${rest.base}/users/${'x'.repeat(300)}` +
                              '/mfaEnabled'), 404, 'NOT_FOUND');
});

test('R2: one product, one environment', async () => {
    const { products } = mustAnswer(
        await rest.get(`${rest.base}/billOfMaterials`));
    assert.deepEqual(products.map(({ type }) => type), ['PING_ONE_MFA']);
    mustRefuse(await rest.get(
        '/v1/environments/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' +
        '/billOfMaterials'), 403, 'ACCESS_FAILED', 'INSUFFICIENT_PERMISSIONS');
});

await run();
