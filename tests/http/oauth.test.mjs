// SPDX-License-Identifier: MIT
// OAuth and OpenID Connect: codes, tokens, hints, workers (P).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import * as jose from 'jose';

import { hintClaims, keys, otherOrigin, redirectUri, secrets }
    from './lib/clients.mjs';
import { freePort, startDaemon } from './lib/daemon.mjs';
import { authorizeQuery, Flow, mustBe, mustFail, mustRefuse, pkce, token }
    from './lib/flow.mjs';
import { form, Jar, request } from './lib/http.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

const extra = {
    policies: {
        pwd: { acr: 'urn:factord:pwd', steps: [{ adapter: 'password' }] },
        hinted: { acr: 'urn:factord:hinted', steps: [
            { adapter: 'login_hint_token' },
            { adapter: 'otp', input: { userId: 'login_hint_token.userId' } }] },
        picky: { acr: 'urn:factord:picky', steps: [
            { adapter: 'password' },
            { adapter: 'otp', input: { userId: 'password.userId' },
              require: { method: 'SMS' } }] },
    },
    clients: {
        least: { type: 'public', pi_flow: true, native: true,
                 policies: ['pwd', 'otp'] },
        most: { type: 'public', pi_flow: true, native: true,
                policies: ['otp', 'pwd', 'picky'] },
        hintonly: { type: 'public', pi_flow: true, native: true,
                    policies: ['hinted'], login_hint_token: { jwks: {
                        keys: [keys.hint.jwk] } } },
    },
};
const d = await startDaemon(extra);
const c = await startDaemon(extra, { now: Date.now() });

const basic = (id, password) => ({ Authorization: `Basic ${Buffer.from(
    `${encodeURIComponent(id)}:${encodeURIComponent(password)}`)
    .toString('base64')}` });
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

async function signedOn(daemon = d, options = {}, type = 'EMAIL')
{
    const user = options.user ?? await daemon.user();
    const flow = await Flow.begin(daemon, options);
    mustBe(await flow.signOn(user, type), 'COMPLETED');
    return { user, flow, code: flow.state.authorizeResponse.code };
}

const userinfo = (daemon, accessToken, headers) => daemon.get(
    '/idp/userinfo.openid', { headers: headers ?? {
        Authorization: `Bearer ${accessToken}` } });

const keySet = async (daemon) =>
    jose.createLocalJWKSet((await daemon.get('/pf/JWKS')).json);

async function idClaims(daemon, idToken, audience)
{
    const { payload, protectedHeader } = await jose.jwtVerify(
        idToken, await keySet(daemon), {
            issuer: daemon.base, audience,
            currentDate: new Date(daemon.now()) });
    return { ...payload, header: protectedHeader };
}

// --- Discovery and keys

test('discovery announces what works', async () => {
    const { json, headers } = await d.get('/.well-known/openid-configuration');
    assert.equal(json.issuer, d.base);
    assert.equal(json.authorization_endpoint,
                 `${d.base}/as/authorization.oauth2`);
    assert.equal(json.token_endpoint, `${d.base}/as/token.oauth2`);
    assert.equal(json.userinfo_endpoint, `${d.base}/idp/userinfo.openid`);
    assert.equal(json.jwks_uri, `${d.base}/pf/JWKS`);
    assert.deepEqual(json.response_types_supported, ['code']);
    assert.deepEqual(json.code_challenge_methods_supported, ['S256']);
    assert.ok(json.acr_values_supported.includes('urn:factord:otp'));
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.match(headers['cache-control'], /max-age=\d+/);
});

test('P6: the JWKS holds public keys alone, RSA and EC, with kid, alg, use', async () => {
    const { json } = await d.get('/pf/JWKS');
    const algs = json.keys.map((key) => key.alg).sort();
    assert.deepEqual([...new Set(algs)], ['ES256', 'RS256']);
    for (const key of json.keys) {
        assert.ok(key.kid);
        assert.equal(key.use, 'sig');
        for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])
            assert.equal(member in key, false, member);
        await jose.importJWK(key);
    }
});

// --- ID tokens

test('P1, P3: an ID token that jose verifies, with amr and acr', async () => {
    const began = Math.floor(Date.now() / 1000);
    const { user, flow, code } = await signedOn(d, {
        params: { nonce: 'n-0nce', acr_values: 'urn:factord:otp' } });
    const { json } = await flow.redeem({ code });
    assert.equal(json.token_type, 'Bearer');
    assert.equal(json.expires_in, 3600);
    const claims = await idClaims(d, json.id_token, 'spa');
    assert.equal(claims.header.alg, 'ES256');
    assert.deepEqual([...claims.amr].sort(), ['email', 'mfa', 'otp', 'pwd']);
    assert.equal(claims.acr, 'urn:factord:otp');
    assert.equal(claims.nonce, 'n-0nce');
    assert.ok(claims.auth_time >= began && claims.auth_time <= claims.iat);
    assert.equal(claims.exp - claims.iat, 300);
    const { items } = (await d.control('GET', '/users?limit=1000')).json;
    assert.equal(claims.sub,
                 items.find((one) => one.username === user.username).id);
    const hash = jose.base64url.encode((await import('node:crypto'))
        .createHash('sha256').update(json.access_token).digest()
        .subarray(0, 16));
    assert.equal(claims.at_hash, hash);
});

