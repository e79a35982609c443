// SPDX-License-Identifier: MIT
// The Authentication API: what requests and answers are like (A.1 to A.9).
import assert from 'node:assert/strict';

import { otherOrigin, otherSite } from './lib/clients.mjs';
import { sleep, startDaemon } from './lib/daemon.mjs';
import { apiPath, authorizeQuery, Flow, mustBe, mustFail, mustRefuse, ownType,
         pkce, token } from './lib/flow.mjs';
import { Jar, raw } from './lib/http.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon();

// A flow that waits for a passcode, and its code.
async function waiting(options)
{
    const user = await d.user();
    const flow = await Flow.begin(d, options);
    const message = await flow.challenge(user);
    return { user, flow, code: message.code, before: flow.state };
}

const unchanged = async (flow, before) =>
    assert.deepEqual(mustBe(await flow.get(), before.status), before);

// --- A.1

test('authn A.1-1: GET reads the flow; authn A.1-2: POST acts', async () => {
    const { flow, code, before } = await waiting();
    assert.equal(flow.path, `${apiPath}${flow.id}`);
    await unchanged(flow, before);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn A.1-3: OPTIONS is a preflight', async () => {
    const { flow } = await waiting();
    const reply = await d.request('OPTIONS', flow.path, { headers: {
        Origin: otherOrigin, 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,x-xsrf-header' } });
    assert.equal(reply.status, 204);
    assert.equal(reply.text, '');
    mustBe(await flow.get(), 'OTP_REQUIRED');
});

test('H5: authn A.1-4,6,7 are not there: 404, in JSON', async () => {
    for (const path of ['/pf-ws/authn/explorer', '/as/user_authz.oauth2',
                        '/idp/startSSO.ping']) {
        const reply = await d.get(path);
        assert.equal(reply.status, 404, path);
        assert.notEqual(reply.json, undefined, `${path}: ${reply.text}`);
        assert.equal('status' in reply.json, false);
    }
});

test('authn A.1-5: the authorization endpoint takes GET and POST', async () => {
    const { challenge } = pkce();
    const query = authorizeQuery('spa', {
        code_challenge: challenge, code_challenge_method: 'S256',
        response_mode: 'pi.flow' });
    mustBe(await d.get(`/as/authorization.oauth2?${query}`),
           'USERNAME_PASSWORD_REQUIRED');
    mustBe(await d.request('POST', '/as/authorization.oauth2', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: query }), 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.1-8: the token endpoint takes a form by POST only', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.signOn(user), 'COMPLETED');
    const values = { grant_type: 'authorization_code', client_id: 'spa',
                     code: flow.state.authorizeResponse.code,
                     code_verifier: flow.verifier };
    const got = await d.get(`/as/token.oauth2?${new URLSearchParams(values)}`);
    assert.equal(got.status, 405);
    assert.match(got.headers.allow, /POST/);
    mustRefuse(await d.request('POST', '/as/token.oauth2', {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(values) }), 400, 'invalid_request');
    const reply = await token(d, values);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.token_type, 'Bearer');
    assert.match(reply.headers['cache-control'], /no-store/);
});

test('authn A.1-9: the browser goes to resumeUrl as it is', async () => {
    const user = await d.user();
    const flow = await Flow.redirect(d);
    const { resumeUrl } = mustBe(await flow.signOn(user), 'RESUME');
    assert.match(resumeUrl, /^http:\/\/127\.0\.0\.1:\d+\/as\/[^/]+\/resume\//);
    const back = await d.get(resumeUrl.slice(d.base.length), { jar: flow.jar });
    assert.equal(back.status, 302);
});

// --- A.2

test('authn A.2-1: GET never acts, whatever its query or body', async () => {
    const { flow, code, before } = await waiting();
    for (const query of ['?action=checkOtp', `?action=checkOtp&otp=${code}`,
                         '?action=cancelAuthentication', '?action=resendOtp',
                         '?_method=POST&action=cancelAuthentication'])
        assert.deepEqual(mustBe(await flow.get({ query }), 'OTP_REQUIRED'),
                         before, query);
    const typed = await d.request('GET', flow.path, {
        jar: flow.jar, body: JSON.stringify({ otp: code }),
        headers: { 'X-XSRF-Header': 'x', 'Content-Type': ownType('checkOtp'),
                   'X-HTTP-Method-Override': 'POST' } });
    assert.deepEqual(mustBe(typed, 'OTP_REQUIRED'), before);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn A.2-2: GET shows what time did to the state', async () => {
    const clocked = await startDaemon({ adapters: { otp: {
        max_resends: 0, methods: [{ channel: 'email', attribute: 'email',
                                    type: 'EMAIL' }] } } });
    clocked.setClock(Date.now());
    const user = await clocked.user();
    const flow = await Flow.begin(clocked);
    mustBe(await flow.password(user), 'OTP_REQUIRED');
    clocked.advance(5 * 60 * 1000);
    const failed = mustBe(await flow.get(), 'MFA_FAILED');
    assert.equal(failed.code, 'OTP_RESEND_LIMIT');
    assert.deepEqual(mustBe(await flow.get(), 'MFA_FAILED'), failed);
});

test('S4: what was rendered for one browser is no other\'s, and passes with ' +
     'its time', async () => {
    const { flow, code, before } = await waiting();
    const other = await waiting();
    for (let i = 0; i < 3; i++) {
        await unchanged(flow, before);
        for (const jar of [new Jar(), other.flow.jar])
            mustFail(await flow.get({ jar }), 404, 'RESOURCE_NOT_FOUND');
    }
    mustBe(await flow.check(code), 'OTP_VERIFIED');
    mustBe(await flow.get(), 'OTP_VERIFIED');
    d.advance(15 * 60000);
    const idle = mustBe(await flow.get(), 'OTP_VERIFIED');
    assert.deepEqual(Object.keys(idle._links), ['self']);
    d.advance(61000);
    mustFail(await flow.get(), 404, 'RESOURCE_NOT_FOUND');
});

test('authn A.2-3: one POST, one action', async () => {
    const { flow, before } = await waiting();
    const reply = await flow.act('resendOtp', undefined,
                                 { query: '?action=checkOtp&action=resendOtp' });
    assert.equal(reply.status, 400, reply.text);
    await unchanged(flow, before);
});

test('authn A.2-4: an action that is not offered: INVALID_ACTION_ID', async () => {
    const { flow, before } = await waiting();
    for (const action of ['continueAuthentication', 'checkUsernamePassword',
                          'authenticate', 'poll', 'enrollTotp', 'unlockUser',
                          'listAuthenticators', 'importUser', 'CheckOtp',
                          'nosuch'])
        mustFail(await flow.act(action), 400, 'INVALID_ACTION_ID');
    await unchanged(flow, before);
});

test('authn A.2-5: POST without an action renders the state', async () => {
    const { flow, before } = await waiting();
    for (const model of [undefined, '{}', 'null'])
        assert.deepEqual(mustBe(await flow.act(null, model, {
            type: 'application/json' }), 'OTP_REQUIRED'), before);
});

test('authn A.2-6: a POST answers 200 with the next state', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const reply = await flow.password(user);
    assert.equal(reply.status, 200);
    const next = mustBe(reply, 'DEVICE_SELECTION_REQUIRED');
    assert.deepEqual(mustBe(await flow.get(), 'DEVICE_SELECTION_REQUIRED'),
                     next);
});

test('authn A.2-7: after a failed POST the state is as it was', async () => {
    const { flow, code, before } = await waiting();
    mustFail(await flow.check(code === '123456' ? '654321' : '123456'), 400,
             'VALIDATION_ERROR', 'INVALID_OTP');
    await unchanged(flow, before);
});

test('authn A.2-8, authn G-2, H2: other methods are 405 with Allow, in JSON', async () => {
    const { flow, code, before } = await waiting();
    for (const method of ['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
        const reply = await d.request(method, flow.path, {
            jar: flow.jar, headers: { 'X-XSRF-Header': 'x',
                                      'Content-Type': ownType('checkOtp') },
            body: JSON.stringify({ otp: code }) });
        assert.equal(reply.status, 405, method);
        for (const allowed of ['GET', 'POST', 'OPTIONS'])
            assert.match(reply.headers.allow, new RegExp(`\\b${allowed}\\b`));
        mustFail(reply, 405, 'INVALID_REQUEST');
    }
    await unchanged(flow, before);
});

test('H2: HEAD is GET without a body', async () => {
    const { flow } = await waiting();
    const headers = { 'X-XSRF-Header': 'x' };
    const head = await d.request('HEAD', flow.path, { jar: flow.jar, headers });
    const got = await d.get(flow.path, { jar: flow.jar, headers });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    for (const name of ['content-type', 'content-length', 'cache-control'])
        assert.equal(head.headers[name], got.headers[name], name);
    const none = await d.request('HEAD', flow.path, { jar: flow.jar });
    assert.equal(none.status, 400);
});

// --- A.3

test('authn A.3-1: the media type names the action', async () => {
    for (const type of ['application/vnd.pingidentity.resendOtp+json',
                        'Application/VND.PingIdentity.resendOtp+JSON',
                        'application/vnd.pingidentity.resendOtp+json; charset=utf-8',
                        'application/vnd.pingidentity.resendOtp+json;v=1']) {
        const { user, flow } = await waiting();
        mustBe(await flow.act(null, '{}', { type }), 'OTP_REQUIRED');
        await d.message(user.email);
    }
});

test('authn A.3-1: ids of actions are case-sensitive, and names', async () => {
    const { flow, before } = await waiting();
    for (const type of ['application/vnd.pingidentity.resendotp+json',
                        'application/vnd.pingidentity.RESENDOTP+json'])
        mustFail(await flow.act(null, '{}', { type }), 400,
                 'INVALID_ACTION_ID');
    for (const type of ['application/vnd.pingidentity.+json',
                        'application/vnd.pingidentity.resendOtp',
                        'application/vnd.pingidentity.resend/Otp+json',
                        'application/vnd.pingidentity.resendOtp+xml'])
        mustFail(await flow.act(null, '{}', { type }), 400, 'INVALID_REQUEST');
    await unchanged(flow, before);
});

test('authn A.3-2: the query names the action', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8',
                        'application/json;charset=UTF-8', 'APPLICATION/JSON']) {
        const { flow, code } = await waiting();
        mustBe(await flow.act('checkOtp', { otp: code },
                              { by: 'query', type }), 'OTP_VERIFIED');
    }
    const { flow, code } = await waiting();
    mustBe(await flow.act('checkOtp', { otp: code }, {
        query: '?action=checkOtp' }), 'OTP_VERIFIED');
});

