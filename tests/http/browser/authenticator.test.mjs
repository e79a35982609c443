// SPDX-License-Identifier: MIT
// slow
// The authenticator page in Chromium, served by the daemon, against a host
// that verifies each statement (authenticator-host.mjs).
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { build, execute, factord, merge, newFolder, sleep, source, startDaemon,
         until } from '../lib/daemon.mjs';
import { run, test } from '../lib/tap.mjs';
import { phoneHost } from './authenticator-host.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { look } from './lib/looks.mjs';

const GUARD_MS = 450; // cards.mjs: GUARD_MS, and some
const STORE = 'factor-authenticator';

// The page wants nothing of a daemon but to be served.
function serving(over = {}, options = {})
{
    const folder = newFolder();
    return startDaemon((port) => merge({
        server: { listen: `127.0.0.1:${port}`,
                  base_url: `http://127.0.0.1:${port}` },
        store: { plugin: 'sqlite' },
        state_directory: join(folder, 'state') }, over),
                       { ...options, folder, base: false });
}

const daemon = await serving();
const page = `${daemon.base}/authenticator/`;

// --- Helpers.

const field = { issuer: 'Pairing link or server', code: 'Pairing key',
                name: 'Name of this device',
                number: 'Number on the sign-on page' };

async function paired(tab, host, { user = 'ann', status } = {})
{
    const before = host.devices.size;
    await tab.open(page + host.pairingKey(user, { status: 'ACTIVE' }).link);
    await tab.press('Pair');
    const device = await host.paired(before + 1);
    await tab.step(user);
    await tab.press('Back');
    await tab.step('Your accounts');
    if (status)
        host.activate(device, status);
    return device;
}

// A page with one pairing: body(tab, host, device, visitor).
async function withPhone(options, body)
{
    const host = await phoneHost();
    await visit(options, async (visitor) => {
        const tab = await visitor.tab();
        const device = await paired(tab, host, options);
        await body(tab, host, device, visitor);
    });
}

async function asked(tab, host, device, options)
{
    const one = host.ask(device, options);
    await tab.step('Sign on to Demo app?');
    await sleep(GUARD_MS);
    return one;
}

// What the browser says of connections that the test has cut, and of those
// that it tries meanwhile.
function expectLost(tab)
{
    tab.expected = /net::ERR_(EMPTY_RESPONSE|CONTENT_LENGTH_MISMATCH|INCOMPLETE\w+|INTERNET_DISCONNECTED|FAILED|CONNECTION_\w+|ABORTED)|blocked by CORS/;
}

// What the browser keeps, and what of it a script can read.
function inStore(tab)
{
    return tab.page.evaluate(async (name) => {
        const promised = (request) => new Promise((done, fail) => {
            request.onsuccess = () => done(request.result);
            request.onerror = () => fail(request.error);
        });
        const exported = (key) => key && crypto.subtle.exportKey(
            key.type === 'secret' ? 'raw' : 'jwk', key)
            .then(() => 'read', (error) => error.name);
        const database = await promised(indexedDB.open(name));
        const list = await promised(database.transaction(name)
            .objectStore(name).getAll());
        database.close();
        return Promise.all(list.map(async (one) => ({
            text: JSON.stringify(one),
            extractable: one.keys.privateKey.extractable,
            key: await exported(one.keys.privateKey),
            secret: await exported(one.passcode?.key) })));
    }, STORE);
}

// --- How it is served.

test('M12: the page has its own policy, and no cookie', async () => {
    const { headers, status } = await daemon.get('/authenticator/');
    assert.equal(status, 200);
    const policy = headers['content-security-policy'];
    assert.match(policy, /^default-src 'none'; script-src 'self'; /);
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe|data:| \*| http:[; ]/);
    assert.equal(headers['set-cookie'], undefined);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    const manifest = await daemon.get('/authenticator/manifest.webmanifest');
    assert.equal(manifest.headers['content-type'],
                 'application/manifest+json');
});

test('M12: on an origin of its own it is alone, and only there', async () => {
    const own = await serving({
        server: { base_url: 'https://sso.example.org',
                  authenticator_url:
                      'https://phone.example.org/authenticator/' } });
    const at = async (host, path) =>
        (await own.get(path, { headers: { Host: host } })).status;
    assert.equal(await at('phone.example.org', '/authenticator/'), 200);
    assert.equal(await at('phone.example.org', '/common/dom.mjs'), 200);
    assert.equal(await at('phone.example.org', '/signon/'), 404);
    assert.equal(await at('sso.example.org', '/authenticator/'), 404);
    assert.equal(await at('sso.example.org', '/signon/'), 200);
    assert.equal(await at('sso.example.org:443', '/authenticator/'), 404);
    const { headers } = await own.get('/authenticator/', {
        headers: { Host: 'phone.example.org' } });
    assert.doesNotMatch(headers['content-security-policy'], /127\.0\.0\.1/);
});

test('M12: it can be left out, and is without an origin', async () => {
    const off = await serving({ pages: { authenticator: false } });
    assert.equal((await off.get('/authenticator/')).status, 404);
    assert.equal((await off.get('/signon/')).status, 200);
    const none = await serving({
        server: { base_url: 'https://sso.example.org' } });
    assert.equal((await none.get('/authenticator/')).status, 404);
});

