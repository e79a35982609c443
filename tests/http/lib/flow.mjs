// SPDX-License-Identifier: MIT
// tests/http/lib/flow.mjs - a client of the Authentication API, and what every
// one of its answers must be like.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

import { form, Jar } from './http.mjs';
import { secret } from './secrets.mjs';

export const apiPath = '/pf-ws/authn/flows/';
export const ownType = (action) =>
    `application/vnd.pingidentity.${action}+json`;

export function pkce()
{
    const verifier = randomBytes(32).toString('base64url');
    secret('PKCE verifier', verifier);
    return { verifier, challenge: createHash('sha256').update(verifier)
                                  .digest('base64url') };
}

export const authorizeQuery = (client, over = {}) => form({
    client_id: client, response_type: 'code', scope: 'openid', state: 'n7',
    ...over,
});

export class Flow {
    constructor(daemon, { id, jar, reply, verifier } = {})
    {
        this.daemon = daemon;
        this.id = id;
        this.jar = jar ?? new Jar();
        this.reply = reply;
        this.verifier = verifier;
    }

    get path()
    {
        return apiPath + this.id;
    }

    get state()
    {
        return this.reply.json;
    }

    // Redirectless.  Answers a refusal too: see flow.reply.
    static async begin(daemon, { client = 'spa', params = {}, jar = new Jar(),
                                 headers = {}, challenge = true } = {})
    {
        const proof = challenge ? pkce() : null;
        const query = authorizeQuery(client, {
            ...(proof && { code_challenge: proof.challenge,
                           code_challenge_method: 'S256' }),
            ...params, response_mode: 'pi.flow' });
        const reply = await daemon.get(`/as/authorization.oauth2?${query}`,
                                       { jar, headers });
        return new Flow(daemon, { id: reply.json?.id, jar, reply,
                                  verifier: proof?.verifier });
    }

    // Redirect mode: 302 to the page with ?flowId=.
    static async redirect(daemon, { client = 'shop', params = {},
                                    jar = new Jar(), headers = {} } = {})
    {
        const query = authorizeQuery(client, {
            redirect_uri: 'https://shop.acme.test/cb', ...params });
        const reply = await daemon.get(`/as/authorization.oauth2?${query}`,
                                       { jar, headers });
        const id = /[?&]flowId=([^&]+)/.exec(reply.location ?? '')?.[1];
        return new Flow(daemon, { id, jar, reply });
    }

    async get({ headers = {}, query = '', jar = this.jar } = {})
    {
        this.reply = await this.daemon.get(this.path + query, {
            jar, headers: { 'X-XSRF-Header': 'PingFederate',
                            Accept: 'application/json', ...headers } });
        this.devices = this.state?.devices ?? this.devices;
        return this.reply;
    }

    // model: an object, a text as it is, or nothing (an empty body).
    async act(action, model, { by = 'type', headers = {}, jar = this.jar,
                               type, query, ...more } = {})
    {
        const asked = query ?? (by === 'query' ? `?action=${action}` : '');
        this.reply = await this.daemon.request('POST', this.path + asked, {
            ...more, jar,
            headers: { 'X-XSRF-Header': 'PingFederate',
                       Accept: 'application/json',
                       'Content-Type': type ?? (by === 'query'
                           ? 'application/json' : ownType(action)),
                       ...headers },
            body: model === undefined ? ''
                : typeof model === 'string' ? model : JSON.stringify(model),
        });
        this.devices = this.state?.devices ?? this.devices;
        return this.reply;
    }

    // --- Whole ways.

    async password(user)
    {
        return this.act('checkUsernamePassword', {
            username: user.username, password: user.password });
    }

    // Of the newest state that listed any.
    device(type)
    {
        return this.devices.find((device) => device.type === type);
    }

    async select(type)
    {
        const device = typeof type === 'string' ? this.device(type) : type;
        return this.act('selectDevice', { deviceRef: { id: device.id } });
    }

