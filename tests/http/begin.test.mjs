// SPDX-License-Identifier: MIT
// How flows begin and end (A.10 to A.12), and who may begin one (P8).
import assert from 'node:assert/strict';

import { otherOrigin, otherSite, redirectUri } from './lib/clients.mjs';
import { startDaemon } from './lib/daemon.mjs';
import { authorizeQuery, Flow, mustBe, mustFail, mustRefuse, pkce }
    from './lib/flow.mjs';
import { Jar } from './lib/http.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon({
    server: { sign_on_page: 'https://login.acme.test/app?x=1' },
    clients: { noflow: { type: 'public', policies: ['otp'],
                         redirect_uris: ['https://n.acme.test/cb'] },
               nothing: { type: 'confidential', roles: ['x'],
                          secret: { $env: 'FACTORD_TEST_SECRET_BASIC' } } },
});

const { challenge } = pkce();
const proof = { code_challenge: challenge, code_challenge_method: 'S256' };
const ask = (client, over, options) => d.get(
    `/as/authorization.oauth2?${authorizeQuery(client, over)}`, options);
const pi = { ...proof, response_mode: 'pi.flow' };

// --- A.10

test('authn A.10-1, authn A.12-5,6: redirect mode goes to the application with flowId', async () => {
    const user = await d.user();
    const flow = await Flow.redirect(d);
    assert.equal(flow.reply.status, 302);
    const page = new URL(flow.reply.location);
    assert.equal(page.origin + page.pathname, 'https://login.acme.test/app');
    assert.equal(page.searchParams.get('x'), '1');
    assert.match(page.searchParams.get('flowId'), /^[a-zA-Z0-9]{22}$/);
    assert.match(flow.reply.headers['cache-control'], /no-store/);
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
    const { resumeUrl } = mustBe(await flow.signOn(user), 'RESUME', []);
    const back = await d.get(resumeUrl.slice(d.base.length), { jar: flow.jar });
    assert.equal(back.status, 302);
    const url = new URL(back.location);
    assert.equal(url.origin + url.pathname, redirectUri);
    assert.equal(url.searchParams.get('iss'), d.base);
    assert.equal(url.searchParams.get('state'), 'n7');
});

test('authn A.10-1: the page of the daemon itself, by default', async () => {
    const own = await startDaemon();
    const flow = await Flow.redirect(own);
    assert.equal(flow.reply.location, `${own.base}/signon/?flowId=${flow.id}`);
    const page = await own.get('/signon/', { jar: flow.jar });
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'], /^text\/html/);
});

test('authn A.10-2: redirectless, the first state is the answer', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d); // no redirect_uri
    mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
    assert.ok(flow.jar.cookies.PF);
    const done = mustBe(await flow.signOn(user), 'COMPLETED', []);
    assert.deepEqual(Object.keys(done.authorizeResponse).sort(),
                     ['code', 'state']);
});