test('M12: --check-config refuses the origin of base_url', async () => {
    const same = await serving({ server: {
        base_url: 'https://sso.example.org',
        authenticator_url: 'https://sso.example.org/authenticator/' } },
                               { start: false });
    same.writeConfig();
    const { status, stdout, stderr } = await execute(
        factord, ['--config', same.configFile, '--check-config']);
    assert.notEqual(status, 0);
    assert.match(stdout + stderr, /authenticator_url: of the same origin/);
});

test('the page is at most 48 KiB, all its files together', () => {
    const folder = join(source, 'web/authenticator');
    const total = readdirSync(folder)
        .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(total <= 48 * 1024, `${total} bytes`);
});

test('it can be installed', () => visit({}, async (visitor) => {
    const tab = await visitor.tab(page);
    await tab.page.evaluate(() => navigator.serviceWorker.ready.then(() => 1));
    const session = await tab.page.createCDPSession();
    const { errors } = await session.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const { installabilityErrors } =
        await session.send('Page.getInstallabilityErrors');
    assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId)
        .filter((one) => one !== 'in-incognito'), []);
}));

test('its cryptography gives the test vectors of the protocol',
     () => visit({}, async (visitor) => {
    const text = readFileSync(join(source, 'doc/phone-protocol.md'), 'utf8');
    const { key, new_key: other, passcode } =
        JSON.parse(/## 10\.[^]*?```json\n([^]*?)\n```/.exec(text)[1]);
    const tab = await visitor.tab(page);
    const made = await tab.page.evaluate(async (jwks, wanted) => {
        const keys = await import('/authenticator/keys.mjs');
        const secret = await keys.passcodeKey(wanted.secret);
        return {
            keys: await Promise.all(jwks.map(async (jwk) => (
                { jwk, thumbprint: await keys.thumbprint(jwk),
                  check: await keys.checkValue(jwk) }))),
            codes: await Promise.all(Object.keys(wanted.codes).map((time) =>
                keys.passcodeAt({ ...wanted, key: secret }, Number(time)))),
        };
    }, [key.jwk, other.jwk], passcode);
    assert.deepEqual(made.keys, [key, other]);
    assert.deepEqual(made.codes, Object.values(passcode.codes));
}));

// --- Pairing.

test('pairing by link: the fragment goes, the check value is compared',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(`${page}`);
        await tab.step('Confirm your sign-ons here');
        const { link, key } = host.pairingKey('ann');
        await tab.page.evaluate((hash) => { location.hash = hash; }, link);
        await tab.step(`Pair with 127.0.0.1:${host.port}?`);
        assert.equal(tab.url.hash, '');
        assert.equal(host.devices.size, 0);
        await tab.press('Pair');
        const device = await host.paired();
        await tab.step('Compare with the page');
        await tab.see([...device.check.replace(/.../, '$& ')].join('\u2009'));
        host.activate(device);
        await tab.step('ann');
        await tab.see('confirms sign-ons of ann at 127.0.0.1');
        const kept = await tab.page.evaluate(() => JSON.stringify(
            [history.state, { ...localStorage }, { ...sessionStorage }]));
        assert.equal(kept.includes(key), false);
        const asked = new Set(tab.requests.map((request) =>
            new URL(request.url()).origin));
        assert.deepEqual([...asked].sort(),
                         [daemon.base, host.issuer].sort());
        await tab.press('Back');
        await tab.step('Your accounts');
        await tab.see('ann', 'Ready.');
    });
});

test('pairing by a link that is opened, cancelled and opened again',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const { link } = host.pairingKey('ann');
        const tab = await visitor.tab(page + link);
        await tab.step(`Pair with 127.0.0.1:${host.port}?`);
        assert.equal(tab.url.href, page);
        await tab.press('Cancel');
        await tab.step('Confirm your sign-ons here');
        await tab.open(`${daemon.base}/signon/`);
        await tab.open(page + link);
        await tab.press('Pair');
        await tab.step('Compare with the page');
        await tab.press('They are different');
        await tab.see('Undone. Confirm nothing on that page.');
        assert.equal(host.devices.size, 0);
        assert.equal((await inStore(tab)).length, 0);
        tab.replies.splice(0); // what was held back: NOT_PAIRED
    });
});

test('pairing by typed issuer and key: groups, lower case, a slash, digits',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(page);
        await tab.press('Add an account');
        await tab.step('Add an account');
        await tab.press('Pair');
        await tab.see('This is no pairing link and no address.');
        await tab.fill(field.issuer, ` ${host.issuer.toUpperCase()}/ `);
        await tab.fill(field.code, 'AILO');
        await tab.press('Pair');
        await tab.see('16 letters and digits');
        assert.equal(await tab.focus(), `input ${field.code}`);
        await tab.keys('End', ...Array(4).fill('Backspace'));
        await tab.type(host.pairingKey('ann').typed.replace(' ', ' – '));
        const name = await tab.find('textbox', field.name);
        await name.evaluate((node) => { node.value = ''; });
        await name.type('Ann’s 📱');
        await tab.keys('Enter');
        const device = await host.paired();
        assert.equal(device.name, 'Ann’s 📱');
        await tab.step('Compare with the page');
        await tab.press('Back');
        await tab.step('Your accounts');
        await tab.see('Not confirmed on the page yet');
        host.activate(device);
        await tab.seeNot('Not confirmed on the page yet');

        await tab.press('Add an account');
        const { key } = host.pairingKey('joe', { digits: true });
        await tab.fill(field.issuer, host.issuer);
        await tab.fill(field.code, key.replace(/(...)/g, '$1-'));
        await tab.press('Pair');
        await host.paired(2);
        await tab.step('Compare with the page');
    });
});