test('P3: amr of an SMS; P8: mapped claims; RS256 by default', async () => {
    const { user, flow, code } = await signedOn(d, { client: 'basic' }, 'SMS');
    const reply = await token(d, { grant_type: 'authorization_code', code,
                                   code_verifier: flow.verifier },
                              basic('basic', secrets.basic));
    assert.equal(reply.status, 200, reply.text);
    const claims = await idClaims(d, reply.json.id_token, 'basic');
    assert.equal(claims.header.alg, 'RS256');
    assert.deepEqual([...claims.amr].sort(), ['mfa', 'otp', 'pwd', 'sms']);
    assert.equal(claims.who, user.username);
    assert.equal(claims.how, 'SMS');
});

test('P8: no attribute is a claim unless it is mapped', async () => {
    const { flow } = await signedOn();
    const { json } = await flow.redeem();
    const claims = await idClaims(d, json.id_token, 'spa');
    for (const name of ['who', 'how', 'method', 'username', 'userId', 'email',
                        'status'])
        assert.equal(name in claims, false, name);
});

test('P1: mfa only when two kinds were used', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d, { client: 'least' });
    mustBe(await flow.password(user), 'COMPLETED');
    const { json } = await flow.redeem({ client: 'least' });
    const claims = await idClaims(d, json.id_token, 'least');
    assert.deepEqual(claims.amr, ['pwd']);
    assert.equal(claims.acr, 'urn:factord:pwd');
});

test('P2: the first policy is the least; acr_values chooses above it', async () => {
    const user = await d.user();
    const up = await Flow.begin(d, { client: 'least', params: {
        acr_values: 'urn:factord:otp' } });
    mustBe(await up.password(user), 'DEVICE_SELECTION_REQUIRED');
    for (const acr_values of [undefined, 'urn:factord:pwd', 'nonsense',
                              'urn:factord:pwd urn:factord:none']) {
        const flow = await Flow.begin(d, { client: 'most',
                                           params: { acr_values } });
        mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    }
});

test('P1: a policy that requires a value fails without it', async () => {
    const params = { acr_values: 'urn:factord:picky' };
    const sms = await signedOn(d, { client: 'most', params }, 'SMS');
    const { json } = await sms.flow.redeem({ client: 'most' });
    assert.equal((await idClaims(d, json.id_token, 'most')).acr,
                 'urn:factord:picky');
    const flow = await Flow.begin(d, { client: 'most', params });
    mustBe(await flow.signOn(await d.user(), 'EMAIL'), 'FAILED', []);
});

// --- The authorization request

test('P4: only response_type=code', async () => {
    for (const response_type of ['token', 'id_token', 'code token',
                                 'code id_token', 'none'])
        mustRefuse((await Flow.begin(d, { params: { response_type } })).reply,
                   400, 'unsupported_response_type');
});

test('P4: PKCE: S256 is required of public clients; plain is refused', async () => {
    const { challenge } = pkce();
    for (const params of [
        {}, { code_challenge: challenge },
        { code_challenge: challenge, code_challenge_method: 'plain' },
        { code_challenge: 'x'.repeat(43), code_challenge_method: 'S384' },
        { code_challenge: 'short', code_challenge_method: 'S256' },
        { code_challenge: `${challenge.slice(0, -1)}=`,
          code_challenge_method: 'S256' },
        { code_challenge_method: 'S256' }])
        mustRefuse((await Flow.begin(d, { params, challenge: false })).reply,
                   400, 'invalid_request');
    // Optional is not: anything goes.
    mustRefuse((await Flow.begin(d, { client: 'shop-spa', challenge: false,
                                      params: { code_challenge: challenge } }))
                   .reply, 400, 'invalid_request');
});