    // Up to OTP_REQUIRED; gives the message.
    async challenge(user, type = 'EMAIL')
    {
        mustBe(await this.password(user), 'DEVICE_SELECTION_REQUIRED');
        mustBe(await this.select(type), 'OTP_REQUIRED');
        return this.daemon.message(type === 'EMAIL' ? user.email : user.phone);
    }

    async check(code)
    {
        return this.act('checkOtp', { otp: code });
    }

    // All of it; gives the last state.
    async signOn(user, type)
    {
        const message = await this.challenge(user, type);
        mustBe(await this.check(message.code), 'OTP_VERIFIED');
        return this.act('continueAuthentication');
    }

    // The code of the end, for tokens.
    redeem({ client = 'spa', code = this.state.authorizeResponse.code,
             ...over } = {})
    {
        return token(this.daemon, {
            grant_type: 'authorization_code', client_id: client, code,
            code_verifier: this.verifier, ...over });
    }
}

export function token(daemon, values, headers = {})
{
    return daemon.request('POST', '/as/token.oauth2', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded',
                   ...headers },
        body: form(values) });
}

// --- What must hold for every answer.

// Never an answer for a cache, never anything but JSON (F.4-2).
function mustBeJson(reply)
{
    assert.equal(reply.headers['content-type']?.replaceAll(' ', '')
                     .toLowerCase(), 'application/json;charset=utf-8');
    assert.notEqual(reply.json, undefined, `no JSON: ${reply.text}`);
    assert.match(reply.headers['cache-control'] ?? '', /no-store/);
    assert.equal(reply.headers.pragma, 'no-cache');
}

const ended = ['MFA_FAILED',
               'MFA_DEVICE_PAIRING_METHOD_FAILED', 'FAILED'];

// A state (A.5).  links: the actions, exactly.
export function mustBe(reply, status, links)
{
    const said = `${reply.status} ${reply.text}`;
    assert.equal(reply.status, 200, said);
    assert.equal(reply.json?.status, status, said);
    mustBeJson(reply);
    assert.match(reply.json.id, /^[a-zA-Z0-9]{1,30}$/);
    assert.equal('details' in reply.json, false, said);
    if (ended.includes(status))
        for (const member of ['code', 'message', 'userMessage'])
            assert.equal(typeof reply.json[member], 'string', said);
    else
        assert.equal('code' in reply.json, false, said);
    if (links)
        assert.deepEqual(Object.keys(reply.json._links).sort(),
                         ['self', ...links].sort(), said);
    const hrefs = Object.values(reply.json._links).map((link) => link.href);
    for (const href of hrefs)
        assert.match(href, new RegExp(`^http.*${apiPath}${reply.json.id}$`));
    return reply.json;
}

// An error (A.6), fit for the widget (F.4-1, F.4-16, F.4-17).
export function mustFail(reply, status, code, detail)
{
    const said = `${reply.status} ${reply.text}`;
    assert.equal(reply.status, status, said);
    assert.equal(reply.json?.code, code, said);
    mustBeJson(reply);
    assert.equal('status' in reply.json, false, said);
    assert.equal(typeof reply.json.message, 'string', said);
    assert.equal(typeof reply.json.userMessage, 'string', said);
    assert.ok(Array.isArray(reply.json.details) &&
              reply.json.details.length > 0, said);
    for (const one of reply.json.details)
        for (const member of ['code', 'message', 'userMessage']) {
            assert.equal(typeof one[member], 'string', said);
            assert.notEqual(one[member], '', said);
        }
    if (detail)
        assert.equal(reply.json.details[0].code, detail, said);
    return reply.json;
}

// An OAuth error (RFC 6749 5.2).
export function mustRefuse(reply, status, error)
{
    assert.equal(reply.status, status, `${reply.status} ${reply.text}`);
    assert.equal(reply.json?.error, error, reply.text);
    assert.match(reply.headers['content-type'], /^application\/json/);
    return reply.json;
}