test('a pairing link can be pasted, since an app from the home screen has ' +
     'no address bar', async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(page);
        await tab.press('Add an account');
        await tab.fill(field.issuer,
                       ` https://phone.example.org/authenticator/${
                           host.pairingKey('ann').link}`);
        await tab.press('Pair');
        await tab.step('Compare with the page');
    });
});

test('pairing refused: fingerprint, key, limit, no host, no connection',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        const attempt = async (link, text) => {
            await tab.open('about:blank');
            await tab.open(page + link);
            await tab.press('Pair');
            await tab.see(text);
        };
        await attempt(host.pairingKey('ann', {
            fingerprint: 'AAAA'.repeat(10) + 'AAA' }).link,
                      'This server is not the one of the link.');
        assert.equal(host.calls.includes('POST pairings'), false);
        const { link, key } = host.pairingKey('ann');
        host.codes.delete(key);
        await attempt(link, 'Wrong, used or too old.');
        tab.refused('POST /' + host.environment + '/mobile/pairings 400');
        host.tooMany(9);
        await attempt(link, 'No sign-on server answers there.');
        tab.refused('GET /.well-known/factor-phone 429');
        host.refuse = null;
        await attempt(link.replace(encodeURIComponent(host.issuer),
                                   encodeURIComponent(daemon.base)),
                      'No sign-on server answers there.');
        tab.refused('GET /.well-known/factor-phone 404');
        host.down = true;
        await attempt(link, 'The server could not be reached.');
        expectLost(tab);
        await tab.open('about:blank');
        await tab.open(`${page}#v=1&iss=http%3A%2F%2Fevil.example&key=${key}`);
        await tab.see('This is no pairing link and no address.');
    });
});

test('pairing with a host that says another thing of itself', async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        const attempt = async (text) => {
            await tab.open('about:blank');
            await tab.open(page + host.pairingKey('ann').link);
            await tab.press('Pair');
            await tab.see(text);
        };
        for (const endpoint of ['http://evil.example/x', 'javascript:1',
                                'https://u@evil.example', 5]) {
            host.endpoint = endpoint;
            await attempt('No sign-on server answers there.');
        }
        delete host.endpoint;
        const { issuer } = host;
        const { link } = host.pairingKey('ann');
        host.issuer = 'https://sso.example.org';
        await tab.open('about:blank');
        await tab.open(page + link);
        await tab.press('Pair');
        await tab.see('No sign-on server answers there.');
        host.issuer = issuer;
        // Another key than ours was paired.
        const { pair } = host;
        host.pair = async (body) => {
            const [status, answer] = await pair.call(host, body);
            return [status, { ...answer, check: 'AAAAAA' }];
        };
        await attempt('This server is not the one of the link.');
        assert.equal((await inStore(tab)).length, 0);
        host.pair = async (body) => {
            const [status, answer] = await pair.call(host, body);
            return [status, { ...answer, user: 'ann' }];
        };
        await attempt('The server has a problem.');
    });
});

test('pairing whose answer is lost is claimed again by the same key',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const { link } = host.pairingKey('ann');
        const tab = await visitor.tab(page + link);
        host.lose = 1;
        await tab.press('Pair');
        await tab.see('The server could not be reached.');
        expectLost(tab);
        await tab.open('about:blank');
        await tab.open(page + link);
        await tab.press('Pair');
        await tab.step('Compare with the page');
        assert.equal(host.devices.size, 1);
        assert.equal((await inStore(tab)).length, 1);
    });
});

// --- Requests.

test('M2: approved with the number; who asks, from where; a wrong one',
     () => withPhone({}, async (tab, host, device) => {
    const one = await asked(tab, host, device, { number: '407193' });
    await tab.see('app.example.org', '203.0.113.7', 'Firefox on Linux', 'ann');
    await tab.press('Approve');
    await tab.see('Type all 6 digits.');
    await tab.fill(field.number, '407 193');
    await tab.keys('Enter');
    const { claims, result } = await one.answered;
    assert.equal(result, 'approved');
    assert.equal(claims.decision, 'approve');
    assert.equal(claims.number, '407193');
    assert.equal(claims.method, undefined);
    await tab.step('Approved');
    await tab.press('Close');
    await tab.seeNot('Approved');

    const two = await asked(tab, host, device, { number: '407193' });
    await tab.type('111111'); // the heading has the focus
    await tab.press('Approve');
    assert.equal((await two.answered).result, 'denied');
    await tab.step('Not approved');
    await tab.see('That was another number.');
}));