test('redirect_uri mismatches never redirect', async () => {
    for (const redirect_uri of [
        undefined, 'https://evil.test/cb', `${redirectUri}/`, `${redirectUri}?x`,
        'https://shop.acme.test/CB', 'https://shop.acme.test/cb#f',
        'http://shop.acme.test/cb', 'https://shop.acme.test:443/cb',
        'javascript:alert(1)', '//evil.test', '']) {
        const flow = await Flow.redirect(d, { params: { redirect_uri } });
        mustRefuse(flow.reply, 400, 'invalid_request');
        assert.equal(flow.reply.location, undefined);
        const page = await d.get('/as/authorization.oauth2?' +
            authorizeQuery('shop', { redirect_uri }),
            { headers: { Accept: 'text/html' } });
        assert.equal(page.status, 400);
        assert.equal(page.location, undefined);
        assert.match(page.headers['content-type'], /^text\/html/);
        assert.match(page.headers['content-security-policy'], /default-src/);
    }
    const twice = await d.get('/as/authorization.oauth2?' +
        `${authorizeQuery('shop', { redirect_uri: redirectUri })}` +
        `&redirect_uri=${encodeURIComponent('https://evil.test')}`);
    mustRefuse(twice, 400, 'invalid_request');
    const unknown = await Flow.redirect(d, { client: 'nosuch' });
    mustRefuse(unknown.reply, 400, 'unauthorized_client');
    assert.equal(unknown.reply.location, undefined);
});

test('with a good redirect_uri, errors go there with state and iss', async () => {
    for (const [params, error] of [
        [{ response_type: 'token' }, 'unsupported_response_type'],
        [{ scope: 'a"' }, 'invalid_scope'],
        [{ prompt: 'none' }, 'login_required'],
        [{ response_mode: 'fragment' }, 'invalid_request'],
        [{ login_hint_token: 'x' }, 'invalid_request']]) {
        const flow = await Flow.redirect(d, { params });
        assert.equal(flow.reply.status, 302, JSON.stringify(params));
        const url = new URL(flow.reply.location);
        assert.equal(url.origin + url.pathname, redirectUri);
        assert.equal(url.searchParams.get('error'), error);
        assert.equal(url.searchParams.get('state'), 'n7');
        assert.equal(url.searchParams.get('iss'), d.base);
    }
    const two = await Flow.redirect(d, { client: 'two-uris', params: {
        redirect_uri: 'https://b.acme.test/cb?x=1', prompt: 'none' } });
    assert.ok(two.reply.location.startsWith('https://b.acme.test/cb?x=1&error='));
});

test('P9: an authorization request may be repeated: a flow each', async () => {
    const jar = new Jar();
    const one = await Flow.redirect(d, { jar });
    const two = await Flow.redirect(d, { jar });
    assert.notEqual(one.id, two.id);
    mustBe(await one.get(), 'USERNAME_PASSWORD_REQUIRED');
    mustBe(await two.get(), 'USERNAME_PASSWORD_REQUIRED');
});

// --- Codes

test('P4: a code is bound to client, verifier and redirect_uri', async () => {
    for (const over of [
        { client: 'most' }, { code_verifier: undefined },
        { code_verifier: 'x'.repeat(43) },
        { redirect_uri: 'https://shop.acme.test/other' },
        { redirect_uri: undefined }, { code: 'A'.repeat(43) },
        { code: 'x' }]) {
        const { flow } = await signedOn(d, {
            params: { redirect_uri: redirectUri } });
        const reply = await flow.redeem({ redirect_uri: redirectUri, ...over });
        mustRefuse(reply, 400, 'invalid_grant');
    }
    const { flow } = await signedOn(d, { params: { redirect_uri: redirectUri } });
    const good = await flow.redeem({ redirect_uri: redirectUri });
    assert.equal(good.status, 200, good.text);
});

test('P4: a verifier for a code without challenge is refused', async () => {
    const { flow } = await signedOn(d, { client: 'shop-spa',
                                         challenge: false });
    mustRefuse(await flow.redeem({ client: 'shop-spa',
                                   code_verifier: 'x'.repeat(43) }),
               400, 'invalid_grant');
});

test('P4: a wrong try does not use the code up', async () => {
    const { flow } = await signedOn();
    mustRefuse(await flow.redeem({ code_verifier: 'y'.repeat(43) }), 400,
               'invalid_grant');
    assert.equal((await flow.redeem()).status, 200);
});

test('P4: a code lives 60 s', async () => {
    const { flow } = await signedOn(c);
    c.advance(59999);
    const other = await signedOn(c);
    assert.equal((await flow.redeem()).status, 200);
    c.advance(60000);
    mustRefuse(await other.flow.redeem(), 400, 'invalid_grant');
});

test('P4: used twice: refused, and what it gave is revoked', async () => {
    const { flow } = await signedOn();
    const first = await flow.redeem();
    assert.equal(first.status, 200);
    assert.equal((await userinfo(d, first.json.access_token)).status, 200);
    mustRefuse(await flow.redeem(), 400, 'invalid_grant');
    const after = await userinfo(d, first.json.access_token);
    assert.equal(after.status, 401);
    assert.match(after.headers['www-authenticate'],
                 /^Bearer .*error="invalid_token"/);
    mustRefuse(await flow.redeem(), 400, 'invalid_grant');
});

