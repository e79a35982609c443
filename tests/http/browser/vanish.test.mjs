// SPDX-License-Identifier: MIT
// slow
// The pages against a server that goes away, in each state: they say so in
// words and offer another try, keep what was typed, and go on when it is back.
import assert from 'node:assert/strict';

import { until } from '../lib/daemon.mjs';
import { json, mfaUser } from '../lib/mfa.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { passcode } from './lib/demo.mjs';
import { coded, daemon, states } from './lib/states.mjs';

const away = 'The server could not be reached.';

// Where somebody looks who has just pressed something.
const inSight = (tab) => until('the notice to be in sight', () =>
    tab.page.evaluate(() => [...document.querySelectorAll('.notice')]
        .some((node) => {
            const { top, bottom, height } = node.getBoundingClientRect();
            return height > 0 && top > -1 && bottom < innerHeight + 1;
        })), patience);

async function mustHold(tab, typed)
{
    for (const [name, value] of Object.entries(typed))
        assert.equal(await tab.value(name), value, name);
}

for (const [name, reach] of Object.entries(states))
    test(`the server vanishes: ${name}`, { timeout: 120000 }, () =>
        visit({ width: 360, height: 640 }, async (visitor) => {
        const { tab, fields = {}, act, after, next, kept } =
            await reach(visitor);
        const typed = {};
        for (const [label, text] of Object.entries(fields)) {
            await tab.fill(label, text);
            typed[label] = await tab.value(label);
        }
        tab.expected = /net::ERR_\w+/;
        await daemon.stop('SIGKILL');
        try {
            await act?.(tab);
            await tab.see(away);
            await (act && inSight(tab));
            await mustHold(tab, typed);
            await tab.press('Try again'); // in vain
            await until('the answer to that', () => tab.page.evaluate(() =>
                !document.querySelector('[aria-disabled=true]')), patience);
            await tab.see(away);
            await until('the focus to be where it was', async () =>
                await tab.focus() === 'button Try again', patience);
            await mustHold(tab, typed);
        } finally {
            await daemon.start();
        }
        await after?.();
        if (act)
            await tab.press('Try again');
        await next(tab);
        await tab.seeNot(away);
        await (kept && mustHold(tab, typed));
        tab.replies.splice(0);
    }));

// What the page sends by itself.
test('the server vanishes: code accepted', async () => {
    await visit({}, async (visitor) => {
        const { tab, code } = await coded(visitor, await daemon.user());
        let gone = true;
        tab.expected = /net::ERR_CONNECTION_REFUSED/;
        await tab.page.setRequestInterception(true);
        tab.page.on('request', (request) =>
            gone && /continueAuth/.test(request.headers()['content-type'])
                ? request.abort('connectionrefused') : request.continue());
        await passcode(tab, code);
        await tab.step('Code accepted');
        await tab.see(away);
        gone = false;
        await tab.press('Try again');
        await tab.step('Verified');
    });
});

// --- Pages that are no sign-on.

test('the server vanishes: the message page', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(`${daemon.base}/messages/`);
        await tab.see('Messages');
        tab.expected = /net::ERR_\w+/;
        await daemon.stop('SIGKILL');
        await tab.see(away);
        await daemon.start();
        await tab.seeNot(away);
        const other = await coded(visitor, user);
        await tab.front();
        await tab.see(other.code);
    });
});

test('the server vanishes: the authenticator', async () => {
    const user = await mfaUser(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(link);
        await tab.press('Pair');
        await tab.step(user.username);
        await tab.press('Back');
        await tab.step('Your accounts');
        await tab.page.waitForSelector('.state.ready');
        tab.expected = /net::ERR_\w+|blocked by CORS/;
        await daemon.stop('SIGKILL');
        await tab.page.waitForSelector('.state.offline');
        const control = await tab.page.$$eval('button', (all) => all
            .filter((one) => one.checkVisibility())
            .map((one) => one.textContent));
        assert.ok(control.includes('Try now'), control.join());
        await daemon.start();
        await tab.press('Try now');
        await tab.page.waitForSelector('.state.ready');
    });
});

await run();
