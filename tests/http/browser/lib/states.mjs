// SPDX-License-Identifier: MIT
// tests/http/browser/lib/states.mjs - how each state of both adapters is
// reached on the sign-on page, and left.
import { codeFor, mfaUser, second, userWith } from '../../lib/mfa.mjs';
import { Phone, totp } from '../../lib/phone.mjs';
import { secret } from '../../lib/secrets.mjs';
import { beginDemo, beginMfa, demoDaemon, everyState, passcode, password,
         wrongOf } from './demo.mjs';

export const daemon = await demoDaemon({ adapters: {
    otp: { max_attempts: 1 }, mfa: everyState } });

const numberField = 'Phone number with country code, like +1 555 0100';

// --- Ways to the states.

async function signIn(visitor)
{
    const tab = await beginDemo(visitor, daemon, 'redirect');
    await tab.step('Sign in');
    return tab;
}

async function choosing(visitor, user)
{
    const tab = await signIn(visitor);
    await password(tab, user);
    await tab.step('Confirm it’s you');
    return tab;
}

export async function coded(visitor, user)
{
    const tab = await choosing(visitor, user);
    await tab.tile('E-mail');
    await tab.step('Enter your code');
    return { tab, code: (await daemon.message(user.email)).code };
}

async function setUp(visitor, user)
{
    const tab = await beginMfa(visitor, daemon, user);
    await tab.step('Add a device');
    return tab;
}

async function adding(visitor, user, what)
{
    const tab = await setUp(visitor, user);
    await tab.press('Add a device');
    await tab.step('What do you want to add?');
    if (what)
        await tab.press(what);
    return tab;
}

async function scanning(visitor, user)
{
    const tab = await adding(visitor, user, 'A phone (Authenticator)');
    await tab.page.waitForSelector('.qr svg', { visible: true });
    return { tab, link: await tab.page.$eval('a[href*="#"]', (node) => node.href) };
}

async function comparing(visitor, user)
{
    const { tab, link } = await scanning(visitor, user);
    await (await Phone.make(daemon)).pair(link);
    await tab.see('Pixel 8');
    return tab;
}

async function ringing(visitor)
{
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    const tab = await beginMfa(visitor, daemon, user);
    await tab.tile('Pixel 8');
    await tab.step('Check your phone');
    const number = await tab.page.waitForSelector('.number');
    const shown = await number.evaluate((node) => node.textContent);
    return { tab, phone, number: shown.replace(' ', '') };
}

async function managing(visitor)
{
    const { user } = await userWith(daemon, 'EMAIL', 'SMS', 'TOTP');
    const tab = await beginMfa(visitor, daemon, user);
    await tab.press('Manage my devices');
    await tab.answered('manageDevices');
    await tab.tile('E-mail');
    await tab.step('Enter your code');
    await passcode(tab, await codeFor(daemon, user.email));
    await tab.step('Your devices');
    return tab;
}

// --- The states: reach(visitor) gives a tab, fields to be typed into, what is
// pressed (nothing: the page moves by itself, after()), and what comes next.

const press = (name) => (tab) => tab.press(name);
const tile = (name) => (tab) => tab.tile(name);
const step = (title) => (tab) => tab.step(title);
const see = (text) => (tab) => tab.see(text);