test('authn A.3-2: two names that differ: INVALID_REQUEST', async () => {
    const { flow, code, before } = await waiting();
    mustFail(await flow.act('checkOtp', { otp: code },
                            { query: '?action=resendOtp' }), 400,
             'INVALID_REQUEST');
    mustFail(await flow.act(null, '{}', {
        type: 'application/json', query: '?action=re/send' }), 400,
             'INVALID_ACTION_ID');
    await unchanged(flow, before);
});

// --- A.4

test('authn A.4-1, authn F.4-26: X-XSRF-Header, of any value', async () => {
    const { flow } = await waiting();
    for (const value of ['PingFederate', 'test', '1', ' '])
        mustBe(await flow.get({ headers: { 'X-XSRF-Header': value } }),
               'OTP_REQUIRED');
});

test('authn A.4-2, authn G-1, H2: without it INVALID_REQUEST, untouched', async () => {
    const { flow, code, before } = await waiting();
    mustFail(await d.get(flow.path, { jar: flow.jar }), 400,
             'INVALID_REQUEST');
    mustFail(await d.request('POST', flow.path, {
        jar: flow.jar, headers: { 'Content-Type': ownType('checkOtp') },
        body: JSON.stringify({ otp: code }) }), 400, 'INVALID_REQUEST');
    mustFail(await d.request('POST', `${flow.path}?action=cancelAuthentication`,
                             { jar: flow.jar,
                               headers: { 'Content-Type': 'application/json' } }),
             400, 'INVALID_REQUEST');
    await unchanged(flow, before);
});

