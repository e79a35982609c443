// SPDX-License-Identifier: MIT
// tests/http/rest-users.test.mjs - MFA service API: MFA on or off for users,
// bypass, and what the environment is (B.5, A.1).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

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

// --- Users themselves

const named = (name) => `?filter=${encodeURIComponent(`username eq "${name}"`)}`;
const fresh = () => `u-${randomBytes(6).toString('hex')}`;

test('users are made, found, read, disabled and removed', async () => {
    const users = `${rest.base}/users`, username = fresh();
    const given = { username, email: `${username}@example.org`,
                    mobilePhone: '+15125550100', locale: 'de',
                    name: { given: 'Paula', family: 'Pfeil' } };
    const reply = await rest.post(users, given);
    const made = mustAnswer(reply, 201);
    assert.equal(reply.headers.location, made._links.self.href);
    assert.equal(made._links.self.href,
                 `${rest.daemon.base}${users}/${made.id}`);
    const { id, environment, _links, ...rest_ } = made;
    assert.equal(environment.id, rest.env);
    assert.deepEqual(rest_, { ...given, enabled: true, mfaEnabled: false });
    assert.deepEqual(mustAnswer(await rest.get(`${users}/${id}`)), made);
    const found = mustAnswer(await rest.get(users + named(username)));
    assert.deepEqual([found.count, found.size], [1, 1]);
    assert.equal(found._embedded.users[0].id, id);
    assert.equal(found._embedded.users[0]._links.self.href, _links.self.href);

    const enabled = `${users}/${id}/enabled`;
    assert.equal(mustAnswer(await rest.get(enabled)).enabled, true);
    mustAnswer(await rest.put(enabled, { enabled: false }));
    assert.equal(mustAnswer(await rest.get(`${users}/${id}`)).enabled, false);

    assert.equal((await rest.delete(`${users}/${id}`)).status, 204);
    mustRefuse(await rest.get(`${users}/${id}`), 404, 'NOT_FOUND');
    mustRefuse(await rest.delete(`${users}/${id}`), 404, 'NOT_FOUND');
    assert.deepEqual(mustAnswer(await rest.get(users + named(username)))
        ._embedded.users, []);
});

test('mfa A.8-7: a username is taken once, however it is written', async () => {
    const users = `${rest.base}/users`, username = fresh();
    const { id } = mustAnswer(await rest.post(users, { username }), 201);
    const detail = mustRefuse(
        await rest.post(users, { username: username.toUpperCase() }), 400,
        'INVALID_DATA', 'UNIQUENESS_VIOLATION', 'username');
    assert.deepEqual(detail.innerError, { existingId: id });
    mustRefuse(await rest.post(users, { username: 'a\u0007b' }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'username');
    assert.deepEqual(mustRefuse(
        await rest.post(users, { username: 'x'.repeat(129) }), 400,
        'INVALID_DATA', 'SIZE_LIMIT_EXCEEDED', 'username').innerError,
                     { maximumValue: 128 });
    mustRefuse(await rest.post(users, { username: fresh(),
                                        name: { given: 7 } }), 400,
               'INVALID_DATA', 'INVALID_VALUE', 'name.given');
});

test('mfa A.10-1, A.10-2: all users, page by page', async () => {
    const users = `${rest.base}/users`;
    const wanted = new Set();
    for (let i = 0; i < 5; i++)
        wanted.add(mustAnswer(await rest.post(
            users, { username: fresh() }), 201).id);
    const seen = new Set();
    let pages = 0;
    for (let next = `${users}?limit=2`; next; pages++) {
        const page = mustAnswer(await rest.get(next));
        assert.ok(page.size <= 2);
        assert.equal('count' in page, false); // nobody counts them
        for (const { id } of page._embedded.users) {
            assert.equal(seen.has(id), false);
            seen.add(id);
        }
        next = page._links.next?.href.slice(rest.daemon.base.length);
    }
    assert.ok(pages >= 3);
    for (const id of wanted)
        assert.ok(seen.has(id));
    mustRefuse(await rest.get(`${users}?limit=0`), 400, 'INVALID_REQUEST',
               'INVALID_PARAMETER', 'limit');
    mustRefuse(await rest.get(`${users}?cursor=%21`), 400, 'INVALID_REQUEST',
               'INVALID_PARAMETER', 'cursor');
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
