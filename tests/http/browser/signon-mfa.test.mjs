// SPDX-License-Identifier: MIT
// slow
// The MFA adapter on our own sign-on page: what the vendor's widget does not
// draw (widget-mfa.test.mjs), and what users do who were not answered.
import assert from 'node:assert/strict';

import { until } from '../lib/daemon.mjs';
import { codeFor, json, mfaUser, second, userWith, wrong }
    from '../lib/mfa.mjs';
import { Phone } from '../lib/phone.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { beginMfa, demoDaemon, passcode } from './lib/demo.mjs';

const made = () => demoDaemon({ adapters: { mfa: {
    first_device: 'allowed', resend_cooldown: '0s' } } });
const daemon = await made();

// The number that stands on the page.
async function number(tab)
{
    const node = await tab.page.waitForSelector('.number', { visible: true });
    return (await node.evaluate((one) => one.textContent)).replace(/\D/g, '');
}

async function approve(tab, phone)
{
    const reply = await phone.answer(await phone.waiting(), 'approve',
                                     { number: await number(tab) });
    assert.equal(reply.json.result, 'approved', reply.text);
}

// --- Asked again.

test('denied, asked again, approved: by the tile of the same phone',
     async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        const old = await number(tab);
        await phone.answer(await phone.waiting(), 'deny');
        await tab.step('Denied on your phone');
        await tab.see('If it was not you, cancel.');
        await tab.tile('Pixel 8');
        await tab.step('Check your phone');
        assert.equal((await number(tab)).length, old.length);
        await approve(tab, phone);
        await tab.step('Verified');
        await tab.see('pwd, mca, user, swk, mfa');
    });
});

test('denied, then cancelled', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await number(tab);
        await phone.answer(await phone.waiting(), 'deny');
        await tab.step('Denied on your phone');
        await tab.press('Cancel');
        await tab.see('access_denied');
    });
});

test('no answer: a code of the app, wrong, then right', async () => {
    const own = await made();
    const { user, PHONE: phone } = await userWith(own, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, own, user);
        await number(tab);
        own.advance(41 * second);
        await tab.step('No answer from your phone');
        await tab.fill('Code that the app shows', wrong(phone.code(), 7));
        await tab.press('Confirm');
        await tab.see('2 tries left.');
        await tab.type(phone.code()); // the wrong one is marked
        await tab.keys('Enter');
        await tab.step('Verified');
        tab.refused('POST checkOtp 400');
    });
});

test('a code of the app instead of the push', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await number(tab);
        await tab.page.locator('summary').click();
        await tab.fill('Code that the app shows', wrong(phone.code(), 7));
        await tab.press('Continue');
        await tab.see('2 tries left.');
        const field = await tab.find('textbox', 'Code that the app shows');
        await field.click({ count: 3 });
        await tab.type(phone.code());
        await tab.keys('Enter');
        await tab.step('Verified');
        tab.refused('POST checkOtp 400');
    });
});

test('the number is there even where the plugin\'s part is not', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        await tab.page.setRequestInterception(true);
        tab.page.on('request', (request) =>
            request.url().includes('/parts/')
                ? request.respond({ status: 404 }) : request.continue());
        await tab.open(`${daemon.base}/demo/?acr_values=urn:factord:mfa`);
        await tab.press('Sign in (redirect)');
        await tab.fill('Username', user.username);
        await tab.fill('Password', user.password);
        await tab.press('Sign in');
        await tab.see('Type this number on your phone');
        const shown = await tab.page.$eval('dd', (node) => node.textContent);
        const reply = await phone.answer(await phone.waiting(), 'approve',
                                         { number: shown });
        assert.equal(reply.json.result, 'approved', reply.text);
        await tab.step('Verified');
        assert.match(tab.replies.splice(0).join(),
                     /^GET \/parts\/mfa\/adapter-mfa\.mjs 404/);
    });
});

test('M2: SELECT_NUMBER: tap on the phone what the page shows', async () => {
    const push = { enabled: true, numberMatching: { enabled: true } };
    const weak = await demoDaemon({ adapters: { mfa: {
        ping_defaults: true,
        applications: [{ name: 'Authenticator', mobile: {
            push: { numberMatching: { type: 'SELECT_NUMBER' } } } }],
        device_policies: [
            { name: 'Default', default: true, mobile: {
                enabled: true, applications: [{ name: 'Authenticator',
                                                push }] } },
            { name: 'Ping widget' }] } } });
    const { user, PHONE: phone } = await userWith(weak, 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, weak, user);
        await tab.step('Check your phone');
        await tab.see('Tap this number on your phone');
        await tab.seeNot('Type this number');
        const wanted = await number(tab);
        const { type, choices } = (await phone.waiting()).number;
        assert.equal(type, 'SELECT_NUMBER');
        assert.equal(choices.length, 3);
        assert.ok(choices.includes(wanted), `${wanted}: ${choices}`);
        // The others stand nowhere on the page: it shows one number.
        const text = await tab.text();
        for (const other of choices)
            assert.equal(new RegExp(`\\b${other}\\b`).test(text),
                         other === wanted, other);
        // A tap on another one denies.
        const wrongly = choices.find((one) => one !== wanted);
        assert.equal((await phone.answer(await phone.waiting(), 'approve', {
            number: wrongly })).json.result, 'denied');
        await tab.step('Denied on your phone');
        await tab.tile('Pixel 8');
        await tab.step('Check your phone');
        await approve(tab, phone);
        await tab.step('Verified');
        await tab.see('pwd, mca, user, swk, mfa');
    });
});