test('authn A.10-3: the samples\' POSTs begin a flow', async () => {
    const url = '/as/authorization.oauth2';
    const values = { client_id: 'spa', response_type: 'code', scope: 'openid',
                     ...pi };
    const inQuery = await d.request('POST',
        `${url}?${new URLSearchParams(values)}`, {
            headers: { 'Content-Type':
                'application/vnd.pingidentity.authorization.oauth2+json' },
            body: '{}' });
    mustBe(inQuery, 'USERNAME_PASSWORD_REQUIRED');
    const inBody = await d.request('POST', url, {
        headers: { 'Content-Type':
            'application/vnd.pingidentity.initiateOAuthAuthorization+json' },
        body: JSON.stringify({ protocolParameters: values }) });
    mustBe(inBody, 'USERNAME_PASSWORD_REQUIRED');
    const asForm = await d.request('POST', url, {
        headers: { 'Content-Type':
                   'application/x-www-form-urlencoded;charset=UTF-8' },
        body: String(new URLSearchParams(values)) });
    mustBe(asForm, 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.10-3: what is wrong with such a POST is told', async () => {
    const post = (type, body, query = '') => d.request('POST',
        `/as/authorization.oauth2${query}`,
        { headers: { 'Content-Type': type }, body });
    const initiate =
        'application/vnd.pingidentity.initiateOAuthAuthorization+json';
    const inQuery = 'application/vnd.pingidentity.authorization.oauth2+json';
    for (const body of ['', '{', '[]', '{}', '{"protocolParameters":1}',
                        '{"protocolParameters":{"client_id":1}}'])
        mustRefuse(await post(initiate, body), 400, 'invalid_request');
    mustRefuse(await post(inQuery, '{', `?${authorizeQuery('spa', pi)}`), 400,
               'invalid_request');
    mustRefuse(await post('text/plain', authorizeQuery('spa', pi)), 400,
               'invalid_request');
    mustRefuse(await post('application/x-www-form-urlencoded',
                          `${authorizeQuery('spa', pi)}&client_id=spa`), 400,
               'invalid_request');
});

test('authn A.10-4: a session alone signs nobody on: each request runs its policy', async () => {
    const user = await d.user();
    const first = await Flow.begin(d);
    mustBe(await first.signOn(user), 'COMPLETED');
    const second = await Flow.begin(d, { jar: first.jar });
    mustBe(second.reply, 'USERNAME_PASSWORD_REQUIRED');
    assert.notEqual(second.id, first.id);
    mustBe(await first.get(), 'COMPLETED');
});

test('authn A.10-6: a refused request: JSON with 400', async () => {
    for (const [client, over, error] of [
        ['nosuch', pi, 'unauthorized_client'],
        ['noflow', pi, 'unauthorized_client'],
        ['nothing', pi, 'unauthorized_client'],
        ['spa', { ...pi, response_type: 'token' }, 'unsupported_response_type'],
        ['spa', { ...pi, response_type: undefined }, 'invalid_request'],
        ['spa', { ...pi, scope: 'a"b' }, 'invalid_scope'],
        ['spa', { ...pi, prompt: 'none' }, 'login_required'],
        ['spa', { ...pi, prompt: 'none login' }, 'invalid_request'],
        ['spa', { ...pi, max_age: '-1' }, 'invalid_request'],
        ['spa', { ...pi, request: 'x' }, 'request_not_supported'],
        ['spa', { ...pi, request_uri: 'https://x' },
         'request_uri_not_supported'],
        ['spa', { ...pi, redirect_uri: 'https://evil.test/cb' },
         'invalid_request'],
        ['spa', { response_mode: 'pi.flow' }, 'invalid_request'],
        ['spa', { ...pi, state: 'x'.repeat(2049) }, 'invalid_request']]) {
        const reply = await ask(client, over);
        const body = mustRefuse(reply, 400, error);
        assert.equal('status' in body, false);
        assert.equal(reply.headers['set-cookie'], undefined);
        assert.match(reply.headers['cache-control'], /no-store/);
    }
    mustRefuse(await d.get('/as/authorization.oauth2?response_mode=pi.flow'),
               400, 'invalid_request');
});

test('authn A.10-7, authn A.10-9: every parameter of the widget is taken or left alone', async () => {
    const reply = await ask('spa', {
        ...proof, redirect_uri: redirectUri, idp: 'x', pfidpadapterid: 'x',
        access_token_manager_id: 'x', aud: 'https://api.test', nonce: 'n',
        prompt: 'login', acr_values: 'urn:factord:otp', max_age: '60',
        login_hint: 'kim', ui_locales: 'de en', id_token_hint: 'x',
        claims_locales: 'de', 'pi.testDevice': 'allow',
        'pi.webAuthn.challenge': 'x', mobilePayload: 'x',
        response_mode: 'pi.flow' });
    mustBe(reply, 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.10-8, authn A.12-9: login_hint is a parameter that adapters see', async () => {
    const flow = await Flow.begin(d, { params: { login_hint: 'kim <b>' } });
    assert.equal(flow.state.username, 'kim <b>');
    const without = await Flow.begin(d);
    assert.equal('username' in without.state, false);
});

test('authn A.10-10: no consent is asked for', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d, {
        params: { scope: 'openid profile email phone', prompt: 'consent' } });
    mustBe(await flow.signOn(user), 'COMPLETED');
});

// --- A.11

test('authn A.11-1, authn F.4-24: RESUME has an absolute resumeUrl', async () => {
    const user = await d.user();
    const flow = await Flow.redirect(d);
    const state = mustBe(await flow.signOn(user), 'RESUME', []);
    assert.equal(new URL(state.resumeUrl).origin, d.base);
    assert.equal('authorizeResponse' in state, false);
});