test('P4: twelve at once: one gets tokens, and then none stands', async () => {
    const { flow } = await signedOn();
    const replies = await Promise.all(
        Array.from({ length: 12 }, () => flow.redeem()));
    const won = replies.filter((reply) => reply.status === 200);
    assert.equal(won.length, 1);
    assert.equal((await userinfo(d, won[0].json.access_token)).status, 401);
});

test('P4: the token endpoint takes no cookie, and sets none', async () => {
    const { flow } = await signedOn();
    const reply = await flow.redeem();
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['set-cookie'], undefined);
});

test('the token endpoint refuses what is malformed', async () => {
    const { flow, code } = await signedOn();
    mustRefuse(await token(d, { client_id: 'spa' }), 400, 'invalid_request');
    mustRefuse(await token(d, { grant_type: 'password', client_id: 'spa' }), 400,
               'unsupported_grant_type');
    mustRefuse(await token(d, { grant_type: 'authorization_code',
                                client_id: 'spa' }), 400, 'invalid_request');
    mustRefuse(await token(d, { grant_type: 'authorization_code', code }), 401,
               'invalid_client');
    mustRefuse(await token(d, { grant_type: 'authorization_code', code,
                                client_id: 'nosuch' }), 401, 'invalid_client');
    mustRefuse(await d.request('POST', '/as/token.oauth2', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: form({ grant_type: 'authorization_code', client_id: 'spa', code,
                     code_verifier: flow.verifier }) + '&code=x' }), 400,
               'invalid_request');
    assert.equal((await flow.redeem()).status, 200);
});

// --- Clients prove themselves

test('client_secret_basic, with its escapes', async () => {
    for (const headers of [basic('basic', 'wrong'), basic('basic', ''),
                           basic('nosuch', secrets.basic),
                           { Authorization: 'Basic !!!' },
                           { Authorization: `Basic ${Buffer.from('basic')
                                                     .toString('base64')}` },
                           { Authorization: 'Bearer x' }]) {
        const reply = await token(d, { grant_type: 'authorization_code',
                                       code: 'x' }, headers);
        mustRefuse(reply, 401, 'invalid_client');
        assert.match(reply.headers['www-authenticate'], /^Basic /);
    }
    const { flow, code } = await signedOn(d, { client: 'basic' });
    const values = { grant_type: 'authorization_code', code,
                     code_verifier: flow.verifier };
    // By another method than its own, or by two.
    mustRefuse(await token(d, { ...values, client_id: 'basic',
                                client_secret: secrets.basic }), 401,
               'invalid_client');
    mustRefuse(await token(d, { ...values, client_secret: secrets.basic },
                           basic('basic', secrets.basic)), 400,
               'invalid_request');
    mustRefuse(await token(d, { ...values, client_id: 'basic' }), 401,
               'invalid_client');
    mustRefuse(await token(d, { ...values, client_id: 'post' },
                           basic('basic', secrets.basic)), 400,
               'invalid_request');
    assert.equal((await token(d, values, basic('basic', secrets.basic))).status,
                 200);
});

test('client_secret_post', async () => {
    const { flow, code } = await signedOn(d, { client: 'post' });
    const values = { grant_type: 'authorization_code', client_id: 'post', code,
                     code_verifier: flow.verifier };
    mustRefuse(await token(d, { ...values, client_secret: 'x' }), 401,
               'invalid_client');
    mustRefuse(await token(d, values, basic('post', secrets.post)), 401,
               'invalid_client');
    const reply = await token(d, { ...values, client_secret: secrets.post });
    assert.equal(reply.status, 200, reply.text);
});

