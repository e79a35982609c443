// SPDX-License-Identifier: MIT
// tests/http/lib/rest.mjs - the MFA service REST API: workers of every role,
// calls with their tokens, what every answer must say.
import assert from 'node:assert/strict';

import { secrets } from './clients.mjs';
import { merge, startDaemon } from './daemon.mjs';
import { form } from './http.mjs';
import { mfaConfig } from './mfa.mjs';
import { Description } from './openapi.mjs';

export const roles = ['Identity Data Admin', 'Identity Data Read Only',
                      'Help Desk Admin', 'Environment Admin',
                      'Configuration Read Only',
                      'Client Application Developer'];

const workerOf = (role) => `worker-${role.toLowerCase().replaceAll(' ', '-')}`;
export const vendor = (action) => `application/vnd.pingidentity.${action}+json`;
export const uuid =
    /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// A daemon whose REST plane is on the public listener, and one worker a role.
// "worker-all" has them all.
// signOn: sign-on policies besides; the rest as mfaConfig() has it.
export async function startRest({ mfa, policies, fallback, clients = {},
                                  signOn = {}, ...more } = {})
{
    const { secret } = (await import('./clients.mjs')).clients(1).worker;
    const worker = (...list) => ({ type: 'confidential', secret,
                                   roles: list });
    const workers = Object.fromEntries(
        roles.map((role) => [workerOf(role), worker(role)]));
    const config = mfaConfig({ mfa, policies, fallback, ...more, clients: {
        ...workers, 'worker-all': worker(...roles), ...clients } });
    return Rest.of(await startDaemon(merge(config(), { policies: signOn })));
}

export class Rest {
    constructor(daemon, env)
    {
        this.daemon = daemon;
        this.env = env;
        this.description = null; // of what every answer must be
        this.tokens = new Map();
    }

    static async of(daemon)
    {
        const { environment } = (await daemon.control('GET', '/status')).json;
        const rest = new Rest(daemon, environment);
        rest.description = await Description.of(rest);
        return rest;
    }

    get base()
    {
        return `/v1/environments/${this.env}`;
    }

    async token(worker)
    {
        if (!this.tokens.has(worker))
            this.tokens.set(worker, await this.newToken(worker));
        return this.tokens.get(worker);
    }

    async newToken(worker)
    {
        const reply = await this.daemon.request('POST', '/as/token.oauth2', {
            headers: { 'Content-Type': 'application/x-www-form-urlencoded',
                       Authorization: 'Basic ' + Buffer.from(
                           `${worker}:${secrets.worker}`).toString('base64') },
            body: form({ grant_type: 'client_credentials' }) });
        assert.equal(reply.status, 200, reply.text);
        return reply.json.access_token;
    }

    // action: last part of a vendor media type, else JSON.  role: of the
    // worker that calls; token: instead of a worker's (null: none).
    async call(method, path, { body, action, type, role, token, headers } = {})
    {
        const bearer = token !== undefined ? token
            : await this.token(role ? workerOf(role) : 'worker-all');
        const media = type ?? (action ? vendor(action) : 'application/json');
        const reply = await this.daemon.request(method, path, {
            headers: {
                ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
                ...(body !== undefined || action || type
                    ? { 'Content-Type': media } : {}),
                ...headers },
            body: typeof body === 'string' || body === undefined
                ? body ?? '' : JSON.stringify(body) });
        mustBeWhole(reply);
        this.description.check(method, path, reply);
        return reply;
    }

    get(path, options) { return this.call('GET', path, options); }
    post(path, body, options) {
        return this.call('POST', path, { body, ...options });
    }
    put(path, body, options) {
        return this.call('PUT', path, { body, ...options });
    }
    delete(path, options) { return this.call('DELETE', path, options); }

    // A user of the daemon, with MFA on, and the id.
    async user(members)
    {
        const user = await this.daemon.user({ mfaEnabled: true, ...members });
        const filter = `username eq "${user.username}"`;
        const { _embedded } = mustAnswer(await this.get(
            `${this.base}/users?filter=${encodeURIComponent(filter)}`));
        return { ...user, id: _embedded.users[0].id };
    }

    of(user)
    {
        return `${this.base}/users/${user.id}`;
    }
}

// What A.5 and A.7 say of every answer.
export function mustBeWhole(reply)
{
    assert.match(reply.headers['correlation-id'] ?? '', uuid, reply.text);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
    if (reply.status === 204) {
        assert.equal(reply.text, '');
        return;
    }
    assert.match(reply.headers['content-type'], /^application\/json/);
    if (reply.status < 400) {
        assert.match(reply.json._links.self.href, /^https?:\/\//);
        return;
    }
    assert.equal(reply.json.id, reply.headers['correlation-id']);
    assert.equal(typeof reply.json.message, 'string');
    for (const detail of reply.json.details) {
        assert.equal(typeof detail.code, 'string');
        assert.equal(typeof detail.message, 'string');
    }
}

// A refusal: its first detail's code and target too.
export function mustRefuse(reply, status, code, detail, target)
{
    assert.equal(reply.status, status, reply.text);
    assert.equal(reply.json.code, code, reply.text);
    assert.equal(reply.json.details[0]?.code, detail, reply.text);
    assert.equal(reply.json.details[0]?.target, target, reply.text);
    return reply.json.details[0];
}

export function mustAnswer(reply, status = 200)
{
    assert.equal(reply.status, status, reply.text);
    return reply.json;
}