test('M2: a number is picked; a request without one',
     () => withPhone({}, async (tab, host, device) => {
    const one = await asked(tab, host, device, {
        choices: ['17', '42', '99'], number: '42' });
    await tab.press('42');
    const { claims, result } = await one.answered;
    assert.deepEqual([claims.number, result], ['42', 'approved']);
    await tab.step('Approved');
    const two = await asked(tab, host, device, { client_name: undefined,
                                                 client: 'Demo app' });
    await tab.press('Approve');
    assert.equal((await two.answered).result, 'approved');
    assert.equal((await two.answered).claims.number, undefined);
}));

test('denied; this was not me', () => withPhone({}, async (
    tab, host, device) => {
    const one = await asked(tab, host, device, { number: '407193' });
    await tab.press('Deny');
    const { claims } = await one.answered;
    assert.deepEqual([claims.decision, claims.reason], ['deny', 'NONE']);
    assert.equal(claims.number, undefined);
    await tab.step('Denied');
    const two = await asked(tab, host, device);
    await tab.press('This was not me');
    assert.equal((await two.answered).claims.reason, 'REPORT_FRAUD');
    await tab.step('Denied and reported');
    await tab.see('change it');
}));

test('a press on what has just appeared is not taken',
     () => withPhone({}, async (tab, host, device) => {
    await tab.page.evaluate(() => {
        new MutationObserver(() => document.querySelector(
            '#requests .primary')?.click()).observe(
            document.getElementById('requests'), { childList: true });
    });
    const one = await asked(tab, host, device);
    await tab.step('Sign on to Demo app?');
    assert.equal(device.waiting.size, 1);
    await tab.press('Approve');
    await one.answered;
}));

test('a request ends while it is looked at: by time, by its host',
     () => withPhone({}, async (tab, host, device) => {
    const one = await asked(tab, host, device, { life: 3 });
    await tab.step('Too late');
    device.waiting.delete(one.request.id);
    const two = await asked(tab, host, device);
    host.cancel(device, two);
    await tab.step('No longer waiting');
    // Answered elsewhere, and the page does not know yet.
    const three = await asked(tab, host, device);
    device.waiting.delete(three.request.id);
    await tab.press('Approve');
    await tab.step('No longer waiting');
    tab.replies.splice(0);
}));

test('pushed again, it is another request: challenge and number are new',
     () => withPhone({}, async (tab, host, device) => {
    const one = await asked(tab, host, device, { number: '407193' });
    await tab.fill(field.number, '407193');
    device.waiting.clear();
    const two = await asked(tab, host, device, { number: '11',
                                                 id: one.request.id });
    await until('the new card', async () =>
        await tab.value(field.number) === '');
    await sleep(GUARD_MS);
    await tab.fill(field.number, '11');
    await tab.press('Approve');
    const { claims, result } = await two.answered;
    assert.equal(result, 'approved');
    assert.equal(claims.challenge, two.request.challenge);
}));

test('requests of another shape are not shown, of another kind ignored',
     () => withPhone({}, async (tab, host, device) => {
    const silent = host.ask(device, { kind: 'silent', number: '1' });
    await sleep(1500);
    assert.equal((await tab.text()).includes('Sign on to'), false);
    host.cancel(device, silent);
    for (const wrong of [{ id: 5 }, { host: null }, { expires_at: '9' },
                         { client_name: 'x'.repeat(513) },
                         { number: { type: 'SELECT_NUMBER', choices: ['1'] } },
                         { number: { type: 'OTHER' } }]) {
        const one = host.ask(device, wrong);
        await tab.see('No connection.');
        assert.equal((await tab.text()).includes('Sign on to'), false);
        device.waiting.clear();
        // It also tries by itself: where the button stood may be a tile now.
        await tab.page.evaluate(() => [...document.querySelectorAll('button')]
            .find((node) => node.textContent === 'Try now')?.click());
        await tab.see('Ready.');
        assert.ok(one);
    }
}));

test('what a client calls itself is text, in one line',
     () => withPhone({}, async (tab, host, device) => {
    host.ask(device, { client_name: '<img src=x>\u202eevil\nB' });
    await tab.step('Sign on to <img src=x>evilB?');
}));

test('several requests at a time, oldest first',
     () => withPhone({}, async (tab, host, device) => {
    const one = host.ask(device, { client_name: 'One' });
    const two = host.ask(device, { client_name: 'Two' });
    await tab.see('Sign on to One?', 'Sign on to Two?');
    await sleep(GUARD_MS);
    const cards = await tab.page.$$('#requests article');
    await (await cards[1].$('.primary')).click();
    assert.equal((await two.answered).result, 'approved');
    await tab.see('Approved', 'Sign on to One?');
    await (await cards[0].$('.two button')).click();
    assert.equal((await one.answered).claims.decision, 'deny');
}));

// --- Networks and clocks.

