// SPDX-License-Identifier: MIT
// slow
// Two people's browsers, one daemon: the sign-on page on the one, the
// authenticator page on the other.
import assert from 'node:assert/strict';

import { sleep } from '../lib/daemon.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { demoDaemon, password, ways } from './lib/demo.mjs';

const GUARD_MS = 450; // a press on what has just appeared is not taken
const NUMBER = 'Number on the sign-on page';

const daemon = await demoDaemon();

// Where users meet their devices before they use one, they may change them.
const displaying = await demoDaemon({ adapters: { mfa: { device_policies: [{
    name: 'Default', default: true,
    authentication: { deviceSelection: 'ALWAYS_DISPLAY_DEVICES' },
    email: { enabled: true }, sms: { enabled: true },
    voice: { enabled: false }, totp: { enabled: true },
    mobile: { enabled: true, promptForNicknameOnPairing: true } }] } } });

// Both browsers, each without anything of the other.
const both = (body) => visit({}, (desk) => visit({}, (pocket) =>
    body(desk, pocket)));

async function beginWithPhone(desk, user, at = daemon, way = 'here')
{
    const tab = await desk.tab(`${at.base}/demo/?acr_values=urn:factord:mfa`);
    await tab.press(ways[way]);
    await password(tab, user);
    return tab;
}

async function linkOf(user)
{
    const { stdout } = await daemon.ctl(
        '--json', 'pairing-keys', 'create', user.username, 'Authenticator');
    return JSON.parse(stdout).link;
}

// By an operator's link: ready at once.
async function pairedPhone(pocket, user)
{
    const phone = await pocket.tab(await linkOf(user));
    await phone.press('Pair');
    await phone.step(user.username);
    await phone.press('Back');
    await phone.step('Your accounts');
    return phone;
}

async function numberOn(tab)
{
    await tab.see('Enter this number on your phone');
    const shown = await tab.page.$eval('.number', (node) => node.textContent);
    assert.match(shown, /^\d{3} \d{3}$/);
    return shown;
}

async function asked(phone)
{
    await phone.step('Sign on to Demo app?');
    await sleep(GUARD_MS);
}

async function approve(phone, number)
{
    await asked(phone);
    await phone.fill(NUMBER, number);
    await phone.press('Approve');
}

async function mustBeVerified(tab, user)
{
    await tab.step('Verified');
    await tab.see(user.username);
    for (const amr of ['pwd', 'mca', 'user', 'swk', 'mfa'])
        await tab.see(amr);
}

for (const way of Object.keys(ways))
    test(`an operator's link, a number, an ID token (${way})`, async () => {
        const user = await daemon.user();
        await both(async (desk, pocket) => {
            const phone = await pairedPhone(pocket, user);
            const tab = await beginWithPhone(desk, user, daemon, way);
            const number = await numberOn(tab);
            await asked(phone);
            await phone.see('127.0.0.1', user.username);
            await approve(phone, number);
            await phone.step('Approved');
            await mustBeVerified(tab, user);
        });
    });

test('a phone is added on the sign-on page, confirmed, named, and used',
     async () => {
    const d = displaying, user = await d.user();
    await d.ctl('devices', 'add', user.username, 'EMAIL', user.email);
    await d.message(user.email); // that it was added
    await both(async (desk, pocket) => {
        const tab = await beginWithPhone(desk, user, d);
        await tab.step('Confirm it’s you');
        await tab.press('Manage my devices');
        // Nobody adds a phone with a password alone (M3).
        await tab.tile('E-mail');
        await tab.step('Enter your code');
        await tab.fill('One-time code', (await d.message(user.email)).code);
        await tab.press('Confirm');
        await tab.step('Your devices');
        await tab.press('Add a device');
        await tab.step('What do you want to add?');
        await tab.press('A phone (Authenticator)');
        const link = await tab.page.waitForSelector('a[href*="#"]')
            .then((node) => node.evaluate((a) => a.href));
        const phone = await pocket.tab(link);
        await phone.press('Pair');
        await phone.step('Compare with the page');
        const check = await tab.page.waitForSelector('.number')
            .then((node) => node.evaluate((one) => one.textContent));
        await phone.see([...check].join('\u2009'));
        await tab.press('Yes, add this phone');
        await tab.step('Give it a name');
        await tab.fill('Name', 'My pocket');
        await tab.press('Continue');
        await tab.step('Your devices');
        await tab.see('My pocket');
        await phone.step(user.username);
        await phone.press('Back');
        await tab.press('Done');
        await tab.step('Verified');

        const again = await beginWithPhone(desk, user, d);
        await again.tile('My pocket');
        await approve(phone, await numberOn(again));
        await mustBeVerified(again, user);
    });
});

test('a wrong number denies, and the page offers another try', async () => {
    const user = await daemon.user();
    await both(async (desk, pocket) => {
        const phone = await pairedPhone(pocket, user);
        const tab = await beginWithPhone(desk, user);
        const number = await numberOn(tab);
        await approve(phone, String((Number(number.replace(' ', '')) + 1) %
                                    1000000).padStart(6, '0'));
        await phone.step('Not approved');
        await tab.seeNot('Enter this number on your phone');
        await phone.press('Close');
        await tab.tile('Mobile app');
        await approve(phone, await numberOn(tab));
        await mustBeVerified(tab, user);
    });
});

test('"This was not me" ends the sign-on', async () => {
    const user = await daemon.user();
    await both(async (desk, pocket) => {
        const phone = await pairedPhone(pocket, user);
        const tab = await beginWithPhone(desk, user);
        await numberOn(tab);
        await asked(phone);
        await phone.press('This was not me');
        await phone.step('Denied and reported');
        await tab.seeNot('Enter this number on your phone');
        assert.equal((await tab.text()).includes('Verified'), false);
    });
});

await run();
