// SPDX-License-Identifier: MIT
// A certified relying party (npm, openid-client 5) signs people on: our page
// in Chromium, or the Authentication API; every kind of client; and what it,
// or the daemon, must refuse.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import * as jose from 'jose';
import { custom, generators, Issuer } from 'openid-client';

import { startDaemon } from '../lib/daemon.mjs';
import { Flow, mustBe } from '../lib/flow.mjs';
import { Jar, request } from '../lib/http.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { passcode, toPasscode } from './lib/demo.mjs';
import { applicationServer } from './lib/servers.mjs';

custom.setHttpOptionsDefaults({ timeout: 20000 });

const application = await applicationServer();
const callback = `http://127.0.0.1:${application.port}/cb`;

// Characters that Basic has to encode (RFC 6749 2.3.1).
const clientSecret = secret('client secret',
                            `s :+%&=ü/${randomBytes(12).toString('hex')}`);
process.env.FACTORD_TEST_SECRET_RP = clientSecret;
const { privateKey } = await jose.generateKeyPair('ES256',
                                                  { extractable: true });
const jwk = { ...await jose.exportJWK(privateKey), kid: 'rp-1', alg: 'ES256',
              use: 'sig' };
const { d: ignored, ...publicJwk } = jwk;

const registered = {
    redirect_uris: [callback], policies: ['otp'],
    claims: { who: 'password.username', how: 'otp.method' },
};
const daemon = await startDaemon({ clients: {
    'rp-public': { type: 'public', ...registered, id_token_alg: 'ES256' },
    'rp-basic': { type: 'confidential', ...registered,
                  secret: { $env: 'FACTORD_TEST_SECRET_RP' } },
    'rp-post': { type: 'confidential', ...registered,
                 token_endpoint_auth_method: 'client_secret_post',
                 secret: { $env: 'FACTORD_TEST_SECRET_RP' } },
    'rp-key': { type: 'confidential', ...registered, id_token_alg: 'ES256',
                jwks: { keys: [publicJwk] } },
} });
const issuer = await Issuer.discover(daemon.base);

const kinds = {
    'rp-public': { token_endpoint_auth_method: 'none',
                   id_token_signed_response_alg: 'ES256' },
    'rp-basic': { client_secret: clientSecret,
                  token_endpoint_auth_method: 'client_secret_basic' },
    'rp-post': { client_secret: clientSecret,
                 token_endpoint_auth_method: 'client_secret_post' },
    'rp-key': { token_endpoint_auth_method: 'private_key_jwt',
                token_endpoint_auth_signing_alg: 'ES256',
                id_token_signed_response_alg: 'ES256' },
};

function relyingParty(id, over = {})
{
    return new issuer.Client({ client_id: id, redirect_uris: [callback],
                               response_types: ['code'], ...kinds[id],
                               ...over }, { keys: [jwk] });
}

function begin(party, params = {})
{
    const checks = { state: generators.state(), nonce: generators.nonce(),
                     code_verifier: generators.codeVerifier() };
    secret('PKCE verifier', checks.code_verifier);
    const url = party.authorizationUrl({
        scope: 'openid profile', state: checks.state, nonce: checks.nonce,
        code_challenge: generators.codeChallenge(checks.code_verifier),
        code_challenge_method: 'S256', ...params });
    return { url, checks };
}

// Over the Authentication API, as far as the redirect to the application.
async function byApi(party, user, params)
{
    const { url, checks } = begin(party, params);
    const jar = new Jar();
    const page = await request('GET', url, { jar });
    assert.equal(page.status, 302, page.text);
    const id = new URL(page.location).searchParams.get('flowId');
    assert.ok(id, page.location);
    const flow = new Flow(daemon, { id, jar });
    await flow.get();
    const { resumeUrl } = mustBe(await flow.signOn(user), 'RESUME');
    const back = await request('GET', resumeUrl, { jar });
    assert.ok(back.location?.startsWith(`${callback}?`), back.text);
    return { answer: party.callbackParams(back.location), checks };
}

// In Chromium, through our page.
async function byPage(party, user)
{
    const { url, checks } = begin(party);
    let answer;
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(url);
        await passcode(tab, await toPasscode(tab, daemon, user));
        await tab.see('Back at the application');
        answer = party.callbackParams(tab.url.href);
    });
    return { answer, checks };
}

async function mustRedeem(party, user, { answer, checks })
{
    const tokens = await party.callback(callback, answer, checks);
    const claims = tokens.claims();
    secret('access token', tokens.access_token);
    secret('ID token', tokens.id_token);
    assert.equal(claims.iss, daemon.base);
    assert.equal(claims.aud, party.metadata.client_id);
    assert.equal(claims.nonce, checks.nonce);
    assert.equal(claims.acr, 'urn:factord:otp');
    assert.deepEqual([...claims.amr].sort(), ['email', 'mfa', 'otp', 'pwd']);
    assert.equal(claims.who, user.username);
    assert.ok(Math.abs(claims.auth_time - Date.now() / 1000) < 60);
    const info = await party.userinfo(tokens); // compares sub
    assert.equal(info.given_name, user.given_name);
    return tokens;
}