test('the network is lost and comes back: waiting, answering, the very ' +
     'same statement', () => withPhone({}, async (tab, host, device) => {
    host.down = true;
    host.wake();
    await tab.see('No connection.');
    host.down = false;
    const one = host.ask(device, { number: '407193' });
    await tab.press('Try now');
    await tab.step('Sign on to Demo app?');
    await sleep(GUARD_MS);
    host.lose = 1; // done, and its answer is lost
    await tab.fill(field.number, '407193');
    await tab.press('Approve');
    await tab.see('No connection. Trying on…');
    await tab.step('Approved');
    assert.equal((await one.answered).result, 'approved');
    assert.equal(device.answers.size, 1);
    assert.ok(host.calls.filter((call) => call === 'POST answers').length > 1);
    expectLost(tab);
}));

test('an answer that finds no network until its time is over',
     () => withPhone({}, async (tab, host, device) => {
    await asked(tab, host, device, { life: 4 });
    host.down = true;
    await tab.press('Deny');
    await tab.step('No connection');
    expectLost(tab);
}));

test('the clocks differ by an hour: each statement and passcode fits',
     async () => {
    const host = await phoneHost();
    host.skew = 3600;
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        const device = await paired(tab, host);
        const one = await asked(tab, host, device);
        await tab.press('Approve');
        assert.equal((await one.answered).result, 'approved');
        host.skew = -3600; // set while the page is open
        const two = host.ask(device);
        await tab.page.reload();
        await tab.step('Sign on to Demo app?');
        await sleep(GUARD_MS);
        await tab.press('Deny');
        await two.answered;
        tab.replies.splice(0);
        await tab.page.locator('.tile').click();
        await tab.press('Show passcode');
        await passcodeFits(tab, host, device);
    });
});

test('too many calls: it waits as long as it is told',
     () => withPhone({}, async (tab, host) => {
    host.tooMany(30);
    host.wake();
    await until('the refusal', () => tab.replies.length > 0);
    await sleep(300);
    const before = host.calls.length;
    await sleep(4000);
    assert.equal(host.calls.length, before);
    tab.replies.splice(0);
}));

test('hidden, it asks seldom; looked at again, at once',
     () => withPhone({ hides: true }, async (tab, host, device, visitor) => {
    const other = await visitor.tab('about:blank');
    await other.front();
    await tab.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { get: () => window.away });
        window.away = true;
    });
    host.wake();
    const asks = () => host.calls.filter((c) => c === 'POST requests').length;
    await sleep(1500);
    const before = asks();
    await sleep(3000);
    assert.ok(asks() - before <= 1, `${asks() - before} calls`);
    const one = host.ask(device);
    await tab.page.evaluate(() => {
        window.away = false;
        document.dispatchEvent(new Event('visibilitychange'));
    });
    await tab.front();
    await tab.step('Sign on to Demo app?');
    await sleep(GUARD_MS);
    await tab.press('Deny');
    await one.answered;
}));

test('what waits is heard by a stream; ended, another one is begun',
     () => withPhone({}, async (tab, host, device) => {
    await until('a stream', () => host.streams > 0);
    const before = host.calls.length;
    for (let i = 0; i < 2; i++) {
        const one = host.ask(device);
        await tab.step('Sign on to Demo app?');
        host.cancel(device, one);
        await tab.step('No longer waiting');
        await tab.press('Close');
    }
    assert.equal(host.calls.length, before);
    host.endStreams();
    await until('another stream', () => host.streams > 1);
    const one = await asked(tab, host, device);
    await tab.press('Deny');
    await one.answered;
}));

for (const [how, mode] of [['a stream that a proxy keeps back', 'kept'],
                           ['a host without streams', 'none']])
    test(`${how}: calls that are held, and end when there is news`,
         async () => {
        const host = await phoneHost();
        host.stream = mode;
        await visit({}, async (visitor) => {
            const tab = await visitor.tab();
            const device = await paired(tab, host);
            await tab.see('Ready.');
            await until('a call that says what it knows',
                        () => host.known?.status === 'ACTIVE', 15000);
            const one = host.ask(device);
            await tab.step('Sign on to Demo app?');
            await until('a call that knows of it',
                        () => host.known.requests.length === 1);
            const before = host.calls.length;
            host.cancel(device, one);
            await tab.step('No longer waiting');
            assert.ok(host.calls.length - before <= 1);
            expectLost(tab);
        });
    });

test('the link says which application the key is for', async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        const [other] = host.applications;
        const { link } = host.pairingKey('ann', { status: 'ACTIVE' });
        await tab.open(`${page}${link}&app=Unknown`);
        await tab.press('Pair');
        await tab.see('This key is for another app.');
        host.applications[1].name = 'Somebody’s app';
        host.own = host.applications[1].id;
        other.name = 'Authenticator';
        await tab.open(`${page}${link}&app=${encodeURIComponent(
            host.applications[1].name)}`);
        await tab.press('Pair');
        await host.paired();
        await tab.step('ann');
    });
});

// --- What is kept.

test('a reload keeps pairings; no key can be read back',
     () => withPhone({}, async (tab, host, device) => {
    await tab.reload();
    await tab.step('Your accounts');
    await tab.see('ann', `127.0.0.1:${host.port}`, 'Ready.');
    const [{ text, ...tries }] = await inStore(tab);
    assert.deepEqual(tries, { extractable: false, key: 'InvalidAccessError',
                              secret: 'InvalidAccessError' });
    assert.equal(text.includes(device.secret), false);
    const one = await asked(tab, host, device);
    await tab.press('Approve');
    assert.equal((await one.answered).result, 'approved');
}));