test('authn A.4-3: not needed at the authorization endpoint', async () => {
    const flow = await Flow.begin(d, { headers: {} });
    mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.4-4: Accept is not looked at', async () => {
    const { flow } = await waiting();
    for (const Accept of ['application/json', '*/*', 'text/html', ''])
        mustBe(await flow.get({ headers: { Accept } }), 'OTP_REQUIRED');
});

test('authn A.4-5, authn A.7-22: Content-Type', async () => {
    const { flow, code, before } = await waiting();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded',
                        'multipart/form-data; boundary=x', 'application/jsonp',
                        'application/vnd.other.checkOtp+json', 'json'])
        mustFail(await flow.act('checkOtp', { otp: code },
                                { type, query: '?action=checkOtp' }), 400,
                 'INVALID_REQUEST', 'INVALID_CONTENT_TYPE');
    await unchanged(flow, before);
});

test('authn A.4-6: the newest cookie counts', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    const before = flow.jar.copy();
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    assert.notEqual(flow.jar.cookies.PF, before.cookies.PF);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    mustFail(await flow.act('resendOtp', undefined, { jar: before }), 404,
             'RESOURCE_NOT_FOUND');
    const jar = new Jar({ other: 'a,b', PF: flow.jar.cookies.PF, z: '1' });
    mustBe(await flow.get({ jar }), 'OTP_REQUIRED');
});

test('authn A.4-7, authn A.5-6, authn A.6-11, authn A.9-5, authn A.12-8: cookieless', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d, { client: 'cookieless',
                                       challenge: false });
    const none = new Jar();
    let state = mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED')
        ._pf_authn_api_state;
    assert.equal(typeof state, 'string');
    assert.equal(flow.reply.headers['set-cookie'], undefined);
    const headers = () => ({ 'X-PF-Authn-API-State': state });
    const act = async (action, model) => {
        const reply = await flow.act(action, model,
                                     { jar: none, headers: headers() });
        assert.equal(reply.headers['set-cookie'], undefined);
        state = reply.json._pf_authn_api_state;
        assert.equal(typeof state, 'string', reply.text);
        return reply;
    };
    const first = state;
    mustFail(await act('checkUsernamePassword', {
        username: user.username, password: 'wrong-one' }), 400,
             'VALIDATION_ERROR', 'CREDENTIAL_VALIDATION_FAILED');
    mustBe(await act('checkUsernamePassword', {
        username: user.username, password: user.password }),
           'DEVICE_SELECTION_REQUIRED');
    mustBe(await act('selectDevice', { deviceRef: {
        id: flow.device('EMAIL').id } }), 'OTP_REQUIRED');
    const { code } = await d.message(user.email);
    // The flow's id alone, or the state of before, is not enough.
    mustFail(await flow.get({ jar: none }), 404, 'RESOURCE_NOT_FOUND');
    mustFail(await flow.act('checkOtp', { otp: code }, {
        jar: none, headers: { 'X-PF-Authn-API-State': first } }), 404,
             'RESOURCE_NOT_FOUND');
    mustBe(await act('checkOtp', { otp: code }), 'OTP_VERIFIED');
    const done = mustBe(await act('continueAuthentication'), 'COMPLETED');
    assert.ok(done.authorizeResponse.code);
});

