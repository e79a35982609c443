// SPDX-License-Identifier: MIT
// slow
// The vendor's JavaScript widget (npm, 1.11.0) in Chromium: its page on an
// origin of its own, on another site, and on the daemon's behind a proxy.
// It differs from the 2.2.0 of authn F: the passcode has 6 digits at most (no
// otpLength), errors do not tell the tries left, flow ids are not checked, and
// a request that CORS stops shows "Failed to fetch".
import assert from 'node:assert/strict';

import { sleep, startDaemon, until } from '../lib/daemon.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { wrongOf } from './lib/demo.mjs';
import { applicationServer } from './lib/servers.mjs';
import { beginByRedirect, beginHere, cancel, claimsOf, code, error,
         mustHaveFailed, origin, outcome, password, placeOf, tile,
         widgetClient } from './lib/widget.mjs';

// --- Three places of the page.

const elsewhere = await applicationServer(); // another origin of the same host
const proxied = await applicationServer();   // the same origin, by a proxy

const shared = {
    server: { sign_on_page: `${origin(elsewhere)}/app` },
    clients: {
        widget: widgetClient(elsewhere),
        cookieless: widgetClient(elsewhere, {
            cookieless: true,
            origins: [origin(elsewhere), origin(elsewhere, 'localhost')] }),
        stranger: widgetClient(elsewhere, {
            origins: ['https://login.acme.test'] }),
    },
};

const cross = await startDaemon(shared);
const same = await startDaemon({
    server: { base_url: origin(proxied), sign_on_page: '/app' },
    clients: { widget: widgetClient(proxied) },
});
proxied.behind = same.port;

const places = { cross: placeOf(cross, elsewhere),
                 same: placeOf(same, proxied) };

async function mustSignOn(place, verifier, over)
{
    const { amr } = await claimsOf(place, verifier, over);
    assert.deepEqual(amr.sort(), ['email', 'mfa', 'otp', 'pwd']);
}

async function toPasscode({ tab }, place, user)
{
    await password(tab, user);
    await tile(tab, 'EMAIL');
    return (await place.daemon.message(user.email)).code;
}

// --- The tests. The widget writes its states on the console as plain logs;
// errors there fail a test.

for (const [name, place] of Object.entries(places)) {
    const where = name === 'cross' ? 'another origin' : 'the same origin';

    test(`authn A.8-2..5, F.4-23: redirectless, from ${where}`, async () => {
        const user = await place.daemon.user();
        await visit({}, async (visitor) => {
            const begun = await beginHere(visitor, place);
            const { tab } = begun;
            await code(tab, await toPasscode(begun, place, user));
            const { result } = await outcome(tab);
            assert.equal(result.state, 'n7');
            await tab.see('Authentication Success!');
            await mustSignOn(place, begun.verifier,
                             { code: result.code });
        });
    });

    test(`authn A.10-1, F.4-24, E.9: by redirect, from ${where}`, async () => {
        const user = await place.daemon.user();
        await visit({}, async (visitor) => {
            const begun = await beginByRedirect(visitor, place);
            const { tab } = begun;
            await code(tab, await toPasscode(begun, place, user));
            const url = await tab.at('the callback', ({ href }) =>
                href.startsWith(place.callback));
            await tab.see('Back at the application');
            assert.equal(url.searchParams.get('state'), 'n7');
            assert.equal(url.searchParams.get('iss'), place.daemon.base);
            await mustSignOn(place, begun.verifier, {
                code: url.searchParams.get('code'),
                redirect_uri: place.callback });
        });
    });

    test(`authn A.3-2: actions in the query, from ${where}`, async () => {
        const user = await place.daemon.user();
        await visit({}, async (visitor) => {
            const begun = await beginHere(visitor, place,
                                          { widget: { useActionParam: true } });
            const { tab } = begun;
            const right = await toPasscode(begun, place, user);
            await code(tab, wrongOf(right));
            await error(tab);
            await code(tab, right);
            const { result } = await outcome(tab);
            await mustSignOn(place, begun.verifier,
                             { code: result.code });
            for (const request of tab.requests)
                if (request.method() === 'POST')
                    assert.equal(request.headers()['content-type'],
                                 'application/json');
            tab.refused('POST checkOtp 400');
        });
    });

    test(`authn A.3-2: actions in the query, redirect, ${where}`, async () => {
        const user = await place.daemon.user();
        await visit({}, async (visitor) => {
            const begun = await beginByRedirect(visitor, place,
                                                { useActionParam: true });
            await code(begun.tab, await toPasscode(begun, place, user));
            await begun.tab.see('Back at the application');
        });
    });
}

const place = places.cross;

test('authn A.9-5: cookieless, from another site, where cookies cannot go',
     async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place, {
            client: 'cookieless', cookieless: true,
            app: `${origin(elsewhere, 'localhost')}/app` });
        const right = await toPasscode(begun, place, user);
        await code(begun.tab, wrongOf(right));
        await error(begun.tab);
        await code(begun.tab, right);
        const { result } = await outcome(begun.tab);
        await mustSignOn(place, begun.verifier, {
            client_id: 'cookieless', code: result.code });
        assert.deepEqual(await visitor.cookies(), []);
        begun.tab.refused('POST checkOtp 400');
    });
});

test('authn A.8-9: an origin that the client has not registered', async () => {
    await visit({}, async (visitor) => {
        const { tab } = await beginHere(visitor, place, { client: 'stranger' });
        await tab.see('Failed to fetch');
        // What Chromium says of a missing CORS header, and nothing else.
        const [first, second, ...more] = tab.troubles.splice(0);
        assert.match(first, /^error: Access to fetch .*blocked by CORS policy/);
        assert.match(second, /ERR_FAILED/);
        assert.deepEqual(more, []);
        assert.deepEqual(await visitor.cookies(), []);
    });
});