// The code on the page is that of oathtool, now or just before.
async function passcodeFits(tab, host, device)
{
    const oath = async (time) => (await execute('oathtool', [
        '--totp', '--base32', '--now', `@${time}`, device.secret],
                                                { quiet: true })).stdout.trim();
    await until('a passcode', async () =>
        /^\d{3} \d{3}$/m.test(await tab.text()));
    const shown = /^(\d{3}) (\d{3})$/m.exec(await tab.text());
    const now = host.now();
    assert.ok([await oath(now - 3), await oath(now), await oath(now + 1)]
        .includes(shown[1] + shown[2]));
}

test('passcodes, and the page itself, without any network: hidden until ' +
     'asked for, right by oathtool', async () => {
    const host = await phoneHost();
    const own = await serving();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(`${own.base}/authenticator/`);
        await tab.press('Add an account');
        await tab.fill(field.issuer,
                       host.pairingKey('ann', { status: 'ACTIVE' }).link);
        await tab.press('Pair');
        await tab.step('ann');
        const device = await host.paired();
        await until('the page to be kept', () => tab.page.evaluate(async () =>
            (await navigator.serviceWorker.getRegistration())?.active &&
            (await (await caches.open('factor-authenticator')).keys())
                .length === 16));
        await own.stop();
        host.down = true;
        await tab.open('about:blank');
        await tab.open(`${own.base}/authenticator/`);
        await tab.step('Your accounts');
        await tab.see('No connection. Passcodes work all the same.');
        await tab.page.locator('.tile').click();
        await tab.step('ann');
        assert.doesNotMatch(await tab.text(), /^\d{3} \d{3}$/m);
        await tab.press('Show passcode');
        await passcodeFits(tab, host, device);
        await tab.press('Hide');
        await until('no passcode', async () =>
            !/^\d{3} \d{3}$/m.test(await tab.text()));
        await tab.press('Show passcode');
        await passcodeFits(tab, host, device);
        await tab.page.evaluate(() => Object.defineProperty(
            document, 'hidden', { get: () => true }));
        await until('no passcode', async () =>
            !/^\d{3} \d{3}$/m.test(await tab.text()));
        expectLost(tab);
    });
});

test('another tab sees what changes', () => withPhone({}, async (
    tab, host, device, visitor) => {
    const other = await visitor.tab(page);
    await other.see('ann');
    await tab.front();
    await paired(tab, host, { user: 'joe' });
    await other.see('joe');
    const one = host.ask(device);
    await other.step('Sign on to Demo app?');
    await tab.step('Sign on to Demo app?');
    await sleep(GUARD_MS);
    await tab.press('Approve');
    await one.answered;
    await other.step('No longer waiting');
}));

// --- Changes.

test('the key is renewed; also if the answer is lost, either way',
     () => withPhone({}, async (tab, host, device) => {
    await tab.page.locator('.tile').click();
    const renew = async () => {
        const before = device.key.x;
        await tab.press('Renew the key');
        await tab.see('Renewed.');
        assert.notEqual(device.key.x, before);
        await tab.reload();
    };
    await renew();
    host.lose = 1; // the host has it
    await renew();
    // The host has it, and then nobody answers for a while.
    const { on_key: really } = host;
    host.on_key = async (...args) => {
        await really.apply(host, args);
        host.down = true;
        return [200, {}];
    };
    await tab.press('Renew the key');
    await tab.see('The server could not be reached.');
    const lost = () => tab.requests.filter((one) => one.failure()).length;
    const before = lost();
    await tab.press('Renew the key'); // must not lose the one before
    await until('it was asked again', () => lost() > before, patience);
    delete host.on_key;
    host.down = false;
    await renew();
    // The host has not: nothing changes, and nothing is lost.
    const { x } = device.key;
    host.on_key = async () => [503, {}];
    await tab.press('Renew the key');
    await tab.see('That did not work.');
    delete host.on_key;
    assert.equal(device.key.x, x);
    tab.replies.splice(0);
    const one = await asked(tab, host, device);
    await tab.press('Approve');
    assert.equal((await one.answered).result, 'approved');
    tab.replies.splice(0);
    expectLost(tab);
}));

test('unpaired: the host is told, nothing stays', () => withPhone({}, async (
    tab, host, device) => {
    await tab.page.locator('.tile').click();
    await tab.press('Remove');
    await tab.see('You will need another way to sign on');
    await tab.press('Remove ann?');
    await tab.step('Confirm your sign-ons here');
    assert.equal(host.devices.has(device.id), false);
    assert.equal((await inStore(tab)).length, 0);
    tab.replies.splice(0);
}));

test('unpaired without a network: forgotten here only', () => withPhone({},
    async (tab, host, device) => {
    await tab.page.locator('.tile').click();
    host.down = true;
    await tab.press('Remove');
    await tab.press('Remove ann?');
    await tab.see('was not told.');
    await tab.press('Forget it here only');
    await tab.step('Confirm your sign-ons here');
    assert.equal(host.devices.has(device.id), true);
    expectLost(tab);
}));

