// SPDX-License-Identifier: MIT
// The sign-on page for people without a mouse, with a finger, and with a
// server that is slow or fails.
import assert from 'node:assert/strict';

import { sleep, until } from '../lib/daemon.mjs';
import { codeFor, json, mfaUser, second, userWith } from '../lib/mfa.mjs';
import { Phone, totp } from '../lib/phone.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { beginDemo, beginMfa, demoDaemon, everyState, passcode, password,
         wrongOf } from './lib/demo.mjs';
import { look, mustFit } from './lib/looks.mjs';

const daemon = await demoDaemon({ adapters: { mfa: everyState } });

// --- By keyboard: Tab, Enter, Space and letters.

async function press(tab, wanted)
{
    await tab.tabTo(wanted, 40);
    await tab.keys('Enter');
}

test('by keyboard: the phone, then its passcode instead', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await tab.step('Confirm it’s you');
        await press(tab, 'button Pixel 8');
        await tab.step('Check your phone');
        await press(tab, 'summary Use a passcode of the app instead');
        await tab.tabTo('input Code that the app shows');
        await tab.type(phone.code());
        await tab.keys('Enter');
        await tab.step('Verified');
    });
});

test('by keyboard: an authenticator app is added', async () => {
    const user = await mfaUser(daemon);
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await tab.step('Add a device');
        await press(tab, 'button Add a device');
        await tab.step('What do you want to add?');
        await press(tab, 'button An authenticator app');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        const key = await until('the key', async () =>
            /\b(?:[A-Z2-7]{4} ?){8}\b/.exec(await tab.text())?.[0], patience);
        await tab.tabTo('input Code that the app shows', 40);
        await tab.type(totp(secret('TOTP secret', key.replaceAll(' ', '')),
                            daemon.now()));
        await tab.keys('Enter');
        await tab.step('Verified');
    });
});

test('by keyboard: a device is renamed and removed', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'TOTP', 'SMS');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await tab.step('Confirm it’s you');
        await press(tab, 'button Manage my devices');
        await tab.answered('manageDevices');
        await press(tab, 'button E-mail');
        await tab.step('Enter your code');
        await tab.type(await codeFor(daemon, user.email));
        await tab.keys('Enter');
        await tab.step('Your devices');
        await press(tab, 'summary Text message');
        await tab.tabTo('input Name', 40);
        await tab.type('Work phone');
        await tab.keys('Enter');
        await tab.see('Work phone');
        await press(tab, 'summary Work phone');
        await press(tab, 'summary Remove');
        await press(tab, 'button Remove it');
        await tab.seeNot('Work phone');
        await press(tab, 'button Done');
        await tab.step('Verified');
    });
});

// --- With a finger, on a small screen: at each step all that can be touched is
// large enough, and nothing moves sideways.

const small = { touch: true, width: 360, height: 740 };

async function reached(tab, title)
{
    await tab.step(title);
    await mustFit(tab);
}

const tapTile = (tab, text) => tab.tapOn(`.tile ::-p-text(${text})`);

async function tapInto(tab, name, text)
{
    await tab.tap(name, 'textbox');
    await tab.type(text);
}

async function touching(visitor, user, acr = 'urn:factord:mfa')
{
    const tab = await visitor.tab(`${daemon.base}/demo/?acr_values=${acr}`);
    await mustFit(tab);
    await tab.tap('Sign in (redirect)');
    await reached(tab, 'Sign in');
    await tapInto(tab, 'Username', user.username);
    await tapInto(tab, 'Password', user.password);
    await tab.tap('Sign in');
    return tab;
}

test('by touch: passcode', async () => {
    const user = await daemon.user();
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user, 'urn:factord:otp');
        await reached(tab, 'Confirm it’s you');
        await tapTile(tab, 'E-mail');
        await reached(tab, 'Enter your code');
        await tab.tapOn('summary');
        await mustFit(tab);
        await tapInto(tab, 'One-time code',
                      (await daemon.message(user.email)).code);
        await tab.tap('Confirm');
        await reached(tab, 'Verified');
        const messages = await visitor.tab(`${daemon.base}/messages/`);
        await messages.see(user.email);
        await mustFit(messages);
        await messages.tap('Copy code');
        await messages.open(`${daemon.base}/`);
        await mustFit(messages);
    });
});

