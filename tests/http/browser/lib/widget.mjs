// SPDX-License-Identifier: MIT
// tests/http/browser/lib/widget.mjs - the vendor's JavaScript widget on a page
// of an application, and people who use it.
//
//     const shop = await applicationServer();
//     const daemon = await startDaemon({ clients: {
//         widget: widgetClient(shop) } });
//     const { tab, verifier } = await beginHere(visitor,
//                                               placeOf(daemon, shop));
import assert from 'node:assert/strict';

import { until } from '../../lib/daemon.mjs';
import { pkce, token } from '../../lib/flow.mjs';
import { patience } from './chrome.mjs';

export const origin = (server, host = '127.0.0.1') =>
    `http://${host}:${server.port}`;

export const widgetClient = (server, over) => ({
    type: 'public', name: 'Shop', pi_flow: true, policies: ['otp'],
    redirect_uris: [`${origin(server)}/cb`], origins: [origin(server)],
    id_token_alg: 'ES256', ...over });

// Where the page stands, and the daemon that it asks.
export const placeOf = (daemon, server) => ({
    daemon, app: `${origin(server)}/app`, callback: `${origin(server)}/cb` });

// --- What is asked for, and what comes back.

// The verifier, and the parameters of a request.
function challenge()
{
    const { verifier, challenge: code_challenge } = pkce();
    return { verifier, code_challenge, code_challenge_method: 'S256' };
}

// The claims of the ID token, over: code, and redirect_uri if there was one.
export async function claimsOf(place, verifier, over)
{
    const { status, json } = await token(place.daemon, {
        grant_type: 'authorization_code', client_id: 'widget',
        code_verifier: verifier, ...over });
    assert.equal(status, 200, JSON.stringify(json));
    const claims = JSON.parse(Buffer.from(json.id_token.split('.')[1],
                                          'base64url'));
    assert.equal(claims.nonce, 'n0nce');
    const info = await place.daemon.get('/idp/userinfo.openid', {
        headers: { Authorization: `Bearer ${json.access_token}` } });
    assert.equal(info.json.sub, claims.sub);
    return claims;
}

// Begun without redirects, on the page itself.
export async function beginHere(visitor, place, {
    client = 'widget', widget = {}, app = place.app, prepare, ...more } = {})
{
    const { verifier, ...proof } = challenge();
    const tab = await visitor.tab(prepare ? null : app, { wanted: {
        base: place.daemon.base, ...widget,
        redirectless: { client_id: client, response_type: 'code',
                        scope: 'openid', state: 'n7', nonce: 'n0nce',
                        ...proof, ...more } } });
    if (prepare) {
        await prepare(tab);
        await tab.open(app);
    }
    return { tab, verifier };
}

export async function beginByRedirect(visitor, place, widget = {})
{
    const { verifier, ...proof } = challenge();
    const tab = await visitor.tab(null, { wanted: {
        base: place.daemon.base, ...widget } });
    const query = new URLSearchParams({
        client_id: 'widget', response_type: 'code', scope: 'openid',
        state: 'n7', nonce: 'n0nce', redirect_uri: place.callback, ...proof });
    await tab.open(`${place.daemon.base}/as/authorization.oauth2?${query}`);
    await tab.at('the page with the flow', (url) =>
        `${url.origin}${url.pathname}` === place.app &&
        /^[a-zA-Z0-9]{22}$/.test(url.searchParams.get('flowId')));
    return { tab, verifier };
}

// --- The widget's pages.

export async function password(tab, user, over = {})
{
    const { page } = tab;
    await page.waitForSelector('#password', { visible: true });
    await page.$eval('#username', (node) => { node.value = ''; });
    await page.type('#username', over.username ?? user.username);
    await page.type('#password', over.password ?? user.password);
    await submit(tab);
}

export async function submit({ page })
{
    await page.waitForSelector('#submit:not([disabled])');
    await page.click('#submit');
}

// Its id begins with the device's type.
export async function tile(tab, type, options)
{
    const node = await tab.page.waitForSelector(
        `.tile-button[id^="${type}-"]`, { visible: true });
    await node.click(options);
}

// A click on a tile is two requests, and the second answer draws the page
// anew: whoever types between them, as no human can, loses what is typed.
export async function drawn(tab)
{
    const told = () => tab.logs.filter((text) =>
        /^dispatching actionId: (?!null|undefined)/.test(text)).length;
    await until('the answers to be drawn', () => told() === tab.requests
        .filter((request) => request.method() === 'POST').length, patience);
}

export async function code(tab, text)
{
    await tab.page.waitForSelector('#otp', { visible: true });
    await drawn(tab);
    await tab.page.type('#otp', text);
    await submit(tab);
}

// A link or a button of the page.
export function press(tab, action)
{
    return tab.page.locator(`[data-actionid="${action}"]`).click();
}

export const cancel = (tab) => press(tab, 'cancelAuthentication');

export async function error(tab)
{
    const node = await tab.page.waitForSelector('.feedback--error',
                                                { visible: true });
    return node.evaluate((found) => found.innerText.trim());
}

// onAuthorizationSuccess or onAuthorizationFailed.
export function outcome(tab)
{
    return until('the end of the flow', () => tab.page.evaluate(() =>
        (window.result || window.failed) && { result: window.result,
                                              failed: window.failed }),
                 patience);
}

// The page of a state that is left by cancelling, or not at all.
export async function mustHaveFailed(tab)
{
    const { failed } = await outcome(tab);
    assert.equal(failed.status, 'FAILED');
    assert.equal(failed.code, 'AUTHENTICATION_FAILED');
    return failed;
}