test('removed by its host, it is forgotten, and that is said',
     () => withPhone({}, async (tab, host, device) => {
    host.ask(device, { life: 600 });
    await tab.step('Sign on to Demo app?');
    host.remove(device);
    await tab.see(`127.0.0.1:${host.port} has removed ann.`);
    await tab.see('No longer waiting');
    assert.equal((await inStore(tab)).length, 0);
    tab.replies.splice(0);
}));

// --- Notifications.

async function serviceWorker(tab)
{
    const target = await tab.visitor.context.waitForTarget(
        (one) => one.type() === 'service_worker' &&
                 one.url().endsWith('/authenticator/worker.js'));
    return target.worker();
}

test('a push message rings: "Sign-on waiting", and nothing else',
     () => withPhone({}, async (tab, host, device, visitor) => {
    await visitor.context.overridePermissions(daemon.base, ['notifications']);
    const session = await tab.page.createCDPSession();
    const registered = new Promise((done) => {
        session.on('ServiceWorker.workerRegistrationUpdated',
                   ({ registrations }) => registrations.length &&
                       done(registrations[0].registrationId));
    });
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.deliverPushMessage', {
        origin: daemon.base, registrationId: await registered,
        data: JSON.stringify({ factor: 1, device: device.id }) });
    const rung = await until('a notification', () => tab.page.evaluate(
        async () => {
            const [one] = await (await navigator.serviceWorker
                .getRegistration()).getNotifications();
            return one && [one.title, one.body, one.tag, one.data];
        }));
    assert.deepEqual(rung, ['Sign-on waiting', '', 'factor', null]);

    // It opens the page that is there, or a new one.
    const worker = await serviceWorker(tab);
    const opened = await worker.evaluate(async () => {
        const done = [];
        WindowClient.prototype.focus = () => { done.push('focus'); };
        clients.openWindow = (url) => { done.push(url); };
        const [notification] = await registration.getNotifications();
        const click = async () => {
            const event = new NotificationEvent('notificationclick',
                                                { notification });
            const waits = [];
            event.waitUntil = (promise) => waits.push(promise);
            dispatchEvent(event);
            await Promise.all(waits);
        };
        await click();
        clients.matchAll = async () => [];
        await click();
        return done;
    });
    assert.deepEqual(opened, ['focus', page]);
}));

test('Web Push: subscribed with the host’s key, told by a statement, turned ' +
     'off, changed by the browser', () => withPhone({}, async (
    tab, host, device, visitor) => {
    host.offerPush();
    await visitor.context.overridePermissions(daemon.base, ['notifications']);
    await tab.page.evaluateOnNewDocument(() => {
        const make = (n) => ({
            endpoint: `https://push.example.org/${n}`,
            toJSON: () => ({ endpoint: `https://push.example.org/${n}`,
                             keys: { p256dh: 'BP', auth: 'aa' } }),
        });
        PushManager.prototype.subscribe = async (options) => {
            window.options = options;
            return make(1);
        };
        PushManager.prototype.getSubscription = async () => make(2);
    });
    await tab.open('about:blank');
    await tab.open(page);
    await tab.page.locator('.tile').click();
    await tab.see('Off: keep this app open');
    await tab.press('Turn on');
    await tab.see('On. They say “Sign-on waiting”, no more.');
    assert.deepEqual(await tab.page.evaluate(() => window.options), {
        userVisibleOnly: true, applicationServerKey: host.vapid });
    assert.deepEqual(JSON.parse(device.pushes[0].slice('webpush:'.length)), {
        endpoint: 'https://push.example.org/1',
        keys: { p256dh: 'BP', auth: 'aa' } });
    await tab.reload();
    await until('the new address', () => device.pushes.length > 1);
    assert.match(device.pushes[1], /push\.example\.org\/2/);
    await tab.press('Turn off');
    await tab.see('Off: keep this app open');
    assert.equal(device.pushes.at(-1), null);
}));

test('notifications that the browser or the host has not', () => withPhone(
    {}, async (tab) => {
    await tab.page.locator('.tile').click();
    await tab.press('Turn on');
    await tab.see('This browser or server does not allow them.');
}));

// --- For everyone.

test('by keyboard alone: pair, approve, look at a passcode, remove',
     async () => {
    const host = await phoneHost();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(page);
        await tab.step('Confirm your sign-ons here');
        await tab.tabTo('button Add an account');
        await tab.keys('Enter');
        await tab.step('Add an account');
        await tab.tabTo(`input ${field.issuer}`);
        await tab.type(host.issuer);
        await tab.keys('Tab');
        await tab.type(host.pairingKey('ann').typed);
        await tab.keys('Enter');
        const device = await host.paired();
        await tab.step('Compare with the page');
        host.activate(device);
        await tab.step('ann');
        await tab.tabTo('button Back');
        await tab.keys('Enter');
        await tab.step('Your accounts');
        const one = await asked(tab, host, device, { number: '407193' });
        assert.equal(await tab.focus(), 'h2 Sign on to Demo app?');
        await tab.type('407193');
        await tab.keys('Enter');
        assert.equal((await one.answered).result, 'approved');
        await tab.step('Approved');
        assert.equal(await tab.focus(), 'h2 Approved');
        await tab.tabTo('button Close');
        await tab.keys('Enter');
        await tab.step('Your accounts');
        await tab.tabTo('button ann');
        await tab.keys('Enter');
        await tab.step('ann');
        await tab.tabTo('button Show passcode');
        await tab.keys('Enter');
        await passcodeFits(tab, host, device);
        await tab.tabTo('button Back');
        await tab.keys('Enter');
        await tab.step('Your accounts');
    });
});