test('authn F.4-16, F.4-17: a wrong password is told, and can be mended',
     async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place);
        const { tab } = begun;
        await password(tab, user, { password: 'not this' });
        assert.notEqual(await error(tab), '');
        assert.doesNotMatch(await tab.text(), /undefined|\[object/);
        await code(tab, await toPasscode(begun, place, user));
        assert.ok((await outcome(tab)).result);
        tab.refused('POST checkUsernamePassword 400');
    });
});

test('authn F.4-2, F.4-17: a wrong passcode is told, then the right one',
     async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place);
        const { tab } = begun;
        const right = await toPasscode(begun, place, user);
        await code(tab, wrongOf(right));
        assert.notEqual(await error(tab), '');
        assert.doesNotMatch(await tab.text(), /undefined|\[object/);
        await code(tab, right);
        assert.ok((await outcome(tab)).result);
        tab.refused('POST checkOtp 400');
    });
});

test('authn G-5, F.4-22: cancel, redirectless', async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place);
        await toPasscode(begun, place, user);
        await cancel(begun.tab);
        const failed = await mustHaveFailed(begun.tab);
        assert.ok(failed.userMessage);
        await begun.tab.see(failed.userMessage);
    });
});

test('S8: cancel, by redirect: access_denied', async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginByRedirect(visitor, place);
        await toPasscode(begun, place, user);
        await cancel(begun.tab);
        const { searchParams: told } = await begun.tab.at(
            'the callback', ({ href }) => href.startsWith(place.callback));
        assert.equal(told.get('error'), 'access_denied');
        assert.equal(told.get('state'), 'n7');
        assert.equal(told.get('iss'), cross.base);
        assert.equal(told.get('code'), null);
        await begun.tab.see('Back at the application');
    });
});

test('authn G-3, F.4-21: the last wrong passcode, then cancel', async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place);
        const { tab } = begun;
        const wrong = wrongOf(await toPasscode(begun, place, user));
        for (const told of [true, true, false]) {
            await code(tab, wrong);
            if (told)
                await error(tab);
            await until('the answer', () => tab.page.evaluate(() =>
                !document.querySelector('#otp')?.value), patience);
        }
        await until('the page of the failure', async () =>
            !(await tab.page.$('#otp')), patience);
        const text = await tab.text();
        assert.doesNotMatch(text, /undefined|\[object/);
        assert.ok(text.replace('Cancel', '').trim().length > 10, text);
        await cancel(tab);
        await mustHaveFailed(tab);
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');
    });
});

for (const count of [1, 2])
    test(`authn A.9-8, F.4-7; S5: ${count === 1 ? 'one' : 'a double'} click` +
         ' on a tile is two requests or more, and one message', async () => {
        const user = await cross.user();
        await visit({}, async (visitor) => {
            const begun = await beginHere(visitor, place);
            const { tab } = begun;
            await password(tab, user);
            await tile(tab, 'EMAIL', { count });
            const { code: right } = await cross.message(user.email);
            await tab.page.waitForSelector('#otp', { visible: true });
            await sleep(300);
            assert.ok(tab.posts('selectDevice').length >= 2);
            await cross.settled();
            assert.equal(cross.messages()
                             .filter(({ to }) => to === user.email).length, 1);
            await code(tab, right);
            assert.ok((await outcome(tab)).result);
        });
    });

test('authn F.4-8: another device, from the passcode page', async () => {
    const user = await cross.user();
    await visit({}, async (visitor) => {
        const begun = await beginHere(visitor, place);
        const { tab } = begun;
        await toPasscode(begun, place, user);
        await tab.page.locator('#changeDevice').click();
        await tile(tab, 'SMS');
        await code(tab, (await cross.message(user.phone)).code);
        assert.ok((await outcome(tab)).result);
    });
});

test('authn A.9-7, F.4-19; S2: a flow that ended elsewhere, a minute ago',
     async () => {
    const own = await startDaemon(shared);
    const user = await own.user();
    await visit({}, async (visitor) => {
        const begun = await beginByRedirect(visitor, { ...place, daemon: own });
        const { tab } = begun;
        await password(tab, user);
        await tab.page.waitForSelector('.tile-button', { visible: true });
        const other = await visitor.tab(tab.url.href, {
            wanted: { base: own.base } });
        await cancel(other);
        await other.see('Back at the application');
        own.advance(61000);
        await tab.front();
        await tile(tab, 'SMS');
        await until('the answers', () => tab.replies.length === 2, patience);
        tab.refused('POST selectDevice 404', 'POST selectDevice 404');
        await tab.reload();
        await tab.see('Something Went Wrong');
        tab.refused('GET /pf-ws/authn/flows/ID 404');
        await sleep(1500); // and does not ask for ever
        tab.refused();
        assert.deepEqual(own.messages(), []);
    });
});

test('authn A.9-4: the flow of another browser is a 404', async () => {
    await visit({}, async (visitor) => {
        const { tab } = await beginByRedirect(visitor, place);
        await tab.page.waitForSelector('#password', { visible: true });
        const { href } = tab.url;
        await visit({}, async (thief) => {
            const stolen = await thief.tab(href, {
                wanted: { base: cross.base } });
            await stolen.see('Something Went Wrong');
            stolen.refused('GET /pf-ws/authn/flows/ID 404');
        });
    });
});

await run({ concurrency: 2 });