const assertion = (daemon, claims = {}, key = keys.client, header = {}) =>
    new jose.SignJWT({
        iss: 'signed', sub: 'signed', aud: `${daemon.base}/as/token.oauth2`,
        jti: randomBytes(8).toString('hex'),
        iat: Math.floor(daemon.now() / 1000),
        exp: Math.floor(daemon.now() / 1000) + 60, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey)
        .then((jwt) => secret('assertion', jwt));

test('private_key_jwt: once, for us, in time, by its key', async () => {
    const values = async (client_assertion) => {
        const { flow, code } = await signedOn(d, { client: 'signed' });
        return { grant_type: 'authorization_code', code,
                 code_verifier: flow.verifier, client_assertion,
                 client_assertion_type: assertionType };
    };
    const now = Math.floor(Date.now() / 1000);
    for (const bad of [
        await assertion(d, { aud: 'https://other.test' }),
        await assertion(d, { exp: now - 60, iat: now - 120 }),
        await assertion(d, { exp: now + 3600 }),
        await assertion(d, { exp: undefined }),
        await assertion(d, { jti: undefined }),
        await assertion(d, { iss: 'spa' }),
        await assertion(d, { sub: 'basic' }),
        await assertion(d, {}, { ...keys.stranger, kid: 'client-1' }),
        'x', 'x.y.z', ''])
        mustRefuse(await token(d, await values(bad)), 401, 'invalid_client');
    const once = await assertion(d);
    assert.equal((await token(d, await values(once))).status, 200);
    mustRefuse(await token(d, await values(once)), 401, 'invalid_client');
    const byIssuer = await assertion(d, { aud: d.base });
    assert.equal((await token(d, await values(byIssuer))).status, 200);
});

// --- userinfo

test('userinfo: claims by scope', async () => {
    const user = await d.user({ family_name: 'Muster', locale: 'de' });
    const get = async (scope) => {
        const { flow } = await signedOn(d, { user, params: { scope } });
        const { json } = await flow.redeem();
        return (await userinfo(d, json.access_token)).json;
    };
    assert.deepEqual(Object.keys(await get('openid')), ['sub']);
    const all = await get('openid profile email phone other');
    assert.equal(all.email, user.email);
    assert.equal(all.phone_number, user.phone);
    assert.equal(all.given_name, 'Sonja');
    assert.equal(all.name, 'Sonja Muster');
    assert.equal(all.preferred_username, user.username);
    assert.equal(all.locale, 'de');
});

test('userinfo: who may', async () => {
    const { user, flow } = await signedOn();
    const { json } = await flow.redeem();
    const none = await userinfo(d, null, {});
    assert.equal(none.status, 401);
    assert.match(none.headers['www-authenticate'], /^Bearer realm/);
    for (const bad of ['x', 'x.y.z', `${json.access_token}x`, json.id_token]) {
        const reply = await userinfo(d, bad);
        assert.equal(reply.status, 401, bad);
        assert.match(reply.headers['www-authenticate'], /invalid_token/);
    }
    const posted = await d.request('POST', '/idp/userinfo.openid', {
        headers: { Authorization: `Bearer ${json.access_token}` } });
    assert.equal(posted.status, 200);
    assert.equal(posted.headers['access-control-allow-origin'], '*');
    await d.ctl('users', 'disable', user.username);
    assert.equal((await userinfo(d, json.access_token)).status, 401);
});

test('userinfo: an access token lives an hour', async () => {
    const { flow } = await signedOn(c);
    const { json } = await flow.redeem();
    c.advance(3599 * 1000);
    assert.equal((await userinfo(c, json.access_token)).status, 200);
    c.advance(2 * 1000);
    assert.equal((await userinfo(c, json.access_token)).status, 401);
});

test('without openid there is no ID token', async () => {
    const { flow } = await signedOn(d, { params: { scope: 'email' } });
    const { json } = await flow.redeem();
    assert.ok(json.access_token);
    assert.equal('id_token' in json, false);
    const reply = await userinfo(d, json.access_token);
    assert.equal(reply.status, 403);
});

// --- P5

async function resumable(daemon, user)
{
    const flow = await Flow.redirect(daemon);
    const { resumeUrl } = mustBe(await flow.signOn(user ?? await daemon.user()),
                                 'RESUME');
    flow.resume = resumeUrl.slice(daemon.base.length);
    return flow;
}

const codeOf = (reply) => new URL(reply.location).searchParams.get('code');
const isPage = (reply) => {
    assert.equal(reply.location, undefined);
    assert.match(reply.headers['content-type'], /^text\/html/);
    assert.match(reply.headers['cache-control'], /no-store/);
};

test('P5: a repeat gives the same redirect until the code is redeemed', async () => {
    const flow = await resumable(d);
    const first = await d.get(flow.resume, { jar: flow.jar });
    const second = await d.get(flow.resume, { jar: flow.jar });
    assert.equal(first.status, 302);
    assert.equal(second.location, first.location);
    assert.equal(first.headers['referrer-policy'], 'no-referrer');
    const reply = await token(d, {
        grant_type: 'authorization_code', client_id: 'shop',
        code: codeOf(first), redirect_uri: redirectUri });
    assert.equal(reply.status, 200);
    const after = await d.get(flow.resume, { jar: flow.jar });
    assert.equal(after.status, 200);
    isPage(after);
});

test('P5: after 60 s: a page, never a second code', async () => {
    const flow = await resumable(c);
    assert.equal((await c.get(flow.resume, { jar: flow.jar })).status, 302);
    c.advance(60000);
    const after = await c.get(flow.resume, { jar: flow.jar });
    assert.equal(after.status, 200);
    isPage(after);
});

test('P5: only in the session that ran the flow', async () => {
    const flow = await resumable(d);
    for (const jar of [new Jar(), (await Flow.begin(d)).jar,
                       (await resumable(d)).jar]) {
        const reply = await d.get(flow.resume, { jar });
        assert.equal(reply.status, 404);
        isPage(reply);
    }
    assert.equal((await d.get(flow.resume, { jar: flow.jar })).status, 302);
});

test('P5: prefetch is refused', async () => {
    const flow = await resumable(d);
    for (const headers of [{ 'Sec-Purpose': 'prefetch' },
                           { 'Sec-Purpose': 'prefetch;prerender' },
                           { Purpose: 'prefetch' }, { 'X-Moz': 'prefetch' }]) {
        const reply = await d.get(flow.resume, { jar: flow.jar, headers });
        assert.equal(reply.status, 400);
        assert.equal(reply.location, undefined);
    }
    assert.equal((await d.get(flow.resume, { jar: flow.jar })).status, 302);
});

test('P5: not before the flow is done, nor for flows of none', async () => {
    const flow = await Flow.redirect(d);
    for (const id of [flow.id, 'nosuch', 'A'.repeat(22)]) {
        const reply = await d.get(`/as/${id}/resume/as/authorization.ping`,
                                  { jar: flow.jar });
        assert.equal(reply.status, 404);
        isPage(reply);
    }
});

test('P5: the page in German', async () => {
    const texts = [];
    for (const language of ['en', 'de'])
        texts.push((await d.get('/as/nosuch/resume/as/authorization.ping', {
            headers: { 'Accept-Language': language } })).text);
    assert.match(texts[0], /lang="en"/);
    assert.match(texts[1], /lang="de"/);
    assert.notEqual(texts[0], texts[1]);
});

// --- P7

const hint = (daemon, subject, claims = {}, key = keys.hint, header = {}) => {
    const now = Math.floor(daemon.now() / 1000);
    return new jose.SignJWT({ iat: now, exp: now + 60,
                              ...hintClaims(daemon.port, subject, claims) })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey)
        .then((jwt) => secret('hint', jwt));
};
const withHint = (daemon, login_hint_token, client = 'hint', params = {}) =>
    Flow.begin(daemon, { client, params: { ...params, login_hint_token } });

