// SPDX-License-Identifier: MIT
// tests/http/rest-client.test.mjs - a client that nobody here wrote, made of
// the API description alone, does what an application does: a user, a device,
// an authentication.
import assert from 'node:assert/strict';

import OpenAPIClientAxios from 'openapi-client-axios';

import { codeFor } from './lib/mfa.mjs';
import { startRest, vendor } from './lib/rest.mjs';
import { run, test } from './lib/tap.mjs';

const rest = await startRest();
const d = rest.daemon;

async function client()
{
    const { default: Client = OpenAPIClientAxios } = OpenAPIClientAxios;
    const api = new Client({
        definition: `${d.base}/openapi.json`,
        axiosConfigDefaults: { headers: {
            Authorization: `Bearer ${await rest.token('worker-all')}` } } });
    return api.init();
}

const as = (action) => ({ headers: { 'Content-Type': vendor(action) } });

test('a user signs on with a client made of the description', async () => {
    const api = await client(), { env } = rest;
    const username = `made-${Date.now()}`, email = `${username}@example.org`;
    const user = (await api['users.create']({ env }, { username, email })).data;
    assert.equal(user.username, username);
    const at = { env, user: user.id };
    await api['mfaEnabled.replace'](at, { mfaEnabled: true });

    const made = (await api['devices.create'](at, {
        type: 'EMAIL', email, status: 'ACTIVATION_REQUIRED' })).data;
    const active = (await api['devices.activate']({ ...at, device: made.id }, {
        otp: await codeFor(d, email) }, as('device.activate'))).data;
    assert.equal(active.status, 'ACTIVE');

    const begun = await api['deviceAuthentications.create']({ env }, {
        user: { id: user.id } });
    assert.equal(begun.status, 201);
    assert.equal(begun.data.status, 'OTP_REQUIRED');
    const done = await api['deviceAuthentications.device.select']({
        env, authentication: begun.data.id }, {
        otp: await codeFor(d, email) }, as('otp.check'));
    assert.deepEqual([done.data.status, done.data.authenticators],
                     ['COMPLETED', ['email', 'mfa']]);
    const { data } = await api['users.list']({
        env, filter: `username eq "${username}"` });
    assert.equal(data._embedded.users[0].id, user.id);
    assert.equal((await api['users.delete'](at)).status, 204);
});

test('its refusals are those of the description', async () => {
    const api = await client(), { env } = rest;
    await assert.rejects(api['users.create']({ env }, {}), (error) => {
        assert.equal(error.response.status, 400);
        assert.equal(error.response.data.details[0].code, 'REQUIRED_VALUE');
        return true;
    });
});

await run();