test('authn A.4-8: Accept-Language chooses the language', async () => {
    const flow = await Flow.begin(d);
    const texts = {};
    for (const language of ['en', 'de', 'de-AT, en;q=0.5', 'fr, de;q=0.8',
                            'fr', 'en-GB;q=0.3, de;q=0.9', '*', 'xx;;q=,,']) {
        const { details } = mustFail(await flow.act('checkUsernamePassword', {},
            { headers: { 'Accept-Language': language } }), 400,
            'VALIDATION_ERROR', 'FIELD_REQUIRED');
        texts[language] = details[0].userMessage;
    }
    assert.notEqual(texts.en, texts.de);
    assert.equal(texts['de-AT, en;q=0.5'], texts.de);
    assert.equal(texts['fr, de;q=0.8'], texts.de);
    assert.equal(texts['en-GB;q=0.3, de;q=0.9'], texts.de);
    for (const other of ['fr', '*', 'xx;;q=,,'])
        assert.equal(texts[other], texts.en, other);
});

test('authn A.4-9: one JSON object; names of fields are case-sensitive', async () => {
    const { flow, code, before } = await waiting();
    for (const model of ['[]', '"text"', '1', 'true', `[{"otp":"${code}"}]`])
        mustFail(await flow.act('checkOtp', model), 400, 'INVALID_REQUEST');
    mustFail(await flow.act('checkOtp', `{"otp":"${code}"}{"otp":"${code}"}`),
             400, 'INVALID_REQUEST');
    mustFail(await flow.act('checkOtp', { OTP: code }), 400,
             'VALIDATION_ERROR', 'FIELD_REQUIRED');
    mustFail(await flow.act('checkOtp', `{"otp":"1","otp":"${code}"}`), 400,
             'INVALID_REQUEST');
    await unchanged(flow, before);
});

test('authn A.4-10: a body without a model is empty, {} or null', async () => {
    for (const model of [undefined, '{}', 'null', ' {} ']) {
        const { user, flow } = await waiting();
        mustBe(await flow.act('resendOtp', model), 'OTP_REQUIRED');
        await d.message(user.email);
    }
    const { flow } = await waiting();
    const reply = await flow.act('cancelAuthentication', undefined,
                                 { headers: { 'Content-Length': 0 } });
    mustBe(reply, 'FAILED');
});

test('authn A.4-11, authn A.6-8, authn A.7-11: FIELD_REQUIRED with target', async () => {
    const flow = await Flow.begin(d);
    for (const model of [undefined, '{}', 'null']) {
        const { details } = mustFail(
            await flow.act('checkUsernamePassword', model), 400,
            'VALIDATION_ERROR');
        assert.deepEqual(details.map((one) => [one.code, one.target]),
                         [['FIELD_REQUIRED', 'username'],
                          ['FIELD_REQUIRED', 'password']]);
    }
    const { details } = mustFail(await flow.act('checkUsernamePassword', {
        username: 'x', password: null }), 400, 'VALIDATION_ERROR');
    assert.equal(details.length, 1);
    assert.equal(details[0].target, 'password');
});

test('authn A.4-12, authn A.7-13: INVALID_FIELD_FORMAT', async () => {
    const { flow, before } = await waiting();
    for (const model of [{ otp: ['1'] }, { otp: {} }, { otp: true },
                         { otp: '1'.repeat(5000) }]) {
        const { details } = mustFail(await flow.act('checkOtp', model), 400,
                                     'VALIDATION_ERROR',
                                     'INVALID_FIELD_FORMAT');
        assert.equal(details[0].target, 'otp');
    }
    for (const model of [{ deviceRef: 'x' }, { deviceRef: [] },
                         { deviceRef: { id: 1 } }])
        mustFail(await flow.act('selectDevice', model), 400,
                 'VALIDATION_ERROR', 'INVALID_FIELD_FORMAT');
    await unchanged(flow, before);
});

test('authn A.4-13, authn A.7-14, authn G-16: unknown fields are left alone', async () => {
    const { flow, code } = await waiting();
    mustBe(await flow.act('checkOtp', { otp: code, extra: { a: 1 } }),
           'OTP_VERIFIED');
});

test('authn A.4-14, authn A.7-12: UNEXPECTED_ACTION_MODEL', async () => {
    const { flow, before } = await waiting();
    for (const action of ['resendOtp', 'cancelAuthentication'])
        mustFail(await flow.act(action, { a: 1 }), 400, 'VALIDATION_ERROR',
                 'UNEXPECTED_ACTION_MODEL');
    await unchanged(flow, before);
});