test('P7: a signed hint stands for the first factor', async () => {
    for (const key of [keys.hint, keys.hintRsa]) {
        const user = await d.user();
        const flow = await withHint(d, await hint(d, user.username, {}, key));
        mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
        assert.deepEqual(flow.state.user, { username: user.username });
        flow.devices = flow.state.devices;
        mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
        const { code } = await d.message(user.email);
        mustBe(await flow.check(code), 'OTP_VERIFIED');
        mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
        const { json } = await flow.redeem({ client: 'hint' });
        const claims = await idClaims(d, json.id_token, 'hint');
        assert.deepEqual([...claims.amr].sort(),
                         ['email', 'mfa', 'otp', 'pwd']);
    }
});

test('P7: a policy may begin with the hint, and needs it', async () => {
    const user = await d.user();
    mustRefuse((await Flow.begin(d, { client: 'hintonly' })).reply, 400,
               'invalid_request');
    const token1 = await hint(d, user.username, { iss: 'hintonly' });
    const flow = await withHint(d, token1, 'hintonly');
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
});

test('P7: once', async () => {
    const user = await d.user();
    const jwt = await hint(d, user.username);
    mustBe((await withHint(d, jwt)).reply, 'DEVICE_SELECTION_REQUIRED');
    mustRefuse((await withHint(d, jwt)).reply, 400, 'invalid_request');
    await d.restart('SIGKILL');
    mustRefuse((await withHint(d, jwt)).reply, 400, 'invalid_request');
});

test('P7: ten at once: one flow', async () => {
    const jwt = await hint(d, (await d.user()).username);
    const flows = await Promise.all(
        Array.from({ length: 10 }, () => withHint(d, jwt)));
    assert.equal(flows.filter((flow) => flow.reply.status === 200).length, 1);
});