export const states = {
    'password': async (visitor) => ({
        tab: await signIn(visitor),
        fields: { Username: 'joe', Password: 'anything' },
        act: press('Sign in'),
        // S1: nobody had proven anything, so it was kept in memory only.
        next: step('This sign-on has ended') }),
    'device selection': async (visitor) => ({
        tab: await choosing(visitor, await daemon.user()),
        act: tile('E-mail'), next: step('Enter your code') }),
    'passcode': async (visitor) => {
        const { tab, code } = await coded(visitor, await daemon.user());
        return { tab, fields: { 'One-time code': code },
                 act: press('Confirm'), next: step('Verified') };
    },
    'passcode, sent again': async (visitor) => {
        const { tab, code } = await coded(visitor, await daemon.user());
        return { tab, fields: { 'One-time code': code.slice(0, 3) },
                 act: press('Send the code again'),
                 next: see('The code was sent again.'), kept: true };
    },
    'passcode, another device': async (visitor) => {
        const { tab } = await coded(visitor, await daemon.user());
        await tab.page.locator('summary').click();
        return { tab, act: tile('Text message'),
                 next: see('by text message to') };
    },
    'passcode, cancelled': async (visitor) => {
        const { tab } = await coded(visitor, await daemon.user());
        return { tab, act: press('Cancel'),
                 next: step('The sign-in did not succeed') };
    },
    'no more tries': async (visitor) => {
        const { tab, code } = await coded(visitor, await daemon.user());
        await passcode(tab, wrongOf(code));
        await tab.step('We could not confirm it’s you');
        return { tab, act: press('End this sign-on'),
                 next: step('The sign-in did not succeed') };
    },
    'set-up': async (visitor) => ({
        tab: await setUp(visitor, await mfaUser(daemon)),
        act: press('Add a device'), next: step('What do you want to add?') }),
    'pairing method': async (visitor) => ({
        tab: await adding(visitor, await mfaUser(daemon)),
        act: press('An authenticator app'),
        next: step('Set up your authenticator app') }),
    'TOTP activation': async (visitor) => {
        const tab = await adding(visitor, await mfaUser(daemon),
                                 'An authenticator app');
        await tab.page.waitForSelector('.qr svg', { visible: true });
        const key = /\b(?:[A-Z2-7]{4} ?){8}\b/.exec(await tab.text())[0];
        const code = totp(secret('TOTP secret', key.replaceAll(' ', '')),
                          daemon.now());
        return { tab, fields: { 'Code that the app shows': code },
                 act: press('Continue'), next: step('Verified') };
    },
    'number': async (visitor) => {
        const user = await mfaUser(daemon);
        const tab = await adding(visitor, user, 'A number for text messages');
        await tab.step('Your phone number');
        return { tab, fields: { [numberField]: user.phone },
                 act: press('Send a code'),
                 next: step('Enter the code we sent') };
    },
    'e-mail activation': async (visitor) => {
        const user = await mfaUser(daemon);
        const tab = await adding(visitor, user, 'An e-mail address');
        await tab.fill('E-mail address', user.email);
        await tab.press('Send a code');
        await tab.step('Enter the code we sent');
        return { tab,
                 fields: { 'One-time code': await codeFor(daemon, user.email) },
                 act: press('Confirm'), next: step('Verified') };
    },
    'mobile activation': async (visitor) => {
        const { tab, link } = await scanning(visitor, await mfaUser(daemon));
        const phone = await Phone.make(daemon);
        return { tab, after: () => phone.pair(link), next: see('Pixel 8') };
    },
    'mobile activation, compared': async (visitor) => ({
        tab: await comparing(visitor, await mfaUser(daemon)),
        act: press('Yes, add this phone'), next: step('Give it a name') }),
    'nickname': async (visitor) => {
        const tab = await comparing(visitor, await mfaUser(daemon));
        await tab.press('Yes, add this phone');
        await tab.step('Give it a name');
        await tab.find('textbox', 'Name');
        return { tab, fields: { Name: ' of Sonja' }, act: press('Continue'),
                 next: step('Verified') };
    },
    'MFA: device selection': async (visitor) => {
        const { user } = await userWith(daemon, 'EMAIL', 'SMS');
        const tab = await beginMfa(visitor, daemon, user);
        await tab.step('Confirm it’s you');
        return { tab, act: tile('E-mail'), next: step('Enter your code') };
    },
    'push': async (visitor) => {
        const { tab, phone, number } = await ringing(visitor);
        return { tab, next: step('Verified'), after: async () =>
            phone.answer(await phone.waiting(), 'approve', { number }) };
    },
    'push, its passcode instead': async (visitor) => {
        const { tab, phone } = await ringing(visitor);
        await tab.page.locator('summary').click();
        return { tab, fields: { 'Code that the app shows': phone.code() },
                 act: press('Continue'), next: step('Verified') };
    },
    'push rejected': async (visitor) => {
        const { tab, phone } = await ringing(visitor);
        await phone.answer(await phone.waiting(), 'deny');
        await tab.step('Denied on your phone');
        return { tab, act: tile('E-mail'), next: step('Enter your code') };
    },
    'push timed out': async (visitor) => {
        const { tab } = await ringing(visitor);
        daemon.advance(41 * second);
        await tab.step('No answer from your phone');
        return { tab, act: tile('Pixel 8'), next: step('Check your phone') };
    },
    'device management': async (visitor) => {
        const tab = await managing(visitor);
        await tab.page.locator('summary ::-p-text(Text message)').click();
        return { tab, fields: { Name: 'Work phone' }, act: press('Save'),
                 next: see('Work phone') };
    },
    'device management, removal': async (visitor) => {
        const tab = await managing(visitor);
        await tab.page.locator('summary ::-p-text(Text message)').click();
        await tab.page.locator('.device[open] ::-p-text(Remove)').click();
        return { tab, act: press('Remove it'), next: async (page) => {
            await page.seeNot('Text message');
        } };
    },
};
