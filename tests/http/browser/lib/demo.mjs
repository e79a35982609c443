// SPDX-License-Identifier: MIT
// tests/http/browser/lib/demo.mjs - the demo application and our sign-on
// pages, as people use them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { merge, source, startDaemon } from '../../lib/daemon.mjs';

const { clients: { demo } } =
    JSON.parse(readFileSync(join(source, 'conf/demo.json')));

export function demoDaemon(over = {}, options)
{
    return startDaemon(merge({ clients: { demo } }, over), options);
}

// Every state of the MFA adapter can be met by who has a password.
export const everyState = { first_device: 'allowed', resend_cooldown: '0s',
    prompt_setup: true, manage_devices: true, device_policies: [{
        name: 'Default', default: true,
        authentication: { deviceSelection: 'PROMPT_TO_SELECT' },
        email: { enabled: true }, sms: { enabled: true },
        voice: { enabled: false }, totp: { enabled: true },
        mobile: { enabled: true, promptForNicknameOnPairing: true } }] };

// The two ways to sign in that the demo offers.
export const ways = {
    redirect: 'Sign in (redirect)',
    here: 'Sign in (this page)',
};

// acr: of the policy to ask for.
export async function beginDemo(visitor, daemon, way, { acr } = {})
{
    const query = acr ? `?acr_values=${acr}` : '';
    const tab = await visitor.tab(`${daemon.base}/demo/${query}`);
    await tab.press(ways[way]);
    return tab;
}

export async function password(tab, user, over = {})
{
    await tab.fill('Username', over.username ?? user.username);
    await tab.fill('Password', over.password ?? user.password);
    await tab.press('Sign in');
}

// Past the password, by the demo's policy "mfa".
export async function beginMfa(visitor, daemon, user, way = 'redirect')
{
    const tab = await beginDemo(visitor, daemon, way,
                                { acr: 'urn:factord:mfa' });
    await password(tab, user);
    return tab;
}

// Up to the passcode page; gives the code.
export async function toPasscode(tab, daemon, user, tile = 'E-mail')
{
    await password(tab, user);
    await tab.step('Confirm it’s you');
    await tab.tile(tile);
    await tab.step('Enter your code');
    const address = tile === 'E-mail' ? user.email : user.phone;
    return (await daemon.message(address)).code;
}

export async function passcode(tab, code)
{
    await tab.fill('One-time code', code);
    await tab.press('Confirm');
}

export const wrongOf = (right) => String((Number(right) + 1) % 1000000)
    .padStart(6, '0');

// The whole way, with nothing on it that a test has to look at.
export async function toVerified(tab, daemon, user)
{
    await passcode(tab, await toPasscode(tab, daemon, user));
    await tab.step('Verified');
}