test('authn A.4-15, authn A.7-2: what is no JSON', async () => {
    const { flow, before } = await waiting();
    for (const model of ['{', '{"otp"}', 'otp=1', '\u0000',
                         '{"otp":"\\ud800"}', '{"otp":"\\u0000"}',
                         '{"otp": "1",}', '[[[[', '{}}', '['.repeat(20000)])
        mustFail(await flow.act('checkOtp', model), 400, 'INVALID_REQUEST');
    mustFail(await d.request('POST', flow.path, {
        jar: flow.jar, headers: { 'X-XSRF-Header': 'x',
                                  'Content-Type': ownType('checkOtp') },
        body: Buffer.from('{"otp":"\xff\xfe"}', 'latin1') }), 400,
             'INVALID_REQUEST');
    await unchanged(flow, before);
});

test('authn A.4-16, H1: a body of 64 KiB, and one byte more', async () => {
    const { flow, before } = await waiting();
    const model = (size) => {
        const head = '{"otp":"000000","x":"';
        return `${head}${'a'.repeat(size - head.length - 2)}"}`;
    };
    mustFail(await flow.act('checkOtp', model(65536)), 400,
             'VALIDATION_ERROR', 'INVALID_OTP');
    const reply = await flow.act('checkOtp', model(65537));
    assert.equal(reply.status, 413, reply.text);
    mustFail(reply, 413, 'INVALID_REQUEST');
    const chunked = await flow.act('checkOtp', model(65537), {
        headers: { 'Transfer-Encoding': 'chunked' } });
    assert.equal(chunked.status, 413);
    await unchanged(flow, before);
});

// --- A.5

test('authn A.5-1, S2: id, in every state, of 22 base62 characters', async () => {
    const ids = new Set();
    for (let i = 0; i < 20; i++) {
        const flow = await Flow.begin(d);
        assert.match(flow.id, /^[a-zA-Z0-9]{22}$/);
        ids.add(flow.id);
    }
    assert.equal(ids.size, 20);
    const user = await d.user();
    const flow = await Flow.begin(d);
    const { id } = flow;
    const { code } = await flow.challenge(user);
    assert.equal(flow.state.id, id);
    await flow.check(code);
    assert.equal(flow.state.id, id);
    await flow.act('continueAuthentication');
    assert.equal(flow.state.id, id);
});

test('authn A.5-2: pluginTypeId, constant for a plugin', async () => {
    const { flow } = await waiting();
    assert.equal(flow.state.pluginTypeId, '7r5wldvoQS8iEJEpdMYqmA');
    const other = await Flow.begin(d);
    assert.equal(other.state.pluginTypeId, '7RmQNDWaOnBoudTufx2sEw');
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    assert.equal('pluginTypeId' in flow.state, false);
});