test('discovery: what a relying party reads', () => {
    const { metadata } = issuer;
    assert.equal(metadata.issuer, daemon.base);
    assert.deepEqual(metadata.response_types_supported, ['code']);
    assert.deepEqual(metadata.code_challenge_methods_supported, ['S256']);
    assert.equal(metadata.authorization_response_iss_parameter_supported, true);
    for (const { token_endpoint_auth_method: method } of Object.values(kinds))
        assert.ok(metadata.token_endpoint_auth_methods_supported
            .includes(method), method);
});

for (const id of Object.keys(kinds)) {
    const { token_endpoint_auth_method: method } = kinds[id];

    test(`authn A.10-1, A.1-8,9: ${method}, through our page`, async () => {
        const user = await daemon.user();
        const party = relyingParty(id);
        await mustRedeem(party, user, await byPage(party, user));
    });

    test(`authn A.10-1, E.9: ${method}, over the API`, async () => {
        const user = await daemon.user();
        const party = relyingParty(id);
        await mustRedeem(party, user, await byApi(party, user));
    });
}

test('P4: a code that was used: refused, and its tokens are dead', async () => {
    const user = await daemon.user();
    const party = relyingParty('rp-public');
    const begun = await byApi(party, user);
    const tokens = await mustRedeem(party, user, begun);
    await assert.rejects(party.callback(callback, begun.answer, begun.checks),
                         { error: 'invalid_grant' });
    await assert.rejects(party.userinfo(tokens), { error: 'invalid_token' });
});

test('P4: another verifier, another redirect_uri, another client', async () => {
    const user = await daemon.user();
    const party = relyingParty('rp-public');
    const one = await byApi(party, user);
    await assert.rejects(party.callback(callback, one.answer, {
        ...one.checks, code_verifier: generators.codeVerifier() }),
                         { error: 'invalid_grant' });
    const two = await byApi(party, user);
    await assert.rejects(party.callback(`${callback}2`, two.answer, two.checks),
                         { error: 'invalid_grant' });
    const three = await byApi(party, user);
    await assert.rejects(relyingParty('rp-basic').callback(
        callback, three.answer, three.checks), { error: 'invalid_grant' });
});

test('nonce, state and iss: the relying party sees what it sent', async () => {
    const user = await daemon.user();
    const party = relyingParty('rp-public');
    const { answer, checks } = await byApi(party, user);
    await assert.rejects(party.callback(callback, answer,
                                        { ...checks, state: 'other' }),
                         /state mismatch/);
    await assert.rejects(party.callback(callback,
                                        { ...answer, iss: 'https://x.test' },
                                        checks), /iss mismatch/);
    await assert.rejects(party.callback(callback, answer,
                                        { ...checks, nonce: 'other' }),
                         /nonce mismatch/);
});

test('a wrong secret, a foreign key, the wrong way: refused', async () => {
    const user = await daemon.user();
    const wrong = [
        relyingParty('rp-basic', { client_secret: 'x'.repeat(32) }),
        relyingParty('rp-basic', {
            token_endpoint_auth_method: 'client_secret_post' }),
        relyingParty('rp-post', {
            token_endpoint_auth_method: 'client_secret_basic' }),
        new issuer.Client({ client_id: 'rp-key', redirect_uris: [callback],
                            ...kinds['rp-key'] }, { keys: [{
            ...await jose.exportJWK((await jose.generateKeyPair('ES256', {
                extractable: true })).privateKey), kid: 'rp-1', alg: 'ES256' }],
        }),
        relyingParty('rp-basic', { token_endpoint_auth_method: 'none' }),
    ];
    for (const party of wrong) {
        const { answer, checks } = await byApi(party, user);
        await assert.rejects(party.callback(callback, answer, checks),
                             { error: 'invalid_client' });
    }
});

test('RFC 6750 3: userinfo tells what is wrong with a token', async () => {
    const party = relyingParty('rp-public');
    await assert.rejects(party.userinfo('x'.repeat(43)),
                         { error: 'invalid_token' });
});

test('S8: access_denied reaches the relying party', async () => {
    const user = await daemon.user();
    const party = relyingParty('rp-public');
    const { url, checks } = begin(party);
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(url);
        await toPasscode(tab, daemon, user);
        await tab.press('Cancel');
        await tab.see('Back at the application');
        await assert.rejects(party.callback(
            callback, party.callbackParams(tab.url.href), checks),
                             { error: 'access_denied' });
    });
});

test('a redirect_uri that is not registered: our page tells, no redirect',
     async () => {
    const { url } = begin(relyingParty('rp-public'), {
        redirect_uri: `${callback}/other` });
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(url);
        assert.equal(tab.url.origin, daemon.base);
        assert.ok((await tab.text()).length > 20);
        tab.refused('GET /as/authorization.oauth2 400');
    });
});

test('RFC 6749 4.1.2.1: what is wrong with a request goes back', async () => {
    const party = relyingParty('rp-public');
    for (const [params, error] of [
        [{ response_type: 'token' }, 'unsupported_response_type'],
        [{ code_challenge: undefined, code_challenge_method: undefined },
         'invalid_request'],
        [{ code_challenge_method: 'plain' }, 'invalid_request'],
    ]) {
        const { url, checks } = begin(party, params);
        const { location } = await request('GET', url);
        assert.ok(location?.startsWith(`${callback}?`), location);
        const answer = party.callbackParams(location);
        assert.equal(answer.error, error);
        assert.equal(answer.state, checks.state);
    }
});

await run({ concurrency: 2 });