test('P7, P6: hints that are refused', async () => {
    const { username } = await d.user();
    const now = Math.floor(Date.now() / 1000);
    const good = await hint(d, username);
    const [header, payload, signature] = good.split('.');
    const encode = (json) =>
        Buffer.from(JSON.stringify(json)).toString('base64url');
    const hmac = await new jose.SignJWT({ ...hintClaims(d.port, username),
                                          exp: now + 60 })
        .setProtectedHeader({ alg: 'HS256', kid: 'hint-1' })
        .sign(Buffer.from(JSON.stringify(keys.hint.jwk)));
    const bad = {
        'wrong aud': await hint(d, username, { aud: 'https://other.test' }),
        'no aud': await hint(d, username, { aud: undefined }),
        expired: await hint(d, username, { iat: now - 400, exp: now - 100 }),
        'too long': await hint(d, username, { exp: now + 3600 }),
        'no exp': await hint(d, username, { exp: undefined }),
        'no jti': await hint(d, username, { jti: undefined }),
        'no sub': await hint(d, username, { sub: undefined }),
        'other iss': await hint(d, username, { iss: 'spa' }),
        'not yet': await hint(d, username, { nbf: now + 600 }),
        stranger: await hint(d, username, {}, keys.stranger),
        'unknown kid': await hint(d, username, {}, keys.hint, { kid: 'other' }),
        'alg none': `${encode({ alg: 'none' })}.${payload}.`,
        'alg none, signed': `${encode({ alg: 'none', kid: 'hint-1' })}` +
                            `.${payload}.${signature}`,
        hmac,
        'embedded jwk': await hint(d, username, {}, keys.stranger,
                                   { jwk: keys.stranger.jwk, kid: undefined }),
        jku: await hint(d, username, {}, keys.hint,
                        { jku: 'https://x.test/jwks' }),
        padded: `${header}=.${payload}.${signature}`,
        cut: good.slice(0, -4), empty: '..', json: '{}', text: 'x',
        'another payload': `${header}.${encode({
            ...hintClaims(d.port, 'admin'), exp: now + 60 })}.${signature}`,
    };
    for (const [name, jwt] of Object.entries(bad)) {
        const flow = await withHint(d, jwt);
        assert.equal(flow.reply.status, 400, `${name}: ${flow.reply.text}`);
        mustRefuse(flow.reply, 400, 'invalid_request');
    }
    mustBe((await withHint(d, good)).reply, 'DEVICE_SELECTION_REQUIRED');
});

test('P7: no such user, a disabled one, a client that may not', async () => {
    mustRefuse((await withHint(d, await hint(d, 'nobody-there'))).reply, 400,
               'access_denied');
    const off = await d.user();
    await d.ctl('users', 'disable', off.username);
    mustRefuse((await withHint(d, await hint(d, off.username))).reply, 400,
               'access_denied');
    const { username } = await d.user();
    mustRefuse((await withHint(d, await hint(d, username, { iss: 'spa' }),
                               'spa')).reply, 400, 'invalid_request');
});

test('P7: amr is what the hint says, and mfa is ours to say', async () => {
    const user = await d.user();
    const flow = await withHint(d, await hint(d, user.username, {
        amr: ['otp', 'mfa', 'pwd"', 'x'.repeat(99)] }));
    flow.devices = flow.state.devices;
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    mustBe(await flow.check((await d.message(user.email)).code), 'OTP_VERIFIED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    const { json } = await flow.redeem({ client: 'hint' });
    const claims = await idClaims(d, json.id_token, 'hint');
    assert.deepEqual([...claims.amr].sort(), ['email', 'otp']);
});

test('P7: the cookie is fresh after a hint', async () => {
    const planted = await Flow.begin(d);
    const jar = planted.jar.copy();
    const user = await d.user();
    const flow = await Flow.begin(d, { client: 'hint', jar, params: {
        login_hint_token: await hint(d, user.username) } });
    mustBe(flow.reply, 'DEVICE_SELECTION_REQUIRED');
    assert.notEqual(jar.cookies.PF, planted.jar.cookies.PF);
    mustFail(await flow.act('cancelAuthentication', undefined,
                            { jar: planted.jar }), 404, 'RESOURCE_NOT_FOUND');
});

// --- Workers

const worker = async (daemon = d, name = 'worker') => {
    const reply = await token(daemon, { grant_type: 'client_credentials' },
                              basic(name, secrets.worker));
    assert.equal(reply.status, 200, reply.text);
    assert.equal('id_token' in reply.json, false);
    return reply.json.access_token;
};
const environment = async (daemon = d) =>
    (await daemon.control('GET', '/status')).json.environment;
const users = async (filter, bearer, env) => d.get(
    `/v1/environments/${env ?? await environment()}/users` +
    (filter === undefined ? '' : `?filter=${encodeURIComponent(filter)}`),
    { headers: bearer ? { Authorization: `Bearer ${bearer}` } : {} });

test('client_credentials: of clients with roles', async () => {
    await worker();
    mustRefuse(await token(d, { grant_type: 'client_credentials' },
                           basic('worker', 'wrong')), 401, 'invalid_client');
    mustRefuse(await token(d, { grant_type: 'client_credentials' },
                           basic('basic', secrets.basic)), 400,
               'unauthorized_client');
    mustRefuse(await token(d, { grant_type: 'client_credentials',
                                client_id: 'spa' }), 400,
               'unauthorized_client');
});

test('GET users?filter=username eq: 200', async () => {
    const user = await d.user();
    const bearer = await worker();
    const env = await environment();
    const reply = await users(`username eq "${user.username}"`, bearer);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.count, 1);
    const [found] = reply.json._embedded.users;
    assert.equal(found.username, user.username);
    assert.equal(found.email, user.email);
    assert.equal(found.enabled, true);
    assert.equal(found.environment.id, env);
    const folded = await users(
        `username eq "${user.username.toUpperCase()}"`, bearer);
    assert.equal(folded.json._embedded.users[0].id, found.id);
    const none = await users('username eq "nobody-there"', bearer);
    assert.equal(none.status, 200);
    assert.deepEqual(none.json._embedded.users, []);
});