test('by touch: push denied, another way', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await reached(tab, 'Confirm it’s you');
        await tapTile(tab, 'Pixel 8');
        await tab.step('Check your phone');
        await tab.page.waitForSelector('.number');
        await tab.tapOn('summary');
        await tab.find('textbox', 'Code that the app shows');
        await mustFit(tab);
        await phone.answer(await phone.waiting(), 'deny');
        await reached(tab, 'Denied on your phone');
        await tapTile(tab, 'E-mail');
        await reached(tab, 'Enter your code');
        await tapInto(tab, 'One-time code', await codeFor(daemon, user.email));
        await tab.tap('Confirm');
        await tab.step('Verified');
    });
});

// The clock of all is moved.
test('by touch: push not answered, cancelled', { alone: true }, async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await tapTile(tab, 'Pixel 8');
        await tab.step('Check your phone');
        daemon.advance(41 * second);
        await reached(tab, 'No answer from your phone');
        await tab.tap('Cancel');
        await reached(tab, 'The sign-in did not succeed');
    });
});

test('by touch: a phone is added and named', async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await reached(tab, 'Add a device');
        await tab.tap('Add a device');
        await tab.step('What do you want to add?');
        await tab.find('button', 'An e-mail address');
        await mustFit(tab);
        await tab.tap('A phone (Authenticator)');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        await mustFit(tab);
        const link = await tab.page.$eval('a[href*="#"]', (node) => node.href);
        await phone.pair(link);
        await tab.find('button', 'Yes, add this phone');
        await mustFit(tab);
        await tab.tap('Yes, add this phone');
        await tab.step('Give it a name');
        await tapInto(tab, 'Name', ' of Sonja');
        await mustFit(tab);
        await tab.tap('Continue');
        await tab.step('Verified');
    });
});

test('by touch: an authenticator app is added', async () => {
    const user = await mfaUser(daemon);
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await tab.tap('Add a device');
        await tab.tap('An authenticator app');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        await mustFit(tab);
        const key = await tab.page.$eval('.hint code', (node) =>
            node.textContent);
        await tapInto(tab, 'Code that the app shows',
                      totp(secret('TOTP secret', key.replaceAll(' ', '')),
                           daemon.now()));
        await tab.tap('Continue');
        await tab.step('Verified');
    });
});

test('by touch: a number is added', async () => {
    const user = await mfaUser(daemon);
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await tab.tap('Add a device');
        await tab.tap('A number for text messages');
        await reached(tab, 'Your phone number');
        await tapInto(tab, 'Phone number with country code, ' +
                      'like +1 555 0100', user.phone);
        await tab.tap('Send a code');
        await reached(tab, 'Enter the code we sent');
        await tapInto(tab, 'One-time code', await codeFor(daemon, user.phone));
        await tab.tap('Confirm');
        await tab.step('Verified');
    });
});

test('by touch: a device is renamed and removed', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'TOTP', 'SMS');
    await visit(small, async (visitor) => {
        const tab = await touching(visitor, user);
        await tab.tap('Manage my devices');
        await tab.answered('manageDevices');
        await tapTile(tab, 'E-mail');
        await tab.step('Enter your code');
        await tapInto(tab, 'One-time code', await codeFor(daemon, user.email));
        await tab.tap('Confirm');
        await tab.step('Your devices');
        await tab.tapOn('summary ::-p-text(Text message)');
        await tapInto(tab, 'Name', 'Work phone');
        await mustFit(tab);
        await tab.tap('Save');
        await tab.see('Work phone');
        await tab.tapOn('summary ::-p-text(Work phone)');
        await tab.tapOn('.device[open] summary ::-p-text(Remove)');
        await mustFit(tab);
        await tab.tap('Remove it');
        await tab.seeNot('Work phone');
        await tab.tap('Done');
        await tab.step('Verified');
    });
});