// --- The first device.

async function menu(visitor, user)
{
    const tab = await beginMfa(visitor, daemon, user);
    await tab.step('Add a device');
    await tab.press('Add a device');
    await tab.step('What do you want to add?');
    return tab;
}

test('authn D.2-10,14: a phone, by what can be typed; it gets no name',
     async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    await visit({}, async (visitor) => {
        const tab = await menu(visitor, user);
        await tab.press('A phone (Authenticator)');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        await tab.see(`Server: ${daemon.base}`);
        const key = await tab.page.$eval('.key', (node) => node.textContent);
        assert.match(key, /^(\w{4} ){3}\w{4}$/);
        const claim = await phone.pair(secret('pairing key',
                                              key.replaceAll(' ', '')));
        assert.equal(claim.status, 201, claim.text);
        await tab.see('Pixel 8', (await phone.check()).replace(/.../, '$& '));
        await tab.press('Yes, add this phone');
        await tab.step('Give it a name');
        await tab.press('Not now');
        await tab.step('Verified');
        const { devices } = await json(daemon, 'devices', 'list',
                                       user.username);
        assert.deepEqual(devices.map(({ type, nickname }) => [type, nickname]),
                         [['MOBILE', undefined]]);
    });
});

test('authn D.2-10: "this is not my phone": it is paired to nothing',
     async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    await visit({}, async (visitor) => {
        const tab = await menu(visitor, user);
        await tab.press('A phone (Authenticator)');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        const link = await tab.page.$eval('a[href*="#"]', (node) => node.href);
        await phone.pair(secret('pairing link', link));
        await tab.press('No, this is not my phone');
        await tab.step('What do you want to add?');
        assert.equal((await phone.requests()).status, 404);
    });
});

test('authn D.2-5..8: a number typed with spaces; its code, sent again',
     async () => {
    const user = await mfaUser(daemon);
    await visit({}, async (visitor) => {
        const tab = await menu(visitor, user);
        await tab.press('A number for text messages');
        await tab.step('Your phone number');
        await tab.keys('Tab');
        await tab.type(user.phone.replace(/(.{3})(.{3})/, '$1 ($2) '));
        await tab.keys('Enter');
        await tab.step('Enter the code we sent');
        await tab.see('We sent a code by text message to +491');
        const first = await codeFor(daemon, user.phone);
        await tab.press('Send the code again');
        assert.equal(await codeFor(daemon, user.phone), first);
        await passcode(tab, first);
        await tab.step('Verified');
    });
});

// --- Management.

async function managing(visitor, user)
{
    const tab = await beginMfa(visitor, daemon, user);
    await tab.press('Manage my devices');
    await tab.see('Before you change your devices, confirm it’s you');
    await tab.seeNot('Manage my devices');
    await tab.reload();
    await tab.see('Before you change your devices, confirm it’s you');
    await tab.tile('E-mail');
    await tab.step('Enter your code');
    await passcode(tab, await codeFor(daemon, user.email));
    await tab.step('Your devices');
    return tab;
}

// Its tile is opened; what is inside is found by its names.
async function open(tab, text)
{
    await tab.page.locator(`summary ::-p-text(${text})`).click();
}

test('authn D.2-15, D.4-23..25: renamed, asked first, removed', async () => {
    const { user, SMS: sms } = await userWith(daemon, 'EMAIL', 'SMS', 'TOTP');
    await visit({}, async (visitor) => {
        const tab = await managing(visitor, user);
        await open(tab, 'Text message');
        await tab.fill('Name', 'Work phone');
        await tab.press('Save');
        await tab.see('Work phone');
        await open(tab, 'Work phone');
        assert.equal(await tab.value('Name'), 'Work phone');
        await tab.press('Use first');
        await tab.see('Used first');
        await open(tab, 'Authenticator app');
        // Nothing is removed by one press.
        await tab.page.locator('.device[open] ::-p-text(Remove)').click();
        await tab.see('It can no longer confirm your sign-ons.');
        assert.equal(tab.posts('removeDevice').length, 0);
        await tab.press('Remove it');
        await tab.seeNot('Authenticator app');
        await tab.press('Done');
        await tab.step('Verified');

        const { devices } = await json(daemon, 'devices', 'list',
                                       user.username);
        assert.deepEqual(devices.map(({ type }) => type).sort(),
                         ['EMAIL', 'SMS']);
        assert.equal(devices.find(({ id }) => id === sms.id).nickname,
                     'Work phone');
    });
});

test('authn D.2-15: nothing is managed by a password alone', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'SMS');
    await visit({}, async (visitor) => {
        const tab = await beginMfa(visitor, daemon, user);
        await tab.press('Add a device');
        await tab.see('Before you add a device, confirm it’s you');
        await tab.seeNot('Add a device');
        await tab.tile('E-mail');
        await tab.step('Enter your code');
        await passcode(tab, await codeFor(daemon, user.email));
        await tab.step('What do you want to add?');
    });
});

await run({ concurrency: 2 });