test('GET users: 401 without, 403 for the wrong one, 400 for other filters', async () => {
    const bearer = await worker();
    const filter = 'username eq "x"';
    assert.equal((await users(filter)).status, 401);
    assert.equal((await users(filter, 'x.y.z')).status, 401);
    assert.equal((await users(filter, await worker(d, 'worker-none'))).status,
                 403);
    const { flow } = await signedOn();
    const { json } = await flow.redeem();
    assert.equal((await users(filter, json.access_token)).status, 403);
    assert.equal((await users(filter, bearer,
        '00000000-0000-0000-0000-000000000000')).status, 403);
    for (const other of ['', 'username', 'username eq x', 'email eq "x"',
                         'username co "x"', 'username eq "x" or id pr']) {
        const reply = await users(other, bearer);
        assert.equal(reply.status, 400, `${other}: ${reply.text}`);
        assert.equal(reply.json.code, 'INVALID_REQUEST');
        const [{ code, target, innerError }] = reply.json.details;
        assert.deepEqual([code, target], ['INVALID_FILTER', 'filter']);
        assert.deepEqual(innerError, { supportedAttributes: ['username'],
                                       supportedOperators: ['eq', 'and'] });
    }
    // A worker's token is no user's.
    assert.notEqual((await userinfo(d, bearer)).status, 200);
});

test('R1: the REST plane on the admin listener, not on the public one', async () => {
    const adminPort = await freePort();
    const own = await startDaemon({ server: {
        rest_on_public: false, admin_listen: `127.0.0.1:${adminPort}`,
        admin_base_url: `http://127.0.0.1:${adminPort}` } });
    const env = await environment(own);
    const path = `/v1/environments/${env}/users?filter=` +
                 encodeURIComponent('username eq "x"');
    const headers = { Authorization: `Bearer ${await worker(own)}` };
    assert.equal((await own.get(path, { headers })).status, 404);
    const admin = `http://127.0.0.1:${adminPort}`;
    assert.equal((await request('GET', admin + path, { headers })).status, 200);
    for (const other of ['/signon/', '/messages/latest',
                         '/pf-ws/authn/flows/x'])
        assert.equal((await request('GET', admin + other)).status, 404, other);
});

test('CORS of the token endpoint: registered origins, without credentials', async () => {
    const { flow, code } = await signedOn();
    const preflight = await d.request('OPTIONS', '/as/token.oauth2', { headers: {
        Origin: otherOrigin, 'Access-Control-Request-Method': 'POST' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], otherOrigin);
    const reply = await token(d, { grant_type: 'authorization_code',
                                   client_id: 'spa', code,
                                   code_verifier: flow.verifier },
                              { Origin: otherOrigin });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['access-control-allow-origin'], otherOrigin);
    assert.equal(reply.headers['access-control-allow-credentials'], undefined);
    const evil = await token(d, { client_id: 'spa' },
                             { Origin: 'https://evil.test' });
    assert.equal(evil.headers['access-control-allow-origin'], undefined);
});

// --- Keys that are rotated

test('K2: after keys rotate old tokens verify, new ones have the new key', async () => {
    const before = await signedOn(d);
    const old = (await before.flow.redeem()).json;
    const first = (await d.get('/pf/JWKS')).json.keys.map((key) => key.kid);
    assert.equal((await d.ctl('keys', 'rotate')).status, 0);
    const second = (await d.get('/pf/JWKS')).json.keys.map((key) => key.kid);
    for (const kid of first)
        assert.ok(second.includes(kid));
    assert.ok(second.length > first.length);
    await idClaims(d, old.id_token, 'spa');
    assert.equal((await userinfo(d, old.access_token)).status, 200);
    const { flow } = await signedOn(d);
    const { header } = await idClaims(d, (await flow.redeem()).json.id_token,
                                      'spa');
    assert.ok(!first.includes(header.kid));
    await d.restart();
    assert.equal((await userinfo(d, old.access_token)).status, 200);
});

await run();