test('by touch: the authenticator', async () => {
    const user = await mfaUser(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    await visit(small, async (visitor) => {
        const phone = await visitor.tab(link);
        await phone.find('button', 'Pair');
        await mustFit(phone);
        await phone.tap('Pair');
        await reached(phone, user.username);
        await phone.tap('Show passcode');
        await mustFit(phone);
        const tab = await touching(visitor, user);
        const number = await (await tab.page.waitForSelector('.number'))
            .evaluate((node) => node.textContent);
        await phone.front();
        await reached(phone, 'Sign on to Demo app?');
        await sleep(450); // what has just appeared takes no press
        await tapInto(phone, 'Number on the sign-on page', number);
        await phone.tap('Approve');
        await reached(phone, 'Approved');
        await tab.front();
        await tab.step('Verified');
    });
});

// --- Motion.

test('a wrong code shakes its field; not for who wants no motion', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.tile('E-mail');
        await tab.step('Enter your code');
        const { code } = await daemon.message(user.email);
        for (const [value, animation] of [['no-preference', 'shake'],
                                          ['reduce', 'none']]) {
            await tab.page.emulateMediaFeatures([
                { name: 'prefers-reduced-motion', value }]);
            const before = tab.replies.length;
            await (await tab.find('textbox', 'One-time code'))
                .click({ count: 3 });
            await passcode(tab, wrongOf(code));
            await until('the refusal', () => tab.replies.length > before,
                        patience);
            const field = await tab.page.waitForSelector('[aria-invalid]');
            assert.equal(await field.evaluate((node) =>
                getComputedStyle(node).animationName), animation);
        }
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');
    });
});

// --- A server that is slow, and one that fails.

// Each POST of an action goes through take(request, continue).
async function between(tab, take)
{
    await tab.page.setRequestInterception(true);
    tab.page.on('request', (request) => {
        if (request.method() === 'POST' &&
            request.url().includes('/pf-ws/authn/flows/'))
            take(request);
        else
            request.continue();
    });
}

test('a slow server: one request, said to be under way', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        const held = [];
        await between(tab, (request) => held.push(request));
        await tab.tile('E-mail');
        await until('the request', () => held.length, patience);
        const tile = await tab.page.$('.tile.waiting');
        assert.ok(tile);
        assert.equal(await tile.evaluate((node) =>
            node.getAttribute('aria-disabled')), 'true');
        await tile.click(); // again, and another one
        await (await tab.page.$('.tile:not(.waiting)')).click();
        held.shift().continue();
        await tab.step('Enter your code');
        assert.equal(held.length, 0);
    });
});

test('a server that fails: said in words, and the next try works',
     async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        const answers = [
            { status: 502, contentType: 'text/html',
              body: '<h1>Bad gateway</h1>' },
            { status: 503, headers: { 'Retry-After': '1' }, body: '' },
        ];
        await between(tab, (request) => answers.length
            ? request.respond(answers.shift()) : request.continue());
        await tab.tile('E-mail');
        await tab.see('The server could not be reached.');
        assert.ok(!(await tab.text()).includes('Bad gateway'));
        await tab.press('Try again');
        await until('the second answer', () => answers.length === 0, patience);
        await tab.press('Try again');
        await tab.step('Enter your code');
        tab.refused('POST selectDevice 502', 'POST selectDevice 503');
    });
});

// --- From right to left, as a page in Hebrew: its texts are not there yet, so
// the words are English.

async function fromTheRight(visitor)
{
    const tab = await visitor.tab(null, { languages: 'he' });
    await tab.page.evaluateOnNewDocument(() => {
        new MutationObserver((changes, observer) => {
            const html = document.documentElement;
            if (!html)
                return;
            observer.disconnect();
            html.dataset.languages = 'en de he';
            html.dir = 'rtl'; // of pages that do not set it
        }).observe(document, { childList: true });
    });
    return tab;
}

// Where the text of one element stands within another: of its width, from the
// left.
function standsAt(tab, outer, inner)
{
    return tab.page.evaluate((one, other) => {
        const box = document.querySelector(one).getBoundingClientRect();
        const range = document.createRange();
        range.selectNodeContents(document.querySelector(other));
        const { left, right } = range.getBoundingClientRect();
        return ((left + right) / 2 - box.left) / box.width;
    }, outer, inner);
}

// The text is shown from left to right, sign by sign, as it is to be read.
async function mustRead(tab, text)
{
    const lefts = await tab.page.evaluate((wanted) => {
        const walker = document.createTreeWalker(document.body,
                                                 NodeFilter.SHOW_TEXT);
        const range = document.createRange();
        for (let node; (node = walker.nextNode());) {
            const at = node.data.indexOf(wanted);
            if (at < 0 || !node.parentElement.checkVisibility())
                continue;
            return [...wanted].map((sign, i) => {
                range.setStart(node, at + i);
                range.setEnd(node, at + i + 1);
                return range.getBoundingClientRect().left;
            });
        }
        return null;
    }, text);
    assert.ok(lefts, `${text} stands on the page`);
    assert.deepEqual([...lefts].sort((a, b) => a - b), lefts,
                     `${text} is turned round`);
}