test('authn A.5-3, authn A.6-1, authn F.4-1: status says what is a state', async () => {
    const { flow, code } = await waiting();
    assert.equal(flow.state.status, 'OTP_REQUIRED');
    const error = mustFail(await flow.check('x'), 400, 'VALIDATION_ERROR');
    assert.equal('status' in error, false);
    assert.equal('id' in error, false);
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('authn A.5-4: the model stands at the top', async () => {
    const { flow } = await waiting();
    assert.deepEqual(Object.keys(flow.state).sort(),
                     ['_links', 'devices', 'id', 'otpLength', 'pluginTypeId',
                      'selectedDeviceRef', 'status', 'user', 'userData']);
});

test('authn A.5-5: _links: self and the permitted actions', async () => {
    const { flow } = await waiting();
    assert.deepEqual(Object.keys(flow.state._links).sort(),
                     ['cancelAuthentication', 'checkOtp', 'resendOtp',
                      'selectDevice', 'self']);
    for (const [name, link] of Object.entries(flow.state._links))
        assert.deepEqual(link, { href: `${d.base}${flow.path}` }, name);
});

test('authn A.5-7, authn A.12-3, authn G-9: no request context', async () => {
    const flow = await Flow.begin(d);
    for (const name of Object.keys(flow.state))
        assert.doesNotMatch(name, /context|client|parameters/i);
    assert.doesNotMatch(flow.reply.text, /spa/);
});

// --- A.6, A.7

test('authn A.6-2,3,4,5,6,7: the members of an error', async () => {
    const { flow } = await waiting();
    const error = mustFail(await flow.check('999'), 400, 'VALIDATION_ERROR',
                           'INVALID_OTP');
    assert.deepEqual(Object.keys(error).sort(),
                     ['code', 'details', 'message', 'userMessage']);
    assert.deepEqual(Object.keys(error.details[0]).sort(),
                     ['attemptsRemaining', 'code', 'message', 'userMessage']);
    assert.equal(error.details[0].message,
                 'An invalid or expired OTP was provided.');
    assert.doesNotMatch(flow.reply.text, /userMessageKey|authn\.api\./);
});

test('authn A.6-9, authn F.4-20: attemptsRemaining', async () => {
    const { flow } = await waiting();
    for (const left of [2, 1]) {
        const { details } = mustFail(await flow.check('999999x'), 400,
                                     'VALIDATION_ERROR', 'INVALID_OTP');
        assert.equal(details[0].attemptsRemaining, left);
    }
});

test('authn A.7-1: RESOURCE_NOT_FOUND', async () => {
    const { flow } = await waiting();
    const jar = flow.jar;
    for (const id of ['zzzzz', 'A'.repeat(22), 'a%2Fb', '%20',
                      flow.id.toLowerCase(), `${flow.id}x`, 'x'.repeat(500)]) {
        mustFail(await d.get(apiPath + id, { jar,
            headers: { 'X-XSRF-Header': 'x' } }), 404, 'RESOURCE_NOT_FOUND');
        mustFail(await d.request('POST', apiPath + id, { jar, headers: {
            'X-XSRF-Header': 'x', 'Content-Type': ownType('checkOtp') },
            body: '{}' }), 404, 'RESOURCE_NOT_FOUND');
    }
    const bare = await d.get(apiPath, { headers: { 'X-XSRF-Header': 'x' } });
    assert.equal(bare.status, 404);
    assert.notEqual(bare.json, undefined);
});

test('authn A.7-3: INVALID_ACTION_ID', async () => {
    const flow = await Flow.begin(d);
    mustFail(await flow.act('checkOtp', { otp: '1' }), 400,
             'INVALID_ACTION_ID', 'INVALID_ACTION_ID');
    mustFail(await flow.act('nosuch'), 400, 'INVALID_ACTION_ID');
});

test('authn A.7-4,5: VALIDATION_ERROR and REQUEST_FAILED are 400', async () => {
    const strict = await startDaemon({ adapters: { otp: { max_resends: 0 } } });
    const user = await strict.user();
    const flow = await Flow.begin(strict);
    await flow.challenge(user);
    mustFail(await flow.check('1'), 400, 'VALIDATION_ERROR');
    mustFail(await flow.act('resendOtp'), 400, 'REQUEST_FAILED',
             'OTP_RESEND_LIMIT');
});

test('authn A.7-9: CREDENTIAL_VALIDATION_FAILED', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustFail(await flow.act('checkUsernamePassword', {
        username: user.username, password: 'nope' }), 400, 'VALIDATION_ERROR',
             'CREDENTIAL_VALIDATION_FAILED');
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.7-16,17: INVALID_OTP and INVALID_DEVICE', async () => {
    const { flow } = await waiting();
    mustFail(await flow.check('0'), 400, 'VALIDATION_ERROR', 'INVALID_OTP');
    const { details } = mustFail(await flow.act('selectDevice', {
        deviceRef: { id: flow.id } }), 400, 'VALIDATION_ERROR',
                                 'INVALID_DEVICE');
    assert.equal(details[0].message, 'An invalid device was provided.');
});

// --- A.8

const cors = (reply) => ({
    origin: reply.headers['access-control-allow-origin'],
    credentials: reply.headers['access-control-allow-credentials'] });

test('authn A.8-1,2,7: a registered origin is echoed, never *', async () => {
    const { flow } = await waiting();
    for (const Origin of [otherOrigin, d.base]) {
        const reply = await flow.get({ headers: { Origin } });
        mustBe(reply, 'OTP_REQUIRED');
        assert.deepEqual(cors(reply), { origin: Origin, credentials: 'true' });
        assert.match(reply.headers.vary, /Origin/);
        const error = await flow.check('1', { headers: { Origin } });
        assert.equal(error.status, 400);
    }
    const error = await flow.act('nosuch', undefined,
                                 { headers: { Origin: otherOrigin } });
    assert.deepEqual(cors(error), { origin: otherOrigin, credentials: 'true' });
    const without = await flow.get();
    assert.deepEqual(cors(without), { origin: undefined,
                                      credentials: undefined });
    assert.match(without.headers.vary, /Origin/);
});

test('authn A.8-1: errors before the flow is known carry the headers too', async () => {
    for (const headers of [{}, { 'X-XSRF-Header': 'x' }]) {
        const reply = await d.get(`${apiPath}zzzzz`, {
            headers: { Origin: otherOrigin, ...headers } });
        assert.deepEqual(cors(reply), { origin: otherOrigin,
                                        credentials: 'true' });
    }
});

test('authn A.8-1: a wildcard port wants a port', async () => {
    const wild = await startDaemon((port) => ({ clients: { spa: {
        origins: [`http://127.0.0.1:${port}`, 'https://app.acme.test:*'] } } }));
    const flow = await Flow.begin(wild);
    for (const [origin, allowed] of [
        ['https://app.acme.test:8443', true], ['https://app.acme.test', false],
        ['https://app.acme.test:', false], ['https://app.acme.test:1x', false],
        ['https://app.acme.test.evil.test:1', false],
        ['http://app.acme.test:8443', false]]) {
        const reply = await flow.get({ headers: { Origin: origin } });
        assert.equal(cors(reply).origin, allowed ? origin : undefined, origin);
    }
});

test('authn A.8-3, H2: preflights', async () => {
    const { flow } = await waiting();
    const asked = 'content-type,x-xsrf-header,x-pf-authn-api-state,prefer';
    for (const [path, method] of [[flow.path, 'POST'], [flow.path, 'GET'],
                                  [`${flow.path}?action=checkOtp`, 'POST'],
                                  ['/as/authorization.oauth2', 'GET']]) {
        const reply = await d.request('OPTIONS', path, { headers: {
            Origin: otherOrigin, 'Access-Control-Request-Method': method,
            'Access-Control-Request-Headers': asked } });
        assert.equal(reply.status, 204, path);
        assert.deepEqual(cors(reply), { origin: otherOrigin,
                                        credentials: 'true' });
        assert.match(reply.headers.vary, /Origin/);
        const allowed = reply.headers['access-control-allow-headers']
            .toLowerCase().split(/, */);
        for (const name of asked.split(','))
            assert.ok(allowed.includes(name), name);
        const methods = reply.headers['access-control-allow-methods']
            .split(/, */).sort();
        assert.deepEqual(methods, ['GET', 'OPTIONS', 'POST']);
        assert.ok(Number(reply.headers['access-control-max-age']) > 0);
    }
});

test('authn A.8-4: Origin does not make a request cross-origin', async () => {
    const { flow, code } = await waiting();
    mustBe(await flow.act('checkOtp', { otp: code },
                          { headers: { Origin: d.base } }), 'OTP_VERIFIED');
});

test('authn A.8-5, authn A.9-3, S3: the cookie of another port is Lax; of another site None and Secure', async () => {
    const lax = await Flow.begin(d);
    assert.deepEqual(lax.jar.attributes.PF.slice().sort(),
                     ['HttpOnly', 'Path=/', 'SameSite=Lax']);
    const secure = await startDaemon({
        server: { base_url: 'https://sso.acme.test' },
        clients: { spa: { origins: ['https://app.acme.test'] },
                   native: { origins: ['https://app.other.test'] } } });
    const near = await Flow.begin(secure);
    assert.deepEqual(near.jar.attributes.PF.slice().sort(),
                     ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
    const far = await Flow.begin(secure, { client: 'native' });
    assert.deepEqual(far.jar.attributes.PF.slice().sort(),
                     ['HttpOnly', 'Path=/', 'SameSite=None', 'Secure']);
});

test('authn A.8-6: no exposed headers', async () => {
    const { flow } = await waiting();
    const reply = await flow.get({ headers: { Origin: otherOrigin } });
    assert.equal(reply.headers['access-control-expose-headers'], undefined);
});

test('authn A.8-8: pi.flow at the authorization endpoint has them too', async () => {
    const flow = await Flow.begin(d, { headers: { Origin: otherOrigin } });
    mustBe(flow.reply, 'USERNAME_PASSWORD_REQUIRED');
    assert.deepEqual(cors(flow.reply), { origin: otherOrigin,
                                         credentials: 'true' });
    const refused = await Flow.begin(d, { headers: { Origin: otherOrigin },
                                          params: { scope: '"' } });
    mustRefuse(refused.reply, 400, 'invalid_scope');
    assert.equal(cors(refused.reply).origin, otherOrigin);
});

test('authn A.8-9: another origin gets no CORS headers', async () => {
    const { flow, code, before } = await waiting();
    for (const Origin of [otherSite, 'null', 'https://evil.test', '',
                          `${d.base}.evil.test`, otherOrigin.toUpperCase()]) {
        const reply = await flow.get({ headers: { Origin } });
        assert.deepEqual(cors(reply), { origin: undefined,
                                        credentials: undefined }, Origin);
        const preflight = await d.request('OPTIONS', flow.path, { headers: {
            Origin, 'Access-Control-Request-Method': 'POST' } });
        assert.equal(cors(preflight).origin, undefined);
        assert.equal(preflight.headers['access-control-allow-headers'],
                     undefined);
    }
    const posted = await flow.act('checkOtp', { otp: code },
                                  { headers: { Origin: 'https://evil.test' } });
    assert.equal(posted.status, 403, posted.text);
    assert.equal(cors(posted).origin, undefined);
    mustFail(posted, 403, posted.json.code);
    await unchanged(flow, before);
});

// --- A.9

test('authn A.9-1: the session cookie PF, with the first answer', async () => {
    const flow = await Flow.begin(d);
    assert.equal(flow.jar.history.length, 1);
    assert.match(flow.jar.cookies.PF, /^\S{20,}$/);
    await flow.get();
    assert.equal(flow.jar.history.length, 1, 'a GET sets none');
    // A second flow is of the same session.
    const second = await Flow.begin(d, { jar: flow.jar });
    mustBe(await second.get(), 'USERNAME_PASSWORD_REQUIRED');
    mustBe(await flow.get(), 'USERNAME_PASSWORD_REQUIRED');
});

test('authn A.9-2: no other cookie', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    await flow.signOn(user);
    assert.deepEqual(Object.keys(flow.jar.cookies), ['PF']);
});

test('authn A.9-4: another session neither sees nor moves a flow', async () => {
    const { flow, code, before } = await waiting();
    const stranger = await Flow.begin(d);
    for (const jar of [stranger.jar, new Jar(), new Jar({ PF: 'x' }),
                       new Jar({ PF: `${flow.jar.cookies.PF}x` }),
                       new Jar({ pf: flow.jar.cookies.PF })]) {
        mustFail(await flow.get({ jar }), 404, 'RESOURCE_NOT_FOUND');
        mustFail(await flow.act('checkOtp', { otp: code }, { jar }), 404,
                 'RESOURCE_NOT_FOUND');
        mustFail(await flow.act('cancelAuthentication', undefined, { jar }),
                 404, 'RESOURCE_NOT_FOUND');
    }
    await unchanged(flow, before);
});

test('authn A.9-9: no answer is for a cache', async () => {
    const { flow } = await waiting(); // mustBe and mustFail look at each
    const reply = await flow.get();
    assert.equal(reply.headers['cache-control'], 'no-store');
    assert.equal(reply.headers.pragma, 'no-cache');
    assert.equal(reply.headers.etag, undefined);
});

// --- What the widget lives with (F.4) and that stands nowhere else.

test('authn F.4-2: JSON on every path, also those that are not there', async () => {
    const { flow } = await waiting();
    for (const [method, path] of [
        ['GET', '/nosuch'], ['POST', '/nosuch'], ['GET', '/pf-ws/'],
        ['GET', '/pf-ws/authn/flows'], ['GET', `${flow.path}/x`],
        ['PUT', flow.path], ['GET', '/as/nosuch'],
        ['GET', `${apiPath}%zz`], ['GET', `${apiPath}%00`]]) {
        const reply = await d.request(method, path);
        assert.ok(reply.status >= 400, path);
        assert.notEqual(reply.json, undefined, `${path}: ${reply.text}`);
        assert.equal('status' in reply.json, false, path);
    }
});

test('authn F.4-6: a state is not read once', async () => {
    const { flow, before } = await waiting();
    for (let i = 0; i < 5; i++)
        await unchanged(flow, before);
});

test('authn F.4-8: OTP_REQUIRED keeps the whole list of devices', async () => {
    const { user, flow } = await waiting();
    assert.equal(flow.state.devices.length, 2);
    mustBe(await flow.select('SMS'), 'OTP_REQUIRED');
    await d.message(user.phone);
    assert.equal(flow.state.devices.length, 2);
    assert.equal(flow.state.selectedDeviceRef.id, flow.device('SMS').id);
});

test('authn F.4-10,11: otpLength of 6 or more; usable always', async () => {
    const { flow } = await waiting();
    assert.equal(flow.state.otpLength, 6);
    for (const device of flow.state.devices)
        assert.equal(device.usable, true);
});

test('authn F.4-12: resendOtp by raw HTTP', async () => {
    const { user, flow, code } = await waiting();
    const body = '';
    const reply = await raw(d.port,
        `POST ${flow.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
        `Cookie: ${flow.jar.header}\r\nX-XSRF-Header: PingFederate\r\n` +
        `Content-Type: ${ownType('resendOtp')}\r\n` +
        `Content-Length: 0\r\nConnection: close\r\n\r\n${body}`);
    assert.equal(reply.status, 200, reply.text);
    assert.equal((await d.message(user.email)).code, code);
});

test('authn F.4-15: manageDevices is not supported', async () => {
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.password(user), 'DEVICE_SELECTION_REQUIRED');
    mustFail(await flow.act('manageDevices'), 400, 'INVALID_ACTION_ID');
});

test('authn F.4-16,17,18: an error has details, and each a userMessage', async () => {
    const { flow } = await waiting();
    for (const [action, model] of [
        ['checkOtp', {}], ['checkOtp', { otp: 'x' }], ['selectDevice', {}],
        ['selectDevice', { deviceRef: {} }],
        ['selectDevice', { deviceRef: { id: 'x' } }], ['resendOtp', { a: 1 }],
        ['poll', undefined], ['checkOtp', '{']]) {
        const reply = await flow.act(action, model);
        mustFail(reply, 400, reply.json.code);
    }
});

test('authn F.4-19, S2: an ended flow stays readable, so no loop of GETs', async () => {
    const { flow } = await waiting();
    mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    await sleep(50);
    mustBe(await flow.get(), 'FAILED');
});

test('authn F.4-21,22: MFA_FAILED and FAILED have a userMessage', async () => {
    const { flow } = await waiting();
    for (let i = 0; i < 3; i++)
        await flow.check('0');
    assert.ok(mustBe(flow.reply, 'MFA_FAILED').userMessage.length > 10);
    const failed = mustBe(await flow.act('cancelAuthentication'), 'FAILED');
    assert.equal(failed.code, 'AUTHENTICATION_FAILED');
    assert.ok(failed.userMessage.length > 10);
});

test('authn F.4-27: every state has its links', async () => {
    const { flow } = await waiting();
    assert.ok(flow.state._links.self);
});

await run();