test('authn A.11-2, authn F.4-23: COMPLETED has code, state only if it was sent', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d, { params: { state: undefined } });
    const done = mustBe(await flow.signOn(user), 'COMPLETED', []);
    assert.ok(done.authorizeResponse.code);
    assert.equal('state' in done.authorizeResponse, false);
    const odd = await Flow.begin(d, { params: { state: 'a&b=ü "\'<x>' } });
    mustBe(await odd.signOn(await d.user()), 'COMPLETED');
    assert.equal(odd.state.authorizeResponse.state, 'a&b=ü "\'<x>');
});

test('authn A.11-3, S8, authn G-5,6: cancelled redirectless: FAILED', async () => {
    for (const upTo of ['password', 'selection', 'required']) {
        const flow = await Flow.begin(d);
        if (upTo !== 'password')
            mustBe(await flow.password(await d.user()),
                   'DEVICE_SELECTION_REQUIRED');
        if (upTo === 'required')
            mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
        const failed = mustBe(await flow.act('cancelAuthentication'), 'FAILED',
                              []);
        assert.equal(failed.code, 'AUTHENTICATION_FAILED');
        assert.ok(failed.userMessage);
        mustFail(await flow.act('cancelAuthentication'), 400,
                 'INVALID_ACTION_ID');
    }
});

test('S8, authn G-5: cancelled in redirect mode: access_denied with state and iss', async () => {
    const flow = await Flow.redirect(d);
    const { resumeUrl } = mustBe(await flow.act('cancelAuthentication'),
                                 'RESUME', []);
    const back = await d.get(resumeUrl.slice(d.base.length), { jar: flow.jar });
    assert.equal(back.status, 302);
    const url = new URL(back.location);
    assert.equal(url.origin + url.pathname, redirectUri);
    assert.equal(url.searchParams.get('error'), 'access_denied');
    assert.equal(url.searchParams.get('state'), 'n7');
    assert.equal(url.searchParams.get('iss'), d.base);
    assert.equal(url.searchParams.get('code'), null);
});

// --- A.12 and P8

test('authn A.12-4, authn A.12-7: pi.flow only for clients that may', async () => {
    mustRefuse(await ask('noflow', pi), 400, 'unauthorized_client');
    const flow = await Flow.redirect(d, { client: 'noflow', params: {
        redirect_uri: 'https://n.acme.test/cb', ...proof } });
    assert.equal(flow.reply.status, 302);
    assert.ok(flow.id);
});

test('P8, S4: pi.flow from a page whose origin is not registered', async () => {
    for (const headers of [{ Origin: otherSite }, { Origin: 'null' },
                           { Origin: 'https://evil.test' },
                           { 'Sec-Fetch-Site': 'cross-site' },
                           { Origin: 'https://evil.test',
                             'Sec-Fetch-Site': 'same-origin' }]) {
        const jar = new Jar();
        const reply = await ask('spa', pi, { headers, jar });
        mustRefuse(reply, 403, 'access_denied');
        assert.deepEqual(jar.history, []);
        assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
    // Of another client's page only.
    mustRefuse(await ask('native', pi, { headers: { Origin: otherOrigin } }),
               403, 'access_denied');
});

test('P8: without Origin, and not from another site, either kind may', async () => {
    for (const client of ['spa', 'basic', 'native'])
        for (const headers of [{}, { 'Sec-Fetch-Site': 'same-origin' },
                               { 'Sec-Fetch-Site': 'none' },
                               { 'Sec-Fetch-Site': 'same-site' }])
            mustBe(await ask(client, pi, { headers }),
                   'USERNAME_PASSWORD_REQUIRED');
    mustBe(await ask('spa', pi, { headers: { Origin: otherOrigin } }),
           'USERNAME_PASSWORD_REQUIRED');
});

test('P8: a public client that runs flows needs origins, or native', async () => {
    const bad = await startDaemon({ clients: { spa: { origins: [] } } },
                                  { start: false });
    bad.launch();
    const end = await bad.ended;
    assert.equal(end.status, 78);
    assert.match(end.output, /\/clients\/spa\/pi_flow/);
});

test('authn F.4-25: an error of the authorization endpoint is JSON', async () => {
    const reply = await ask('spa', { ...pi, response_type: 'x' },
                            { headers: { Accept: 'text/html' } });
    mustRefuse(reply, 400, 'unsupported_response_type');
});

await run();