// The masked phone number on the page.
async function masked(tab)
{
    return /\+[\d*]+\*[\d*]+/.exec(await tab.text())[0];
}

test('from right to left: what stood at one side stands at the other, ' +
     'numbers and addresses read as ever', async () => {
    const user = await daemon.user({ username: '(sonja) 7' });
    await visit({}, async (visitor) => {
        const tab = await fromTheRight(visitor);
        await tab.open(`${daemon.base}/demo/`);
        await tab.press('Sign in (redirect)');
        await tab.step('Sign in');
        assert.ok(await standsAt(tab, '.with-reveal', '.reveal') < 0.3);
        await look(tab, 'rtl-password');

        await password(tab, user);
        await tab.step('Confirm it’s you');
        assert.ok(await standsAt(tab, '.tile', '.tile-text') > 0.5);
        const target = await masked(tab);
        await mustRead(tab, target);
        await mustRead(tab, user.username);
        await look(tab, 'rtl-devices');

        await tab.tile('Text message');
        await tab.step('Enter your code');
        await mustRead(tab, target);
        assert.equal(await tab.page.$eval('input.code', (node) =>
            getComputedStyle(node).direction), 'ltr');
        await look(tab, 'rtl-code');

        const { text } = await daemon.message(user.phone);
        await tab.open(`${daemon.base}/messages/`);
        await tab.see(user.phone);
        await mustRead(tab, user.phone);
        await mustRead(tab, text.slice(0, 20));
        await look(tab, 'rtl-messages');
    });
});

test('from right to left: a phone, and its number', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'SMS',
                                                  'PHONE');
    await visit({}, async (visitor) => {
        const tab = await fromTheRight(visitor);
        await tab.open(`${daemon.base}/demo/?acr_values=urn:factord:mfa`);
        await tab.press('Sign in (redirect)');
        await password(tab, user);
        await tab.tile('Pixel 8');
        const number = await tab.page.waitForSelector('.number');
        await mustRead(tab, await number.evaluate((node) => node.textContent));
        await look(tab, 'rtl-push');
        await phone.answer(await phone.waiting(), 'deny');
        await tab.step('Denied on your phone');
        await look(tab, 'rtl-denied');

        await tab.open(`${daemon.base}/demo/?acr_values=urn:factord:mfa`);
        await tab.press('Sign in (redirect)');
        await password(tab, user);
        await tab.press('Manage my devices');
        await tab.answered('manageDevices');
        await tab.tile('E-mail');
        await tab.step('Enter your code');
        await passcode(tab, await codeFor(daemon, user.email));
        await tab.step('Your devices');
        await tab.see('Pixel 8');
        await mustRead(tab, await masked(tab));
        await (await tab.page.$('.device summary')).click();
        await look(tab, 'rtl-devices-own');
        await tab.press('Add a device');
        await tab.press('An authenticator app');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        const key = await tab.page.$eval('.hint code', (node) =>
            node.textContent);
        await mustRead(tab, secret('TOTP secret', key));
        await look(tab, 'rtl-app');
    });
});

test('from right to left: the authenticator', async () => {
    const user = await mfaUser(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    await visit({}, async (visitor) => {
        const phone = await fromTheRight(visitor);
        await phone.open(link);
        await look(phone, 'rtl-authenticator-pair');
        await phone.press('Pair');
        await phone.step(user.username);
        await phone.press('Show passcode');
        const shown = await until('a passcode', () =>
            phone.page.$eval('.shown', (node) => node.textContent), patience);
        await mustRead(phone, secret('passcode', shown));
        await look(phone, 'rtl-authenticator-account');
        const tab = await beginMfa(visitor, daemon, user);
        await tab.page.waitForSelector('.number');
        await phone.front();
        await phone.see('Approve');
        await mustRead(phone, '127.0.0.1');
        await look(phone, 'rtl-authenticator-request');
    });
});

await run({ concurrency: 2 });