test('what waits is announced, and how it ended', () => withPhone({}, async (
    tab, host, device) => {
    const said = () => tab.page.$eval('[role=alert]',
                                      (node) => node.textContent);
    const one = await asked(tab, host, device);
    assert.equal(await said(), 'Sign-on waiting');
    await tab.press('Deny');
    await one.answered;
    await tab.step('Denied');
    assert.equal(await said(), 'Denied');
}));

test('somebody who types is not interrupted', () => withPhone({}, async (
    tab, host, device) => {
    await tab.press('Add an account');
    await tab.fill(field.issuer, 'sso.exam');
    host.ask(device);
    await tab.see('Sign on to Demo app?');
    await tab.type('ple.org');
    assert.equal(await tab.value(field.issuer), 'sso.example.org');
    await tab.press('Cancel');
}));

// --- Looks.

async function phone(tab, name, scheme)
{
    await tab.page.setViewport({ width: 390, height: 844 });
    await tab.scheme(scheme);
    await tab.page.screenshot({ path: join(
        build, 'screenshots', `${name}-390-${scheme}.png`) });
    await tab.page.setViewport({ width: 1000, height: 900 });
}

for (const language of ['en', 'de'])
    test(`T3: every state (${language})`, { timeout: 240000 }, async () => {
        const host = await phoneHost();
        const say = (english, german) => language === 'en' ? english : german;
        await visit({ languages: language }, async (visitor) => {
            const tab = await visitor.tab(page);
            const at = async (name) => {
                const called = `authenticator-${name}-${language}`;
                await look(tab, called, { brief: language !== 'en' });
                for (const scheme of ['light', 'dark'])
                    await phone(tab, called, scheme);
            };
            await tab.see(say('Confirm your sign-ons', 'Anmeldungen hier'));
            await at('welcome');
            await tab.press(say('Add an account', 'Konto hinzufügen'));
            await tab.press(say('Pair', 'Koppeln'));
            await tab.see(say('no pairing link', 'weder Kopplungslink'));
            await at('add');
            await tab.open(page + host.pairingKey('ann').link);
            await tab.see(say('Pair with', 'koppeln?'));
            await at('link');
            await tab.press(say('Pair', 'Koppeln'));
            const device = await host.paired();
            await tab.see(say('Compare', 'vergleichen'));
            await at('compare');
            host.activate(device);
            await tab.step('ann');
            await at('account');
            await tab.press(say('Back', 'Zurück'));
            await tab.see(say('Ready.', 'Bereit.'));
            await at('accounts');
            await tab.page.locator('.tile').click();
            await tab.step('ann');
            await tab.press(say('Show passcode', 'Passcode zeigen'));
            await at('passcode');
            await tab.press(say('Remove', 'Entfernen'));
            await tab.see(say('another way', 'anders an.'));
            await at('removal');
            await tab.press(say('Back', 'Zurück'));
            for (const [name, options] of Object.entries({
                request: { number: '407193' },
                choices: { number: '42', choices: ['17', '42', '99'] },
                plain: { client_name: 'Quarterly travel expenses and ' +
                             'reimbursement portal',
                         agent: 'Chrome 141 on Windows 11' } })) {
                const one = host.ask(device, { ...options, life: 600 });
                await tab.see(one.request.client_name);
                await at(name);
                await sleep(GUARD_MS);
                await tab.press(say('Deny', 'Ablehnen'));
                await one.answered;
                await tab.step(say('Denied', 'Abgelehnt'));
            }
            await at('denied');
            const one = host.ask(device, { life: 600 });
            await tab.see('Demo app');
            await sleep(GUARD_MS);
            await tab.press(say('Approve', 'Bestätigen'));
            await one.answered;
            await tab.step(say('Approved', 'Bestätigt'));
            await at('approved');
            await tab.press(say('Close', 'Schließen'));
            host.down = true;
            host.wake();
            await tab.see(say('No connection.', 'Keine Verbindung.'));
            await at('offline');
            expectLost(tab);
        });
    });

test('no JavaScript', async () => {
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        await tab.page.setJavaScriptEnabled(false);
        await tab.open(page);
        await tab.see('This app needs JavaScript.');
    });
});

test('a browser that keeps nothing', async () => {
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        await tab.page.evaluateOnNewDocument(() => {
            indexedDB.open = () => { throw new Error('no'); };
        });
        await tab.open(page);
        await tab.see('This browser keeps no keys');
    });
});

await run({ concurrency: 3 });
